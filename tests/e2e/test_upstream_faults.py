"""Whatever a vendor's server does, the caller gets an error that names the provider or its host, in time, with a true status.

Odd here: the keys of the providers are in what goes to the upstream, and some upstreams repeat them in what they say. The stage
looks for them in every byte that reaches a caller.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from ..serving import Asked, Connection, Script
from . import scripts
from .conftest import SECRET, Stage, chat
from .refusing import OPENAI, OPIK, both, refused

streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def raw(*parts: bytes, then: str = "gone") -> Script:
    """These bytes, then what `then` says."""

    async def script(connection: Connection, asked: Asked) -> None:
        for part in parts:
            await connection.send(part)
        match then:
            case "close":
                connection.writer.close()
            case "reset":
                connection.reset()
            case "gone":
                await connection.gone()
            case "keep":
                pass

    return script


GOOD = scripts.said(scripts.completion("Hello!"))
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def sized(length: int, body: bytes, more: bytes = b"") -> bytes:
    return HEAD + more + b"content-length: %d\r\n\r\n" % length + body


HTML = b"<html><body><h1>It works!</h1></body></html>"


def page(status: int) -> bytes:
    return b"HTTP/1.1 %d X\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n%b" % (status, len(HTML), HTML)


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"
MOVED = b"HTTP/1.1 307 Moved\r\nlocation: http://elsewhere/\r\ncontent-length: 0\r\n\r\n"
FAULTS: dict[str, tuple[Script, int, str]] = {
    "closes at once": (raw(then="close"), 502, "upstream_disconnected"),
    "resets at once": (raw(then="reset"), 502, "upstream_disconnected"),
    "hangs": (raw(), 504, "upstream_timeout"),
    "hangs in its head": (raw(HEAD), 504, "upstream_timeout"),
    "hangs in its body": (raw(sized(len(GOOD), GOOD[:50])), 504, "upstream_timeout"),
    "half a head": (raw(HEAD, then="close"), 502, "upstream_disconnected"),
    "half a body": (raw(sized(len(GOOD), GOOD[:50]), then="close"), 502, "upstream_protocol"),
    "half a body, reset": (raw(sized(len(GOOD), GOOD[:50]), then="reset"), 502, "upstream_disconnected"),
    "a length too large": (raw(sized(len(GOOD) + 5, GOOD), then="close"), 502, "upstream_protocol"),
    "a length too small": (raw(sized(len(GOOD) - 9, GOOD), then="close"), 502, "upstream_protocol"),
    "two lengths": (raw(sized(9, GOOD, b"content-length: 5\r\n"), then="close"), 502, "upstream_protocol"),
    "length and chunks": (raw(sized(9, b"0\r\n\r\n", b"transfer-encoding: chunked\r\n"), then="close"), 502, "upstream_protocol"),
    "a bad chunk": (raw(HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n", then="close"), 502, "upstream_protocol"),
    "not HTTP": (raw(b"SSH-2.0-OpenSSH_9.6\r\n"), 502, "upstream_protocol"),
    "TLS": (raw(b"\x15\x03\x01\x00\x02\x02\x46", then="close"), 502, "upstream_protocol"),
    "headers without end": (raw(HEAD + b"x: y\r\n" * 20_000), 502, "upstream_protocol"),
    "switches protocols": (raw(SWITCH), 502, "upstream_protocol"),
    "HTML with 200": (raw(page(200), then="keep"), 502, "upstream_protocol"),
    "HTML with 502": (raw(page(502), then="keep"), 502, "upstream_error"),
    "nothing with 200": (raw(sized(0, b""), then="keep"), 502, "upstream_protocol"),
    "204": (raw(b"HTTP/1.1 204 No Content\r\n\r\n", then="keep"), 502, "upstream_protocol"),
    "null": (raw(sized(4, b"null"), then="keep"), 502, "upstream_protocol"),
    "another JSON": (raw(sized(13, b'{"ok": false}'), then="keep"), 502, "upstream_protocol"),
    "invalid UTF-8": (raw(sized(8, b'{"a": "\xff'), then="keep"), 502, "upstream_protocol"),
    "deep nesting": (raw(sized(100_000, b"[" * 100_000), then="keep"), 502, "upstream_protocol"),
    "gzip that is none": (raw(sized(9, b"not gzip!", b"content-encoding: gzip\r\n"), then="keep"), 502, "upstream_protocol"),
    "a redirect": (raw(MOVED, then="keep"), 502, "upstream_redirect"),
}  # fmt: skip


@both
@streams
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_before_the_answer_is_told_with_its_host_and_status(stage: Stage, path: str, stream: bool, fault: str) -> None:
    script, status, code = FAULTS[fault]
    stage.plays(script)
    began = time.monotonic()
    error = refused(stage.ask(chat("hasty/m", stream=stream), path), path, status)
    assert time.monotonic() - began < 2
    assert error["code"] in {code, "upstream_incomplete" if stream else code}, error
    assert "hasty" in error["message"] or f"127.0.0.1:{stage.upstream.port}" in error["message"]
    assert "<" not in error["message"]


@both
@streams
def test_a_vendor_that_is_not_there_is_502_with_a_hint(stage: Stage, path: str, stream: bool) -> None:
    error = refused(stage.ask(chat("dead/m", stream=stream), path), path, 502, "upstream_unreachable", "127.0.0.1:9")
    assert "is it running?" in error["message"]


@both
def test_a_redirect_names_the_setting_and_is_not_followed(stage: Stage, path: str) -> None:
    for status in (301, 302, 303, 307, 308):
        stage.plays(scripts.whole({}, status, {"location": f"{stage.upstream.url}/elsewhere"}))
        refused(stage.ask(chat(), path), path, 502, "upstream_redirect", "base_url")
    assert {asked.path for asked in stage.upstream.asked} == {"/v1/chat/completions"}


@streams
def test_1xx_before_the_answer_is_skipped(stage: Stage, stream: bool) -> None:
    async def script(connection: Connection, asked: Asked) -> None:
        await connection.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
        await connection.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        await scripts.obedient(connection, asked)

    stage.plays(script)
    answer = stage.ask(chat(stream=stream))
    assert answer.status == 200
    assert b"lo!" in answer.body
    assert "link" not in answer.headers


@streams
def test_a_pooled_connection_that_was_closed_is_tried_once_more(stage: Stage, stream: bool) -> None:
    """The vendor closes a kept connection just as the next request goes out on it."""
    connections: list[Connection] = []

    async def script(connection: Connection, asked: Asked) -> None:
        if connection in connections:
            connection.reset()
            return
        connections.append(connection)
        await scripts.obedient(connection, asked)

    stage.plays(script)
    assert stage.ask(chat("hasty/m")).status == 200
    assert stage.ask(chat("hasty/m", stream=stream)).status == 200
    assert len(stage.upstream.asked) == 3
    assert len(connections) == 2


@both
@pytest.mark.parametrize("header", ["7", "6.2"])
def test_a_429_keeps_its_status_and_its_retry_after(stage: Stage, path: str, header: str) -> None:
    said = {"error": {"message": "Rate limit reached", "type": "tokens", "param": None, "code": "rate_limit_exceeded"}}
    stage.plays(scripts.whole(said, 429, {"retry-after": header, "x-ratelimit-remaining-tokens": "0"}))
    answer = stage.ask(chat(), path)
    refused(answer, path, 429, "rate_limit_exceeded", "Rate limit reached")
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["x-trunkline-upstream-ratelimit-remaining-tokens"] == "0"
    assert len(stage.upstream.asked) == 1


@both
@streams
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_of_ours_is_502_and_not_the_callers_401(stage: Stage, path: str, stream: bool, status: int) -> None:
    said = {"error": {"message": "Incorrect API key provided: sk-...-openai.", "type": "invalid_request_error", "code": "invalid_api_key"}}
    stage.plays(scripts.whole(said, status))
    error = refused(stage.ask(chat(stream=stream), path), path, 502, "upstream_auth", "openai refused this gateway's key")
    assert error["type"] == "upstream_error"


@both
@streams
@pytest.mark.parametrize("model", ["openai/m", "anthropic/m", "cohere/m"])
@pytest.mark.parametrize("status", [400, 401, 500])
def test_a_key_that_the_vendor_repeats_does_not_reach_the_caller(stage: Stage, path: str, stream: bool, model: str, status: int) -> None:
    async def script(connection: Connection, asked: Asked) -> None:
        key = asked.headers.get("authorization", asked.headers.get("x-api-key", ""))
        assert SECRET in key
        said = {"message": f"your key {key} is wrong", "error": {"message": f"your key {key} is wrong"}}
        await connection.answer(status, json.dumps(said).encode(), headers={"x-request-id": key})

    stage.plays(script)
    assert stage.ask(chat(model, stream=stream), path).status == (400 if status == 400 else 502)


@both
def test_a_key_that_the_vendor_repeats_in_mid_stream_does_not_reach_the_caller(stage: Stage, path: str) -> None:
    async def script(connection: Connection, asked: Asked) -> None:
        said = {"error": {"message": f"your key {asked.headers['authorization']} is wrong", "type": "server_error"}}
        await scripts.pieces([scripts.sse(*scripts.HELLO[:2]), scripts.sse(said)])(connection, asked)

    stage.plays(script)
    answer = stage.ask(chat(stream=True), path)
    assert "your key Bearer *** is wrong" in answer.chunks[-1]["error"]["message"]


STATUSES = {
    400: 400,
    402: 402,
    404: 404,
    408: 504,
    409: 400,
    413: 413,
    418: 400,
    422: 400,
    429: 429,
    500: 502,
    502: 502,
    503: 503,
    504: 504,
    529: 503,
}


@pytest.mark.parametrize("path", [OPENAI, OPIK])
@pytest.mark.parametrize("status", STATUSES)
def test_each_status_of_a_vendor_means_one_of_ours(stage: Stage, path: str, status: int) -> None:
    said: dict[str, Any] = {"error": {"message": "so it is", "type": None, "param": "messages", "code": None}}
    stage.plays(scripts.whole(said, status))
    error = refused(stage.ask(chat(), path), path, STATUSES[status], None, "so it is")
    assert error["type"]
    assert error["param"] == "messages"


def test_a_huge_answer_is_passed_on_whole(stage: Stage) -> None:
    text = "x" * (20 << 20)
    stage.plays(scripts.whole(scripts.completion(text)))
    answer = stage.ask(chat())
    assert answer.status == 200
    assert len(answer.body) > len(text)
    stage.heard.clear()


def test_an_event_without_end_is_an_error_and_not_all_of_memory(stage: Stage) -> None:
    async def script(connection: Connection, asked: Asked) -> None:
        await connection.begin()
        await connection.chunk(scripts.sse(scripts.ROLE) + b"data: ")
        for _ in range(200):
            await connection.chunk(b"x" * (1 << 20))
        await connection.gone()

    stage.plays(script)
    answer = stage.ask(chat(stream=True))
    assert answer.chunks[-1]["error"]["code"] == "upstream_protocol"
    assert b"[DONE]" not in answer.events


# ── a fallback alias ─────────────────────────────────────────────────────────────────────────────────────


def first_does(script: Script) -> Script:
    """The alias's first target does that; its second is well."""

    async def both(connection: Connection, asked: Asked) -> None:
        await (script if asked.path.startswith("/hasty/") else scripts.obedient)(connection, asked)

    return both


FALLING: dict[str, Script] = {
    "500": scripts.whole({"error": {"message": "no"}}, 500),
    "429": scripts.whole({"error": {"message": "no"}}, 429),
    "401": scripts.whole({"error": {"message": "no"}}, 401),
    "404": scripts.whole({"error": {"message": "no"}}, 404),
    "reset": raw(then="reset"),
    "hang": raw(),
    "HTML": raw(sized(len(HTML), HTML), then="keep"),
    "an error as its first event": scripts.pieces([scripts.sse({"error": {"message": "no", "type": "server_error"}})]),
}


@both
@pytest.mark.parametrize(
    ("name", "stream"), [(name, stream) for name in FALLING for stream in (False, True) if stream or "event" not in name]
)
def test_where_the_first_target_fails_the_second_answers(stage: Stage, path: str, name: str, stream: bool) -> None:
    stage.plays(first_does(FALLING[name]))
    answer = stage.ask(chat("fast", stream=stream), path)
    assert answer.status == 200, answer.body
    assert (answer.headers["x-trunkline-target"], answer.headers["x-trunkline-attempts"]) == ("openai/second", "2")
    models = [json.loads(asked.body)["model"] for asked in stage.upstream.asked]
    assert models in (["first", "second"], ["first", "first", "second"]), "a pooled connection that breaks is tried once more"
    if "private" in path:
        assert (answer.headers["x-opik-actual-model"], answer.headers["x-opik-provider"]) == ("second", "openai")


@both
@streams
def test_what_the_caller_got_wrong_is_not_tried_elsewhere(stage: Stage, path: str, stream: bool) -> None:
    stage.plays(first_does(scripts.whole({"error": {"message": "bad tool", "type": "invalid_request_error"}}, 400)))
    refused(stage.ask(chat("fast", stream=stream), path), path, 400, None, "bad tool")
    assert len(stage.upstream.asked) == 1


@both
def test_a_first_target_that_fails_in_mid_stream_is_an_error_and_no_second_is_asked(stage: Stage, path: str) -> None:
    async def script(connection: Connection, asked: Asked) -> None:
        await connection.begin()
        await connection.chunk(scripts.sse(*scripts.HELLO[:2]))
        await asyncio.sleep(0.05)
        connection.reset()

    stage.plays(first_does(script))
    answer = stage.ask(chat("fast", stream=True), path)
    assert answer.headers["x-trunkline-target"] == "hasty/first"
    assert answer.chunks[-1]["error"]["code"] == "upstream_disconnected"
    assert len(stage.upstream.asked) == 1


@both
@streams
def test_where_all_targets_fail_the_last_ones_error_is_told_with_every_attempt(stage: Stage, path: str, stream: bool) -> None:
    async def script(connection: Connection, asked: Asked) -> None:
        status = 500 if asked.path.startswith("/hasty/") else 503
        await connection.answer(status, json.dumps({"error": {"message": f"no, says {status}"}}).encode())

    stage.plays(script)
    answer = stage.ask(chat("fast", stream=stream), path)
    error = refused(answer, path, 503, None, "no, says 503")
    assert "attempt 1: no, says 500" in error["details"]
    assert "attempt 2: no, says 503" in error["details"]
