"""What is written in one round of the event loop, sent together at its end.

Odd here: a send is the dearest thing a gateway does, and dearer still when each is followed by a hundred microseconds of other work: the
kernel's code and ours then push each other out of the processor's caches. All of a round's work first and all of its sends after it cost
a fifth less. Nothing waits longer than until the loop has done what it was about to do anyway.
"""

from __future__ import annotations

import asyncio
import logging

log = logging.getLogger("trunkline")


class Outbox:
    """Keeps the order of what is written to one transport, as long as all of it goes through here or `flush` comes first."""

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: list[tuple[asyncio.Transport, bytes]] = []
        """Whoever writes for every token of a stream may append here itself, if it calls `begin` where this is empty."""

    def write(self, transport: asyncio.Transport, data: bytes) -> None:
        """Send this at the end of the round, unless the transport is closed by then."""
        if not self.waiting:
            self.begin()
        self.waiting.append((transport, data))

    def begin(self) -> None:
        """The first write of a round is about to come."""
        asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Send all of it now: what must happen before a transport is closed or written to by somebody else."""
        waiting, self.waiting = self.waiting, []
        for transport, data in waiting:
            if not transport.is_closing():
                try:
                    transport.write(data)
                except Exception:  # one that is beyond use must not cost the others theirs
                    log.exception("a connection could not be written to and is closed")
                    transport.abort()
