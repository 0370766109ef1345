"""A token that is kept, refreshed ahead of its end, and fetched once however many want it.

Odd here: a fetch is a task of its own, never a request's. A caller who hangs up while waiting cancels his wait, not the fetch that
others wait for too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from ..errors import GatewayError
from ..secret import Secret
from ..target import Timeouts
from ..wire import HttpRequest, HttpResponse

log = logging.getLogger("trunkline.credentials")

TIMEOUTS = Timeouts(connect=5.0, first_byte=15.0, idle=15.0)
AHEAD = 0.2
"""The last part of a token's life in which it is refreshed in the background…"""
AHEAD_SECONDS = 300.0
"""…but never longer than this."""
MARGIN = 0.05
"""The last part in which it is not used any more (clocks differ, requests travel)…"""
MARGIN_SECONDS = 10.0
RETRY_SECONDS = 5.0
"""Between two background refreshes that failed."""
SETTLE_SECONDS = 1.0
"""After a refused token was replaced, further refusals within this time are of the old one, still in flight."""


class Fetch(Protocol):
    """`Upstream.fetch`: the whole answer, whatever its status. UpstreamError where the host cannot be reached."""

    async def __call__(self, request: HttpRequest, timeouts: Timeouts, *, trusted: bool) -> HttpResponse: ...


class Token(Struct, frozen=True):
    secret: Secret
    expires_at: float
    """Unix time in seconds; `fetched_at` where it must not be used twice."""
    fetched_at: float


class TokenSource(Protocol):
    def current(self, now: float) -> Secret | None:
        """A token good at `now`, or None. May start a refresh in the background."""
        ...

    async def refresh(self) -> Secret:
        """A new token; several callers at once share one fetch."""
        ...


class Cached:
    """A `TokenSource` around `fetch`, which subclasses define."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._token: Token | None = None
        self._task: asyncio.Task[Token] | None = None
        self._not_before = 0.0
        self._refused = False
        self._settled_at = 0.0

    async def fetch(self) -> Token:
        """Get a token from its issuer. GatewayError where that fails."""
        raise NotImplementedError

    def current(self, now: float) -> Secret | None:
        token = self._token
        if token is None:
            return None
        life, left = token.expires_at - token.fetched_at, token.expires_at - now
        if left <= min(MARGIN_SECONDS, life * MARGIN):
            return None
        if left <= min(AHEAD_SECONDS, life * AHEAD) and self._task is None and now >= self._not_before:
            self._start().add_done_callback(self._failed_quietly)
        return token.secret

    async def refresh(self) -> Secret:
        task = self._task or self._start()
        return (await asyncio.shield(task)).secret

    def invalidate(self) -> None:
        if self._clock() - self._settled_at >= SETTLE_SECONDS:
            self._token = None
            self._refused = True

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _start(self) -> asyncio.Task[Token]:
        self._task = asyncio.ensure_future(self.fetch())
        self._task.add_done_callback(self._took)
        return self._task

    def _took(self, task: asyncio.Task[Token]) -> None:
        self._task = None
        if task.cancelled() or task.exception() is not None:
            return
        self._token = task.result()
        if self._refused:
            self._refused, self._settled_at = False, self._clock()

    def _failed_quietly(self, task: asyncio.Task[Token]) -> None:
        """A background refresh that fails is tried again; the token at hand serves until its end."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._not_before = self._clock() + RETRY_SECONDS
            log.warning("refreshing a token failed: %s", error.message if isinstance(error, GatewayError) else type(error).__name__)
