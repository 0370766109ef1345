"""A PostgreSQL of the tests' own: a temporary directory, a free port, gone when the tests are.

PostgreSQL refuses to run as root, so there it runs as the user `postgres`. Where the server programs are missing, tests that need
it are skipped with `ABSENT`.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from functools import cache
from itertools import count
from pathlib import Path

BIN = Path(os.environ.get("TRUNKLINE_POSTGRES_BIN", "/usr/lib/postgresql/15/bin"))
ABSENT = f"no PostgreSQL server programs in {BIN} (or, as root, no user postgres); set TRUNKLINE_POSTGRES_BIN to run these tests on it"
_numbers = count()


def _account() -> str | None:
    """The user to run as; None for ourselves. KeyError when we are root and there is no user postgres."""
    if os.getuid() != 0:
        return None
    return pwd.getpwnam("postgres").pw_name


def present() -> bool:
    try:
        _account()
    except KeyError:
        return False
    return (BIN / "postgres").exists()


class Server:
    """One server. `stop()` and `start()` play an outage."""

    def __init__(self) -> None:
        self.user = _account()
        self.folder = Path(tempfile.mkdtemp(prefix="trunkline-pg-"))
        if self.user:
            shutil.chown(self.folder, self.user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "trunkline", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        self.start()
        atexit.register(self.remove)

    def start(self) -> None:
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder} -c shared_buffers=16MB -c max_connections=60"
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", "immediate", "stop")

    def remove(self) -> None:
        subprocess.run(
            self._command("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop"), capture_output=True, user=self.user
        )
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"t{next(_numbers)}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "trunkline", name)
        return f"postgresql://trunkline@127.0.0.1:{self.port}/{name}"

    def files(self) -> list[Path]:
        return [path for path in (self.folder / "data").rglob("*") if path.is_file()]

    def _command(self, program: str, *arguments: str) -> list[str]:
        return [str(BIN / program), *arguments]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            self._command(program, *arguments),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            user=self.user,
            cwd=self.folder,
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"


@cache
def shared() -> Server:
    """The server most tests share, each with a database of its own."""
    return Server()
