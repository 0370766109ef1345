"""Whatever comes in place of HTTP/1.1, and HTTP/1.1 in its rarer forms: refused in words, or answered; never half of both.

Odd here: requests are bytes, since no client library would send them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from . import scripts
from .conftest import Stage, chat
from .raw import request
from .refusing import both

SENT = json.dumps(chat()).encode()

# ── headers ──────────────────────────────────────────────────────────────────────────────────────────────


@both
@pytest.mark.parametrize(
    "headers",
    [
        {"x_big": "x" * 100_000},
        {f"x_{i}": "y" * 1000 for i in range(100)},
        {f"x_{i}": "y" for i in range(300)},
        {"cookie": "a=b; " * 20_000},
    ],
    ids=["one long", "many long", "many", "cookies"],
)
def test_header_bombs_are_431(stage: Stage, path: str, headers: dict[str, str]) -> None:
    answer = stage.ask(chat(), path, **headers)
    assert (answer.status, answer.error["code"], answer.headers["connection"]) == (431, "headers_too_large", "close")
    assert stage.upstream.asked == []


def test_a_target_without_end_is_431(stage: Stage) -> None:
    assert stage.ask(chat(), "/v1/chat/completions?" + "x" * 100_000).status == 431


def test_headers_without_end_are_431_before_they_end(stage: Stage) -> None:
    with stage.caller() as caller:
        caller.send(b"POST /v1/chat/completions HTTP/1.1\r\n")
        for i in range(500):
            caller.send(b"x-%d: %b\r\n" % (i, b"y" * 1000))
        assert caller.answer().status == 431
        caller.end()


def test_trailers_without_end_are_431(stage: Stage) -> None:
    with stage.caller() as caller:
        caller.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
        for i in range(500):
            caller.send(b"x-%d: %b\r\n" % (i, b"y" * 1000))
        assert caller.answer().status == 431
        caller.end()


def test_a_header_bomb_on_a_kept_connection_does_not_repeat_the_request_before_it(stage: Stage) -> None:
    with stage.caller() as caller:
        assert caller.post(chat()).answer().status == 200
        assert caller.post(chat(), **{f"x_{i}": "y" for i in range(300)}).answers(2)[1].status == 431
        caller.end()
    assert len(stage.upstream.asked) == 1


def test_strange_but_legal_headers_are_no_trouble(stage: Stage) -> None:
    answer = stage.ask(
        chat(), authorization="\u00ff\u00fe", x_request_id="bad id\u00ff" * 40, comet_workspace="", x_trunkline_strict="\u00e9", accept="",
    )  # fmt: skip
    assert answer.status == 200
    assert answer.headers["x-request-id"].startswith("req_")
    assert stage.ask(chat(), x_request_id="mine-1").headers["x-request-id"] == "mine-1"


# ── what is hardly HTTP ──────────────────────────────────────────────────────────────────────────────────

GOOD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(SENT), SENT)
START = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
CHUNKED = START + b"transfer-encoding: chunked\r\n\r\n"
GARBAGE = {
    "random bytes": bytes(range(256)) * 8,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 500,
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "HTTP/3.7": b"POST /v1/chat/completions HTTP/3.7\r\nhost: x\r\n\r\n",
    "no version": b"POST /v1/chat/completions\r\nhost: x\r\n\r\n",
    "a proxy's method": b"CONNECT gateway:443 HTTP/1.1\r\nhost: gateway:443\r\n\r\n",
    "no such method": b"BREW /v1/chat/completions HTTP/1.1\r\nhost: x\r\n\r\n",
    "a header without colon": b"POST /v1/chat/completions HTTP/1.1\r\nhost x\r\n\r\n",
    "a space in a name": b"POST /v1/chat/completions HTTP/1.1\r\nho st: x\r\n\r\n",
    "NUL in a value": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\x00y\r\n\r\n",
    "a bare LF in a value": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\ny\r\n\r\n",
    "a bad length": START + b"content-length: ten\r\n\r\n" + SENT,
    "a negative length": START + b"content-length: -5\r\n\r\n" + SENT,
    "two lengths": START + b"content-length: %d\r\ncontent-length: 4\r\n\r\n" % len(SENT) + SENT,
    "length and chunks": START + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": START + b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
    "chunked, not last": START + b"transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "a bad chunk size": CHUNKED + b"zz\r\nhi\r\n0\r\n\r\n",
    "a huge chunk size": CHUNKED + b"ffffffffffffffffff\r\nhi",
    "a negative chunk size": CHUNKED + b"-1\r\nhi\r\n0\r\n\r\n",
    "a chunk longer than said": CHUNKED + b"1\r\nhello\r\n0\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_not_http_1_1_is_400_and_the_connection_ends(stage: Stage, name: str) -> None:
    with stage.caller() as caller:
        caller.send(GARBAGE[name])
        answer = caller.answer()
        assert (answer.status, answer.error["code"]) == (400, "invalid_http"), answer.body
        caller.end()
    assert stage.upstream.asked == []


def test_nothing_behind_a_refused_request_is_ever_answered(stage: Stage) -> None:
    """What one hop takes for a body must not be a request to the next."""
    for head in (b"content-length: 4\r\ntransfer-encoding: chunked\r\n", b"transfer-encoding: chunked\r\ncontent-length: 4\r\n"):
        with stage.caller() as caller:
            caller.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n" + head + b"\r\n0\r\n\r\n" + GOOD)
            assert caller.end().count(b"HTTP/1.1 ") == 1
    assert stage.upstream.asked == []


def test_garbage_behind_a_good_request_does_not_cost_its_answer(stage: Stage) -> None:
    with stage.caller() as caller:
        good, bad = caller.send(GOOD + b"\x00\x01\x02 garbage" + GOOD).answers(2)
        assert (good.status, bad.status) == (200, 400)
        assert caller.end().count(b"HTTP/1.1 ") == 2
        assert len(stage.upstream.asked) == 1


@both
def test_http_1_0_gets_a_whole_answer_and_a_closed_connection(stage: Stage, path: str) -> None:
    head = f"POST {path} HTTP/1.0\r\ncontent-length: {len(SENT)}\r\n\r\n".encode()
    with stage.caller() as caller:
        text = caller.send(head + SENT).end()
        assert b" 200 OK\r\n" in text
        assert b"Hello!" in text
        assert b"chunked" not in text


@both
def test_http_1_0_gets_a_stream_that_ends_with_its_connection(stage: Stage, path: str) -> None:
    sent = json.dumps(chat(stream=True)).encode()
    with stage.caller() as caller:
        text = caller.send(f"POST {path} HTTP/1.0\r\ncontent-length: {len(sent)}\r\n\r\n".encode() + sent).end()
    head, _, events = text.partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert events.startswith(b"data: {")
    assert events.endswith(b"data: [DONE]\n\n")


@both
def test_an_absolute_target_an_encoded_path_and_a_slash_at_the_end_mean_the_same(stage: Stage, path: str) -> None:
    assert stage.ask(chat(), f"http://gateway:1234{path}").status == 200
    assert stage.ask(chat(), path.replace("chat", "ch%61t")).status == 200
    assert stage.ask(chat(), path + "/").status == 200
    streamed = stage.ask(chat(stream=True), f"http://gateway{path}")
    assert streamed.events[-1] == b"[DONE]"


@both
def test_other_targets_are_errors_in_words(stage: Stage, path: str) -> None:
    for target, status in (
        ("*", 404),
        ("/" + path, 404),
        ("/v1/nothing/private/", 404),
        (path + "%00", 404),
        (path + "/%ff", 404),
    ):
        answer = stage.ask(chat(), target)
        assert answer.status == status, (target, answer.status)
        assert answer.error["message"]
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        with stage.caller() as caller:
            answer = caller.send(f"{method} {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode()).answer()
            assert (answer.status, answer.headers["allow"], answer.error["code"]) == (405, "POST", "method_not_allowed")


@both
def test_a_caller_that_waits_for_100_continue_gets_it(stage: Stage, path: str) -> None:
    with stage.caller() as caller:
        caller.send(f"POST {path} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {len(SENT)}\r\n\r\n".encode())
        caller.until(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert caller.send(SENT).answer().status == 200


@both
def test_an_offer_of_h2c_is_answered_as_http_1_1(stage: Stage, path: str) -> None:
    """Java's HttpClient (so langchain4j) makes it with every first request to an http:// URL."""
    offer = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2_settings": "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"}
    with stage.caller() as caller:
        assert caller.post(chat(), path, **offer).answer().status == 200
        assert caller.post(chat(), path).answers(2)[1].status == 200
        again = request(chat(), path, **offer) * 3 + request(chat(), "/v1/nothing", **offer) + request(chat(), path)
        assert [answer.status for answer in caller.send(again).answers(7)[2:]] == [200, 200, 200, 404, 200]


def test_a_body_that_comes_in_chunks_or_byte_by_byte_is_a_body(stage: Stage) -> None:
    with stage.caller() as caller:
        caller.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        for i in range(len(SENT)):
            caller.send(b"1;x=y\r\n" + SENT[i : i + 1] + b"\r\n")
        assert caller.send(b"0\r\ntrailer: x\r\n\r\n").answer().status == 200
        for byte in GOOD:
            caller.send(bytes([byte]))
        assert caller.answers(2)[1].status == 200


# ── pipelining ───────────────────────────────────────────────────────────────────────────────────────────


def test_pipelined_requests_are_answered_in_order(stage: Stage) -> None:
    stage.plays(_echo)
    probe = b"GET /is-alive/ping HTTP/1.1\r\nhost: x\r\n\r\n"
    with stage.caller() as caller:
        sent = b""
        for i in range(5):
            sent += _named(f"whole {i}") + probe + _named(f"stream {i}", stream=True) + b"GET /v1/nothing HTTP/1.1\r\nhost: x\r\n\r\n"
            sent += b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n{"
        answers = caller.send(sent).answers(25)
    for i in range(5):
        whole, ping, stream, nothing, broken = answers[5 * i : 5 * i + 5]
        assert whole.json["choices"][0]["message"]["content"] == f"whole {i}"
        assert ping.json["healthy"] is True
        assert "".join(c["choices"][0]["delta"].get("content", "") for c in stream.chunks) == f"stream {i}"
        assert (nothing.status, broken.status) == (404, 400)


def test_pipelined_requests_cut_anywhere_are_answered_in_order(stage: Stage) -> None:
    stage.plays(_echo)
    sent = b"".join(_named(f"number {i}", stream=bool(i % 2)) for i in range(6)) + b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
    with stage.caller() as caller:
        for at in range(0, len(sent), 37):
            caller.send(sent[at : at + 37])
        answers = caller.answers(7)
    assert [f"number {i}".encode() in answer.body for i, answer in enumerate(answers[:6])] == [True] * 6
    assert answers[6].json == {"status": "ok"}


def test_a_large_body_behind_a_slow_answer_waits_its_turn(stage: Stage) -> None:
    stage.plays(_echo)
    with stage.caller() as caller:
        caller.send(_named("first"))
        caller.post(chat(messages=[{"role": "user", "content": "x" * 3_000_000}]))
        first, second = caller.answers(2)
    assert (first.status, second.status) == (200, 200)
    assert len(second.json["choices"][0]["message"]["content"]) == 3_000_000
    stage.upstream.asked.clear()


def _named(text: str, **fields: Any) -> bytes:
    sent = json.dumps(chat(messages=[{"role": "user", "content": text}], **fields)).encode()
    return b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(sent), sent)


async def _echo(connection: Any, asked: Any) -> None:
    """The vendor says what it was told, so that answers can be told apart."""
    told = json.loads(asked.body)
    text = told["messages"][-1]["content"]
    if told.get("stream"):
        await scripts.streamed(scripts.ROLE, scripts.chunk({"content": text}), scripts.STOP)(connection, asked)
    else:
        await scripts.whole(scripts.completion(text))(connection, asked)
