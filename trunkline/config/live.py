"""The snapshot in use, and what keeps it up to date: the config file, SIGHUP, and the store's generation.

The request path reads `live.snapshot` and nothing else. A change made through this process's API is in the snapshot before the API
answers. What other replicas or workers change is seen by asking the store for its generation every half second: one indexed row, the
same on SQLite and PostgreSQL, and nothing to reconnect or miss. PostgreSQL's notices make the question come at once; since one may be
lost, the half second stays. Whatever goes wrong here (a bad config, a store that is down) is logged, shown in `healthy` and `reason`, and
leaves the last good snapshot in place.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..access import Grant, TokenVerifier
from ..errors import ConfigError, GatewayError, OperatorError
from ..providers import Provider
from ..store.engine import is_new
from ..store.listening import listen
from ..store.provider import provider_of
from ..store.store import Reading, Rows, Store, Writing

if TYPE_CHECKING:
    from .schema import Settings
    from .snapshot import Snapshot

log = logging.getLogger("trunkline.config")

R = TypeVar("R")
T = TypeVar("T")

POLL_SECONDS = 0.5
STOP_SECONDS = 2.0
SPACING_SECONDS = 0.05
"""At least so long between two questions, however many notices come: many writers elsewhere must not keep this process rebuilding."""


class Live:
    """One per process; `live_of` makes the usual one. `load` reads the config (ConfigError with every problem), `open_store` blocks.

    `build(settings, stored providers, grants by key hash, complete)` is pure; `complete` is False until the store was read once.
    """

    def __init__(
        self,
        *,
        load: Callable[[], Settings],
        build: Callable[[Settings, Sequence[Provider], Mapping[bytes, Grant], bool], Snapshot],
        open_store: Callable[[], Store],
        store_is_new: Callable[[Settings], bool] = lambda settings: False,
        files: Iterable[Path] = (),
        poll: float = POLL_SECONDS,
    ) -> None:
        self._load = load
        self._build = build
        self._open_store = open_store
        self._store_is_new = store_is_new
        self._files = tuple(files)
        self._poll = poll
        self._lock = asyncio.Lock()
        self._opening = asyncio.Lock()
        self._store: Store | None = None
        self._rows = Rows()
        self._complete = False
        self._built_from = Rows()
        """The rows that `_providers` were made of."""
        self._providers: dict[str, Provider | None] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._told = asyncio.Event()
        self._signature: object = None
        self._store_problem = ""
        self._config_problem = ""
        self.settings: Settings
        self.snapshot: Snapshot
        self.on_change: list[Callable[[Snapshot], None]] = []
        """Called in the event loop with each new snapshot."""

    # ── starting and stopping ────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Load the config, read the store, and begin to watch both. ConfigError for a bad config; OperatorError for a store that must
        not be used (schema not whole, wrong master key, bad URL).

        A store that cannot be reached does not stop the start: the config file's providers serve, `healthy` is False, and the store is
        tried again. A database known to hold nothing is not waited for: it is opened afterwards.
        """
        self._signature = await asyncio.to_thread(self._sign)
        self.settings = await asyncio.to_thread(self._load)
        if not await asyncio.to_thread(self._store_is_new, self.settings):
            try:
                await self._read_store()
            except OperatorError as error:
                if error.code != "store_unavailable":
                    raise
                self._store_failed(error)
        else:
            self._complete = True
        self.snapshot = self._rebuilt()
        self._tasks.append(asyncio.create_task(self._watch()))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
        if self._store is not None:
            await asyncio.to_thread(self._store.close)

    @property
    def healthy(self) -> bool:
        """Whether the snapshot is known to be the newest. A refused config counts as healthy: the old one serves."""
        return not self._store_problem

    @property
    def reason(self) -> str:
        """Why not, for /health/ready; and what is wrong with the config file, if anything is."""
        return "; ".join(problem for problem in (self._store_problem, self._config_problem) if problem)

    # ── the config file ──────────────────────────────────────────────────────────────────────────────────

    async def reload(self) -> list[str]:
        """Read the config again. A bad one is refused: its problems are logged and returned, and the old one stays."""
        self._signature = await asyncio.to_thread(self._sign)
        try:
            settings = await asyncio.to_thread(self._load)
            async with self._lock:
                old, self.settings = self.settings, settings
                try:
                    self._publish()
                except BaseException:
                    self.settings = old
                    raise
        except GatewayError as error:
            problems = error.problems if isinstance(error, ConfigError) else [error.message]
            for problem in problems:
                log.error("config refused, the old one stays: %s", problem)
            self._config_problem = f"the config file was refused ({len(problems)} problems, see the log); the one before it is in use"
            return problems
        self._config_problem = ""
        log.info("config reloaded")
        return []

    # ── the store ────────────────────────────────────────────────────────────────────────────────────────

    async def view(self, read: Callable[[Reading], T]) -> T:
        """Run a reader of the store in a thread. OperatorError 503 while the store cannot be used."""
        store = await self._opened()

        def run() -> T:
            with store.reading() as reading:
                return read(reading)

        return await asyncio.to_thread(run)

    async def change(self, write: Callable[[Writing], T]) -> T:
        """Run a writer in one transaction, in a thread. When this returns it is on disk and in the snapshot."""
        store = await self._opened()

        def run() -> tuple[int, T]:
            with store.writing(time.time()) as writing:
                result = write(writing)
                return writing.generation, result

        generation, result = await asyncio.to_thread(run)
        await self.refresh(generation)
        return result

    async def refresh(self, generation: int | None = None) -> None:
        """Take over what changed in the store, unless the snapshot has that generation already. A store that fails is noted, not raised."""
        if generation is not None and self._built_from.generation >= generation:
            return
        try:
            await self._read_store()
        except OperatorError as error:
            self._store_failed(error)
        if self._rows is not self._built_from:  # whoever gets here first publishes: no `await` between the question and the deed
            self._publish()

    async def _opened(self) -> Store:
        async with self._opening:
            if self._store is None:
                self._store = await asyncio.to_thread(self._open_store)
                self._tasks.append(asyncio.create_task(listen(self._store.engine, self._hear)))
            return self._store

    async def _read_store(self) -> None:
        store = await self._opened()
        async with self._lock:
            before = self._rows
            self._rows = await asyncio.to_thread(store.changes, before)
            self._complete = True
        if self._store_problem:
            log.info("the store is usable again")
            self._store_problem = ""
        for id, why in self._rows.broken.items():
            if before.broken.get(id) != why:
                log.error("stored provider key %s is not used: %s", id, why)

    def _store_failed(self, error: OperatorError) -> None:
        if self._store_problem != error.message:
            log.error("%s The last snapshot stays in use.", error.message)
        self._store_problem = error.message

    # ── the snapshot ─────────────────────────────────────────────────────────────────────────────────────

    def _publish(self) -> None:
        self.snapshot = self._rebuilt()
        for changed in self.on_change:
            changed(self.snapshot)

    def rebuild(self) -> None:
        """Build the snapshot again from what is at hand, after something outside config and store changed (an issuer's signing keys)."""
        self._publish()

    def _rebuilt(self) -> Snapshot:
        """Rows that did not change keep what was made of them."""
        rows, before = self._rows, self._built_from
        self._providers = _made(rows.providers, before.providers, self._providers, provider_of)
        self._built_from = rows
        grants = {key.hash: key.grant for key in rows.keys.values()}
        providers = [provider for provider in self._providers.values() if provider is not None]
        return self._build(self.settings, providers, grants, self._complete)

    # ── watching ─────────────────────────────────────────────────────────────────────────────────────────

    async def _watch(self) -> None:
        while True:
            self._told.clear()
            try:
                generation, signature = await asyncio.to_thread(self._look)
                if generation != self._rows.generation:
                    await self.refresh()
                if signature != self._signature:
                    await self.reload()
            except OperatorError as error:
                self._store_failed(error)
            except Exception:
                log.exception("watching the config and the store failed; it goes on")
            await asyncio.sleep(SPACING_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), self._poll - SPACING_SECONDS)

    def _hear(self, generation: int | None) -> None:
        """The store says that it was changed; None where it cannot say how far."""
        if generation is None or generation > self._rows.generation:
            self._told.set()

    def _look(self) -> tuple[int | None, object]:
        """The store's generation (None where it could not be asked before) and the config's files, in one visit to a thread."""
        return (None if self._store is None or self._store_problem else self._store.generation()), self._sign()

    def _sign(self) -> object:
        """Changes when a watched file does. A file replaced by renaming has a new inode."""
        seen: list[tuple[int, int, int] | None] = []
        for path in self._files:
            try:
                stat = os.stat(path)
                seen.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
            except OSError:
                seen.append(None)
        return seen


def _made(rows: Mapping[str, R], before: Mapping[str, R], made: Mapping[str, T], make: Callable[[R], T]) -> dict[str, T]:
    return {id: made[id] if before.get(id) is row else make(row) for id, row in rows.items()}


def live_of(
    path: str | Path | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, Any] | None = None,
    *,
    tokens: Callable[[Settings], TokenVerifier | None] = lambda settings: None,
    poll: float = POLL_SECONDS,
) -> Live:
    """The `Live` of a config file (or none), this environment and the store they name. Where the store is, is read at the start only.

    `tokens` gives the verifier of the settings' issuer, the same one for as long as those do not change.
    """
    from .load import load
    from .snapshot import build

    def built(settings: Settings, stored: Sequence[Provider], grants: Mapping[bytes, Grant], complete: bool) -> Snapshot:
        return build(settings, environ, stored, grants, complete, tokens(settings))

    def reading() -> Settings:
        return load(path, environ, overrides=overrides)

    def opening() -> Store:
        return open_store(live.settings, environ)

    files = [Path(path).expanduser()] if path else []
    live = Live(load=reading, build=built, open_store=opening, store_is_new=store_is_new, files=files, poll=poll)
    return live


def open_store(settings: Settings, environ: Mapping[str, str]) -> Store:
    """The store these settings name. Blocks; raises OperatorError."""
    base = Path(settings.path).expanduser().absolute().parent if settings.path else Path()
    return Store.open(settings.storage_url, Path(settings.data), master_key=settings.storage.master_key, environ=environ, base=base)


def store_is_new(settings: Settings) -> bool:
    """Whether the store is known to hold nothing yet, so that the start need not wait for it."""
    return is_new(settings.storage_url)
