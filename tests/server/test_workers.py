"""Several workers as an init system and an operator meet them: one port, one ready line, one local model, and nobody left behind."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.server.process import (
    Held,
    Question,
    ask,
    at_once,
    children,
    environment_with_model,
    gone,
    provider,
    refused,
    stopped,
    trunkline,
    wait_until,
    workers,
)  # fmt: skip
from tests.serving import Gateway, Upstream, gateway

TWO = "--workers", "2"


@contextmanager
def alone(gw: Gateway, pid: int) -> Iterator[None]:
    """All other workers held still, so that this one must answer."""
    others = [other for other in workers(gw.process.pid) if other != pid]
    try:
        for other in others:
            os.kill(other, signal.SIGSTOP)
        wait_until(lambda: all(stopped(other) for other in others), "the others are held")
        yield
    finally:
        for other in others:
            os.kill(other, signal.SIGCONT)


def test_both_accept_when_the_one_ready_line_comes(tmp_path: Path) -> None:
    with Upstream(at_once) as upstream, gateway(tmp_path, provider(upstream.url), *TWO) as gw:
        pids = workers(gw.process.pid)
        assert len(pids) == 2
        for pid in pids:
            with alone(gw, pid):
                assert ask(gw.port)[0] == 200
        gw.process.send_signal(signal.SIGTERM)
        assert gw.process.wait(20) == 0
        assert gw.process.stdout is not None
        assert gw.process.stdout.read() == ""


def test_a_killed_worker_is_replaced_and_the_other_serves_meanwhile(tmp_path: Path) -> None:
    with Upstream(at_once) as upstream, gateway(tmp_path, provider(upstream.url), *TWO) as gw:
        killed, kept = workers(gw.process.pid)
        os.kill(killed, signal.SIGKILL)
        assert ask(gw.port)[0] == 200
        wait_until(lambda: len(set(workers(gw.process.pid)) - {killed}) == 2, "there are two again")
        (fresh,) = set(workers(gw.process.pid)) - {killed, kept}
        with alone(gw, fresh):
            assert ask(gw.port)[0] == 200
        assert f"worker {killed} ended with status -9; starting another" in gw.log


@pytest.mark.parametrize(
    ("number", "whom"), [(signal.SIGTERM, "the parent"), (signal.SIGTERM, "the group"), (signal.SIGINT, "the group")], ids=str
)
def test_a_stop_lets_answers_finish_refuses_new_callers_and_leaves_nobody(tmp_path: Path, number: signal.Signals, whom: str) -> None:
    """Also where everyone gets the signal, as a terminal's Ctrl-C and systemd do it."""
    held = Held()
    config = tmp_path / "c.toml"
    with Upstream(held) as upstream:
        config.write_text(provider(upstream.url))
        arguments = ["serve", "--config", str(config), "--data", str(tmp_path / "data"), "--port", "0", *TWO]
        with trunkline(*arguments, start_new_session=True) as process:
            assert process.stdout is not None
            port = int(process.stdout.readline().rpartition(":")[2])
            everyone = children(process.pid)
            stream = Question(port, stream=True)
            response = stream.begun()
            if whom == "the group":
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
            wait_until(lambda: refused(port), "new callers are refused")
            held.release()
            assert b"[DONE]" in response.read()
            assert process.wait(20) == 0
            wait_until(lambda: all(gone(pid) for pid in everyone), "nobody is left")


def test_after_drain_seconds_the_callers_are_told_and_the_status_is_0(tmp_path: Path) -> None:
    with Upstream(Held()) as upstream, gateway(tmp_path, "[server]\ndrain_seconds = 0.3\n" + provider(upstream.url), *TWO) as gw:
        response = Question(gw.port, stream=True).begun()
        gw.process.send_signal(signal.SIGTERM)
        assert b"shutting_down" in response.read()
        assert gw.process.wait(20) == 0


def test_a_second_signal_stops_all_at_once(tmp_path: Path) -> None:
    with Upstream(Held()) as upstream, gateway(tmp_path, "[server]\ndrain_seconds = 600\n" + provider(upstream.url), *TWO) as gw:
        everyone = children(gw.process.pid)
        response = Question(gw.port, stream=True).begun()
        gw.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refused(gw.port), "it is stopping")
        gw.process.send_signal(signal.SIGTERM)
        assert gw.process.wait(10) == 128 + signal.SIGTERM
        assert b"shutting_down" in response.read()
        wait_until(lambda: all(gone(pid) for pid in everyone), "nobody is left")


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    with gateway(tmp_path, "", *TWO) as gw:
        everyone = children(gw.process.pid)
        gw.process.kill()
        wait_until(lambda: all(gone(pid) for pid in everyone), "nobody is left")
        assert refused(gw.port)


def test_sighup_reaches_every_worker(tmp_path: Path) -> None:
    with Upstream(at_once) as first, Upstream(at_once) as second:
        address = tmp_path / "address"
        address.write_text(f"{first.url}/v1")
        with gateway(tmp_path, '[providers.up]\nkind = "openai_compatible"\nbase_url = "file:address"\n', *TWO) as gw:
            address.write_text(f"{second.url}/v1")
            gw.process.send_signal(signal.SIGHUP)
            wait_until(lambda: gw.log.count("config reloaded") == 2, "both say that they have")
            for pid in workers(gw.process.pid):
                with alone(gw, pid):
                    assert ask(gw.port)[0] == 200
        assert (len(first.asked), len(second.asked)) == (0, 2)


def test_all_workers_share_one_local_model_and_it_ends_with_them(tmp_path: Path) -> None:
    with gateway(tmp_path, '[providers.local]\nkind = "local"\nthreads = 1\n', *TWO, environment=environment_with_model()) as gw:
        for pid in workers(gw.process.pid):
            with alone(gw, pid):
                status, body = ask(gw.port, "local")
                assert status == 200, body
        (place,) = (tmp_path / "data" / "local").glob("*.json")
        model = json.loads(place.read_text())["pid"]
        assert [child for pid in workers(gw.process.pid) for child in children(pid)] == [model]
        gw.process.send_signal(signal.SIGTERM)
        assert gw.process.wait(20) == 0
        wait_until(lambda: gone(model), "the model has ended")


def test_workers_that_keep_dying_are_given_up(tmp_path: Path) -> None:
    with gateway(tmp_path, "", *TWO) as gw:
        dead: set[int] = set()
        while gw.process.poll() is None and len(dead) < 20:
            for pid in set(workers(gw.process.pid)) - dead:
                os.kill(pid, signal.SIGKILL)
                dead.add(pid)
        assert gw.process.wait(20) == 1
        assert re.search(r"\d+ workers ended within 30 seconds; giving up", gw.log)
