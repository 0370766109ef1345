"""The real model, started once; skipped where its file is not there (`make install` fetches it)."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import select
import socket
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from trunkline.local import Endpoint, LocalModel, models

T = TypeVar("T")
DATA = Path(__file__).parents[2] / "data"


class Loop:
    """An event loop in a thread, so that leases are watched while a test talks to the model."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)


class Client:
    """Plain HTTP to a running child."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.port = int(endpoint.base_url.rpartition(":")[2].partition("/")[0])
        self.key = endpoint.api_key.reveal()

    def open(self, body: dict[str, Any] | bytes) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request("POST", "/v1/chat/completions", sent, {"authorization": f"Bearer {self.key}"})
        return connection.getresponse()

    def begin(self, body: dict[str, Any]) -> socket.socket:
        """A request sent and not waited for."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        sent = json.dumps(body).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {self.key}\r\ncontent-length: {len(sent)}\r\n\r\n"
        connection.sendall(head.encode() + sent)
        return connection

    def whole(self, **body: Any) -> dict[str, Any]:
        response = self.open(body)
        assert response.status == 200, response.read()
        return json.loads(response.read())

    def stream(self, **body: Any) -> list[dict[str, Any]]:
        lines = [line[6:].strip() for line in self.open({**body, "stream": True}) if line.startswith(b"data: ")]
        assert lines[-1] == b"[DONE]"
        return [json.loads(line) for line in lines[:-1]]


@pytest.fixture(scope="session")
def loop() -> Loop:
    return Loop()


@pytest.fixture(scope="session")
def model_file() -> str:
    path = models.find("", DATA)
    if path is None:
        pytest.skip(f"no model file in {DATA}/models: run `trunkline models fetch`")
    return str(path)


@pytest.fixture(scope="session")
def local(loop: Loop, model_file: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalModel]:
    model = LocalModel({"model": model_file}, tmp_path_factory.mktemp("data"))
    yield model
    loop.run(model.stop())


@pytest.fixture
def client(loop: Loop, local: LocalModel) -> Client:
    return Client(loop.run(local.ready()))


def gone(pid: int, within: float = 0.0) -> bool:
    """The process ended, or does within so many seconds. One that its parent has not reaped yet counts as ended."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], within)[0])
    finally:
        os.close(process)
