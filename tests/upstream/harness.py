"""A connection fed by hand: reads of any size, without a socket."""

from __future__ import annotations

import asyncio
from typing import Any

from trunkline.errors import UpstreamError
from trunkline.outbox import Outbox
from trunkline.target import Timeouts
from trunkline.upstream.connection import Connection
from trunkline.upstream.lines import parse_url
from trunkline.upstream.pool import Limits, Line, Pool
from trunkline.upstream.reply import Reply
from trunkline.wire import HttpResponse


class Transport:
    """What a connection does to its socket, remembered."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.aborted = False
        self.reading = True

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_write_buffer_size(self) -> int:
        return 0


class AtOnce(Outbox):
    """Where no loop runs there is no end of a round."""

    def write(self, transport: Any, data: bytes) -> None:
        transport.write(data)


class Played:
    """One request sent on a connection made by hand."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, streaming: bool = False, method: str = "POST", max_body: int = 1 << 28) -> None:
        self.loop = loop
        self.transport = Transport()
        self.pool = Pool(parse_url("http://vendor.test/"), True, None, Limits(8, 30, max_body), set(), AtOnce())
        self.connection = Connection(self.pool, loop)
        self.connection.connection_made(self.transport)  # type: ignore[arg-type]
        self.line = Line(b"POST / HTTP/1.1\r\n", method, self.pool)
        self.streaming = streaming
        self.future = self.send()

    def send(self) -> asyncio.Future[Any]:
        return self.connection.send(self.line, b"{}", Timeouts(), Reply(self.connection) if self.streaming else None)

    def feed(self, *reads: bytes) -> Played:
        for read in reads:
            if not self.transport.aborted:
                self.connection.data_received(read)
        return self

    def end(self, cause: Exception | None = None) -> Played:
        """The server closed, or with a cause, reset."""
        self.connection.eof_received()
        self.connection.connection_lost(cause)
        return self

    def whole(self) -> HttpResponse:
        """The answer, which has to be there by now. Raises its UpstreamError."""
        assert self.future.done(), "the answer hangs"
        got = self.future.result()
        if isinstance(got, Reply):
            body = self.loop.run_until_complete(asyncio.wait_for(got.read(), 1))
            return HttpResponse(got.status, got.headers, body)
        assert isinstance(got, HttpResponse)
        return got

    def error(self) -> UpstreamError:
        try:
            got = self.whole()
        except UpstreamError as error:
            return error
        raise AssertionError(f"there was no error but {got}")


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]
