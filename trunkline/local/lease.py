"""A worker's hold on the local model's process: a connection that both sides watch.

Odd here: nothing is ever sent on it after the first line. The child ends when its last lease closes; a worker knows that the
child died when its lease ends. The kernel closes both ends however their owners die, so nobody has to keep a list of processes.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

LOCK_POLL_SECONDS = 0.05


class Place(Struct, frozen=True):
    """Where a child listens; stored in a file that only its user may read."""

    port: int
    key: str
    pid: int


class Lease:
    def __init__(self, place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.place = place
        self._writer = writer
        self._ready = asyncio.Event()
        self._watch = asyncio.create_task(self._watching(reader))

    @classmethod
    async def take(cls, place: Place) -> Lease:
        """Raises OSError where nobody listens. A child that still loads takes it when it is ready."""
        reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
        writer.write(f"GET /lease HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {place.key}\r\n\r\n".encode())
        return cls(place, reader, writer)

    @property
    def alive(self) -> bool:
        return not self._watch.done()

    async def ready(self, deadline: float) -> None:
        """Until the model is ready. Raises TimeoutError at `deadline` (monotonic), ConnectionError where the child ended."""
        waiting = asyncio.create_task(self._ready.wait())
        try:
            timeout = max(0.0, deadline - time.monotonic())
            done, _ = await asyncio.wait({waiting, self._watch}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if not done:
            raise TimeoutError
        if not self.alive:
            raise ConnectionError("the lease ended")

    async def ended_within(self, seconds: float) -> bool:
        await asyncio.wait({self._watch}, timeout=seconds)
        return not self.alive

    async def close(self) -> None:
        self._watch.cancel()
        self._writer.transport.abort()
        await asyncio.gather(self._watch, return_exceptions=True)

    async def _watching(self, reader: asyncio.StreamReader) -> None:
        """Ends when the other side does, or is not ours (a stranger on a port that a dead child had)."""
        try:
            if not (await reader.readline()).startswith(b"HTTP/1.1 200"):
                return
            while line := await reader.readline():
                if b'"ready":true' in line:
                    self._ready.set()
        except (OSError, ValueError):
            pass
        finally:
            self._writer.transport.abort()


@asynccontextmanager
async def locked(path: Path, deadline: float) -> AsyncIterator[None]:
    """Hold the lock file: one worker at a time looks for a child and starts one. TimeoutError at `deadline` (monotonic).

    The lock goes with the process that holds it, so a worker that is killed leaves none behind.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if sys.platform != "win32":
            import fcntl

            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise TimeoutError from None
                    await asyncio.sleep(LOCK_POLL_SECONDS)
        yield
    finally:
        os.close(file)
