"""`trunkline providers add|list|rm|test`: provider keys in the store.

Odd here: a key is read from standard input or a prompt, never from the command line, where every user of the machine could read
it in the list of processes. `test` asks the running gateway's own code for one small completion, without a server.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any, cast

from ..access import workspace_name
from ..config.schema import Settings
from ..errors import CallerError
from ..secret import Secret
from ..store.records import fresh_id, instant
from ..store.store import Store
from .stored import opened, table

if TYPE_CHECKING:
    from ..providers import Provider


def run(arguments: argparse.Namespace) -> int:
    with opened(arguments.config, arguments.data) as (settings, store):
        match arguments.action:
            case "add":
                key = None if arguments.no_key else read_secret(f"key for {arguments.provider}: ")
                return add(
                    store,
                    arguments.workspace,
                    arguments.provider,
                    key,
                    name=arguments.name,
                    base_url=arguments.base_url,
                    models=arguments.models,
                )
            case "list":
                return list_providers(store, arguments.workspace)
            case "rm":
                return remove(store, arguments.workspace, arguments.id)
            case _:
                return try_out(settings, store, arguments.workspace, arguments.id, arguments.model)


def read_secret(prompt: str) -> Secret:
    """A line from standard input, or typed unseen where that is a terminal. A service account's JSON may be many lines."""
    text = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.read()
    return Secret(text.strip())


def add(store: Store, workspace: str, provider: str, key: Secret | None, *, name: str = "", base_url: str = "", models: str = "") -> int:
    """Store a key as the API would; its id on standard output. CallerError where it is refused."""
    from ..server.api.provider_forms import KeyForm, created
    from ..store import provider_keys as rows
    from ..store.provider import NAMING

    form = KeyForm(
        provider=provider,
        api_key=key.reveal() if key else None,
        name=name or None,
        provider_name=name or None if provider in NAMING else None,
        base_url=base_url or None,
        configuration={"models": models} if models else None,
    )
    now = time.time()
    row = created(form, id=fresh_id(), workspace=workspace_name(workspace.encode()), by="cli", at=instant(now))
    with store.writing(now) as write:
        rows.insert(write, row)
    print(row.id)
    return 0


def list_providers(store: Store, workspace: str) -> int:
    from ..server.api.provider_masks import shown
    from ..store import provider_keys as rows

    with store.reading() as read:
        keys = [shown(key) for key in rows.every(read, workspace)]
    table(("id", "provider", "name", "key", "base_url", "models"), [columns(key) for key in keys])
    return 0


def columns(key: dict[str, Any]) -> tuple[str, ...]:
    secret = "oauth" if key["auth_config"] else key["api_key"] or "none"
    name = key["provider_name"] or key["name"] or ""
    return key["id"], key["provider"], name, secret, key["base_url"] or "", (key["configuration"] or {}).get("models", "")


def remove(store: Store, workspace: str, id: str) -> int:
    """0, or 1 where the workspace has none of that id."""
    from ..store import provider_keys as rows

    with store.writing(time.time()) as write:
        found = rows.delete(write, workspace, [id])
    print(f"provider key {id} is deleted" if found else f"workspace {workspace} has no provider key {id}", file=sys.stderr)
    return 0 if found else 1


def try_out(settings: Settings, store: Store, workspace: str, id: str, model: str = "") -> int:
    """One small completion with a stored key, called as the gateway would call it; the answer's text on standard output. 0, or 1 and
    the reason where there is no such key. GatewayError as a caller would get it."""
    from ..store import provider_keys as rows
    from ..store.provider import provider_of

    with store.reading() as read:
        row = rows.one(read, workspace, id)
    if row is None:
        print(f"workspace {workspace} has no provider key {id}", file=sys.stderr)
        return 1
    provider = provider_of(row)
    if provider is None:
        raise CallerError(f"provider key {id} cannot be used: it lacks a key or a base URL")
    if not model and not provider.models:
        raise CallerError("this provider key lists no models: say which one to ask with --model")
    name = model or provider.models[0]
    if name not in provider.models:
        name = f"{provider.name}/{name}"
    began = time.perf_counter()
    text = asyncio.run(ask(settings, provider, name))
    print(f"{provider.name} answered in {time.perf_counter() - began:.2f} s:", file=sys.stderr)
    print(text)
    return 0


async def ask(settings: Settings, provider: Provider, model: str) -> str:
    """What the model says to a very small question."""
    from ..access import Caller
    from ..config.snapshot import build
    from ..credentials import Credentials
    from ..dialects.openai_chat import decode_request
    from ..gateway import Gateway
    from ..pipeline import Call, respond
    from ..server.assembly import egress_of
    from ..stamp import Stamp
    from ..upstream import Upstream

    class Fixed:
        snapshot = build(settings, os.environ, [provider])

    upstream = Upstream(egress=egress_of(settings))
    credentials = Credentials(upstream.fetch)
    question = {"model": model, "messages": [{"role": "user", "content": "Answer with the one word: yes"}], "max_completion_tokens": 64}
    try:
        gateway = Gateway(cast(Any, Fixed), upstream, credentials)
        call = Call(
            decode_request(json.dumps(question).encode()), Caller(workspace=provider.workspace), Stamp("chatcmpl-test", int(time.time()))
        )
        reply = await respond(call, gateway)
        message = json.loads(reply.body or b"{}")["choices"][0]["message"]
        return str(message.get("content") or "")
    finally:
        await credentials.close()
        await upstream.aclose()
