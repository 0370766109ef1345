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
from .raw import Answer, request

OPENAI, OPIK = "/v1/chat/completions", "/v1/private/chat/completions"
both = pytest.mark.parametrize("path", [OPENAI, OPIK])


def refused(answer: Answer, path: str, status: int, code: str | None = None, said: str = "") -> dict[str, Any]:
    """The error, after a look at its shape."""
    assert answer.status == status, answer.body
    assert answer.headers["x-request-id"]
    assert answer.headers["content-type"] == "application/json"
    error = answer.error
    assert set(error) >= {"message", "type", "param", "code"}
    if "/private/" in path:
        assert answer.body.endswith(b"\n")
        assert (answer.json["code"], answer.json["message"]) == (status, error["message"])
    else:
        assert set(answer.json) == {"error"}
    if code is not None:
        assert error["code"] == code, error
    assert said in error["message"], error
    return error


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
    "tool schema": body()[:-1] + b', "tools": [{"type": "function", "function": {"name": "f", "parameters": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}}]}",
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
WRONG: dict[str, list[Any]] = {
    "model": [*TEXTS, None, ""],
    "messages": ["hi", 5, {}, True, None, [], ["hi"], [None], [[]], [{}], [{"role": "wizard", "content": "x"}], [{"role": 5}],
                 [{"role": "user", "content": 5}], [{"role": "user", "content": [5]}], [{"role": "user", "content": [{"type": "text", "text": 5}]}],
                 [{"role": "user", "content": [{"type": "text"}]}], [{"role": "user", "content": [{"type": "image_url", "image_url": 5}]}],
                 [{"role": "assistant", "tool_calls": "x"}], [{"role": "assistant", "tool_calls": [{"id": 5}]}], [{"role": "tool", "content": "x"}]],
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
    refusal = {"type": "error", "error": {"type": "invalid_request_error", "message": "what tool is that"}}
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
        assert answer.status == status and error["code"] == "model_not_found", answer.body
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
    sent = b'{"model": "nobody/x", "temperature": 0, "messages": [{"role": "user", "content": "hi"}], "temperature": 1, "model": "openai/y"}'
    assert stage.ask(sent, path).status == 200
    asked = stage.upstream.asked[-1].body
    assert json.loads(asked)["model"] == "y" and json.loads(asked)["temperature"] == 1
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
        assert caller.end() and caller.closed
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


# ── headers ──────────────────────────────────────────────────────────────────────────────────────────────


@both
@pytest.mark.parametrize(
    "headers",
    [{"x_big": "x" * 100_000}, {f"x_{i}": "y" * 1000 for i in range(100)}, {f"x_{i}": "y" for i in range(300)}, {"cookie": "a=b; " * 20_000}],
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
        for i in range(70):
            caller.send(b"x-%d: %b\r\n" % (i, b"y" * 1000))
        assert caller.answer().status == 431
        caller.end()


def test_trailers_without_end_are_431(stage: Stage) -> None:
    with stage.caller() as caller:
        caller.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
        for i in range(70):
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

SENT = body()
GOOD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(SENT), SENT)
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
    "a bad length": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ten\r\n\r\n" + SENT,
    "a negative length": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n" + SENT,
    "two lengths": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\ncontent-length: 4\r\n\r\n" % len(SENT) + SENT,
    "length and chunks": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
    "chunked, not last": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "a bad chunk size": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhi\r\n0\r\n\r\n",
    "a huge chunk size": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\nhi",
    "a negative chunk size": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n-1\r\nhi\r\n0\r\n\r\n",
    "a chunk longer than said": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nhello\r\n0\r\n\r\n",
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
        assert b" 200 OK\r\n" in text and b"Hello!" in text and b"chunked" not in text


@both
def test_http_1_0_gets_a_stream_that_ends_with_its_connection(stage: Stage, path: str) -> None:
    sent = body(stream=True)
    with stage.caller() as caller:
        text = caller.send(f"POST {path} HTTP/1.0\r\ncontent-length: {len(sent)}\r\n\r\n".encode() + sent).end()
    head, _, events = text.partition(b"\r\n\r\n")
    assert b"chunked" not in head and events.startswith(b"data: {") and events.endswith(b"data: [DONE]\n\n")


@both
def test_an_absolute_target_and_an_encoded_path_mean_the_same(stage: Stage, path: str) -> None:
    assert stage.ask(chat(), f"http://gateway:1234{path}").status == 200
    assert stage.ask(chat(), path.replace("chat", "ch%61t")).status == 200
    streamed = stage.ask(chat(stream=True), f"http://gateway{path}")
    assert streamed.events[-1] == b"[DONE]"


@both
def test_other_targets_are_errors_in_words(stage: Stage, path: str) -> None:
    for target, status in (("*", 404), (path + "/", 404), ("/" + path, 404), ("/v1/nothing/private/", 404), (path + "%00", 404), (path + "/%ff", 404)):
        answer = stage.ask(chat(), target)
        assert answer.status == status, (target, answer.status)
        assert answer.error["message"]
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        with stage.caller() as caller:
            answer = caller.send(f"{method} {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode()).answer()
            refused_ = answer.error
            assert (answer.status, answer.headers["allow"], refused_["code"]) == (405, "POST", "method_not_allowed")


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
