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

    models = commands.add_parser(
        "models", help="what a caller may name, with context and price; `models fetch` gets the local model's file"
    )
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
    """Run a command: its exit status. 0 done; 1 failed, as standard error says; 2 called wrongly; 130 Ctrl-C; 141 nobody reads on."""
    try:
        try:
            status = run(parser().parse_args(argv))
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # here, where a reader who has gone can still be told from a failure
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter would complain when it flushes at its end
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
    """Each command's `run` takes what it needs and no more, so what differs between them is spelt out here."""
    match arguments.command:
        case "serve":
            from .serve import run as serve

            return serve(arguments.config, arguments.host, arguments.port, arguments.data, arguments.workers)
        case "demo":
            from .demo import run as demo

            return demo(arguments.config, arguments.data, once=arguments.once)
        case "chat":
            from .chat import run as chat

            return chat(arguments.prompt, arguments.model, arguments.url)
        case "models":
            from .models import fetch, list_models

            return fetch(arguments.data) if arguments.action == "fetch" else list_models(arguments.url)
        case "check":
            from .check import run as check

            return check(arguments.config, arguments.data)
        case "explain":
            from .explain import run as explain

            return explain(arguments.config, arguments.data, arguments.workspace)
        case "providers":
            from .providers import run as providers

            return providers(arguments)
        case "keys":
            from .keys import run as keys

            return keys(arguments)
        case _:
            from .rotate import run as rotate

            return rotate(arguments.config, arguments.data)
