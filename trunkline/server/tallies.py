"""The numbers of several workers as those of one gateway.

Odd here: whoever asks reaches one worker, any of them, and must be told of all; and a counter must never fall, also when a worker has
died and been replaced. So each worker writes its numbers into a file once a second, under its parent's number in the data directory, and
adds up whatever lies there when it is asked. The dead ones' files stay until the parent ends. A worker alone writes nothing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import msgspec
from msgspec import Struct

from ..meter import Tally

EVERY = 1.0
"""Seconds between two writings."""


class Now(Struct):
    """What a worker is doing at this moment."""

    in_flight: int = 0
    streams: int = 0
    idle: int = 0
    busy: int = 0
    """Connections to upstreams."""
    store_up: bool = True


class Worker(Struct):
    tally: Tally
    now: Now
    alive: bool = True
    pid: int = 0


_decoder = msgspec.msgpack.Decoder(Worker)
_encode = msgspec.msgpack.Encoder().encode


def folder(data: Path, parent: int) -> Path:
    """Where the workers of this parent write."""
    return data / "metrics" / str(parent)


class Tallies:
    """One worker's view. `shared` is its `folder`, None where it is alone."""

    def __init__(self, shared: Path | None) -> None:
        self.shared = shared
        self._last = b""

    def write(self, tally: Tally, now: Now) -> None:
        """Put the numbers where the others find them; nothing where they have not changed. May block on the disk."""
        assert self.shared is not None
        data = _encode(Worker(tally, now, pid=os.getpid()))
        if data == self._last:
            return
        self.shared.mkdir(parents=True, exist_ok=True)
        path = self.shared / str(os.getpid())
        path.with_suffix(".new").write_bytes(data)
        path.with_suffix(".new").replace(path)
        self._last = data

    def all(self, tally: Tally, now: Now) -> list[Worker]:
        """This worker's numbers, which it gives, and those of the others. May block on the disk."""
        workers = [Worker(tally, now, pid=os.getpid())]
        for path in sorted(self.shared.glob("[0-9]*")) if self.shared is not None else ():
            if not path.name.isdecimal() or path.name == str(os.getpid()):
                continue
            with contextlib.suppress(OSError, msgspec.DecodeError):
                worker = _decoder.decode(path.read_bytes())
                worker.alive = lives(worker.pid)
                workers.append(worker)
        return workers


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


def clear(data: Path, parent: int) -> None:
    """Throw away what the workers of this parent wrote, and what parents that are no more have left."""
    for found in (data / "metrics").glob("[0-9]*"):
        if found.name.isdecimal() and (int(found.name) == parent or not lives(int(found.name))):
            shutil.rmtree(found, ignore_errors=True)
    with contextlib.suppress(OSError):  # it is not there, or others' are
        (data / "metrics").rmdir()
