"""The way out: `fetch` a whole answer, or `open` one that is read while it comes.

Odd here: the path of a call on a pooled connection is one dict look-up, one write and one future; all else (URL, head, proxy, TLS,
addresses) was done before or is done once a connection. Deadlines are numbers on the connections, and one timer looks at them all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from math import inf
from typing import Any

from ..outbox import Outbox
from ..target import Timeouts
from ..wire import Headers, HttpRequest, HttpResponse
from . import failures
from .connection import Connection
from .dial import Dialler, Resolve, resolve
from .egress import Egress
from .failures import Stale
from .lines import Url, parse_url, render
from .pool import Limits, Line, Pool
from .proxies import from_environment, proxy_for
from .reply import Reply

TICK = 0.25
"""Seconds between two looks at the deadlines; one that is nearer is looked at when it is due."""
KEPT = 1024
"""Heads, URLs and origins that are remembered."""


class Upstream:
    """Owned by one event loop, from the first request on. Redirects are not followed: a 3xx is an answer.

    egress:  which addresses requests that are not trusted may reach.
    proxies: URLs under `http`, `https` and `all`, and NO_PROXY's list under `no`; None reads the environment.
    """

    def __init__(
        self,
        *,
        egress: Egress,
        proxies: Mapping[str, str] | None = None,
        max_idle_per_origin: int = 512,
        idle_seconds: float = 30,
        max_body: int = 256 * 1024 * 1024,
        resolve: Resolve = resolve,
    ) -> None:
        self._dialler = Dialler(egress, resolve)
        self._proxies = from_environment() if proxies is None else dict(proxies)
        self._limits = Limits(max_idle_per_origin, idle_seconds, max_body)
        self._lines: dict[tuple[str, str, Headers, bool], Line] = {}
        self._urls: dict[tuple[str, bool], tuple[Url, Pool]] = {}
        self._pools: dict[tuple[str, str, int, bool], Pool] = {}
        self._live: set[Connection] = set()
        self._outbox = Outbox()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        """When the timer will look next."""
        self._closed = False

    def fetch(self, request: HttpRequest, timeouts: Timeouts, *, trusted: bool = True) -> Coroutine[Any, Any, HttpResponse]:
        """The whole answer, whatever its status.

        Raises UpstreamError (upstream_unreachable, _timeout, _disconnected, _protocol); CallerError for an untrusted URL that is wrong or
        leads inside (egress_denied); OperatorError for a trusted URL or header that cannot be sent. Cancelling closes the connection.
        """
        return self._exchange(request, timeouts, trusted, False)

    def open(self, request: HttpRequest, timeouts: Timeouts, *, trusted: bool = True) -> Coroutine[Any, Any, Reply]:
        """The answer once its headers are in; it is the caller's to close. Raises as `fetch` does."""
        return self._exchange(request, timeouts, trusted, True)

    def connections(self) -> tuple[int, int]:
        """(how many wait for a request, how many have one)."""
        idle = sum(len(pool.idle) for pool in {connection.pool for connection in self._live})
        return idle, len(self._live) - idle

    async def aclose(self) -> None:
        """Close every connection; requests under way fail as disconnected."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for connection in list(self._live):
            connection.fail(failures.stopping(connection.pool.name))
        await asyncio.sleep(0)  # the transports close in the loop's next round

    async def _exchange(self, request: HttpRequest, timeouts: Timeouts, trusted: bool, streaming: bool) -> Any:
        line = self._lines.get((request.method, request.url, request.headers, trusted)) or self._line(request, trusted)
        idle = line.pool.idle
        connection = idle.pop() if idle else await self._dial(line.pool, timeouts)
        while True:
            future = connection.send(line, request.body, timeouts, Reply(connection) if streaming else None)
            if connection.deadline < self._due:
                self._look_at(connection.deadline, connection.loop)
            try:
                return await future
            except Stale:
                connection = await self._dial(line.pool, timeouts)  # a fresh one is never stale
            except BaseException:
                connection.forsake(future)
                raise

    async def _dial(self, pool: Pool, timeouts: Timeouts) -> Connection:
        if self._closed:
            raise RuntimeError("this client is closed")
        # a task of its own: time-outs need one, and whoever asks may not be one (`drive`)
        connection = await asyncio.get_running_loop().create_task(self._dialler.dial(pool, timeouts.connect))
        if self._timer is None:
            self._look_at(connection.time() + TICK, connection.loop)
        return connection

    # ── what is remembered ───────────────────────────────────────────────────────────────────────────────

    def _line(self, request: HttpRequest, trusted: bool) -> Line:
        url, pool = self._urls.get((request.url, trusted)) or self._url(request.url, trusted)
        absolute = pool.proxy if url.scheme == "http" else None
        line = Line(render(request, url, absolute, trusted), request.method, pool)
        if len(self._lines) >= KEPT:  # signed requests are each their own; the constant ones come back at once
            self._lines.clear()
        self._lines[request.method, request.url, request.headers, trusted] = line
        return line

    def _url(self, text: str, trusted: bool) -> tuple[Url, Pool]:
        url = parse_url(text, trusted)
        if len(self._urls) >= KEPT:
            self._urls.clear()
        found = self._urls[text, trusted] = url, self._pool(url, trusted)
        return found

    def _pool(self, url: Url, trusted: bool) -> Pool:
        key = (url.scheme, url.host, url.port, trusted)
        pool = self._pools.get(key)
        if pool is None:
            if len(self._pools) >= KEPT:  # a pool in use lives on in its connections and lines
                self._pools = {key: pool for key, pool in self._pools.items() if pool.idle}
            proxy = proxy_for(url.scheme, url.host, url.port, self._proxies)
            pool = self._pools[key] = Pool(url, trusted, proxy, self._limits, self._live, self._outbox)
        return pool

    # ── deadlines ────────────────────────────────────────────────────────────────────────────────────────

    def _look_at(self, when: float, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = when
        self._timer = loop.call_at(when, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        nearest = now + TICK
        for connection in list(self._live):
            if connection.heard:
                connection.heard = False
                if connection.deadline != inf:
                    connection.deadline = max(connection.deadline, now + connection.timeouts.idle)
            if connection.deadline <= now:
                connection.expire(now)
            elif connection.deadline < nearest:
                nearest = connection.deadline
        self._timer = None
        self._due = 0.0
        if self._live:
            self._look_at(nearest, loop)
