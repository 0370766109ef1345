"""The parts of one worker, put together, started and stopped.

Odd here: nothing is global. `Boot` is what the command line said (it crosses to worker processes, so it holds no secret and reads the
config anew there), `Assembly` is everything made of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config.live import live_of
from ..config.load import load
from ..config.schema import Settings
from ..config.snapshot import Snapshot
from ..credentials import Credentials
from ..dialects import dialect
from ..errors import OperatorError
from ..gateway import Gateway
from ..meter import Meter
from ..providers import KINDS
from ..routing.resolve import resolve
from ..target import Timeouts
from ..upstream import Egress, Upstream
from ..vault import Vault
from ..wire import HttpRequest
from .state import State
from .tallies import EVERY, Now, Tallies, folder

if TYPE_CHECKING:
    from ..oidc import Issuer

log = logging.getLogger("trunkline")


AFTER_START = 1.0
"""Seconds until what was left out of the start for its speed is caught up on."""


class Boot:
    """What the command line said."""

    def __init__(self, config: str | None, host: str | None, port: int | None, data: str | None, workers: int | None) -> None:
        self.config = config
        self.overrides = {"host": host, "port": port, "data": data, "workers": workers}
        self._settings: Settings | None = None

    def load(self) -> Settings:
        """Read the config. ConfigError with every problem."""
        return load(self.config, os.environ, overrides=self.overrides)

    @property
    def settings(self) -> Settings:
        """As read first; secrets stay in this process."""
        if self._settings is None:
            self._settings = self.load()
        return self._settings

    def __getstate__(self) -> dict[str, Any]:
        return {"config": self.config, "overrides": self.overrides, "_settings": None}


def egress_of(settings: Settings) -> Egress:
    """`private_addresses = "auto"`: only in open mode on loopback may a caller's URLs be private. Metadata addresses need "allow"."""
    match settings.egress.private_addresses:
        case "allow":
            return Egress(private=True, metadata=True)
        case "deny":
            return Egress()
        case _:
            return Egress(private=settings.auth.mode == "open" and settings.server.local)


class Assembly:
    """`crew`: the number of the parent, where this is one of several workers."""

    def __init__(self, boot: Boot, crew: int | None = None) -> None:
        self.boot = boot
        settings = boot.settings
        self.tallies = Tallies(folder(Path(settings.data), crew) if crew is not None else None)
        self.upstream = Upstream(egress=egress_of(settings))
        self.credentials = Credentials(self.upstream.fetch)
        self.issuer: Issuer | None = _issuer(settings)
        self.live = live_of(boot.config, os.environ, overrides=boot.overrides, tokens=lambda settings: self.issuer)
        self.gateway = Gateway(self.live, self.upstream, self.credentials, Vault())
        if not settings.telemetry.metrics:
            self.gateway.meter = None
        self.state = State(self.gateway, int(settings.server.max_body_mb * 1024 * 1024))
        self.stopping = False
        self._local_options: dict[str, Mapping[str, str]] = {}
        self._tasks: list[asyncio.Task[Any]] = []

    # ── starting and stopping ────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """ConfigError or OperatorError where it must not start."""
        settings = self.boot.settings
        make_data(Path(settings.data))
        await self.live.start()
        self.live.on_change.append(self._changed)
        self._changed(self.live.snapshot)
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(signal.SIGHUP, self._hangup)
        if self.issuer is not None:
            self._tasks.append(asyncio.create_task(self.issuer.run(self._get)))
        for provider in self.live.snapshot.providers:
            if provider.kind == "local" and provider.options.get("load") == "start":
                self._tasks.append(asyncio.create_task(self._warm(provider.name)))
        self._tasks.append(asyncio.create_task(self._foresee()))
        if self.tallies.shared is not None and self.gateway.meter is not None:
            self._tasks.append(asyncio.create_task(self._share(self.gateway.meter)))
        settle()

    async def stop(self) -> None:
        self.stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for model in self.gateway.locals.values():
            await model.stop()
        await self.live.stop()
        await self.credentials.close()
        await self.upstream.aclose()

    # ── metrics ──────────────────────────────────────────────────────────────────────────────────────────

    def doing(self) -> Now:
        idle, busy = self.upstream.connections()
        return Now(len(self.state.running), len(self.state.streams), idle, busy, self.live.healthy)

    async def _share(self, meter: Meter) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await asyncio.to_thread(self.tallies.write, meter.tally, self.doing())
            except OSError as error:
                log.warning("this worker's metrics cannot be written to %s: %s", self.tallies.shared, error.strerror or error)

    # ── what follows the config ──────────────────────────────────────────────────────────────────────────

    def _hangup(self) -> None:
        self._keep(asyncio.ensure_future(self.live.reload()))

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.append(task)
        task.add_done_callback(lambda done: self._tasks.remove(done) if done in self._tasks else None)

    def _changed(self, snapshot: Snapshot) -> None:
        """Local models follow the config: a new one may be asked for, a changed one starts anew when it is."""
        from ..local import LocalModel

        if any(table.strategy == "cheapest" for table in snapshot.aliases.values()):
            self._keep(asyncio.ensure_future(self._price(snapshot)))
        for provider in snapshot.providers:
            if provider.kind != "local":
                continue
            if self._local_options.get(provider.name) != provider.options:
                self._local_options[provider.name] = provider.options
                self.gateway.locals[provider.name] = LocalModel(provider.options, Path(self.boot.settings.data))

    async def _price(self, snapshot: Snapshot) -> None:
        """Look up what the targets of aliases that go by price cost. An unknown price sorts last."""
        self.gateway.costs = await asyncio.to_thread(_costs, snapshot)

    async def _foresee(self) -> None:
        """Import the dialects that this config's providers speak: else the first request to each would, and all others wait for it."""
        await asyncio.sleep(AFTER_START)
        kinds = {provider.kind for provider in self.live.snapshot.providers}
        for name in sorted({KINDS[kind].dialect for kind in kinds} | ({"anthropic_messages"} if "vertex" in kinds else set())):
            await asyncio.to_thread(dialect, name)

    async def _warm(self, name: str) -> None:
        try:
            await self.gateway.local(name).ready()
        except Exception as error:
            log.error("the local model %s did not start: %s", name, getattr(error, "message", error))

    async def _get(self, url: str) -> bytes:
        response = await self.upstream.fetch(HttpRequest("GET", url), Timeouts(5, 10, 10))
        if response.status != 200:
            from ..errors import UpstreamError

            raise UpstreamError(f"{url} answered {response.status}")
        return response.body


def make_data(folder: Path) -> None:
    """The data directory; where it is new, for this user alone, since the master key and the database lie there. OperatorError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(f"cannot make the data directory {folder}: {error.strerror or error}; choose another with --data") from None


def settle() -> None:
    """Tell the collector that what was imported stays, and to look less often: requests leave no cycles, and a look costs 7 % of one."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    sys.setswitchinterval(0.0005)  # a thread that looks into the store must not hold up a first token for the usual 5 ms


def _costs(snapshot: Snapshot) -> dict[str, float]:
    from ..chat import Usage
    from ..registry import price

    usage = Usage(prompt=1000, completion=1000)
    costs = {}
    for name, table in snapshot.aliases.items():
        if table.strategy == "cheapest":
            for target in resolve(snapshot, name):
                cost = price(target.kind, target.model, usage, snapshot.settings.prices, provider=target.provider, base_url=target.base_url)
                if cost is not None:
                    costs[target.name] = float(cost)
    return costs


def _issuer(settings: Settings) -> Issuer | None:
    table = settings.auth.oidc
    if settings.auth.mode != "oidc" or table is None:
        return None
    import msgspec

    from ..oidc import Issuer, Rules

    return Issuer(Rules(**msgspec.structs.asdict(table)))
