"""One HTTP request to the llama.cpp server inside this process, over loopback.

Odd here: closing the connection is the message that matters. llama.cpp stops generating when its client is gone (within a
second), so a relay that is cancelled must drop its socket at once, and each request has a connection of its own to drop.

Source: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httptools

READ_BYTES = 65536


class Answer:
    """An answer being read: `status` once its head is in, then the body by `pieces()`."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self.status = 0
        self._reader = reader
        self._parser = httptools.HttpResponseParser(self)
        self._ready: list[bytes] = []
        self._head = self._done = False

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._head = True

    def on_body(self, body: bytes) -> None:
        self._ready.append(body)

    def on_message_complete(self) -> None:
        self._done = True

    async def _read(self) -> None:
        data = await self._reader.read(READ_BYTES)
        if not data:
            raise ConnectionError("llama.cpp closed the connection in the middle of an answer")
        self._parser.feed_data(data)

    async def head(self) -> None:
        while not self._head:
            await self._read()

    async def pieces(self) -> AsyncIterator[bytes]:
        while True:
            if self._ready:
                piece = b"".join(self._ready)
                self._ready.clear()
                yield piece
            if self._done:
                return
            await self._read()

    async def whole(self) -> bytes:
        return b"".join([piece async for piece in self.pieces()])


@asynccontextmanager
async def request(port: int, key: str, method: str, path: str, body: bytes = b"") -> AsyncIterator[Answer]:
    """Send one request and yield its answer, head read. Leaving the block closes the connection, whatever is unread.

    Raises ConnectionError, OSError or httptools.HttpParserError where llama.cpp cannot be reached or breaks off.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode("ascii") + body)
        await writer.drain()
        answer = Answer(reader)
        await answer.head()
        yield answer
    finally:
        writer.transport.abort()


async def events(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The payloads of llama.cpp's stream: it writes one `data:` line an event, and comments (`:`) as pings, which are skipped."""
    buffer = b""
    async for piece in pieces:
        buffer += piece
        *lines, buffer = buffer.split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
