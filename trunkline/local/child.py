"""The child as the operating system sees it: started with a socket and a key, found again by a file, read after its death.

Odd here: the parent makes the listening socket, so the port is known before the child runs, and who connects early waits in the
socket's queue instead of being refused.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

import msgspec

from .lease import Place
from .settings import Settings

LOG_LINES = 5
LOG_BYTES = 4096


def spawn(settings: Settings, model: Path, file: Path) -> tuple[subprocess.Popen[bytes], Place]:
    """Start a child and write where it listens to `file`, readable by this user only. Its standard error goes to the log beside it.

    Raises OSError where the folder cannot be written or the process cannot be started.
    """
    command = [sys.executable, "-m", "trunkline.local.server", "--model", str(model.resolve()), "--alias", settings.alias]
    command += ["--context", str(settings.context), "--slots", str(settings.slots), "--threads", str(settings.cores)]
    with socket.socket() as listener, log_of(file).open("wb") as log:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        fd = listener.fileno()
        process = subprocess.Popen(
            [*command, "--fd", str(fd)],
            pass_fds=(fd,),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,  # Ctrl-C in the gateway's terminal is not for it: running answers may finish
            env=environment(),
        )
        place = Place(listener.getsockname()[1], secrets.token_urlsafe(32), process.pid)
    assert process.stdin is not None
    with process.stdin as pipe:
        pipe.write(place.key.encode() + b"\n")
    written = file.with_suffix(f".{os.getpid()}")
    written.touch(mode=0o600)
    written.write_bytes(msgspec.json.encode(place))
    written.replace(file)
    return process, place


def recorded(file: Path) -> Place | None:
    """Where a child was last known to listen; None where the file is absent or unreadable."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Place)
    except (OSError, msgspec.DecodeError):
        return None


def log_of(file: Path) -> Path:
    return file.with_suffix(".log")


def last_words(file: Path) -> str:
    """The end of the child's standard error, on one line; "" where it said nothing."""
    try:
        text = log_of(file).read_bytes()[-LOG_BYTES:].decode(errors="replace")
    except OSError:
        return ""
    return " | ".join(line.strip() for line in text.splitlines()[-LOG_LINES:] if line.strip())


def environment() -> dict[str, str]:
    """Ours, and the place this package was imported from, which a child does not know when we run from a checkout."""
    root = str(Path(__file__).parents[2])
    known = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{known}" if known else root}
