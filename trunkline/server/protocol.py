"""The fast lane: completions answered inside uvicorn's own HTTP protocol, everything else left to uvicorn.

Odd here: ASGI's messages cost as much as the rest of a request, so for the completion paths this subclass collects the body, runs
the pipeline at once, without a task (`drive`), and writes the answer in one call. What it keeps of uvicorn: connections, TLS, workers,
signals, shutdown, and the order of pipelined answers. What it adds for every path: bounds on heads, and time-outs for callers who
send slowly (a sweep once a second; a timer a request would cost more than the request).

uvicorn does not promise this class; `fits` says whether it is still the one this file was written against.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..errors import CallerError
from . import refusals
from .completions import fresh, too_large
from .head import MAX_HEAD, MAX_HEADERS, OPIK_PATHS, PATHS, Again, Head, head_bytes, head_too_large, kept
from .lane import STATUS, Lane
from .state import State

MAX_UNKNOWN = 8
"""Heads in a row that were not the ones before them; then a connection is one whose heads all differ."""
MAX_PIPELINED = 8
"""Requests in line behind the one that is answered; then reading stops, and with it the notice that the caller is gone."""
HEAD_SECONDS = 20.0
"""To send a request's head."""
BODY_SECONDS = 30.0
"""Between two reads of a request's body."""
LINGER_SECONDS = 30.0
"""For a caller to read the answer to a request that was refused before it had come whole."""

_LANES = {path.encode(): path in OPIK_PATHS for path in PATHS}
_JSON = "application/json"


class LaneProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with the lane in it. `gateway_state` is set on a subclass by `protocol_for`."""

    gateway_state: State
    chunked = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.named: dict[bytes, bytes] = {}
        """The headers of the request that is being read, as they were spelt."""
        self.on_header = self.named.__setitem__  # type: ignore[method-assign, assignment]  # no frame of ours for a header: callers send dozens
        super().__init__(*args, **kwargs)
        self.url = b""
        self.head_size = 0
        self.waiting_since = 0.0
        """Loop time at which a request's head began, or its body last grew; 0.0 where no request is on its way."""
        self.reading_body = False
        self.idle_since = 0.0
        self.offered = False
        """The request offers to speak another protocol."""
        self.refused: CallerError | None = None
        """What is to be said once the answers owed before it are out; from then on nothing is read."""
        self.lingering_since = 0.0
        """Loop time at which the last word was said, 0.0 before."""
        self.between = True
        """The parser holds nothing: what comes next is the beginning of a request."""
        self.again: Again | None = None
        self.unknown = 0
        """How often the head before was not the head after it; from `MAX_UNKNOWN` on it is not asked any more."""

    def date(self) -> bytes:
        made, lines = self.gateway_state.dated
        headers = self.server_state.default_headers
        return lines if made is headers else self.gateway_state.date(headers)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.waiting_since = self.gateway_state.sweep_from(self.loop, self.connections)

    def connection_lost(self, exc: Exception | None) -> None:
        cycle: Any = self.cycle
        for waiting, _ in self.pipeline:
            if isinstance(waiting, Lane):
                waiting.disconnected = True
        super().connection_lost(exc)
        if isinstance(cycle, Lane):
            self.gateway_state.streams.discard(cycle)
        current = self.gateway_state.running.pop(self, None)
        if current is not None and current is not cycle:
            current.disconnected = True
            current.message_event.set()

    def pause_writing(self) -> None:
        super().pause_writing()
        lane = self.gateway_state.running.get(self)
        if lane is not None:
            lane.full = True

    def resume_writing(self) -> None:
        super().resume_writing()
        lane = self.gateway_state.running.get(self)
        if lane is not None:
            lane.full = False

    def data_received(self, data: bytes) -> None:
        again = self.again
        if again is not None and self.between and self.cycle.response_complete and (body := again.body(data)) is not None:
            self.unknown = 0
            self.idle_since = 0.0
            lane = self.cycle = Lane(self, again.head, True)  # type: ignore[assignment]
            lane.body, lane.more_body = body, False
            lane.begin()
            return
        if self.lingering_since or self.refused is not None:
            return
        between, before = self.between, self.cycle
        self.idle_since = 0.0
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        if not self.waiting_since:
            self.waiting_since = self.gateway_state.now
        self.head_size += len(data)
        if self.head_size > MAX_HEAD and len(data) < self.head_size:  # a head (or trailers) that goes on over several reads
            self.refuse_connection(head_too_large())
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline(memoryview(data)[offer.args[0] :])
        except httptools.HttpParserError as error:
            self._refuse_parsed(error)
        else:
            if between and self.between and before is not self.cycle and self.unknown < MAX_UNKNOWN:
                self._learn(data)

    def _learn(self, data: bytes) -> None:
        """Keep the head of a read that was one whole completion: the next will most likely have it too."""
        lane: Any = self.cycle
        if isinstance(lane, Lane) and lane.keep_alive and lane.refusal is None and not self.pipeline and not self.lingering_since:
            self.unknown += 1
            self.again = kept(data, lane.body, lane.head)

    def _decline(self, rest: memoryview) -> None:
        """An offer to speak something else (h2c, which Java's client makes with every first POST) is not taken up.

        httptools has skipped that request's body, so the parser gets the head once more, without the offer.
        """
        while True:
            self.offered = False
            closing = any(name.lower() == b"connection" and b"close" in value.lower() for name, value in self.named.items())
            offer = (b"connection", b"upgrade", b"http2-settings")
            kept = [(name, value) for name, value in self.named.items() if name.lower() not in offer]
            kept += [(b"connection", b"close")] if closing else []
            lines = b"".join(b"%b: %b\r\n" % header for header in kept)
            try:
                self.parser.feed_data(b"%b %b HTTP/1.1\r\n%b\r\n" % (self.parser.get_method(), self.url, lines))
                self.parser.feed_data(rest)
                return
            except httptools.HttpParserUpgrade as another:
                rest = rest[another.args[0] :]
            except httptools.HttpParserError as error:
                self._refuse_parsed(error)
                return

    def _refuse_parsed(self, error: httptools.HttpParserError) -> None:
        cause = error.__context__  # what was raised in a callback
        self.refuse_connection(
            cause if isinstance(cause, CallerError) else CallerError("the request is not valid HTTP/1.1", code="invalid_http")
        )

    def send_400_response(self, msg: str) -> None:
        self.refuse_connection(CallerError(msg, code="invalid_http"))

    def refuse_connection(self, error: CallerError) -> None:
        """Answer what cannot be read as a request, after the answers still owed, and hang up: what follows means nothing any more."""
        self.again = None
        self.waiting_since = 0.0
        if self._owes():
            self.refused = error
            return
        body = refusals.to_bytes(error, self.url.startswith((b"/v1/private/", b"/api/v1/private/")))
        head = f"content-type: {_JSON}\r\ncontent-length: {len(body)}\r\nx-request-id: req_{fresh()}\r\nconnection: close\r\n\r\n"
        if not self.transport.is_closing():
            self.gateway_state.outbox.write(
                self.transport, b"".join((STATUS.get(error.status, STATUS[400]), self.date(), head.encode(), body))
            )
        self.hang_up()

    def _owes(self) -> bool:
        """Whether an answer is on its way, or still to come to a request that is whole."""
        if self.pipeline or self in self.gateway_state.running:
            return True
        cycle = self.cycle
        if cycle is None or cycle.response_complete or isinstance(cycle, Lane):
            return False
        return cycle.response_started or not cycle.more_body

    def hang_up(self) -> None:
        """Close, but give the caller time to read the answer: closing while it still sends would reset the connection, answer and all."""
        self.lingering_since = self.gateway_state.now
        self.again = None
        self.pipeline.clear()
        self.gateway_state.outbox.flush()
        if not self.transport.is_closing():
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self.flow.resume_reading()

    def shutdown(self) -> None:
        self.gateway_state.outbox.flush()
        if self.lingering_since:
            self.transport.close()
        else:
            super().shutdown()

    # ── parser callbacks ─────────────────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        self.between = False
        self.url = b""
        self.expect_100_continue = False
        self.named.clear()
        self.reading_body = False
        self.waiting_since = self.gateway_state.now

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_headers_complete(self) -> None:
        headers = {name.lower(): value for name, value in self.named.items()}
        if len(headers) > MAX_HEADERS or (self.head_size > MAX_HEAD and head_bytes(self.url, headers) > MAX_HEAD):
            raise head_too_large()
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise CallerError(f"HTTP/{version} is not spoken here; send HTTP/1.1", code="invalid_http")
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise CallerError("this is no proxy: CONNECT is not for it", code="invalid_http")
            self.offered = True
            return
        self.head_size = 0
        self.reading_body = True
        self.waiting_since = self.gateway_state.now
        path, _, query = self.url.partition(b"?")
        opik = _LANES.get(path)
        if opik is None or self.parser.get_method() != b"POST":
            self._leave_to_uvicorn(headers)
            return
        self.chunked = version == "1.1"
        lane = Lane(self, Head(headers, opik, query), self.chunked and self.parser.should_keep_alive())
        previous, self.cycle = self.cycle, lane  # type: ignore[assignment]
        length = headers.get(b"content-length")
        if length is not None and length.isdigit() and int(length) > self.gateway_state.max_body:
            lane.refusal = too_large(self.gateway_state.max_body)
        if previous is None or previous.response_complete:
            lane.may_start = True
            if lane.refusal is not None:
                lane.begin()
            elif headers.get(b"expect", b"").lower() == b"100-continue":
                self.gateway_state.outbox.write(self.transport, b"HTTP/1.1 100 Continue\r\n\r\n")
        else:
            self.pipeline.appendleft((lane, self.app))  # type: ignore[arg-type]
            if len(self.pipeline) >= MAX_PIPELINED:
                self.flow.pause_reading()

    def _leave_to_uvicorn(self, headers: dict[bytes, bytes]) -> None:
        url = self.url
        super().on_message_begin()
        self.url = url
        self.headers += headers.items()
        self.expect_100_continue = headers.get(b"expect", b"").lower() == b"100-continue"
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        lane = self.cycle
        self.head_size = 0
        self.waiting_since = self.gateway_state.now
        if not isinstance(lane, Lane):
            super().on_body(body)
        elif lane.refusal is None:
            lane.size += len(body)
            if lane.size > self.gateway_state.max_body:
                lane.refusal = too_large(self.gateway_state.max_body)
                lane.chunks = []
                if lane.may_start:
                    lane.begin()
            else:
                lane.chunks.append(body)
                if not lane.may_start and lane.size > MAX_HEAD:
                    self.flow.pause_reading()

    def on_message_complete(self) -> None:
        if self.offered:
            return
        self.between = True
        self.waiting_since = 0.0
        self.reading_body = False
        lane = self.cycle
        if not isinstance(lane, Lane):
            super().on_message_complete()
            return
        lane.more_body = False
        if lane.refusal is None:
            lane.body = lane.chunks[0] if len(lane.chunks) == 1 else b"".join(lane.chunks)
            lane.chunks = []
            if lane.may_start:
                lane.begin()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """A pipelined request's turn has come; a completion's body may still be on its way."""
        if not isinstance(cycle, Lane):
            super()._start_asgi_task(cycle, app)
            return
        cycle.may_start = True
        if not cycle.more_body or cycle.refusal is not None:
            cycle.begin()

    def on_response_complete(self) -> None:
        state = self.gateway_state
        state.running.pop(self, None)
        self.server_state.total_requests += 1
        if self.transport.is_closing() or self.lingering_since:
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self.pipeline and not (self.refused is not None and self.pipeline[-1][0].more_body):
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self.refused is not None:
            self.pipeline.clear()
            self.refuse_connection(self.refused)
        else:
            self.idle_since = state.now

    # ── the sweep ────────────────────────────────────────────────────────────────────────────────────────

    def sweep(self, now: float) -> None:
        """Once a second: hang up on a caller who is too slow, or idle for too long."""
        if self.lingering_since:
            if now - self.lingering_since > LINGER_SECONDS:
                self.transport.abort()
            return
        if self.flow.read_paused or self in self.gateway_state.running:
            return
        if self.waiting_since:
            allowed = BODY_SECONDS if self.reading_body else HEAD_SECONDS
            if now - self.waiting_since <= allowed or self.transport.is_closing():
                return
            if not self.named and not self.url:
                self.transport.close()  # connected and never asked
            else:
                what = "body" if self.reading_body else "head"
                said = f"the request's {what} did not come within {allowed:g} seconds"
                self.refuse_connection(CallerError(said, status=408, code="request_timeout"))
        elif self.idle_since and now - self.idle_since > self.timeout_keep_alive:
            self.timeout_keep_alive_handler()


def protocol_for(state: State) -> type[LaneProtocol]:
    """The protocol class to name in uvicorn's config."""
    return type("BoundLaneProtocol", (LaneProtocol,), {"gateway_state": state})
