"""Several workers on one port: children that accept on one socket, and a parent that watches them.

Odd here: the parent serves nothing and never polls: it sleeps until a child says that it accepts, a child ends, or a signal comes. It
keeps the listening socket to hand it to a child that replaces a dead one, so it must let go of it to refuse new callers. And a child
whose parent is gone, kill -9 or not, sees the pipe between them end, and stops as if told to.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from ..errors import ConfigError, GatewayError
from .assembly import Boot
from .run import CLOSE_SECONDS, CUT_SECONDS, Server, announce, configure_logging
from .tallies import clear

log = logging.getLogger("trunkline")
_spawn = multiprocessing.get_context("spawn")

RESTARTS = 5
"""Deaths within `RESTART_SECONDS` after which the parent gives up: something is wrong that a restart does not mend."""
RESTART_SECONDS = 30.0
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


# ── a child ──────────────────────────────────────────────────────────────────────────────────────────────


def work(boot: Boot, listener: socket.socket, parent: Connection) -> None:
    """One child. Says "" once it accepts, or else why it does not, and ends with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure_logging()
    try:
        Child(boot, parent).run(sockets=[listener])
    except GatewayError as error:
        parent.send("\n".join(error.problems) if isinstance(error, ConfigError) else error.message)
        sys.exit(1)


class Child(Server):
    def __init__(self, boot: Boot, parent: Connection) -> None:
        super().__init__(boot, lambda: parent.send(""), supervised=True)
        self.parent = parent

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().add_reader(self.parent.fileno(), self._orphaned)
        await super().startup(sockets)

    def _orphaned(self) -> None:
        """The parent sends nothing, so that there is something to read means that it is gone."""
        asyncio.get_running_loop().remove_reader(self.parent.fileno())
        self.should_exit = True


# ── the parent ───────────────────────────────────────────────────────────────────────────────────────────


class Worker:
    """A child as its parent sees it."""

    def __init__(self, boot: Boot, listener: socket.socket) -> None:
        self.pipe, theirs = _spawn.Pipe()
        self.process: BaseProcess = _spawn.Process(target=work, args=(boot, listener, theirs))
        self.process.start()
        theirs.close()
        self.accepts = False
        self.problem = ""

    def listen(self) -> None:
        """Take what it says of its start."""
        try:
            self.problem = self.pipe.recv()
            self.accepts = not self.problem
        except (EOFError, OSError):
            self.problem = self.problem or "it ended while it started"

    def send(self, number: int) -> None:
        if self.process.is_alive() and self.process.pid is not None:
            os.kill(self.process.pid, number)

    @property
    def dead(self) -> bool:
        return not self.process.is_alive()


class Mailbox:
    """Signals, to be waited for beside children: a handler must not do anything itself but note the number."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, self._noted)

    def _noted(self, number: int, frame: FrameType | None) -> None:
        """Python writes the number to the wake-up pipe; that there is a handler is what it needs to do so."""

    def take(self) -> bytes:
        return os.read(self.reader, 64)


class Crew:
    """All workers of one gateway, from their start to their end."""

    def __init__(self, boot: Boot, listener: socket.socket, ready: Callable[[], None]) -> None:
        self.boot, self.listener = boot, listener
        self.ready = ready
        self.mailbox = Mailbox()
        self.status = 0
        self.deaths: list[float] = []
        self.announced = False
        self.until: float | None = None
        """When what has not stopped yet is killed; None while nothing is to stop."""
        self.workers = [Worker(boot, listener) for _ in range(boot.settings.server.workers)]

    def run(self) -> int:
        """0 after a clean stop; 1 where workers do not start or keep dying; 128 and the signal's number where a second one said at once."""
        while self.workers:
            starting: list[Connection] = [worker.pipe for worker in self.workers if not (worker.accepts or worker.problem)]
            sentinels = [worker.process.sentinel for worker in self.workers]
            timeout = None if self.until is None else max(0.0, self.until - time.monotonic())
            happened = wait([self.mailbox.reader, *starting, *sentinels], timeout)
            if self.mailbox.reader in happened:
                for number in self.mailbox.take():
                    self.heed(number)
            for worker in list(self.workers):
                if worker.pipe in happened:
                    worker.listen()
                if worker.dead:
                    self.bury(worker)
            if not self.announced and self.until is None and all(worker.accepts for worker in self.workers):
                self.announced = True
                self.ready()
            if self.until is not None and time.monotonic() >= self.until:
                self.kill()
        return self.status

    def heed(self, number: int) -> None:
        if number == signal.SIGHUP:
            self.tell(signal.SIGHUP)
        elif self.until is None:
            self.stop()
        elif self.status < 128:
            self.status = 128 + number
            self.tell(signal.SIGQUIT)
            self.until = time.monotonic() + CUT_SECONDS

    def stop(self) -> None:
        """Refuse new callers, and let answers finish."""
        self.listener.close()
        self.tell(signal.SIGTERM)
        self.until = time.monotonic() + self.boot.settings.server.drain_seconds + CUT_SECONDS + CLOSE_SECONDS

    def tell(self, number: int) -> None:
        for worker in self.workers:
            worker.send(number)

    def bury(self, worker: Worker) -> None:
        """A worker has ended: as told, or it is replaced, or that does not help any more."""
        worker.process.join()
        if not (worker.accepts or worker.problem):
            worker.listen()
        worker.pipe.close()
        self.workers.remove(worker)
        if self.until is not None:
            return
        if not self.announced:
            self.fail(worker.problem or f"a worker ended with status {worker.process.exitcode} while it started")
            return
        log.error("worker %s ended with status %s; starting another", worker.process.pid, worker.process.exitcode)
        for line in worker.problem.splitlines():
            log.error("it said: %s", line)
        now = time.monotonic()
        self.deaths = [at for at in self.deaths if now - at < RESTART_SECONDS] + [now]
        if len(self.deaths) > RESTARTS:
            self.fail(f"{len(self.deaths)} workers ended within {RESTART_SECONDS:.0f} seconds; giving up")
        else:
            self.workers.append(Worker(self.boot, self.listener))

    def fail(self, why: str) -> None:
        for line in why.splitlines():
            print(f"trunkline: {line}", file=sys.stderr)
        self.status = 1
        self.stop()

    def kill(self) -> None:
        for worker in self.workers:
            log.error("worker %s did not stop and is killed", worker.process.pid)
            worker.process.kill()
            worker.process.join()
        self.status = self.status or 1
        self.workers = []


def supervise(boot: Boot, listener: socket.socket, url: str) -> int:
    """Run the workers until told to stop. The status, as `Crew.run` says."""
    data = Path(boot.settings.data)
    clear(data, os.getpid())
    try:
        return Crew(boot, listener, lambda: announce(url)).run()
    finally:
        clear(data, os.getpid())
