"""The kept connections to one origin, and the heads that go to it.

Odd here: trust is part of the key. A connection made for the operator's own URL may lead to a private address, so a caller's URL never
gets to use it, though host and port be the same. The last connection returned is the first reused: it is the least likely to be stale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from ..outbox import Outbox
from .lines import Url
from .proxies import Proxy

if TYPE_CHECKING:
    from .connection import Connection


class Limits(Struct, frozen=True):
    max_idle: int
    """Kept connections of one origin."""
    idle_seconds: float
    max_body: int
    """Bytes of one answer's body."""


class Pool:
    """Owned by the client; connections put themselves back and take themselves out."""

    __slots__ = ("idle", "limits", "live", "name", "outbox", "proxy", "trusted", "url")

    def __init__(self, url: Url, trusted: bool, proxy: Proxy | None, limits: Limits, live: set[Connection], outbox: Outbox) -> None:
        self.url = url
        self.name = url.name
        self.trusted = trusted
        self.proxy = proxy
        self.limits = limits
        self.outbox = outbox
        self.live = live
        """Every open connection of the client, for its sweeper."""
        self.idle: list[Connection] = []


class Line:
    """A head ready to be written, and the pool it goes to. Made once for a method, URL and headers."""

    __slots__ = ("bare", "bodiless", "measured", "pool")

    def __init__(self, head: bytes, method: str, pool: Pool) -> None:
        self.measured = head + b"content-length: "
        """To be followed by the length and an empty line."""
        self.bare = head + (b"\r\n" if method in ("GET", "HEAD", "OPTIONS", "DELETE") else b"content-length: 0\r\n\r\n")
        """The whole request where there is no body."""
        self.bodiless = method == "HEAD"
        self.pool = pool
