"""Several workers on one port: children that accept on one socket, and a parent that watches them.

Odd here: the parent serves nothing. It hands each child the listening socket, waits until each has said that it accepts, prints the
ready line, starts a child again that died, and passes a stop on to all.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import socket
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from .assembly import Boot

log = logging.getLogger("trunkline")
_spawn = multiprocessing.get_context("spawn")

RESTARTS = 5
"""Deaths within `RESTART_SECONDS` after which the parent gives up: something is wrong that a restart does not mend."""
RESTART_SECONDS = 30.0


def work(boot: Boot, listener: socket.socket, started: Connection) -> None:
    """One child."""
    from .run import Server, configure_logging, worker_config

    configure_logging()

    class Child(Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started.send(self.started)

    Child(worker_config(boot)).run(sockets=[listener])


class Worker:
    def __init__(self, boot: Boot, listener: socket.socket) -> None:
        self.ready, theirs = _spawn.Pipe(duplex=False)
        self.process: BaseProcess = _spawn.Process(target=work, args=(boot, listener, theirs))
        self.process.start()
        theirs.close()

    def started(self) -> bool:
        """Wait until it accepts requests; False where it ended before."""
        try:
            return bool(self.ready.recv())
        except EOFError:
            return False


def supervise(boot: Boot, listener: socket.socket, url: str) -> int:
    """0 after a clean stop; 1 where workers do not start or keep dying."""
    stop = threading.Event()
    hangup = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    signal.signal(signal.SIGHUP, lambda *_: hangup.set())
    workers = [Worker(boot, listener) for _ in range(boot.settings.server.workers)]
    status = 0
    deaths: list[float] = []
    if all([worker.started() for worker in workers]):
        print(f"trunkline ready on {url}", flush=True)
    else:
        status = 1
        stop.set()
    while not stop.wait(0.2):
        if hangup.is_set():
            hangup.clear()
            for worker in workers:
                _signal(worker, signal.SIGHUP)
        for index, worker in enumerate(workers):
            if worker.process.is_alive():
                continue
            log.error("worker %s ended with status %s; starting another", worker.process.pid, worker.process.exitcode)
            now = time.monotonic()
            deaths = [at for at in deaths if now - at < RESTART_SECONDS] + [now]
            if len(deaths) > RESTARTS:
                log.error("%d workers ended within %.0f seconds; giving up", len(deaths), RESTART_SECONDS)
                status = 1
                stop.set()
                break
            workers[index] = Worker(boot, listener)
    for worker in workers:
        _signal(worker, signal.SIGTERM)
    until = time.monotonic() + boot.settings.server.drain_seconds + 10
    for worker in workers:
        worker.process.join(max(0.1, until - time.monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
            status = 1
    return status


def _signal(worker: Worker, number: int) -> None:
    if worker.process.is_alive() and worker.process.pid is not None:
        import os

        os.kill(worker.process.pid, number)
