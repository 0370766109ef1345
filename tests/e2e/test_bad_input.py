"""Whatever a caller sends, the answer is an error that says what is wrong, in the shape of the path it came to.

Odd here: after each test the stage checks that the gateway still answers and that neither its log nor any answer shows its workings.
"""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from trunkline.chat import KNOWN_FIELDS

from . import scripts
from .conftest import Stage, chat
from .refusing import OPENAI, OPIK, both, refused


def body(**fields: Any) -> bytes:
    return json.dumps(chat(**fields)).encode()


MALFORMED = {
    "empty": (b"", "the body is empty"),
    "spaces": (b"  \n ", "the body is empty"),
    "truncated": (body()[:-1], "at byte"),
    "truncated in a string": (body()[:20], "at byte 20"),
    "two values": (body() + b"{}", "at byte"),
    "not JSON": (b"model=gpt&messages=hi", "at byte 0"),
    "single quotes": (b"{'model': 'x'}", "at byte 1"),
    "a comment": (b'{"model": "x", /* hi */ "messages": []}', "at byte 15"),
    "NaN": (b'{"model": "x", "messages": [], "temperature": NaN}', "at byte"),
    "a NUL byte": (b'{"model": "x\x00y", "messages": []}', "at byte"),
    "NUL bytes only": (b"\x00" * 64, "at byte 0"),
    "invalid UTF-8": (b'{"model": "\xff\xfe", "messages": []}', "not valid UTF-8: invalid start byte at byte 11"),
    "UTF-16": (body().decode().encode("utf-16"), "not valid UTF-8"),
    "half a surrogate pair": (b'{"model": "x", "messages": [{"role": "user", "content": "\\ud83d"}]}', "half a surrogate pair at byte"),
}


@both
@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_not_json_is_400_with_the_position(stage: Stage, path: str, name: str) -> None:
    sent, said = MALFORMED[name]
    refused(stage.ask(sent, path), path, 400, "invalid_json", said)


@both
@pytest.mark.parametrize("sent", [b"[]", b"null", b'"text"', b"5", b"true"], ids=repr)
def test_json_that_is_no_object_is_400(stage: Stage, path: str, sent: bytes) -> None:
    refused(stage.ask(sent, path), path, 400, "invalid_type", "must be a JSON object")


DEEP = 200_000
NESTED = {
    "arrays": b"[" * DEEP,
    "closed arrays": b"[" * DEEP + b"]" * DEEP,
    "objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "content": b'{"model": "x", "messages": [{"role": "user", "content": ' + b"[" * DEEP + b"]" * DEEP + b"}]}",
    "unknown field": b'{"model": "openai/x", "messages": [{"role": "user", "content": "x"}], "x": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "tool schema": body()[:-1]
    + b', "tools": [{"type": "function", "function": {"name": "f", "parameters": '
    + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}}]}",
}  # fmt: skip


@both
@pytest.mark.parametrize("name", NESTED)
def test_nesting_without_end_is_400(stage: Stage, path: str, name: str) -> None:
    answer = stage.ask(NESTED[name], path)
    assert answer.status == 400, answer.body[:300]
    refused(answer, path, 400)


@both
def test_deep_nesting_within_reason_is_taken(stage: Stage, path: str) -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(60):
        schema = {"type": "object", "properties": {"a": schema}}
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    assert stage.ask(chat(tools=tools), path).status == 200
    assert json.loads(stage.upstream.asked[-1].body)["tools"] == tools


NUMBERS: list[Any] = ["1", [], {}, True]
TEXTS: list[Any] = [5, [], {}, True]
FLAGS: list[Any] = ["yes", 1, [], {}]
OBJECTS: list[Any] = ["x", 5, [], True]
WRONG_CONTENT: list[Any] = [5, [5], [{"type": "text", "text": 5}], [{"type": "text"}], [{"type": "image_url", "image_url": 5}]]
WRONG: dict[str, list[Any]] = {
    "model": [*TEXTS, None, ""],
    "messages": [
        "hi", 5, {}, True, None, [], ["hi"], [None], [[]], [{}], [{"role": "wizard", "content": "x"}], [{"role": 5}],
        *([{"role": "user", "content": content}] for content in WRONG_CONTENT),
        [{"role": "assistant", "tool_calls": "x"}], [{"role": "assistant", "tool_calls": [{"id": 5}]}], [{"role": "tool", "content": "x"}],
    ],
    "stream": FLAGS,
    "stream_options": [*OBJECTS, {"include_usage": "yes"}],
    "temperature": NUMBERS,
    "top_p": NUMBERS,
    "top_k": [*NUMBERS, 1.5],
    "n": [*NUMBERS, -1, 0, 1.5, 129, 10**30],
    "stop": [5, {}, True, [5], [None]],
    "max_tokens": [*NUMBERS, 1.5],
    "max_completion_tokens": [*NUMBERS, 1.5],
    "presence_penalty": NUMBERS,
    "frequency_penalty": NUMBERS,
    "logit_bias": ["x", 5, [], True, {"1": "x"}],
    "logprobs": FLAGS,
    "top_logprobs": [*NUMBERS, -1],
    "seed": [*NUMBERS, 1.5],
    "user": TEXTS,
    "safety_identifier": TEXTS,
    "response_format": [*OBJECTS, {}, {"type": 5}, {"type": "json_schema", "json_schema": 5}],
    "tools": ["x", 5, {}, True, [5], [{"type": "function", "function": {}}], [{"type": "function", "function": {"name": 5}}]],
    "tool_choice": [5, [], True, {"type": 5}],
    "parallel_tool_calls": FLAGS,
    "functions": ["x", 5, {}, True, [5], [{}]],
    "function_call": [5, [], True, {}],
    "reasoning_effort": TEXTS,
    "service_tier": TEXTS,
    "verbosity": TEXTS,
    "store": FLAGS,
    "metadata": OBJECTS,
    "modalities": ["text", 5, {}, True, [5]],
    "prompt_cache_key": TEXTS,
    "prompt_cache_retention": TEXTS,
}  # fmt: skip
CARRIED = {"audio", "prediction", "web_search_options", "prompt_cache_options"}
"""Passed on as they are: what is wrong with them is the vendor's to say."""


ODD_TOOLS = [[{}], [{"type": "function"}], [{"type": 5}], [{"type": "function", "function": {"name": "f", "parameters": "x"}}]]


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5", "cohere/command-a"])
def test_a_tool_of_an_unknown_shape_is_the_vendors_to_judge_or_a_400(stage: Stage, model: str) -> None:
    refusal = {"type": "error", "message": "what tool is that", "error": {"type": "invalid_request_error", "message": "what tool is that"}}
    stage.plays(scripts.whole(refusal, 400))
    for tools in ODD_TOOLS:
        answer = stage.ask(chat(model, tools=tools))
        assert answer.status == 400, (tools, answer.body)
        assert "tool" in answer.error["message"]


def test_every_field_is_listed_here() -> None:
    assert set(WRONG) | CARRIED == KNOWN_FIELDS


@both
@pytest.mark.parametrize("field", WRONG)
def test_a_field_of_the_wrong_type_is_400_naming_it(stage: Stage, path: str, field: str) -> None:
    with stage.caller() as caller:
        for count, wrong in enumerate(WRONG[field], 1):
            answer = caller.post({**chat(), field: wrong}, path).answers(count)[-1]
            error = refused(answer, path, 400)
            assert error["type"] == "invalid_request_error"
            assert (error["param"] or "").startswith(field), (wrong, error)
            assert field in error["message"], (wrong, error)
    assert stage.upstream.asked == []


@both
@pytest.mark.parametrize("field", ["max_tokens", "stop", "response_format"])
def test_camel_case_is_checked_too(stage: Stage, path: str, field: str) -> None:
    camel = {"max_tokens": "maxTokens", "stop": "stop", "response_format": "responseFormat"}[field]
    error = refused(stage.ask({**chat(), camel: {"type": 5}}, path), path, 400)
    assert error["param"].startswith(field)


@both
def test_without_model_or_messages_the_missing_one_is_named(stage: Stage, path: str) -> None:
    assert refused(stage.ask({"messages": chat()["messages"]}, path), path, 400)["param"] == "model"
    assert refused(stage.ask({"model": "openai/x"}, path), path, 400)["param"] == "messages"
    assert refused(stage.ask({**chat(), "messages": []}, path), path, 400)["param"] == "messages"
    refused(stage.ask({}, path), path, 400)


@pytest.mark.parametrize(("path", "status"), [(OPENAI, 404), (OPIK, 400)])
def test_an_unknown_model_is_404_and_400_on_opiks_paths(stage: Stage, path: str, status: int) -> None:
    for model in ("opnai/gpt-4o-mini", "fats", "nobody/knows", "x" * 5000, "a\nb", "\u2603"):
        answer = stage.ask(chat(model), path)
        error = refused(answer, path, status) if status == 404 else answer.error
        assert (answer.status, error["code"]) == (status, "model_not_found"), answer.body
    assert "fast" in stage.ask(chat("fats"), path).error["message"], "the nearest name is told"


HUGE = {
    "integer": b"1" * 5000,
    "negative": b"-" + b"9" * 400,
    "exponent": b"1e999999",
    "tiny": b"1e-999999",
    "precise": b"0." + b"3" * 10000,
}


@both
@pytest.mark.parametrize("name", HUGE)
@pytest.mark.parametrize("field", ["temperature", "max_tokens", "seed", "n", "created"])
def test_huge_numbers_are_refused_or_carried_and_break_nothing(stage: Stage, path: str, name: str, field: str) -> None:
    stage.plays(scripts.whole())
    answer = stage.ask(body()[:-1] + b', "%b": %b}' % (field.encode(), HUGE[name]), path)
    assert answer.status in (200, 400), answer.body
    if answer.status == 400:
        refused(answer, path, 400)
    elif field == "created":
        assert HUGE[name] in stage.upstream.asked[-1].body, "a same-format hop carries the digits"


@both
def test_of_duplicate_keys_the_last_one_is_meant_here_and_upstream(stage: Stage, path: str) -> None:
    sent = (
        b'{"model": "nobody/x", "temperature": 0, "messages": [{"role": "user", "content": "hi"}], "temperature": 1, "model": "openai/y"}'
    )
    assert stage.ask(sent, path).status == 200
    asked = stage.upstream.asked[-1].body
    assert json.loads(asked)["model"] == "y"
    assert json.loads(asked)["temperature"] == 1
    assert asked.count(b'"model"') == asked.count(b'"temperature"') == 1, "or the vendor might read the other one"


# ── large and packed bodies ──────────────────────────────────────────────────────────────────────────────

MB = 1 << 20


def large(size: int) -> bytes:
    return json.dumps(chat(messages=[{"role": "user", "content": "x" * size}])).encode()


@both
def test_a_body_of_40_mb_is_413_and_the_answer_arrives(stage: Stage, path: str) -> None:
    with stage.caller() as caller:
        answer = caller.post(large(40 * MB), path).answer()
        refused(answer, path, 413, "request_too_large", "32 MB")
        assert answer.headers["connection"] == "close"
        assert caller.end()
        assert caller.closed
    assert stage.upstream.asked == []


@both
def test_a_body_of_40_mb_in_chunks_is_413(stage: Stage, path: str) -> None:
    piece = b"100000\r\n" + b"x" * MB + b"\r\n"
    with stage.caller() as caller:
        caller.send(f"POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        for _ in range(40):
            caller.send(piece)
        refused(caller.send(b"0\r\n\r\n").answer(), path, 413, "request_too_large")


@both
def test_a_length_too_large_is_413_before_the_body_is_sent(stage: Stage, path: str) -> None:
    with stage.caller() as caller:
        caller.send(f"POST {path} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {40 * MB}\r\n\r\n".encode())
        refused(caller.answer(), path, 413, "request_too_large")
        assert b"100 Continue" not in caller.received


def test_a_length_beyond_all_bounds_is_refused(stage: Stage) -> None:
    with stage.caller() as caller:
        caller.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999999999\r\n\r\n{}")
        assert caller.answer().status in (400, 413)


def test_a_body_just_within_the_limit_is_taken(stage: Stage) -> None:
    assert stage.ask(large(31 * MB)).status == 200
    assert len(stage.upstream.asked[-1].body) > 31 * MB
    stage.upstream.asked.clear()


@both
def test_a_small_body_that_unpacks_to_a_huge_one_is_413(stage: Stage, path: str) -> None:
    refused(stage.ask(gzip.compress(large(40 * MB)), path, content_encoding="gzip"), path, 413, "request_too_large")


PACKED = {
    "not gzip": ("gzip", b"not gzip", 400),
    "cut": ("gzip", gzip.compress(body())[:-9], 400),
    "nothing": ("gzip", b"", 400),
    "broken JSON": ("gzip", gzip.compress(b"{"), 400),
    "two bodies": ("gzip", gzip.compress(body()) * 2, 400),
    "unknown": ("br", b"x", 415),
    "packed twice": ("gzip, gzip", gzip.compress(gzip.compress(body())), 415),
}


@both
@pytest.mark.parametrize("name", PACKED)
def test_a_packed_body_that_cannot_be_unpacked_is_refused(stage: Stage, path: str, name: str) -> None:
    encoding, sent, status = PACKED[name]
    refused(stage.ask(sent, path, content_encoding=encoding), path, status)
