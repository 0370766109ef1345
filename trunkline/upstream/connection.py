"""One connection to an upstream: writes a request, parses its answer, goes back to its pool.

Odd here: this is the hottest file of the project. The parser puts headers and body pieces straight into a dict and a list (no Python
frame for each), a deadline is a number that the client's sweeper looks at (no timer a request), and an answer read whole is one future.
llhttp is strict about framing and that is kept (https://github.com/nodejs/llhttp): a length that comes twice, or beside chunks, is an
error and not a guess.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from typing import Any, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from ..drive import Awaited, awaited
from ..errors import UpstreamError
from ..target import Timeouts
from ..wire import HttpResponse
from . import failures
from .coding import decoded, too_large
from .lines import NAMES, lower_name
from .pool import Line, Pool
from .reply import Reply

MAX_HEAD = 64 * 1024
MAX_HEADERS = 256
LARGE = 64 * 1024
"""From here on a body is handed to the transport beside its head, not joined to it."""

IDLE, WAITING, BODY, DONE, CLOSED = range(5)
"""Kept in the pool; a request is out; the headers are in; the answer is whole (within one read only); no more."""


class Connection(asyncio.Protocol):
    """Lent to one request at a time. `send` gives the future of its answer; every failure is an UpstreamError there or in its Reply."""

    __slots__ = (
        "bad", "begun", "between", "blocked", "bodiless", "deadline", "feed", "first_at", "future", "head_size", "headers", "heard",
        "keep", "known", "left", "loop", "on_body", "on_header", "overhead", "parser", "phase", "pieces", "pool", "raw", "received",
        "reply", "reused", "seen", "sink", "status", "time", "timeouts", "transport",
    )  # fmt: skip

    def __init__(self, pool: Pool, loop: asyncio.AbstractEventLoop) -> None:
        self.pool = pool
        self.loop = loop
        self.time = loop.time
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.phase = IDLE
        self.deadline = inf
        self.future: Awaited[Any] | None = None
        """Whoever waits for the whole answer, or for the headers of a streamed one."""
        self.reply: Reply | None = None
        """The streamed answer, None where it is read whole."""
        self.sink: Callable[[bytes], bool] | None = None
        """Where the reply's bytes go as they come, while its reader waits for nothing else."""
        self.known: Callable[[bytes], bool] | None = None
        """Asked first, for a read that begins between two chunks: whether it is one, and has gone on as it came."""
        self.between = False
        """The parser has seen a chunk to its end and nothing of the next: a whole one that it is not shown makes no difference to it."""
        self.reused = self.blocked = False
        self.heard = False
        """Since the sweeper last looked there were reads that did not move the deadline."""
        self.bad: UpstreamError | None = None
        self.left = 0
        self.pieces: list[bytes] = []
        self.seen = 0
        """How many of the pieces were there before this read."""
        self.on_body = self.pieces.append
        self.raw: dict[bytes, bytes] = {}
        """The headers (or trailers) of the message that is being read, as they are spelt; of one that comes twice the last counts."""
        self.on_header = self.raw.__setitem__
        self.parser = HttpResponseParser(self)
        self.feed = self.parser.feed_data

    # ── the request ──────────────────────────────────────────────────────────────────────────────────────

    def send(self, line: Line, body: bytes, timeouts: Timeouts, reply: Reply | None) -> Awaited[Any]:
        """Write a request. The future gives an HttpResponse or, where there is a `reply`, that reply once its headers are in."""
        self.phase = WAITING
        self.reply = reply
        self.bodiless = line.bodiless
        self.timeouts = timeouts
        self.headers: dict[str, str] = {}
        self.status = self.head_size = self.received = self.overhead = 0
        self.begun = False
        self.first_at = self.deadline = self.time() + timeouts.first_byte
        future = self.future = awaited(self.loop)
        if not body:
            self.transport.write(line.bare)
        elif len(body) < LARGE:
            self.pool.outbox.write(self.transport, b"%b%d\r\n\r\n%b" % (line.measured, len(body), body))
        else:
            self.transport.writelines((b"%b%d\r\n\r\n" % (line.measured, len(body)), body))
        return future

    def forsake(self, future: Awaited[Any]) -> None:
        """Whoever awaited this future is gone: close at once, unless the connection has already moved on to another request."""
        if self.future is future:
            self.abort()
        elif not future.cancelled() and future.exception() is None and isinstance(reply := future.result(), Reply):
            reply.close()  # it came in the very moment of the cancellation, and nobody will ever read it

    # ── what the parser calls ────────────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        if self.phase == DONE:
            raise ValueError("more than the one answer")
        self.begun = True
        self.raw.clear()

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if status < 200:
            if status < 100 or status == 101:
                raise self._refuse(f"answered with status {status}, which was not asked for")
            return
        if len(self.raw) > MAX_HEADERS:
            raise self._refuse(f"sent more than {MAX_HEADERS} headers")
        self.status = status
        self.headers = {  # llhttp takes the space before a value, not the one after it
            NAMES.get(name) or lower_name(name): value.rstrip().decode("latin-1") for name, value in self.raw.items()
        }
        # the parser cannot be told that an answer to HEAD has no body, and is of no use after it
        self.keep = self.parser.should_keep_alive() and not self.bodiless
        self.phase = DONE if self.bodiless else BODY

    def on_chunk_header(self) -> None:
        self.between = False

    def on_chunk_complete(self) -> None:
        self.between = True

    def on_message_complete(self) -> None:
        self.begun = self.between = False
        if self.status:
            self.phase = DONE
        else:  # 1xx: the real answer is still to come
            self.deadline = self.first_at

    def _refuse(self, what: str) -> UpstreamError:
        self.bad = failures.protocol(self.pool.name, what)
        return self.bad

    # ── what the loop calls ──────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.pool.live.add(self)

    def data_received(self, data: bytes) -> None:
        if self.between and self.known is not None and self.known(data):
            self.heard = True
            return
        size = len(data)
        waiting = self.phase == WAITING
        if waiting:
            self.head_size += size
        elif self.phase != BODY:  # nobody asked
            self.abort()
            return
        try:
            self.feed(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if self.phase != DONE:
                self.fail(self.bad or failures.protocol(self.pool.name, f"sent what is not HTTP/1.1 ({error})"))
                return
            self.keep = False  # bytes after the answer: the answer stands, the connection does not
        if waiting and self.head_size > MAX_HEAD and self._head_too_large():
            self.fail(failures.protocol(self.pool.name, f"sent more than {MAX_HEAD} bytes of headers"))
        elif self.phase == BODY:
            pieces = self.pieces
            if self.sink is not None and pieces:
                self.deadline = self.time() + self.timeouts.idle
                self.overhead = 0
                data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
                pieces.clear()
                self.reply.pour(data, self.sink)  # type: ignore[union-attr]  # it has set the sink
            else:
                self._advance(size)
        elif self.phase == DONE:
            self._finish()
        elif self.begun:
            self.deadline = self.time() + self.timeouts.idle

    def eof_received(self) -> None:
        if self.phase == IDLE:
            self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        self.pool.live.discard(self)
        name = self.pool.name
        if self.phase == IDLE:
            self._leave()
        elif self.phase == WAITING:
            when = "in the middle of its headers" if self.head_size else "before it answered"
            self.fail(failures.disconnected(name, when, exc, stale=self.reused and not self.head_size))
        elif self.phase == BODY:
            chunked = self.headers.get("transfer-encoding", "").lower().endswith("chunked")
            if exc is not None or chunked:
                self.fail(failures.disconnected(name, "in the middle of its answer", exc))
            elif "content-length" in self.headers:
                self.fail(failures.protocol(name, "closed the connection before all bytes had come that its content-length announced"))
            else:  # an answer that ends where the connection does
                self._finish()
        self.phase = CLOSED

    def pause_writing(self) -> None:
        self.blocked = True
        self.left = self.transport.get_write_buffer_size()

    def resume_writing(self) -> None:
        self.blocked = False
        if self.phase == WAITING and not self.head_size:
            self.first_at = self.deadline = self.time() + self.timeouts.first_byte

    def expire(self, now: float) -> None:
        """The sweeper found `deadline` passed."""
        if self.phase == IDLE:
            self.abort()
            return
        name, timeouts = self.pool.name, self.timeouts
        if self.phase == BODY or self.deadline != self.first_at:
            self.fail(failures.idle_timeout(name, timeouts.idle))
        elif self.blocked and (left := self.transport.get_write_buffer_size()) < self.left:
            self.left = left  # a large request still on its way: the wait for an answer has not begun
            self.first_at = self.deadline = now + timeouts.first_byte
        else:
            self.fail(failures.first_byte_timeout(name, timeouts.first_byte))

    # ── the answer ───────────────────────────────────────────────────────────────────────────────────────

    def take(self) -> bytes:
        """The body bytes that have come and were not taken yet."""
        pieces = self.pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.seen = 0
        return data

    def _advance(self, size: int) -> None:
        """A read that left the answer unfinished."""
        self.deadline = self.time() + self.timeouts.idle
        count = len(self.pieces)
        if count != self.seen:
            self.seen = count
            self.overhead = 0
        else:  # nothing but chunk extensions or trailers
            self.overhead += size
            if self.overhead > MAX_HEAD:
                self.fail(failures.protocol(self.pool.name, f"sent more than {MAX_HEAD} bytes of chunk headers or trailers"))
                return
        if self.reply is not None:
            self.reply.advanced(self, size)
            return
        self.received += size
        limit = self.pool.limits.max_body
        if self.received > limit and sum(map(len, self.pieces)) > limit:
            self.fail(too_large(self.pool.name, limit))

    def _finish(self) -> None:
        """The answer is whole: go back to the pool, then hand it over."""
        pieces = self.pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.seen = 0
        reply, self.reply = self.reply, None
        future, self.future = self.future, None
        self.sink = self.known = None
        if reply is not None:
            if reply.may_finish(self, future):
                self._settle()
                reply.finished(body, future)
            return
        if future is None or future.done():  # cancelled, and not yet run
            self.abort()
            return
        self._settle()
        name, limit = self.pool.name, self.pool.limits.max_body
        if len(body) > limit:
            future.fail(too_large(name, limit))
        elif "content-encoding" in self.headers:
            try:
                response = HttpResponse(self.status, *decoded(self.headers, body, limit, name))
            except UpstreamError as error:
                future.fail(error)
            else:
                future.give(response)
        else:
            future.give(HttpResponse(self.status, self.headers, body))

    def _settle(self) -> None:
        """Back to the pool, if the connection can serve again."""
        pool = self.pool
        if self.phase == DONE and self.keep and not self.blocked and len(pool.idle) < pool.limits.max_idle:
            self.phase = IDLE
            self.reused = True
            self.heard = False
            self.deadline = self.time() + pool.limits.idle_seconds
            pool.idle.append(self)
        else:
            self.abort()

    def _head_too_large(self) -> bool:
        return self.phase == WAITING or sum(len(key) + len(value) + 4 for key, value in self.headers.items()) > MAX_HEAD

    def fail(self, error: UpstreamError) -> None:
        """Close at once; whoever waits gets the error."""
        future, reply = self.future, self.reply
        self.abort()
        if future is not None:
            if not future.done():
                future.fail(error)
        elif reply is not None:
            reply.broke(error, self.take())

    def abort(self) -> None:
        """Close at once; nobody is told."""
        if self.phase == IDLE:
            self._leave()
        self.phase = CLOSED
        self.future = self.reply = self.sink = self.known = None
        if self.transport is not None:
            self.transport.abort()

    def _leave(self) -> None:
        if self in self.pool.idle:
            self.pool.idle.remove(self)
