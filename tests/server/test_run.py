"""`trunkline serve` as an init system and an operator meet it: ready, reload, stop, and what it says where it cannot start."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sqlite3
import stat
import subprocess
from pathlib import Path

import pytest

from tests.server.process import Held, Question, ask, at_once, provider, refused, run, trunkline, wait_until
from tests.serving import READY, Upstream, gateway

STOPS = [signal.SIGTERM, signal.SIGINT]


def test_the_ready_line_is_all_that_standard_output_gets_and_comes_when_requests_are_answered(tmp_path: Path) -> None:
    with gateway(tmp_path) as gw:
        connection = http.client.HTTPConnection("127.0.0.1", gw.port, timeout=10)
        connection.request("GET", "/health/ready")
        assert connection.getresponse().status == 200
        gw.process.send_signal(signal.SIGTERM)
        assert gw.process.wait(20) == 0
        assert gw.process.stdout is not None
        assert gw.process.stdout.read() == ""
        assert gw.url == f"http://127.0.0.1:{gw.port}"
        assert "Traceback" not in gw.log


@pytest.mark.parametrize("number", STOPS, ids=lambda number: number.name)
def test_a_stop_lets_answers_finish_and_refuses_new_callers(tmp_path: Path, number: signal.Signals) -> None:
    held = Held()
    with Upstream(held) as upstream, gateway(tmp_path, provider(upstream.url)) as gw:
        whole, stream = Question(gw.port), Question(gw.port, stream=True)
        response = stream.begun()
        wait_until(lambda: len(upstream.asked) == 2, "both have reached the upstream")
        gw.process.send_signal(number)
        wait_until(lambda: refused(gw.port), "new callers are refused")
        assert gw.process.poll() is None
        held.release()
        assert b"[DONE]" in response.read()
        status, body = whole.answer()
        assert (status, b"one two" in body) == (200, True)
        assert gw.process.wait(20) == 0


def test_a_stop_waits_no_longer_than_drain_seconds_and_then_tells_the_callers(tmp_path: Path) -> None:
    with Upstream(Held()) as upstream, gateway(tmp_path, "[server]\ndrain_seconds = 0.3\n" + provider(upstream.url)) as gw:
        whole, stream, opik = (
            Question(gw.port),
            Question(gw.port, stream=True),
            Question(gw.port, stream=True, path="/v1/private/chat/completions"),
        )
        streams = [stream.begun(), opik.begun()]
        wait_until(lambda: len(upstream.asked) == 3, "all have reached the upstream")
        gw.process.send_signal(signal.SIGTERM)
        ends = [response.read() for response in streams]
        assert all(b'"error"' in end and b"shutting_down" in end for end in ends)
        assert b"[DONE]" not in ends[0]
        status, body = whole.answer()
        assert status == 503
        assert b"shutting_down" in body
        assert gw.process.wait(20) == 0
        assert "Traceback" not in gw.log


@pytest.mark.parametrize("number", STOPS, ids=lambda number: number.name)
def test_a_second_signal_stops_at_once_with_the_status_of_the_signal(tmp_path: Path, number: signal.Signals) -> None:
    with Upstream(Held()) as upstream, gateway(tmp_path, "[server]\ndrain_seconds = 600\n" + provider(upstream.url)) as gw:
        stream = Question(gw.port, stream=True)
        response = stream.begun()
        gw.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refused(gw.port), "it is stopping")
        gw.process.send_signal(number)
        assert gw.process.wait(10) == 128 + number
        assert b"shutting_down" in response.read()


def test_a_caller_who_never_reads_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    async def flood(connection, asked) -> None:  # type: ignore[no-untyped-def]
        await connection.begin()
        while True:
            await connection.chunk(b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % (b"x" * 60_000))

    with Upstream(flood) as upstream, gateway(tmp_path, "[server]\ndrain_seconds = 0.2\n" + provider(upstream.url)) as gw:
        Question(gw.port, stream=True).begun()
        gw.process.send_signal(signal.SIGTERM)
        assert gw.process.wait(15) == 0


def test_sighup_reads_the_config_and_what_it_refers_to_again(tmp_path: Path) -> None:
    with Upstream(at_once) as first, Upstream(at_once) as second:
        address = tmp_path / "address"
        address.write_text(f"{first.url}/v1")
        with gateway(tmp_path, '[providers.up]\nkind = "openai_compatible"\nbase_url = "file:address"\n') as gw:
            assert ask(gw.port)[0] == 200
            assert len(first.asked) == 1
            address.write_text(f"{second.url}/v1")  # not the config file itself, which is watched anyway
            gw.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "config reloaded" in gw.log, "it says that it has")
            assert ask(gw.port)[0] == 200
            assert (len(first.asked), len(second.asked)) == (1, 1)


def test_sighup_with_a_bad_config_keeps_the_old_one(tmp_path: Path) -> None:
    with Upstream(at_once) as upstream, gateway(tmp_path, provider(upstream.url)) as gw:
        (tmp_path / "trunkline.toml").write_text("[server]\nprt = 1\n")
        gw.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "server.prt is not a setting" in gw.log, "it says what is wrong")
        assert ask(gw.port)[0] == 200


# ── what it says where it cannot start ───────────────────────────────────────────────────────────────────


def failed(*arguments: str) -> list[str]:
    done = run("serve", "--port", "0", *arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()


@pytest.mark.parametrize("count", ["1", "2"])
def test_every_problem_of_a_config_is_a_line(tmp_path: Path, count: str) -> None:
    config = tmp_path / "bad.toml"
    config.write_text('[server]\nprt = 1\n[providers.x]\nkind = "opnai"\n[models.m]\ntargets = []\n')
    lines = failed("--config", str(config), "--workers", count)
    assert len(lines) == 3
    for line, path in zip(lines, ["server.prt", "providers.x.kind", "models.m.targets"], strict=True):
        assert line.startswith(f"trunkline: {path} ")


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run("serve", "--port", str(port), "--data", str(tmp_path))
    assert done.returncode == 1
    said = f"trunkline: cannot listen on 127.0.0.1:{port}: Address already in use; choose another port with --port, or stop what has it\n"
    assert done.stderr == said


def test_a_host_that_is_not_one_is_named(tmp_path: Path) -> None:
    (line,) = failed("--host", "no-such-host.invalid", "--data", str(tmp_path))
    assert line.startswith("trunkline: cannot listen on no-such-host.invalid:0: ")


@pytest.mark.parametrize("count", ["1", "2"])
def test_a_data_directory_that_cannot_be_is_named(tmp_path: Path, count: str) -> None:
    (tmp_path / "file").write_text("")
    (line,) = failed("--data", str(tmp_path / "file" / "data"), "--workers", count)
    assert line.startswith("trunkline: cannot make the data directory ")


@pytest.mark.parametrize("count", ["1", "2"])
def test_a_database_that_must_not_be_used_stops_the_start(tmp_path: Path, count: str) -> None:
    with sqlite3.connect(tmp_path / "trunkline.db") as database:
        database.execute("CREATE TABLE provider_keys (id TEXT)")
    (line,) = failed("--data", str(tmp_path), "--workers", count)
    assert line.startswith("trunkline: ")
    assert "made only in part" in line


# ── what it is to its surroundings ───────────────────────────────────────────────────────────────────────


def test_a_new_data_directory_is_its_users_alone_and_an_old_one_stays_as_it_is(tmp_path: Path) -> None:
    with gateway(tmp_path):
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    (tmp_path / "data").chmod(0o755)
    with gateway(tmp_path):
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o755


def test_it_serves_on_where_nobody_reads_its_ready_line(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with trunkline("serve", "--port", str(port), "--data", str(tmp_path), stdout=writer, stderr=subprocess.DEVNULL) as process:
        os.close(writer)
        wait_until(lambda: not refused(port), "it listens")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/health/live")
        assert connection.getresponse().status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_an_ipv6_address_is_written_as_a_url_has_it(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 loopback here")
    with trunkline("serve", "--host", "[::1]", "--port", "0", "--data", str(tmp_path)) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"{READY}http://[::1]:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
