"""`trunkline demo`, which is `make run`, with the real model."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.server.process import children, environment_with_model, gone, run, trunkline, wait_until
from trunkline.cli import demo

CONFIG = '[server]\nport = 0\n[providers.local]\nkind = "local"\nthreads = 1\n'


@pytest.fixture
def config(tmp_path: Path) -> list[str]:
    (tmp_path / "c.toml").write_text(CONFIG)
    return ["--config", str(tmp_path / "c.toml"), "--data", str(tmp_path / "data")]


def test_once_streams_a_real_answer_and_leaves_nothing_running(config: list[str]) -> None:
    done = run("demo", "--once", *config, environment=environment_with_model())
    assert done.returncode == 0, done.stderr
    ready, _, asked, answer, *_ = done.stdout.splitlines()
    assert ready.startswith("trunkline ready on http://127.0.0.1:")
    assert asked == f"> {demo.PROMPT}"
    assert len(answer.split()) > 3
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(ready.rpartition(":")[2])), 5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_it_stays_up_until_told_and_takes_the_gateway_with_it(config: list[str], number: signal.Signals) -> None:
    with trunkline("demo", *config, environment=environment_with_model(), start_new_session=True) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith("Try next"))
        assert line
        (server,) = children(process.pid)
        os.killpg(process.pid, number)
        assert process.wait(20) == 0
        wait_until(lambda: gone(server), "the gateway has ended")


def test_a_gateway_that_does_not_start_is_its_failure(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[server]\nprt = 1\n")
    done = run("demo", "--once", "--config", str(tmp_path / "c.toml"), "--data", str(tmp_path))
    assert done.returncode == 1
    assert "server.prt is not a setting" in done.stderr


def test_a_model_that_does_not_answer_is_its_failure(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(f'[server]\nport = 0\n[providers.local]\nkind = "local"\nmodel = "{tmp_path}/none.gguf"\n')
    done = run("demo", "--once", "--config", str(tmp_path / "c.toml"), "--data", str(tmp_path))
    assert done.returncode == 1
    assert "trunkline: " in done.stderr


def test_a_taken_port_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert not demo.free(other.getsockname()[1])
