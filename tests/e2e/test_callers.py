"""Callers who are slow, do not read, or go away: they cost the gateway little, and their upstream calls end with them.

Odd here: the gateway of this module is `impatient`, so that a time-out of 20 seconds is tested in a third of one. Its upstream sees
when the gateway hangs up, and that must be at once, which is within a second here.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..serving import Asked, Connection
from . import scripts
from .conftest import Stage, chat, checked, staged
from .impatient import BODY, HEAD
from .refusing import both, refused

AT_ONCE = 1.0


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("impatient"), module="tests.e2e.impatient") as stage:
        yield stage


@pytest.fixture
def stage(hurried: Stage) -> Iterator[Stage]:
    with checked(hurried) as stage:
        yield stage


# ── slow ─────────────────────────────────────────────────────────────────────────────────────────────────


@both
def test_a_head_that_never_ends_is_408_in_time(stage: Stage, path: str) -> None:
    with stage.caller() as caller:
        began = time.monotonic()
        answer = caller.send(f"POST {path} HTTP/1.1\r\nhost: x\r\nx-".encode()).answer()
        assert (answer.status, answer.error["code"]) == (408, "request_timeout")
        caller.end()
        assert HEAD / 2 < time.monotonic() - began < HEAD + AT_ONCE


@both
def test_a_head_that_trickles_is_408_all_the_same(stage: Stage, path: str) -> None:
    with stage.caller() as caller:
        caller.socket.settimeout(0.05)
        caller.send(f"POST {path} HTTP/1.1\r\n".encode())
        for i in range(40):
            caller.send(b"x-%d: y\r\n" % i)
            try:
                caller.read()
                break
            except TimeoutError:
                pass
        caller.socket.settimeout(5)
        assert caller.answer().status == 408


@both
def test_a_body_that_stops_coming_is_408_in_time(stage: Stage, path: str) -> None:
    with stage.caller() as caller:
        caller.send(f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n{{".encode())
        answer = caller.answer()
        assert (answer.status, answer.error["code"]) == (408, "request_timeout")
        assert "body" in answer.error["message"]
        caller.end()


def test_a_body_that_keeps_coming_slowly_is_taken(stage: Stage) -> None:
    stage.plays(scripts.obedient)
    sent = scripts.said(chat())
    with stage.caller() as caller:
        caller.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(sent))
        for i in range(6):
            threading.Event().wait(BODY / 4)
            caller.send(sent[i * 10 : (i + 1) * 10])
        assert caller.send(sent[60:]).answer().status == 200


def test_a_body_of_another_route_that_stops_coming_is_408_too(stage: Stage) -> None:
    with stage.caller() as caller:
        caller.send(b"POST /v1/admin/keys HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n{")
        assert caller.answer().status == 408


def test_a_connection_that_never_asks_is_closed(stage: Stage) -> None:
    with stage.caller() as caller:
        assert caller.end() == b""


def test_a_slow_answer_is_not_a_slow_caller(stage: Stage) -> None:
    async def script(connection: Connection, asked: Asked) -> None:
        await asyncio.sleep(2 * HEAD)
        await scripts.obedient(connection, asked)

    stage.plays(script)
    with stage.caller() as caller:
        assert caller.post(chat()).send(b"POST /v1/chat").answer().status == 200
        assert caller.answers(2)[1].status == 408, "the head that was begun meanwhile is late now"


def test_many_slow_callers_keep_nobody_waiting(stage: Stage) -> None:
    callers = [stage.caller().send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n") for _ in range(100)]
    began = time.monotonic()
    assert stage.ask(chat()).status == 200
    assert time.monotonic() - began < AT_ONCE
    for caller in callers:
        caller.hang_up()


# ── silent streams ───────────────────────────────────────────────────────────────────────────────────────


def test_a_silent_stream_is_kept_warm_by_comments_but_not_on_opiks_paths(stage: Stage) -> None:
    release = threading.Event()

    async def script(connection: Connection, asked: Asked) -> None:
        await connection.begin()
        await connection.chunk(scripts.sse(scripts.ROLE))
        await asyncio.to_thread(release.wait, 5)
        await connection.chunk(scripts.sse(scripts.chunk({"content": "late"}), scripts.STOP) + scripts.DONE)
        await connection.end()

    stage.plays(script)
    with stage.caller() as plain, stage.caller() as opik:
        opik.post(chat(stream=True), "/v1/private/chat/completions").until(b"assistant")
        plain.post(chat(stream=True)).until(b": keep-alive\n\n")
        release.set()
        warm, cold = plain.answer(), opik.answer()
    assert warm.events[-1] == cold.events[-1] == b"[DONE]"
    assert b"keep-alive" not in cold.body
    assert warm.chunks == cold.chunks


# ── gone ─────────────────────────────────────────────────────────────────────────────────────────────────


async def never(connection: Connection, asked: Asked) -> None:
    await connection.gone()


def until_asked(stage: Stage) -> None:
    deadline = time.monotonic() + 5
    while not stage.upstream.asked:
        assert time.monotonic() < deadline, "the upstream was never asked"
        threading.Event().wait(0.005)


@both
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"])
def test_who_hangs_up_before_the_first_byte_cancels_the_call(stage: Stage, path: str, stream: bool, model: str) -> None:
    stage.plays(never)
    with stage.caller() as caller:
        caller.post(chat(model, stream=stream), path)
        until_asked(stage)
    assert stage.upstream.hung_up.wait(AT_ONCE)


@both
@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"])
def test_who_hangs_up_in_mid_stream_cancels_the_call(stage: Stage, path: str, model: str) -> None:
    first = scripts.sse(*scripts.HELLO[:2]) if model.startswith("openai") else scripts.claude_start() + scripts.claude_text(0, "Hel")
    stage.plays(scripts.pieces([first], end=False))
    with stage.caller() as caller:
        caller.post(chat(model, stream=True), path).until(b"Hel")
    assert stage.upstream.hung_up.wait(AT_ONCE)


def test_who_resets_the_connection_in_mid_stream_cancels_the_call(stage: Stage) -> None:
    stage.plays(scripts.pieces([scripts.sse(*scripts.HELLO[:2])], end=False))
    caller = stage.caller().post(chat(stream=True)).until(b"Hel")
    caller.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    caller.hang_up()
    assert stage.upstream.hung_up.wait(AT_ONCE)


def test_who_hangs_up_with_requests_in_line_ends_the_one_that_runs_and_the_others_never_begin(stage: Stage) -> None:
    stage.plays(never)
    with stage.caller() as caller:
        caller.post(chat()).post(chat()).post(chat(stream=True))
        until_asked(stage)
    assert stage.upstream.hung_up.wait(AT_ONCE)
    assert len(stage.upstream.asked) == 1


def test_who_hangs_up_on_several_parallel_calls_cancels_them_all(stage: Stage) -> None:
    gone = threading.Semaphore(0)

    async def script(connection: Connection, asked: Asked) -> None:
        await connection.gone()
        gone.release()

    for stream in (False, True):
        stage.upstream.asked.clear()
        stage.plays(script)
        with stage.caller() as caller:
            caller.post(chat("anthropic/claude-haiku-4-5", n=3, stream=stream))
            until_asked(stage)
            deadline = time.monotonic() + 5
            while len(stage.upstream.asked) < 3 and time.monotonic() < deadline:
                threading.Event().wait(0.005)
        assert [gone.acquire(timeout=AT_ONCE) for _ in range(3)] == [True] * 3


@both
@pytest.mark.parametrize(
    "sent", [b"", b"POST", b"POST PATH HTTP/1.1\r\nhost: x\r\n", b'POST PATH HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{"a']
)
def test_who_hangs_up_before_the_body_is_whole_asks_nothing(stage: Stage, path: str, sent: bytes) -> None:
    with stage.caller() as caller:
        caller.send(sent.replace(b"PATH", path.encode()))
    refused(stage.ask(b"{", path), path, 400)
    assert stage.upstream.asked == []


# ── not reading ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"])
def test_a_caller_who_does_not_read_stops_the_reading_from_upstream(stage: Stage, model: str) -> None:
    """An endless stream: what the upstream can send before it is made to wait is what sockets hold, and a little more."""
    sent, stuck, enough = [0], threading.Event(), 64 << 20
    text = "x" * 16384
    if model.startswith("openai"):
        first, more = scripts.sse(scripts.ROLE), scripts.sse(scripts.chunk({"content": text}))
    else:
        first = scripts.claude_start() + scripts.claude_text(0, "x").partition(b"event: content_block_stop")[0]
        more = scripts.events({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})

    async def script(connection: Connection, asked: Asked) -> None:
        await connection.begin()
        await connection.chunk(first)
        while sent[0] < enough:
            try:
                await asyncio.wait_for(connection.chunk(more), 0.5)
            except TimeoutError:
                stuck.set()
                await connection.gone()
                return
            sent[0] += len(more)

    stage.plays(script)
    with stage.caller() as caller:
        caller.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        caller.post(chat(model, stream=True)).until(b"assistant")
        assert stuck.wait(20), f"{sent[0]} bytes went into the gateway for a caller who read none"
        assert memory(stage) < 200 << 20
        assert stage.ask(chat("dead/x")).status == 502, "others are served meanwhile"
    assert stage.upstream.hung_up.wait(5)


def memory(stage: Stage) -> int:
    """Resident bytes of the gateway."""
    lines = Path(f"/proc/{stage.gateway.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) * 1024
