"""What Ollama's answers mean where no recording shows it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.replaying import fed, folded, replay
from trunkline.chat import Failed, Finished, Logprobs
from trunkline.dialects import ollama_chat as dialect
from trunkline.errors import UpstreamError
from trunkline.target import Target
from trunkline.wire import HttpResponse

TARGET = Target(provider="ollama", kind="ollama", model="qwen3", dialect="ollama_chat", base_url="http://localhost:11434")
NAMES = st.sampled_from(["message", "content", "thinking", "tool_calls", "function", "done", "done_reason", "error", "logprobs", "model"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner),
    max_leaves=8,
)


def line(**members: Any) -> dict[str, Any]:
    return {"model": "qwen3", "created_at": "2026-08-07T06:08:07.590207123Z", "done": False, **members}


def calling(*functions: dict[str, Any]) -> dict[str, Any]:
    return line(message={"role": "assistant", "content": "", "tool_calls": [{"function": function} for function in functions]})


def test_calls_without_ids_get_unique_ones_that_are_always_the_same() -> None:
    twice = calling({"name": "f", "arguments": {}}, {"name": "f", "arguments": {}})
    first, again = (folded(fed(dialect, TARGET, [twice, line(done=True)])).choices[0].calls for _ in range(2))
    assert len({first[0].id, first[1].id, ""}) == 3
    assert [call.id for call in first.values()] == [call.id for call in again.values()]
    later = folded(fed(dialect, TARGET, [{**twice, "created_at": "2026-08-07T06:09:00Z"}])).choices[0].calls
    assert later[0].id != first[0].id


def test_arguments_keep_their_digits_and_none_are_an_empty_object() -> None:
    calls = b'[{"function":{"name":"f","arguments":{"id":12345678901234567890}}},{"function":{"name":"g"}}]'
    body = b'{"message":{"tool_calls":' + calls + b'},"done":true}'
    made = folded(dialect.decode_response(HttpResponse(200, {}, body), TARGET)).choices[0].calls
    assert [call.arguments for call in made.values()] == ['{"id":12345678901234567890}', "{}"]


@pytest.mark.parametrize(
    ("reason", "called", "expected"),
    [("stop", True, "tool_calls"), ("stop", False, "stop"), ("length", True, "length"), ("load", False, "stop")],
)
def test_each_end_has_its_reason(reason: str, called: bool, expected: str) -> None:
    before = [calling({"name": "f", "arguments": {}})] if called else []
    assert fed(dialect, TARGET, [*before, line(done=True, done_reason=reason)])[-1] == Finished(expected, native=reason)  # type: ignore[arg-type]


def test_calls_of_several_lines_are_counted_on() -> None:
    lines = [calling({"name": "f", "arguments": {}}), calling({"name": "g", "arguments": {}, "index": 0}), line(done=True)]
    calls = folded(fed(dialect, TARGET, lines)).choices[0].calls
    assert [(tool, call.name) for tool, call in calls.items()] == [(0, "f"), (1, "g")]


def test_an_error_line_is_a_failure_and_nothing_is_finished() -> None:
    body = json.dumps(line(message={"content": "Hal"})).encode() + b'\n{"error":"model runner has unexpectedly stopped"}\n'
    events = replay(dialect, TARGET, body, 5)
    assert events[-1] == Failed("model runner has unexpectedly stopped", 502)
    assert not any(isinstance(event, Finished) for event in events)
    with pytest.raises(UpstreamError, match="unexpectedly stopped"):
        dialect.decode_response(HttpResponse(200, {}, b'{"error":"model runner has unexpectedly stopped"}'), TARGET)


def test_absent_usage_stays_absent() -> None:
    assert folded(fed(dialect, TARGET, [line(done=True)])).usage is None


def test_log_probabilities_are_openai_s() -> None:
    events = fed(dialect, TARGET, [line(message={"content": "Hi"}, logprobs=[{"token": "Hi", "logprob": -0.5}])])
    assert events[-1] == Logprobs({"content": [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}]})


@given(JSON)
def test_no_json_whatever_makes_the_decoder_raise(value: Any) -> None:
    fed(dialect, TARGET, [line(message={"content": "a"}), json.dumps(value).encode()])


def test_a_body_that_is_no_answer_is_an_upstream_error() -> None:
    for body in (b"<html>busy</html>", b"[]", b"", b'{"response": "generate"}', b'{"message": {"content": 3}}'):
        with pytest.raises(UpstreamError) as caught:
            dialect.decode_response(HttpResponse(200, {}, body), TARGET)
        assert "<html>" not in caught.value.message


@pytest.mark.parametrize(
    ("status", "body", "expected", "text"),
    [
        (400, b'{"error":"qwen does not support tools"}', 400, "does not support tools"),
        (401, b'{"error":{"message":"unauthorized"}}', 502, "unauthorized"),
        (429, b'{"error":"too many requests"}', 429, "too many requests"),
        (500, b'{"error":"llama runner process has terminated"}', 502, "terminated"),
        (502, b"<html>nginx</html>", 502, "without a readable message"),
        (503, b'{"error":"server busy, please try again"}', 503, "server busy"),
    ],
)
def test_refusals_map_to_their_errors(status: int, body: bytes, expected: int, text: str) -> None:
    error = dialect.decode_error(HttpResponse(status, {}, body), TARGET)
    assert error.status == expected
    assert text in error.message


@pytest.mark.parametrize(("calls", "reason"), [(None, "stop"), ([{"function": {"name": "f", "arguments": {}}}], "tool_calls")])
def test_a_whole_answer_that_does_not_say_so_has_ended_all_the_same(calls: Any, reason: str) -> None:
    body = {"model": "q", "message": {"role": "assistant", "content": "a", "tool_calls": calls}, "prompt_eval_count": 3, "eval_count": 1}
    answer = folded(dialect.decode_response(HttpResponse(200, {}, json.dumps(body).encode()), TARGET))
    assert answer.choices[0].finish == Finished(reason)  # type: ignore[arg-type]
    assert answer.usage is not None
    assert (answer.usage.prompt, answer.usage.completion) == (3, 1)
