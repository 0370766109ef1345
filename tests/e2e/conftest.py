"""One gateway and one scripted upstream for the whole folder, and what must hold after every test.

Odd here: the gateway lives as long as the test run, as in production; each test leaves it to the next one, so a test that breaks it
fails there and then. After each: it still answers, its log has no traceback, and no provider's key stood in anything it said.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..serving import Gateway, Script, Upstream, gateway
from . import scripts
from .raw import Answer, Caller

SECRET = "the-providers-own-key"
"""Part of every provider key of the config."""

CONFIG = f"""
[providers.openai]
kind = "openai"
api_key = "sk-{SECRET}-openai"
base_url = "URL/v1"

[providers.anthropic]
kind = "anthropic"
api_key = "sk-ant-{SECRET}"
base_url = "URL"

[providers.cohere]
kind = "cohere"
api_key = "co-{SECRET}"
base_url = "URL"

[providers.hasty]
kind = "openai_compatible"
api_key = "sk-{SECRET}-hasty"
base_url = "URL/hasty/v1"
first_byte_timeout = 0.4
idle_timeout = 0.4

[providers.dead]
kind = "openai_compatible"
api_key = "sk-{SECRET}-dead"
base_url = "http://127.0.0.1:9/v1"

[models.fast]
targets = ["hasty/first", "openai/second"]
"""


class Stage:
    """The gateway, the upstream behind it, and everything the gateway said in this test."""

    def __init__(self, gateway: Gateway, upstream: Upstream) -> None:
        self.gateway, self.upstream = gateway, upstream
        self.heard: list[bytes] = []

    @property
    def url(self) -> str:
        return self.gateway.url

    def plays(self, script: Script) -> None:
        """What the upstream does from now on."""
        self.upstream.script = script

    def caller(self) -> Caller:
        return Caller(self.gateway.port, self.heard)

    def ask(self, body: Any, path: str = "/v1/chat/completions", **headers: str) -> Answer:
        """One request on a connection of its own."""
        with self.caller() as caller:
            return caller.post(body, path, **headers).answer()

    def raw(self, data: bytes) -> Answer:
        with self.caller() as caller:
            return caller.send(data).answer()


def chat(model: str = "openai/gpt-4o-mini", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], **fields}


async def _silent(connection: Any, asked: Any) -> None:
    raise AssertionError("this test does not expect a call upstream")


@contextlib.contextmanager
def staged(folder: Path, config: str = CONFIG, **options: Any) -> Iterator[Stage]:
    with Upstream(_silent) as upstream, gateway(folder, config.replace("URL", upstream.url), **options) as running:
        yield Stage(running, upstream)


@contextlib.contextmanager
def checked(stage: Stage) -> Iterator[Stage]:
    """One test on that stage."""
    stage.heard.clear()
    stage.upstream.asked.clear()
    stage.upstream.hung_up.clear()
    stage.plays(scripts.obedient)
    begun = len(stage.gateway.log)
    yield stage
    stage.plays(scripts.obedient)
    assert stage.gateway.process.poll() is None, stage.gateway.log
    assert stage.ask(chat()).status == 200, "the gateway must answer as before"
    log = stage.gateway.log[begun:]
    assert "Traceback" not in log, log
    assert "failed inside the gateway" not in log, log
    everything = b"".join(stage.heard)
    assert SECRET.encode() not in everything, "a provider's key was told"
    assert SECRET not in log, "a provider's key was logged"
    for mark in (b"Traceback", b'File "', b".py"):
        assert mark not in everything, "the gateway's own workings were told"


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("e2e")) as stage:
        yield stage


@pytest.fixture
def stage(running: Stage) -> Iterator[Stage]:
    with checked(running) as stage:
        yield stage
