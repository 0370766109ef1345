"""The same completions over plain ASGI: for embedding, for tests, and where uvicorn's protocol is not the one the lane was written for.

Odd here: `Out` writes without waiting and ASGI's `send` must be awaited, so what is written gathers until `drain`, and this `Out` is
always full.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any

from . import refusals
from .completions import complete, fresh, too_large
from .head import OPIK_PATHS, Head
from .state import State

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class AsgiOut:
    full = True

    def __init__(self, send: Send) -> None:
        self._send = send
        self._messages: list[Message] = []

    def whole(self, status: int, headers: str, body: bytes) -> None:
        self._head(status, f"content-type: application/json\r\ncontent-length: {len(body)}\r\n{headers}")
        self._messages.append({"type": "http.response.body", "body": body})

    def start(self, headers: str) -> None:
        self._head(200, f"content-type: text/event-stream\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n{headers}")

    def _head(self, status: int, lines: str) -> None:
        pairs = [line.split(": ", 1) for line in lines.split("\r\n") if line]
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in pairs]
        self._messages.append({"type": "http.response.start", "status": status, "headers": encoded})

    def write(self, data: bytes) -> None:
        self._messages.append({"type": "http.response.body", "body": data, "more_body": True})

    def chunk(self, data: bytes) -> None:
        self.write(data[data.index(b"\n") + 1 : -2])

    def end(self) -> None:
        self._messages.append({"type": "http.response.body", "body": b""})

    async def drain(self) -> None:
        messages, self._messages = self._messages, []
        for message in messages:
            await self._send(message)


async def serve_completion(scope: Scope, receive: Receive, send: Send, state: State) -> None:
    """One completion. A caller who hangs up cancels the upstream call at once."""
    out = AsgiOut(send)
    headers = dict(scope["headers"])
    head = Head(headers, opik=scope["path"] in OPIK_PATHS, query=scope.get("query_string", b""))
    began = perf_counter()
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        if len(body) > state.max_body:
            error = too_large(state.max_body)
            out.whole(
                error.status,
                f"x-request-id: {head.request_id or 'req_' + fresh()}\r\nconnection: close\r\n",
                refusals.to_bytes(error, head.opik),
            )
            await out.drain()
            return
        if not message.get("more_body"):
            break
    work = asyncio.ensure_future(complete(head, bytes(body), out, state.gateway, state.max_body, began, scope.get("client")))
    gone = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            await work
            await out.drain()
    finally:
        for task in (work, gone):
            task.cancel()
        await asyncio.gather(work, gone, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
