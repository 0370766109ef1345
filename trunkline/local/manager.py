"""Starts the local model's process, watches it, and says where it listens.

Odd here: all workers of a gateway share one child, since a model in memory and a processor's cores are not worth having twice.
A lock file in DATA/local makes one worker start it; a file beside the lock tells the others where it is; and each keeps a lease
open, a connection by which the child knows that it is wanted and the worker knows that it lives. So the child ends with the last
worker, kill -9 or not, and a crash is noticed by every worker at once.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from msgspec import Struct

from ..errors import OperatorError, UpstreamError
from ..secret import Secret
from . import child, models
from .lease import Lease, locked
from .settings import Settings

INSTALL = "pip install 'trunkline[local]'"
CRASHES = 3
CRASH_WINDOW_SECONDS = 60.0
STOP_SECONDS = 3.0
NOTICE_SECONDS = 0.1
"""A dead child's connections close one after the other: so long the lease may outlast an answer."""


class Endpoint(Struct, frozen=True):
    """Where the model answers OpenAI's format: base_url + /chat/completions, with the key as a bearer token."""

    base_url: str
    api_key: Secret
    model: str


class LocalModel:
    """One provider of kind local. Belongs to one event loop.

    `options` are the provider's (see `Settings`); ConfigError where they are wrong. Nothing starts before `ready`.
    """

    def __init__(self, options: Mapping[str, str], data_dir: Path) -> None:
        self.settings = Settings.read(options)
        self._data = data_dir
        self._file: Path | None = None
        self._lease: Lease | None = None
        self._endpoint: Endpoint | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._starting: asyncio.Task[Endpoint] | None = None
        self._crashes: list[float] = []
        self._state = "stopped"
        self._error = ""

    async def ready(self) -> Endpoint:
        """Where to send a completion; starts the model first where it is not running.

        Raises OperatorError (503, local_model_missing) with the command to run where the library or the file is not installed,
        UpstreamError local_model_crashed (502) with the end of the child's standard error where it does not come up or came down
        too often, local_model_timeout (504) where it is not ready within `start_timeout` seconds.
        """
        if self._endpoint is not None and self._alive():
            return self._endpoint
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._begin())
            self._starting.add_done_callback(_looked_at)
        return await asyncio.shield(self._starting)  # a caller who hangs up does not stop it for the others

    async def explain(self, error: UpstreamError) -> UpstreamError:
        """The crash, where `error` (a broken connection, say) came of one; else `error`. Call it when a completion broke off."""
        if self._endpoint is None or self._lease is None or not await self._lease.ended_within(NOTICE_SECONDS):
            return error
        return self._crashed("the local model's process ended in the middle of the answer")

    def status(self) -> dict[str, Any]:
        """For probes and the console: state (stopped, starting, ready, crashed, failed), model, pid, crashes lately, last error."""
        alive = self._alive()
        return {
            "state": "crashed" if self._state == "ready" and not alive else self._state,
            "model": self.settings.alias,
            "pid": self._lease.place.pid if self._lease and alive else None,
            "crashes": len(self._crashes),
            "error": self._error or None,
        }

    async def stop(self) -> None:
        """Give the lease back. The child ends when no worker holds one; where we started it we wait for that a moment."""
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        process, self._process = self._process, None
        await self._drop_lease()
        self._state = "stopped"
        if process is not None:
            with suppress(subprocess.TimeoutExpired):  # other workers still hold it: it ends with the last of them
                await asyncio.to_thread(process.wait, STOP_SECONDS)

    # ── starting ─────────────────────────────────────────────────────────────────────────────────────────

    async def _begin(self) -> Endpoint:
        if self._endpoint is not None:
            self._crashes.append(time.monotonic())
            await self._drop_lease()
        self._refuse_restarts()
        self._state = "starting"
        try:
            self._endpoint = await self._start()
        except (OperatorError, UpstreamError) as error:
            self._state, self._error = "failed", error.message
            raise
        except asyncio.CancelledError:
            await self._give_up()
            raise
        self._state, self._error = "ready", ""
        return self._endpoint

    async def _start(self) -> Endpoint:
        model = self._installed()
        file = self._file = self._place_file(model)
        deadline = time.monotonic() + self.settings.start_timeout
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            async with locked(file.with_suffix(".lock"), deadline):
                lease = self._lease = await self._join(file) or await self._spawn(model, file)
            await lease.ready(deadline)
        except TimeoutError:
            await self._give_up()
            raise UpstreamError(
                f"the local model was not ready within {self.settings.start_timeout} s (its `start_timeout`)",
                code="local_model_timeout", status=504, type="timeout",
            ) from None  # fmt: skip
        except ConnectionError:
            await self._give_up()
            self._crashes.append(time.monotonic())
            raise self._crashed("the local model's process ended before it was ready") from None
        except OSError as error:
            raise OperatorError(f"cannot run the local model from {file.parent}: {error.strerror or error}") from error
        return Endpoint(f"http://127.0.0.1:{lease.place.port}/v1", Secret(lease.place.key), self.settings.alias)

    def _installed(self) -> Path:
        """The model's file, both it and the library being there."""
        missing = ""
        if os.name == "nt":
            missing = "the local model runs on Linux and macOS only; on Windows use WSL or a server such as Ollama"
        elif find_spec("xllamacpp") is None:
            missing = f"the local model needs the package xllamacpp: {INSTALL}"
        model = models.find(self.settings.model, self._data)
        if model is None:
            missing = missing or f"the local model's file is missing: {models.HINT}"
        if missing or model is None:
            raise OperatorError(missing, code="local_model_missing", status=503, try_next=True)
        return model

    def _place_file(self, model: Path) -> Path:
        """The file that tells where the child is; children with other settings have other files."""
        settings = f"{model.resolve()} {self.settings.alias} {self.settings.context} {self.settings.slots} {self.settings.cores}"
        return self._data.absolute() / "local" / f"{sha256(settings.encode()).hexdigest()[:16]}.json"

    async def _join(self, file: Path) -> Lease | None:
        """A lease of the child another worker started; None where there is none that lives."""
        place = child.recorded(file)
        if place is None:
            return None
        try:
            return await Lease.take(place)
        except OSError:
            return None

    async def _spawn(self, model: Path, file: Path) -> Lease:
        if self._process is not None:
            self._process.poll()  # reaped, where it was ours and is dead
        self._process, place = child.spawn(self.settings, model, file)
        return await Lease.take(place)

    # ── endings ──────────────────────────────────────────────────────────────────────────────────────────

    def _alive(self) -> bool:
        return self._lease is not None and self._lease.alive

    async def _drop_lease(self) -> None:
        lease, self._lease, self._endpoint = self._lease, None, None
        if lease is not None:
            await lease.close()

    async def _give_up(self) -> None:
        """A child of ours that did not come up is not left behind."""
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
            self._process = None
        await self._drop_lease()

    def _refuse_restarts(self) -> None:
        now = time.monotonic()
        self._crashes = [at for at in self._crashes if now - at < CRASH_WINDOW_SECONDS]
        if len(self._crashes) >= CRASHES:
            wait = CRASH_WINDOW_SECONDS - (now - self._crashes[0])
            error = self._crashed(f"the local model crashed {CRASHES} times within a minute and is left alone for {wait:.0f} s")
            error.retry_after = wait
            raise error

    def _crashed(self, what: str) -> UpstreamError:
        last = child.last_words(self._file) if self._file is not None else ""
        return UpstreamError(f"{what}{': ' + last if last else ''}", code="local_model_crashed", status=502)


def _looked_at(starting: asyncio.Task[Endpoint]) -> None:
    """All who waited may have hung up; a failure is then nobody's to read but `status`'s."""
    if not starting.cancelled():
        starting.exception()
