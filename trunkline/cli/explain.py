"""`trunkline explain < request.json`: the exact upstream request, and what was dropped or changed. Nobody is called.

Odd here: nothing is started and nothing is made. A data directory that is not there yet is left so, since it holds no keys either.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from ..config.live import Live
    from ..config.schema import Settings
    from ..config.snapshot import Snapshot
    from ..providers import Provider


class Still:
    """What `Gateway` reads of a `Live`, without the watching."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot


def run(config: str | None, data: str | None, workspace: str) -> int:
    """Print the explanation as JSON. Raises the GatewayError that a real request would get, which `main` prints, with status 1."""
    import msgspec

    from ..access import Caller
    from ..config.load import load
    from ..config.snapshot import build
    from ..credentials import Credentials
    from ..dialects.openai_chat import decode_request
    from ..explain import explain
    from ..gateway import Gateway
    from ..pipeline import Call
    from ..stamp import Stamp
    from ..upstream import Egress, Upstream

    settings = load(config, os.environ, overrides={"data": data})
    snapshot = build(settings, os.environ, stored(settings))
    request = decode_request(sys.stdin.buffer.read())
    upstream = Upstream(egress=Egress())
    gateway = Gateway(cast("Live", Still(snapshot)), upstream, Credentials(upstream.fetch))
    call = Call(request, Caller(workspace=workspace), Stamp("chatcmpl-explain", 0))
    print(msgspec.json.format(msgspec.json.encode(asyncio.run(explain(call, gateway))), indent=2).decode())
    return 0


def stored(settings: Settings) -> list[Provider]:
    """The providers in the store, if there is one."""
    from ..config.live import open_store, store_is_new
    from ..store.provider import provider_of
    from ..store.store import Rows

    if store_is_new(settings):
        return []
    store = open_store(settings, os.environ)
    try:
        keys = store.changes(Rows()).providers.values()
        return [provider for key in keys if (provider := provider_of(key)) is not None]
    finally:
        store.close()
