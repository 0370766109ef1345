"""What a Responses stream means where no recording shows it: other ends, failures, hosts that leave things out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.replaying import fed, folded
from trunkline.chat import Failed, Finished, ReasoningDelta, RefusalDelta, ToolDelta, ToolStarted
from trunkline.dialects import openai_responses as dialect
from trunkline.errors import UpstreamError
from trunkline.target import Target
from trunkline.wire import HttpResponse

TARGET = Target(provider="openai", kind="openai", model="gpt-5", dialect="openai_responses", base_url="https://api.openai.com/v1")
NAMES = st.sampled_from(
    ["type", "item", "response", "delta", "output", "content", "usage", "error", "status", "output_index", "logprobs", "summary"]
)
TYPES = st.sampled_from(
    ["response.output_item.done", "response.completed", "response.output_text.delta", "error", "message", "function_call"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TYPES, lambda v: st.lists(v, max_size=2) | st.dictionaries(NAMES, v), max_leaves=8
)
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": ""}


def text(piece: str) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": piece}


def added(item: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(item: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def message(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(content)}


def ended(status: str = "completed", **more: Any) -> dict[str, Any]:
    return {
        "type": f"response.{status}",
        "response": {"id": "resp_1", "model": "gpt-5", "created_at": 1, "status": status, "output": [], **more},
    }


def whole(*output: dict[str, Any], **more: Any) -> HttpResponse:
    return HttpResponse(
        200, {}, json.dumps({"id": "resp_1", "model": "gpt-5", "status": "completed", "output": list(output), **more}).encode()
    )


@pytest.mark.parametrize(("word", "reason"), [("max_output_tokens", "length"), ("content_filter", "content_filter"), ("novel", "length")])
def test_an_incomplete_response_says_why(word: str, reason: str) -> None:
    expected = Finished(reason, native=word)  # type: ignore[arg-type]
    assert fed(dialect, TARGET, [text("a"), ended("incomplete", incomplete_details={"reason": word})])[-1] == expected
    assert dialect.decode_response(whole(status="incomplete", incomplete_details={"reason": word}), TARGET)[-1] == expected


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"code": "server_error", "message": "we broke"}, 502),
        ({"code": "rate_limit_exceeded", "message": "slower"}, 429),
        ({"code": "invalid_image_format", "message": "bad image"}, 400),
        ({"code": "context_length_exceeded", "message": "too long"}, 400),
        ({"code": "bio_policy", "message": "not about this"}, 400),
    ],
)
def test_a_failed_response_is_a_failure_in_each_of_its_forms(error: dict[str, str], status: int) -> None:
    forms: list[dict[str, Any]] = [ended("failed", error=error), {"type": "error", **error}, {"type": "error", "error": error}]
    for form in forms:
        events = fed(dialect, TARGET, [text("a"), form])
        assert isinstance(events[-1], Failed)
        assert (events[-1].message, events[-1].status) == (error["message"], status)
        assert not any(isinstance(event, Finished) for event in events)
    with pytest.raises(UpstreamError, match=error["message"]) as caught:
        dialect.decode_response(whole(status="failed", error=error), TARGET)
    assert caught.value.status == status


def test_a_refusal_is_told_as_one() -> None:
    part = {"type": "refusal", "refusal": "No."}
    streamed = fed(dialect, TARGET, [{"type": "response.refusal.delta", "output_index": 0, "delta": "No."}, done(message(part)), ended()])
    assert [event for event in streamed if isinstance(event, RefusalDelta)] == [RefusalDelta("No.")]
    assert folded(dialect.decode_response(whole(message(part)), TARGET)).choices[0].refusals == ["No."]


def test_a_call_without_arguments_is_an_empty_object() -> None:
    events = fed(dialect, TARGET, [added(CALL), done(CALL), ended()])
    assert [e for e in events if isinstance(e, ToolStarted | ToolDelta)] == [ToolStarted(0, "c1", "f"), ToolDelta(0, "{}")]
    assert events[-1] == Finished("tool_calls")


def test_a_host_that_sends_an_item_only_when_it_is_done_loses_nothing() -> None:
    call = {**CALL, "arguments": '{"a":1}'}
    summary = [{"type": "summary_text", "text": "One."}, {"type": "summary_text", "text": "Two."}]
    thought = {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "gA"}
    output = [thought, message({"type": "output_text", "text": "Hi", "annotations": []}), call]
    expected = folded(dialect.decode_response(whole(*output), TARGET)).choices[0]
    for stream in ([*(done(item, i) for i, item in enumerate(output)), ended()], [ended(output=output)]):
        choice = folded(fed(dialect, TARGET, stream)).choices[0]
        assert (choice.text, choice.thoughts, choice.details) == (expected.text, expected.thoughts, expected.details) != ("", [], [])
        assert [(c.id, c.name, c.arguments) for c in choice.calls.values()] == [("c1", "f", '{"a":1}')]
        assert choice.finish == expected.finish == Finished("tool_calls")


def test_the_paragraphs_of_a_summary_are_kept_apart() -> None:
    def part(index: int) -> list[dict[str, Any]]:
        place = {"output_index": 0, "summary_index": index}
        return [
            {"type": "response.reasoning_summary_part.added", **place},
            {"type": "response.reasoning_summary_text.delta", "delta": f"{index}.", **place},
        ]

    events = fed(dialect, TARGET, [*part(0), *part(1)])
    assert events == [ReasoningDelta("0."), ReasoningDelta("\n\n"), ReasoningDelta("1.")]


def test_the_vendors_own_tools_are_kept_and_never_calls() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
    mcp = {"type": "mcp_call", "id": "mcp_1", "name": "f", "arguments": "{}", "server_label": "s", "output": "1"}
    cite = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2}
    file = {"type": "file_citation", "file_id": "file-1", "index": 2, "filename": "a"}
    said = message({"type": "output_text", "text": "Hi", "annotations": [cite, file]})
    output = [search, said, mcp, message({"type": "output_text", "text": "Yo", "annotations": [cite]})]
    streamed = folded(fed(dialect, TARGET, [*(done(item, i) for i, item in enumerate(output)), ended()])).choices[0]
    unary = folded(dialect.decode_response(whole(*output), TARGET)).choices[0]
    assert streamed.extra == unary.extra
    assert streamed.extra["provider_blocks"] == [search, mcp]
    assert [a["url_citation"]["start_index"] for a in streamed.extra["annotations"]] == [0, 2]
    assert streamed.extra["citations"] == [file]
    assert not streamed.calls
    assert streamed.finish == Finished("stop")


@pytest.mark.parametrize("input", ['print("1")', ""])
def test_a_custom_call_gives_its_input_as_it_is(input: str) -> None:
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c1", "name": "run", "input": input}
    pieces = [json.dumps({"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": piece}).encode() for piece in input]
    streams: list[list[Any]] = [[done(item), ended()], [added({**item, "input": ""}), *pieces, done(item), ended()]]
    for events in (*(fed(dialect, TARGET, stream) for stream in streams), dialect.decode_response(whole(item), TARGET)):
        call = folded(events).choices[0].calls[0]
        assert (call.id, call.name, call.custom, call.arguments, call.extra) == ("c1", "run", True, input, {})
        assert events[-1] == Finished("tool_calls")


def test_absent_usage_stays_absent() -> None:
    assert folded(fed(dialect, TARGET, [text("a"), ended(usage=None)])).usage is None


@given(JSON)
def test_no_json_whatever_makes_the_decoder_raise(value: Any) -> None:
    fed(dialect, TARGET, [added(CALL), json.dumps(value).encode(), b'{"type": "response.output_text.de'])


def test_frames_that_matter_and_cannot_be_read_are_a_failure_and_others_are_no_matter() -> None:
    assert isinstance(fed(dialect, TARGET, [{"type": "response.output_text.delta", "delta": {}}])[0], Failed)
    assert fed(dialect, TARGET, [{"type": "response.novelty", "delta": {}}, b"[DONE]"]) == []


@pytest.mark.parametrize("odd", ["odd", 1.5, ["odd"], None])
def test_an_item_that_is_no_object_costs_nothing_but_itself(odd: Any) -> None:
    said = message({"type": "output_text", "text": "Hi"})
    assert folded(dialect.decode_response(whole(odd, said), TARGET)).choices[0].text == "Hi"
    assert folded(fed(dialect, TARGET, [done(odd), text("Hi"), ended()])).choices[0].text == "Hi"


def test_a_body_that_is_no_response_is_an_upstream_error() -> None:
    for body in (b"<html>busy</html>", b"[]", b"", b'{"choices": []}'):
        with pytest.raises(UpstreamError) as caught:
            dialect.decode_response(HttpResponse(200, {}, body), TARGET)
        assert "<html>" not in caught.value.message


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, b'{"error":{"message":"The requested model \'x\' does not exist.","code":"model_not_found"}}', (404, "model_not_found")),
        (400, b'{"error":{"message":"bad","type":"invalid_request_error","param":"input","code":"invalid_value"}}', (400, "invalid_value")),
        (400, b'{"code":"invalid-argument","error":"bad"}', (400, "invalid-argument")),
        (401, b'{"error":{"message":"wrong key","code":"invalid_api_key"}}', (502, "upstream_auth")),
        (403, b'{"message":"forbidden"}', (502, "upstream_auth")),
        (429, b'{"detail":"slower"}', (429, "rate_limit_exceeded")),
        (500, b"<html>oops</html>", (502, "upstream_error")),
    ],
)
def test_refusals_map_to_their_errors(status: int, body: bytes, expected: tuple[int, str]) -> None:
    error = dialect.decode_error(HttpResponse(status, {}, body), TARGET)
    assert (error.status, error.code) == expected
    assert "<html>" not in error.message


PICTURE = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "output_format": "webp", "result": "UklGRg=="}


def test_a_picture_that_was_made_stands_among_the_images() -> None:
    for answer in (folded(dialect.decode_response(whole(PICTURE), TARGET)), folded(fed(dialect, TARGET, [done(PICTURE), ended()]))):
        extra = answer.choices[0].extra
        assert extra["images"] == [{"type": "image_url", "image_url": {"url": "data:image/webp;base64,UklGRg=="}}]
        assert extra["provider_blocks"] == [{name: value for name, value in PICTURE.items() if name != "result"}]


def test_verdicts_on_input_and_output_have_the_form_of_chat_completions() -> None:
    from openai.types.chat.chat_completion import Moderation

    verdict = {
        "type": "moderation_result", "model": "omni", "flagged": False, "categories": {"hate": False}, "category_scores": {"hate": 0.1},
        "category_applied_input_types": {"hate": ["text"]},
    }  # fmt: skip
    said = {"input": verdict, "output": {"type": "error", "code": "x", "message": "m"}}
    message_item = message({"type": "output_text", "text": "a"})
    unary = folded(dialect.decode_response(whole(message_item, moderation=said), TARGET))
    streamed = folded(fed(dialect, TARGET, [text("a"), done(message_item), ended(moderation=said)]))
    for answer in (unary, streamed):
        Moderation.model_validate(answer.extra["moderation"], strict=True)
        assert answer.extra["moderation"]["input"]["results"] == [verdict]
    assert "moderation" not in folded(dialect.decode_response(whole(message_item, moderation=None), TARGET)).extra
