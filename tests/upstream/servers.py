"""Small servers on 127.0.0.1 that speak raw bytes, and the loops to run them on."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from trunkline.target import Timeouts
from trunkline.upstream import Egress, Upstream
from trunkline.wire import HttpRequest

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
both_loops = pytest.mark.parametrize("loop", LOOPS)

QUICK = Timeouts(connect=5, first_byte=5, idle=5)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def run(main: Coroutine[Any, Any, Any], loop: str = "uvloop") -> Any:
    """Run to the end on that kind of loop; a test that hangs fails within 20 s."""
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(asyncio.wait_for(main, 20))


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until it is so."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


def client(**more: Any) -> Upstream:
    return Upstream(**{"egress": Egress(), "proxies": {}, **more})


class Server:
    """Knows how many connections it was given, and every request it read."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.connections = 0
        self.requests: list[bytes] = []
        self.closed: asyncio.Event = asyncio.Event()
        """Set when a client's connection ended."""
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/chat"

    def get(self) -> HttpRequest:
        return HttpRequest("GET", self.url)

    def post(self, body: bytes = b"{}") -> HttpRequest:
        return HttpRequest("POST", self.url, (("authorization", "Bearer sk-secret"),), body)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.closed.set()
            writer.close()

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """One whole request, remembered; IncompleteReadError when the client closes instead."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        body = await reader.readexactly(length)
        self.requests.append(head + body)
        return head + body


@asynccontextmanager
async def serving(handler: Handler | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server with a handler of its own, or to be given one before the first call."""

    async def unset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError("the server has no handler")

    server = Server(handler or unset)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls, backlog=512)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


@asynccontextmanager
async def answering(*answers: bytes, close_after: bool = False, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Each request gets the next answer, and the last answer again from then on. `close_after` ends the connection after each."""
    async with serving(tls=tls) as server:

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                await server.read(reader)
                writer.write(answers[min(len(server.requests), len(answers)) - 1])
                await writer.drain()
                if close_after:
                    return

        server.handler = handler
        yield server
