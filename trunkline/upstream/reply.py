"""An answer that is read while it comes.

Odd here: the connection leaves as soon as the message is whole, which may be before the reader has taken the last bytes; the reply then
holds them. And a reader may know the end before the message does (`[DONE]`, with the last chunk still to come): `release` lets the
connection wait for it and be used again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from ..drive import Awaited, awaited
from ..errors import UpstreamError
from ..target import Timeouts
from .coding import Inflater, inflater, plain, too_large

if TYPE_CHECKING:
    from .connection import Connection

HIGH_WATER = 256 * 1024
"""Bytes that may wait unread before reading from the upstream stops."""
DRAIN = 64 * 1024
DRAINING = Timeouts(idle=1.0)
"""What a released reply may still bring: so many bytes, with so much time between two reads."""


class Reply:
    """One reader. `status` and `headers` (lower-case names) are true from the moment `open` returned it."""

    __slots__ = (
        "_connection",
        "_error",
        "_inflate",
        "_limit",
        "_name",
        "_paused",
        "_tail",
        "_unread",
        "_waiter",
        "headers",
        "status",
    )

    def __init__(self, connection: Connection) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._connection: Connection | None = connection
        self._name = connection.pool.name
        self._limit = connection.pool.limits.max_body
        self._waiter: Awaited[bytes] | None = None
        self._inflate: Inflater | None = None
        self._tail = b""
        self._error: UpstreamError | None = None
        self._unread = 0
        self._paused = False

    # ── for the reader ───────────────────────────────────────────────────────────────────────────────────

    async def next(self) -> bytes:
        """The decoded body bytes that have come since the last call, at least one; b"" at the end, and ever after.

        Raises UpstreamError if the connection breaks, falls silent for longer than the idle timeout, or brings what is not HTTP;
        what had come before is given out first. Cancelling closes the connection.
        """
        if self._inflate is not None:
            return await self._next_decoded(self._inflate)
        data = self._ready()
        return await self._come() if data is None else data

    async def each(self, sink: Callable[[bytes], bool], known: Callable[[bytes], bool] | None = None) -> bytes:
        """As `next`, but every read that comes meanwhile is given to `sink` first, in the socket's own callback; one for which it
        returns False is what `each` returns. A stream that `sink` can pass on by itself so wakes no task. What it raises is raised here.

        `known` is shown a read of whole chunks before that, as it came, and says whether it has dealt with it.
        """
        if self._inflate is not None:
            return await self.next()
        data = self._ready()
        if data is not None:
            return data
        connection = self._connection
        assert connection is not None
        connection.sink, connection.known = sink, known
        try:
            return await self._come()
        finally:
            if connection.reply is self:
                connection.sink = connection.known = None

    async def read(self) -> bytes:
        """All that is still to come. Raises UpstreamError as `next` does, and for more than the client's `max_body` bytes."""
        pieces: list[bytes] = []
        size = 0
        while data := await self.next():
            pieces.append(data)
            size += len(data)
            if size > self._limit:
                self.close()
                raise too_large(self._name, self._limit)
        return b"".join(pieces)

    def close(self) -> None:
        """No more is wanted: what has not come is cancelled by closing the connection, unless the answer is whole. Idempotent."""
        connection, self._connection = self._connection, None
        self._tail = b""
        if connection is not None:
            connection.abort()
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.give(b"")

    def release(self) -> None:
        """No more is wanted, and nothing but the end of the message is expected: the connection waits for it and is used again.

        After 64 KiB, or a second of silence, it is closed after all. Idempotent, and `close` after it does nothing.
        """
        connection, self._connection = self._connection, None
        self._tail = b""
        if connection is not None:
            connection.timeouts = DRAINING
            connection.deadline = connection.time() + DRAINING.idle
            connection.take()
            self._unread = 0
            if self._paused:
                self._paused = False
                connection.transport.resume_reading()

    def _ready(self) -> bytes | None:
        """What can be had without waiting: bytes, or b"" at the end."""
        connection = self._connection
        if connection is None:
            tail, self._tail = self._tail, b""
            if not tail and self._error is not None:
                raise self._error
            return tail
        if not connection.pieces:
            return None
        self._unread = 0
        if self._paused:
            self._paused = False
            connection.deadline = connection.time() + connection.timeouts.idle
            connection.transport.resume_reading()
        return connection.take()

    async def _come(self) -> bytes:
        if self._waiter is not None:
            raise RuntimeError("a reply has one reader, and it is already waiting")
        assert self._connection is not None
        waiter: Awaited[bytes] = awaited(self._connection.loop)
        self._waiter = waiter
        try:
            return await waiter
        except asyncio.CancelledError:
            self.close()
            raise

    async def _next_decoded(self, inflate: Inflater) -> bytes:
        while True:
            if inflate.waiting:
                raw = b""
            else:
                ready = self._ready()
                raw = await self._come() if ready is None else ready
                if not raw:
                    inflate.close()
                    return b""
            try:
                data = inflate.feed(raw)
            except UpstreamError:
                self.close()
                raise
            if data:
                return data

    # ── for the connection, which has nothing left to do when it calls these: what waits goes on before they return ──

    def advanced(self, connection: Connection, size: int) -> None:
        """A read of `size` bytes left the answer unfinished."""
        waiter = self._waiter
        if waiter is not None:
            if connection.pieces:
                self._waiter = None
                if not waiter.done():
                    waiter.give(connection.take())
            return
        self._unread += size
        future = connection.future
        if future is not None:
            connection.future = None
            if self._opens(connection, future):
                future.give(self)
        elif self._connection is None:  # released
            connection.take()
            if self._unread > DRAIN:
                connection.abort()
        elif self._unread > HIGH_WATER and not self._paused:
            self._paused = True
            connection.deadline = inf  # the reader is slow, not the upstream
            connection.transport.pause_reading()

    def pour(self, data: bytes, sink: Callable[[bytes], bool]) -> None:
        """A read in mid-stream whose bytes the sink may take."""
        waiter = self._waiter
        if waiter is None or waiter.done():  # cancelled, and not yet run
            return
        try:
            if sink(data):
                return
        except Exception as error:
            self._waiter = None
            waiter.fail(error)
        else:
            self._waiter = None
            waiter.give(data)

    def may_finish(self, connection: Connection, future: Awaited[Reply] | None) -> bool:
        """The message is whole. False where its headers came with it, and nobody waits for them or they cannot be read."""
        if self._paused:
            self._paused = False
            connection.transport.resume_reading()
        return future is None or self._opens(connection, future)

    def finished(self, body: bytes, future: Awaited[Reply] | None) -> None:
        """`body` is what was not taken of it. The connection is no longer ours."""
        if self._connection is None:  # released
            return
        self._connection = None
        waiter, self._waiter = self._waiter, None
        if waiter is None:
            self._tail = body
            if future is not None:
                future.give(self)
        elif not waiter.done():
            waiter.give(body)

    def broke(self, error: UpstreamError, body: bytes) -> None:
        """The connection is gone, and `body` is the last that came."""
        if self._connection is None:  # released
            return
        self._connection = None
        self._error = error
        waiter, self._waiter = self._waiter, None
        if waiter is None:
            self._tail = body
        elif not waiter.done():
            if body:
                waiter.give(body)
            else:
                waiter.fail(error)

    def _opens(self, connection: Connection, future: Awaited[Reply]) -> bool:
        """The headers are in: whoever awaits them is to get this reply. False where nobody does, or it cannot be read."""
        if future.done():  # cancelled, and not yet run
            connection.abort()
            return False
        self.status = connection.status
        self.headers = connection.headers
        if "content-encoding" in self.headers:
            try:
                self._inflate = inflater(self.headers["content-encoding"], self._name)
            except UpstreamError as error:
                connection.abort()
                future.fail(error)
                return False
            if self._inflate is not None:
                self.headers = plain(self.headers)
        return True
