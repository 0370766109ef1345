"""The command `trunkline`: one parser, and a module a command, imported only when it is called.

Odd here: `--help` and `chat` must answer at once, so nothing of the server is imported before it is known to be wanted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from .. import __version__

URL = "http://127.0.0.1:5173"


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="trunkline", description="A self-hosted LLM gateway: one endpoint, every model.")
    top.add_argument("--version", action="version", version=f"trunkline {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run the gateway")
    _config(serve)
    serve.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to listen on (default 5173)")
    serve.add_argument("--workers", type=int, help="worker processes (default 1)")

    demo = commands.add_parser("demo", help="run the gateway, ask the embedded model once, stay up")
    _config(demo)
    demo.add_argument("--once", action="store_true", help="stop after the answer")

    chat = commands.add_parser("chat", help="one streamed completion, in the terminal")
    chat.add_argument("prompt")
    chat.add_argument("--model", default="", help="what to ask (default: the local model)")
    chat.add_argument("--url", default=os.environ.get("TRUNKLINE_URL", URL), help=f"the gateway (default {URL})")

    models = commands.add_parser("models", help="what a caller may name, with context and price; `models fetch` gets the local model's file")
    models.add_argument("action", nargs="?", choices=["list", "fetch"], default="list")
    models.add_argument("--url", default=os.environ.get("TRUNKLINE_URL", URL), help=f"the gateway (default {URL})")
    models.add_argument("--data", default="data", metavar="DIR", help="where fetch puts the file (default ./data)")

    check = commands.add_parser("check", help="every problem of a config at once; exit status 1 if there is any")
    _config(check)
    explain = commands.add_parser("explain", help="the exact upstream request for a body on standard input; nobody is called")
    _config(explain)
    explain.add_argument("--workspace", default="default")

    _providers(commands.add_parser("providers", help="provider keys in the store"))
    _keys(commands.add_parser("keys", help="keys of ours, for callers"))
    rotate = commands.add_parser("rotate", help="a new master key; every stored secret sealed again")
    _config(rotate)
    return top


def _config(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", metavar="FILE", help="a TOML file; without one the defaults and the environment serve")
    command.add_argument("--data", metavar="DIR", help="where the database, the master key and the local model lie (default ./data)")


def _providers(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="store a key; it is read from standard input or a prompt, never from an argument")
    add.add_argument("provider", help="openai, anthropic, gemini, custom-llm, ...")
    add.add_argument("--name", default="", help="a display name; for custom-llm, bedrock and ollama the provider's name")
    add.add_argument("--base-url", default="")
    add.add_argument("--models", default="", help="comma-separated model names (configuration.models)")
    add.add_argument("--no-key", action="store_true", help="the provider needs none")
    listed = actions.add_parser("list", help="what is stored, masked")
    rm = actions.add_parser("rm", help="delete by id")
    rm.add_argument("id")
    test = actions.add_parser("test", help="one small completion with the stored key")
    test.add_argument("id")
    test.add_argument("--model", default="")
    for action in (add, listed, rm, test):
        _config(action)
        action.add_argument("--workspace", default="default")


def _keys(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a key; it is shown once")
    create.add_argument("--name", required=True)
    create.add_argument("--models", default="", help="comma-separated patterns, e.g. openai/*,claude-*")
    create.add_argument("--expires", default="", help="an ISO instant, or a span such as 30d or 12h")
    create.add_argument("--tags", default="", help="comma-separated")
    create.add_argument("--admin", action="store_true", help="may also write its workspace's provider keys")
    listed = actions.add_parser("list", help="every key, without the key itself")
    revoke = actions.add_parser("revoke", help="by id")
    revoke.add_argument("id")
    for action in (create, listed, revoke):
        _config(action)
        action.add_argument("--workspace", default="default")


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        return run(arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141


def run(arguments: argparse.Namespace) -> int:
    from ..errors import ConfigError, GatewayError

    try:
        return dispatch(arguments)
    except ConfigError as error:
        for problem in error.problems:
            print(f"trunkline: {problem}", file=sys.stderr)
        return 1
    except GatewayError as error:
        print(f"trunkline: {error.message}", file=sys.stderr)
        return 1


def dispatch(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "serve":
            from . import serve

            return serve.run(arguments.config, arguments.host, arguments.port, arguments.data, arguments.workers)
        case "demo":
            from . import demo

            return demo.run(arguments.config, arguments.data, once=arguments.once)
        case "chat":
            from . import chat

            return chat.run(arguments.prompt, arguments.model, arguments.url)
        case "models":
            from . import models

            return models.fetch(arguments.data) if arguments.action == "fetch" else models.list_models(arguments.url)
        case "check":
            from . import check

            return check.run(arguments.config, arguments.data)
        case "explain":
            from . import explain

            return explain.run(arguments.config, arguments.data, arguments.workspace)
        case "providers":
            from . import providers

            return providers.run(arguments)
        case "keys":
            from . import keys

            return keys.run(arguments)
        case _:
            from . import rotate

            return rotate.run(arguments.config, arguments.data)
