"""What is promised of a stream: its order, its end, and that no failure in it goes unsaid.

Odd here: `[DONE]` is the gateway's word for "this answer is whole". So the tests count it as closely as the chunks, and an upstream that
stops early must never earn it.
"""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from ..serving import Asked, Connection, Script
from . import scripts
from .conftest import Stage, chat
from .raw import Answer
from .refusing import OPENAI, OPIK, both
from .scripts import HELLO, METER, ROLE, STOP, chunk, sse

MODELS = ["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"]


async def either(connection: Connection, asked: Asked) -> None:
    await (scripts.obedient_claude if asked.path == "/v1/messages" else scripts.obedient)(connection, asked)


def deltas(answer: Answer, index: int = 0) -> list[dict[str, Any]]:
    return [choice["delta"] for chunk in answer.chunks for choice in chunk.get("choices", ()) if choice["index"] == index]


def text(answer: Answer, index: int = 0) -> str:
    return "".join(delta.get("content") or "" for delta in deltas(answer, index))


@both
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("usage", [True, False, None])
def test_role_first_one_finish_usage_if_asked_and_done_last(stage: Stage, path: str, model: str, usage: bool | None) -> None:
    stage.plays(either)
    options = {} if usage is None else {"stream_options": {"include_usage": usage}}
    answer = stage.ask(chat(model, stream=True, **options), path)
    assert answer.status == 200
    assert answer.complete
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-trunkline-target"] == model
    assert answer.headers["x-trunkline-attempts"] == "1"
    assert float(answer.headers["x-trunkline-overhead-ms"]) < 1000
    assert answer.events[-1] == b"[DONE]"
    assert answer.events.count(b"[DONE]") == 1
    chunks = answer.chunks
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert sum("role" in delta for delta in deltas(answer)) == 1
    assert text(answer) == "Hello!"
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"] and c["choices"][0]["finish_reason"]] == ["stop"]
    assert len({chunk["id"] for chunk in chunks}) == len({chunk["model"] for chunk in chunks}) == 1
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in chunks)
    if usage:
        assert (chunks[-1]["choices"], chunks[-1]["usage"]) == ([], METER["usage"])
    assert all(chunk.get("usage") is None for chunk in chunks[: -1 if usage else None])


@both
@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_stream_is_the_same_however_it_is_cut(stage: Stage, path: str, size: int) -> None:
    every = sse(*HELLO, METER) + scripts.DONE
    stage.plays(scripts.pieces([every]))
    at_once = stage.ask(chat(stream=True), path)
    stage.plays(scripts.pieces([every[i : i + size] for i in range(0, len(every), size)]))
    assert stage.ask(chat(stream=True), path).events == at_once.events


def test_chunks_arrive_as_they_are_said(stage: Stage) -> None:
    stage.plays(scripts.pieces([sse(ROLE, chunk({"content": "first"}))], end=False))
    with stage.caller() as caller:
        caller.post(chat(stream=True)).until(b"first")


# ── failures ─────────────────────────────────────────────────────────────────────────────────────────────


def breaking(end: str, begun: bytes, heard: threading.Event) -> Script:
    """A stream that begins well and, once the caller has heard that, fails in this way."""

    async def script(connection: Connection, asked: Asked) -> None:
        if end == "ends with the connection":
            await connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + begun)
        else:
            await connection.begin()
            await connection.chunk(begun)
        await asyncio.to_thread(heard.wait, 5)
        match end:
            case "ends with the connection":
                connection.writer.close()
            case "reset":
                connection.reset()
            case "closed in mid-chunk":
                await connection.send(b"ff\r\ndata: {")
                connection.writer.close()
            case "bad chunk":
                await connection.send(b"this is no chunk size\r\n")
                await connection.gone()
            case "half an event":
                await connection.chunk(b'data: {"id": "chatcmpl-up", "choi')
                await connection.end()
            case "no finish":
                await connection.end()
            case "done, no finish":
                await connection.chunk(scripts.DONE)
                await connection.end()
            case "silence":
                await connection.gone()

    return script


ENDS = ["reset", "closed in mid-chunk", "bad chunk", "half an event", "no finish", "done, no finish", "ends with the connection", "silence"]
CODES = {"upstream_disconnected", "upstream_protocol", "upstream_incomplete", "upstream_timeout"}


def failed(answer: Answer, path: str, status: int) -> dict[str, Any]:
    """The error event, after a look at what stands around it."""
    assert (answer.status, answer.complete) == (200, True), "the answer itself ends in good order"
    if path == OPENAI:
        assert b"[DONE]" not in answer.events
        last = answer.chunks[-1]
        assert set(last) == {"error"}
    else:
        assert answer.events.count(b"[DONE]") == 1
        assert answer.events[-1] == b"[DONE]", "Opik's own streams end so, even in failure"
        last = answer.chunks[-1]
        assert (last["code"], last["message"]) == (status, last["error"]["message"])
        assert isinstance(last["error"]["code"], str)
    assert not any(choice.get("finish_reason") for chunk in answer.chunks[:-1] for choice in chunk["choices"])
    error: dict[str, Any] = last["error"]
    assert error["message"]
    assert error["type"]
    return error


@both
@pytest.mark.parametrize("end", ENDS)
def test_an_upstream_that_breaks_off_reaches_the_caller_as_an_error_event(stage: Stage, path: str, end: str) -> None:
    heard = threading.Event()
    stage.plays(breaking(end, sse(ROLE, chunk({"content": "Hel"})), heard))
    with stage.caller() as caller:
        caller.post(chat("hasty/m", stream=True), path).until(b"Hel")
        heard.set()
        answer = caller.answer()
        assert failed(answer, path, 504 if end == "silence" else 502)["code"] in CODES
        assert text(answer) == "Hel", "what was said is not lost"
        stage.plays(scripts.obedient)
        assert caller.post(chat(), path).answers(2)[1].status == 200, "the connection is as good as before"


@both
@pytest.mark.parametrize("end", [end for end in ENDS if end not in ("done, no finish", "silence")])
def test_a_translated_stream_that_breaks_off_is_an_error_event_too(stage: Stage, path: str, end: str) -> None:
    heard = threading.Event()
    stage.plays(breaking(end, scripts.claude_start() + scripts.claude_text(0, "Hel"), heard))
    with stage.caller() as caller:
        caller.post(chat(MODELS[1], stream=True), path).until(b"Hel")
        heard.set()
        answer = caller.answer()
    assert failed(answer, path, 502)["code"] in CODES
    assert text(answer) == "Hel"


ERRORS = {
    "openai": ({"error": {"message": "the model is overloaded", "type": "server_error", "code": None}}, 502),
    "with a status": ({"error": {"message": "slow down", "type": "rate_limit_error", "code": 429}}, 429),
    "a text": ({"error": "the model is overloaded"}, 502),
    "beside a choice": ({**chunk({}), "error": {"message": "the model is overloaded"}}, 502),
}


@both
@pytest.mark.parametrize("name", ERRORS)
def test_an_error_object_in_a_stream_is_passed_on_as_an_error(stage: Stage, path: str, name: str) -> None:
    said, status = ERRORS[name]
    stage.plays(scripts.pieces([sse(ROLE, chunk({"content": "Hel"})), sse(said), scripts.DONE]))
    answer = stage.ask(chat(stream=True), path)
    error = failed(answer, path, status)
    assert "overloaded" in error["message"] or "slow down" in error["message"]


@both
def test_anthropics_error_event_is_passed_on_as_an_error(stage: Stage, path: str) -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    stage.plays(scripts.pieces([scripts.claude_start(), scripts.claude_text(0, "Hel"), scripts.events(overloaded)]))
    error = failed(stage.ask(chat(MODELS[1], stream=True), path), path, 503)
    assert error["message"] == "Overloaded"


@pytest.mark.parametrize(("path", "status"), [(OPENAI, 503), (OPIK, 503)])
def test_an_error_before_the_first_chunk_is_a_plain_answer_with_its_status(stage: Stage, path: str, status: int) -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    stage.plays(scripts.pieces([scripts.events(overloaded)]))
    answer = stage.ask(chat(MODELS[1], stream=True), path)
    assert (answer.status, answer.headers["content-type"], answer.error["message"]) == (status, "application/json", "Overloaded")


def test_a_stream_that_breaks_after_its_finish_is_whole(stage: Stage) -> None:
    async def script(connection: Connection, asked: Asked) -> None:
        await connection.begin()
        await connection.chunk(sse(*HELLO))
        connection.writer.close()

    stage.plays(script)
    answer = stage.ask(chat(stream=True))
    assert answer.events[-1] == b"[DONE]"
    assert text(answer) == "Hello!"


# ── Opik's web client ────────────────────────────────────────────────────────────────────────────────────


def test_data_colon_never_stands_in_a_payload_on_opiks_paths(stage: Stage) -> None:
    tricky = [ROLE, chunk({"content": "a data: b"}), chunk({"content": "data:"}), chunk({"content": 'data:image/png;base64,"data:"'}), STOP]
    stage.plays(scripts.streamed(*tricky))
    plain, opik = stage.ask(chat(stream=True)), stage.ask(chat(stream=True), OPIK)
    assert plain.chunks == opik.chunks, "it is the same JSON"
    assert all(b"data:" not in payload for payload in opik.events)
    assert any(b"data:" in payload for payload in plain.events)
    refusal = {"error": {"message": "bad url data:image/png", "type": "server_error"}}
    stage.plays(scripts.streamed(ROLE, refusal))
    broken = stage.ask(chat(stream=True), OPIK)
    assert all(b"data:" not in payload for payload in broken.events)
    assert broken.chunks[-1]["message"] == "bad url data:image/png"


# ── n choices where the vendor has one ───────────────────────────────────────────────────────────────────


@both
def test_n_choices_of_a_vendor_without_n_are_one_stream(stage: Stage, path: str) -> None:
    stage.plays(either)
    answer = stage.ask(chat(MODELS[1], stream=True, n=3, stream_options={"include_usage": True}), path)
    assert len(stage.upstream.asked) == 3
    for index in range(3):
        assert text(answer, index) == "Hello!"
        assert [delta.get("role") for delta in deltas(answer, index)].count("assistant") == 1
        finishes = [c["finish_reason"] for chunk in answer.chunks for c in chunk["choices"] if c["index"] == index and c["finish_reason"]]
        assert finishes == ["stop"]
    assert answer.events[-1] == b"[DONE]"
    assert answer.chunks[-1]["usage"]["completion_tokens"] == 9
    assert len({chunk["id"] for chunk in answer.chunks}) == 1


@both
def test_one_of_n_streams_that_fails_fails_the_answer_and_ends_the_others(stage: Stage, path: str) -> None:
    async def script(connection: Connection, asked: Asked) -> None:
        number = len(stage.upstream.asked)
        await connection.begin()
        await connection.chunk(scripts.claude_start() + scripts.claude_text(0, "Hel"))
        if number == 2:
            connection.reset()
        else:
            await connection.gone()

    stage.plays(script)
    answer = stage.ask(chat(MODELS[1], stream=True, n=2), path)
    assert stage.upstream.hung_up.wait(1)
    failed(answer, path, 502)


def test_one_of_n_calls_that_is_refused_ends_the_others(stage: Stage) -> None:
    async def script(connection: Connection, asked: Asked) -> None:
        if len(stage.upstream.asked) == 3:
            await connection.answer(
                400, json.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}).encode()
            )
        else:
            await connection.begin()
            await connection.gone()

    for stream in (True, False):
        stage.upstream.asked.clear()
        stage.upstream.hung_up.clear()
        stage.plays(script)
        answer = stage.ask(chat(MODELS[1], stream=stream, n=3))
        assert (answer.status, answer.error["message"]) == (400, "no")
        assert stage.upstream.hung_up.wait(1)
