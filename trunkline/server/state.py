"""What all connections of one worker share: the gateway, the bounds, the clock, and who is streaming.

Odd here: it has the only timer of the server. Once a second it moves the coarse clock, hangs up on slow and idle callers, and keeps
silent streams warm; a timer for each request would cost more than the request does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..outbox import Outbox

if TYPE_CHECKING:
    from ..gateway import Gateway
    from .lane import Lane
    from .protocol import LaneProtocol

TICK = 1.0
"""Seconds between two sweeps."""


class State:
    def __init__(self, gateway: Gateway, max_body: int) -> None:
        self.gateway = gateway
        self.max_body = max_body
        self.outbox = Outbox()
        self.now = 0.0
        """Loop time, to the second."""
        self.streams: set[Lane] = set()
        self.running: dict[LaneProtocol, Lane] = {}
        """The completion each busy connection is answering; a reference that keeps its task alive."""
        self.dated: tuple[Any, bytes] = (None, b"")
        """uvicorn's default headers as last seen, and their lines."""
        self._sweeping: asyncio.TimerHandle | None = None

    def date(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """uvicorn's default headers (the date), as lines; it makes a new list each second."""
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        self.dated = (headers, lines)
        return lines

    def sweep_from(self, loop: asyncio.AbstractEventLoop, connections: set[Any]) -> float:
        """Start the timer if it does not run. The loop's time now."""
        if self._sweeping is None:
            self.now = loop.time()
            self._sweeping = loop.call_later(TICK, self._sweep, loop, connections)
        return self.now

    def _sweep(self, loop: asyncio.AbstractEventLoop, connections: set[Any]) -> None:
        from .protocol import LaneProtocol

        self.now = now = loop.time()
        for connection in list(connections):
            if isinstance(connection, LaneProtocol):
                connection.sweep(now)
        for stream in list(self.streams):
            stream.sweep(TICK)
        self._sweeping = loop.call_later(TICK, self._sweep, loop, connections) if connections else None
