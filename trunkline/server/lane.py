"""One completion in the fast lane: uvicorn's cycle as far as its protocol looks, and the pipeline's `Out`.

Odd here: it has two masters. uvicorn's protocol knows it by the names of its own cycle (`message_event`, `disconnected`,
`response_complete`), and the pipeline writes to it; each write is one call on the socket.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from ..drive import Driven
from ..errors import CallerError
from . import refusals
from .completions import complete, fresh
from .head import Head

if TYPE_CHECKING:
    from asyncio import Transport

    from ..outbox import Outbox
    from .protocol import LaneProtocol

COMMENT_SECONDS = 15.0
"""Of silence in a stream, before a comment keeps the connection warm."""
STALL_SECONDS = 300.0
"""That a caller may leave a stream unread; then its upstream call is not kept open any longer."""

STATUS = {
    200: b"HTTP/1.1 200 OK\r\n", 400: b"HTTP/1.1 400 Bad Request\r\n", 401: b"HTTP/1.1 401 Unauthorized\r\n",
    402: b"HTTP/1.1 402 Payment Required\r\n", 403: b"HTTP/1.1 403 Forbidden\r\n", 404: b"HTTP/1.1 404 Not Found\r\n",
    408: b"HTTP/1.1 408 Request Timeout\r\n", 413: b"HTTP/1.1 413 Content Too Large\r\n", 415: b"HTTP/1.1 415 Unsupported Media Type\r\n",
    429: b"HTTP/1.1 429 Too Many Requests\r\n", 431: b"HTTP/1.1 431 Request Header Fields Too Large\r\n",
    500: b"HTTP/1.1 500 Internal Server Error\r\n", 502: b"HTTP/1.1 502 Bad Gateway\r\n", 503: b"HTTP/1.1 503 Service Unavailable\r\n",
    504: b"HTTP/1.1 504 Gateway Timeout\r\n",
}  # fmt: skip


class Lane(Driven):
    """One completion on one connection: uvicorn's cycle as far as its protocol looks, and the pipeline's `Out`."""

    __slots__ = (
        "began", "body", "chunks", "disconnected", "full", "head", "keep_alive", "may_start", "more_body", "outbox", "protocol", "quiet",
        "refusal", "response_complete", "size", "streaming", "transport",
    )  # fmt: skip

    transport: Transport
    outbox: Outbox

    def __init__(self, protocol: LaneProtocol, head: Head, keep_alive: bool) -> None:
        self.protocol = protocol
        self.head = head
        self.keep_alive = keep_alive
        self.began = perf_counter()
        self.chunks: list[bytes] = []
        self.size = 0
        self.body = b""
        self.more_body = True
        self.refusal: CallerError | None = None
        self.may_start = False
        self.disconnected = False
        self.response_complete = False
        self.streaming = False
        self.full = False
        self.quiet = 0
        """Sweeps since the last write of a stream."""

    @property
    def message_event(self) -> Lane:
        """uvicorn's cycles have an event it sets when the caller is gone. A property: an attribute would be a cycle for the collector."""
        return self

    def set(self) -> None:
        """What uvicorn calls on that event: a caller who is gone cancels the pipeline there and then."""
        if self.disconnected:
            self.cancel()

    def begin(self) -> None:
        """The request is whole, or refused, and its turn has come."""
        protocol = self.protocol
        protocol.gateway_state.running[protocol] = self
        if self.refusal is not None:
            self.keep_alive = False
            self._refuse(self.refusal)
            return
        self.full = protocol.flow.write_paused
        state = protocol.gateway_state
        self.drive(protocol.loop, complete(self.head, self.body, self, state.gateway, state.max_body, self.began, protocol.client))

    def ended(self, cancelled: bool) -> None:
        if not self.response_complete:
            if cancelled and not self.disconnected:
                self._cut_short()
            else:
                self.protocol.transport.abort()

    def _refuse(self, error: CallerError) -> None:
        request_id = self.head.request_id or "req_" + fresh()
        self.whole(error.status, f"x-request-id: {request_id}\r\n", refusals.to_bytes(error, self.head.opik))

    def _cut_short(self) -> None:
        """The gateway is stopping and the answer did not finish in time: the caller is told."""
        error = CallerError("the gateway is shutting down; send the request again", status=503, type="server_error", code="shutting_down")
        self.keep_alive = False
        if self.streaming:
            self.write(b"data: %b\n\n" % refusals.event(error, self.head.opik))
            self.end()
        else:
            self._refuse(error)

    # ── Out ──────────────────────────────────────────────────────────────────────────────────────────────

    def whole(self, status: int, headers: str, body: bytes) -> None:
        protocol = self.protocol
        close = "" if self.keep_alive else "connection: close\r\n"
        head = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n{headers}{close}\r\n".encode("latin-1")
        first = STATUS.get(status) or b"HTTP/1.1 %d \r\n" % status
        if not protocol.transport.is_closing():
            protocol.gateway_state.outbox.write(protocol.transport, b"%b%b%b%b" % (first, protocol.date(), head, body))
        self._finished()

    def start(self, headers: str) -> None:
        protocol = self.protocol
        self.streaming = True
        self.transport, self.outbox = protocol.transport, protocol.gateway_state.outbox
        framed = "transfer-encoding: chunked\r\n" if protocol.chunked else ""
        if not protocol.chunked:
            self.keep_alive = False
        close = "" if self.keep_alive else "connection: close\r\n"
        head = f"content-type: text/event-stream\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n{framed}{headers}{close}\r\n"
        self.chunks = [STATUS[200], protocol.date(), head.encode("latin-1")]
        protocol.gateway_state.streams.add(self)

    def write(self, data: bytes) -> None:
        if data and self.protocol.chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if self.chunks:
            data = b"".join((*self.chunks, data))
            self.chunks = []
        self.quiet = 0
        outbox = self.outbox
        if not outbox.waiting:
            outbox.begin()
        outbox.waiting.append((self.transport, data))

    def chunk(self, data: bytes) -> None:
        """What upstream sent as one chunk goes on as one, frame and all, where the caller speaks HTTP/1.1."""
        if self.chunks or not self.protocol.chunked:
            self.write(data[data.index(b"\n") + 1 : -2])
            return
        self.quiet = 0
        outbox = self.outbox
        if not outbox.waiting:
            outbox.begin()
        outbox.waiting.append((self.transport, data))

    def end(self) -> None:
        state = self.protocol.gateway_state
        state.streams.discard(self)
        if self.protocol.chunked:
            state.outbox.write(self.protocol.transport, b"0\r\n\r\n")
        self._finished()

    async def drain(self) -> None:
        await self.protocol.flow.drain()

    def _finished(self) -> None:
        self.response_complete = True
        protocol = self.protocol
        if self.more_body:
            protocol.hang_up()
        elif not self.keep_alive and not protocol.transport.is_closing():
            protocol.gateway_state.outbox.flush()
            protocol.transport.close()
        protocol.on_response_complete()

    def sweep(self, every: float) -> None:
        """Each so many seconds: keep a silent stream warm, and give up one that its caller has not read for long."""
        self.quiet += 1
        silent = self.quiet * every
        if self.full:
            if silent > STALL_SECONDS:
                self.protocol.transport.abort()
        elif silent > COMMENT_SECONDS:
            self.comment()

    def comment(self) -> None:
        """Keep a silent stream warm. Opik's web client reads lines its own way, so there none are sent."""
        if not self.head.opik and not self.chunks and not self.response_complete:
            self.write(b": keep-alive\n\n")
