"""Processes as a test sees them: what they print, whether they are there, and waiting for either with a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving import Asked, Connection, clean_environment
from trunkline.local import models

PATIENCE = 20.0
"""Seconds a condition may take on a busy machine; none of them is expected to."""


def wait_until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"not within {seconds} seconds: {what}"
        time.sleep(0.01)


@contextlib.contextmanager
def trunkline(*arguments: str, environment: dict[str, str] | None = None, **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A `trunkline` of its own, its output in pipes; killed at the end where it still runs."""
    command = [sys.executable, "-m", "trunkline", *arguments]
    env = {**clean_environment(), **(environment or {})}
    more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    with subprocess.Popen(command, text=True, env=env, **more) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def run(*arguments: str, input: str = "", environment: dict[str, str] | None = None, **more: Any) -> subprocess.CompletedProcess[str]:
    """A `trunkline` that ends by itself."""
    env = {**clean_environment(), **(environment or {})}
    command = [sys.executable, "-m", "trunkline", *arguments]
    return subprocess.run(command, input=input, capture_output=True, text=True, env=env, timeout=60, check=False, **more)


def refused(port: int) -> bool:
    """Whether a new caller is turned away."""
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def workers(pid: int) -> list[int]:
    """The worker processes of a gateway with several."""
    return [child for child in children(pid) if b"spawn_main" in command_line(child)]


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def gone(pid: int) -> bool:
    """Whether the process has ended; one that nobody has reaped yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def stopped(pid: int) -> bool:
    """Whether SIGSTOP has arrived."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


# ── a caller, and an upstream that can be held back ──────────────────────────────────────────────────────

CHUNK = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":%s,"finish_reason":%s}]}\n\n'
)
BEGIN = CHUNK % (b'{"role":"assistant","content":"one"}', b"null")
END = CHUNK % (b'{"content":" two"}', b"null") + CHUNK % (b"{}", b'"stop"') + b"data: [DONE]\n\n"
WHOLE = (
    b'{"id":"c","object":"chat.completion","created":1,"model":"m",'
    b'"choices":[{"index":0,"message":{"role":"assistant","content":"one two"},"finish_reason":"stop"}]}'
)


class Held:
    """A script for `serving.Upstream`: answers when `release` is called, a stream's first chunk at once."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, connection: Connection, asked: Asked) -> None:
        self.loop = asyncio.get_running_loop()
        if json.loads(asked.body).get("stream"):
            await connection.begin()
            await connection.chunk(BEGIN)
            await self.event.wait()
            await connection.chunk(END)
            await connection.end()
        else:
            await self.event.wait()
            await connection.answer(200, WHOLE)

    def release(self) -> None:
        assert self.loop is not None, "nobody has asked yet"
        self.loop.call_soon_threadsafe(self.event.set)


async def at_once(connection: Connection, asked: Asked) -> None:
    """A script that answers."""
    await connection.answer(200, WHOLE)


def provider(url: str) -> str:
    """The config's table of an upstream; models are `up/…`."""
    return f'[providers.up]\nkind = "openai_compatible"\nbase_url = "{url}/v1"\n'


class Question:
    """A completion asked and not waited for."""

    def __init__(self, port: int, *, stream: bool = False, model: str = "up/m", path: str = "/v1/chat/completions") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "stream": stream, "max_tokens": 8}
        self.connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})

    def begun(self) -> http.client.HTTPResponse:
        """The answer, once its first event is there."""
        self.response = self.connection.getresponse()
        self.first = self.response.readline()
        return self.response

    def answer(self) -> tuple[int, bytes]:
        response = self.connection.getresponse()
        return response.status, response.read()


def ask(port: int, model: str = "up/m") -> tuple[int, bytes]:
    return Question(port, model=model).answer()


def environment_with_model() -> dict[str, str]:
    """The embedded model's file named, where it is there; skips where it is not."""
    pytest.importorskip("xllamacpp")
    found = models.find("", Path(__file__).parents[2] / "data")
    if found is None:
        pytest.skip("the embedded model's file is not there: run `trunkline models fetch`")
    return {"TRUNKLINE_LOCAL_MODEL": os.fspath(found)}
