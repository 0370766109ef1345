"""Answers, streams and errors that no recording has: hand-written from the vendor's documentation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.framing.oracles import aws_frame
from trunkline.chat import Event, Extra, Failed, Finished, MessageExtra, ReasoningDetail, TextDelta, ToolDelta
from trunkline.dialects import bedrock_converse
from trunkline.errors import UpstreamError
from trunkline.framing.aws_eventstream import AwsEventStream
from trunkline.wire import Frame, HttpResponse

from .oracle import calls, finish, reasoning, target, text, usage

USAGE = {"inputTokens": 5, "outputTokens": 7, "totalTokens": 112, "cacheReadInputTokens": 90, "cacheWriteInputTokens": 10}


def answered(content: list[Any], stop: str = "end_turn", **more: Any) -> list[Event]:
    body = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": stop, "usage": USAGE, "metrics": {}, **more}
    return bedrock_converse.decode_response(HttpResponse(200, {}, json.dumps(body).encode()), target())


def streamed(*events: tuple[str, dict[str, Any]]) -> list[Event]:
    decoder = bedrock_converse.decode_stream(target())
    body = b"".join(aws_frame(json.dumps({**data, "p": "abc"}).encode(), event_type=name, message_type="event") for name, data in events)
    found = [event for frame in AwsEventStream().feed(body) for event in decoder.feed(frame)]
    return found + decoder.close()


def delta(index: int, **what: Any) -> tuple[str, dict[str, Any]]:
    return ("contentBlockDelta", {"contentBlockIndex": index, "delta": what})


def start(index: int, **what: Any) -> tuple[str, dict[str, Any]]:
    return ("contentBlockStart", {"contentBlockIndex": index, "start": what})


def stop(index: int) -> tuple[str, dict[str, Any]]:
    return ("contentBlockStop", {"contentBlockIndex": index})


def test_usage_counts_all_input() -> None:
    counted = usage(answered([{"text": "Hi"}]))
    assert counted is not None
    assert (counted.prompt, counted.completion, counted.total, counted.cached, counted.cache_write) == (105, 7, 112, 90, 10)
    assert json.loads(bytes(counted.raw)) == USAGE


@pytest.mark.parametrize(
    ("word", "reason", "native"),
    [
        ("end_turn", "stop", ""),
        ("stop_sequence", "stop", "stop_sequence"),
        ("max_tokens", "length", ""),
        ("model_context_window_exceeded", "length", "model_context_window_exceeded"),
        ("guardrail_intervened", "content_filter", "guardrail_intervened"),
        ("content_filtered", "content_filter", "content_filtered"),
        ("malformed_tool_use", "stop", "malformed_tool_use"),
        ("yet_to_come", "stop", "yet_to_come"),
    ],
)
def test_the_reasons(word: str, reason: str, native: str) -> None:
    assert finish(answered([{"text": "x"}], word)) == Finished(reason, native=native)  # type: ignore[arg-type]
    assert finish(streamed(delta(0, text="x"), stop(0), ("messageStop", {"stopReason": word}))) == Finished(reason, native=native)  # type: ignore[arg-type]


def test_arguments_keep_their_digits_and_none_are_an_empty_object() -> None:
    body = b"""{"output":{"message":{"content":[{"toolUse":{"toolUseId":"a","name":"f","input":{"n":12345678901234567890,"x":1.10}}},
        {"toolUse":{"toolUseId":"b","name":"g","input":{}}},{"toolUse":{"toolUseId":"c","name":"h"}}]}},"stopReason":"end_turn"}"""
    events = bedrock_converse.decode_response(HttpResponse(200, {}, body), target())
    assert [e.arguments for e in events if isinstance(e, ToolDelta)] == ['{"n":12345678901234567890,"x":1.10}', "{}", "{}"]
    assert finish(events).reason == "tool_calls"


def test_parallel_calls_stream_under_their_own_numbers() -> None:
    events = streamed(
        ("messageStart", {"role": "assistant"}),
        delta(0, text="Well"),
        stop(0),
        start(1, toolUse={"toolUseId": "a", "name": "f"}),
        start(2, toolUse={"toolUseId": "b", "name": "g"}),
        delta(2, toolUse={"input": ""}),
        delta(1, toolUse={"input": '{"x"'}),
        stop(2),
        delta(1, toolUse={"input": ":1}"}),
        stop(1),
        ("messageStop", {"stopReason": "tool_use"}),
        ("metadata", {"usage": USAGE, "serviceTier": {"type": "flex"}}),
    )
    assert text(events) == "Well"
    assert calls(events) == [("a", "f", {"x": 1}), ("b", "g", {})]
    assert finish(events).reason == "tool_calls"
    assert Extra({"service_tier": "flex"}) in events
    counted = usage(events)
    assert counted is not None
    assert counted.prompt == 105


def test_signed_and_redacted_reasoning_comes_whole_and_unary_as_streamed() -> None:
    signed = {"type": "reasoning.text", "text": "hm", "signature": "s1s2", "format": "bedrock"}
    hidden = {"type": "reasoning.encrypted", "data": "YWJjZGU=", "format": "bedrock"}
    stream = streamed(
        delta(0, reasoningContent={"text": "h"}),
        delta(0, reasoningContent={"text": "m"}),
        delta(0, reasoningContent={"signature": "s1"}),
        delta(0, reasoningContent={"signature": "s2"}),
        stop(0),
        delta(1, reasoningContent={"redactedContent": "YWI="}),
        delta(1, reasoningContent={"redactedContent": "Y2Rl"}),
        stop(1),
    )
    unary = answered(
        [
            {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s1s2"}}},
            {"reasoningContent": {"redactedContent": "YWJjZGU="}},
            {"reasoningContent": {"reasoningText": {"text": "unsigned"}}},
        ]
    )
    assert reasoning(stream) == "hm"
    assert reasoning(unary) == "hmunsigned"
    for events in (stream, unary):
        assert [e.detail for e in events if isinstance(e, ReasoningDetail)] == [signed, hidden]
        assert text(events) == ""


def test_citations_keep_their_text_and_place() -> None:
    web = {"title": "T", "location": {"web": {"url": "https://x.test/", "domain": "x.test"}}}
    page = {"title": "P", "location": {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}}}
    unary = answered([{"text": "So "}, {"citationsContent": {"content": [{"text": "it is"}], "citations": [web, page]}}])
    stream = streamed(delta(0, text="So "), stop(0), delta(1, citation=web), delta(1, text="it is"), delta(1, citation=page), stop(1))
    for events in (unary, stream):
        assert text(events) == "So it is"
        (extra,) = [e.extra for e in events if isinstance(e, MessageExtra)]
        assert extra["citations"] == [web, page]
        place = {"url": "https://x.test/", "title": "T", "start_index": 3, "end_index": 8}
        assert extra["annotations"] == [{"type": "url_citation", "url_citation": place}]


def test_a_server_tool_is_kept_beside_and_is_no_call() -> None:
    use = {"toolUseId": "s", "name": "nova_grounding", "type": "server_tool_use", "input": {"query": "q"}}
    result = {"toolUseId": "s", "type": "nova_grounding_result", "status": "success", "content": [{"text": "[HIDDEN]"}]}
    unary = answered([{"toolUse": use}, {"toolResult": result}, {"text": "Found"}], "tool_use")
    stream = streamed(
        start(0, toolUse={name: value for name, value in use.items() if name != "input"}),
        delta(0, toolUse={"input": '{"query":"q"}'}),
        stop(0),
        start(1, toolResult={name: value for name, value in result.items() if name != "content"}),
        delta(1, toolResult=[{"text": "[HIDDEN]"}]),
        stop(1),
        delta(2, text="Found"),
        stop(2),
        ("messageStop", {"stopReason": "tool_use"}),
    )
    for events in (unary, stream):
        assert calls(events) == []
        assert text(events) == "Found"
        assert finish(events).reason == "stop"
        assert [e.extra["provider_blocks"] for e in events if isinstance(e, MessageExtra)] == [[{"toolUse": use}], [{"toolResult": result}]]


def test_an_image_that_the_model_made() -> None:
    events = answered([{"image": {"format": "png", "source": {"bytes": "AAAA"}}}])
    assert events[1] == MessageExtra({"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]})


def test_strange_shapes_are_stepped_over() -> None:
    events = answered([{"yetToCome": {"a": 1}}, 7, {"text": 5}, {"toolUse": "x"}, {"text": "Hi"}])
    assert text(events) == "Hi"
    assert MessageExtra({"provider_blocks": [{"yetToCome": {"a": 1}}]}) in events
    events = streamed(
        ("yetToCome", {}), delta(0, yetToCome={}), ("contentBlockDelta", {"delta": 5}), delta(0, text="Hi"), ("metadata", {"usage": 5})
    )
    assert [e for e in events if isinstance(e, TextDelta)] == [TextDelta("Hi")]


_BLOCK_KEYS = ["delta", "text", "toolUse", "reasoningContent", "start", "contentBlockIndex", "citation", "input", "name", "image"]
_keys = st.sampled_from([*_BLOCK_KEYS, "stopReason", "usage", "output", "message", "content", "toolResult", "citationsContent"])
_json = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_keys, inner, max_size=3),
)
_names = st.sampled_from(["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", ""])


@given(st.lists(st.tuples(_names, _json.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20), st.booleans()), max_size=8))
def test_no_frame_breaks_the_decoder(frames: list[tuple[str, bytes, bool]]) -> None:
    decoder = bedrock_converse.decode_stream(target())
    for name, data, error in frames:
        events = decoder.feed(Frame(data, name, error))
        assert not error or isinstance(events[0], Failed)
    assert all(isinstance(event, Finished) for event in decoder.close())


def outcome(body: Any) -> str | None:
    try:
        return "events" if bedrock_converse.decode_response(HttpResponse(200, {}, json.dumps(body).encode()), target()) else "nothing"
    except UpstreamError as error:
        return error.code


@given(_json)
def test_no_body_breaks_the_decoder(value: Any) -> None:
    assert outcome(value) in ("events", "upstream_protocol", "upstream_error")
    assert outcome({"output": {"message": {"content": [value, value]}}, "usage": value}) == "events"


def test_a_cut_off_stream_has_no_finish_and_no_made_up_arguments() -> None:
    events = streamed(start(0, toolUse={"toolUseId": "a", "name": "f"}), delta(0, toolUse={"input": '{"x'}))
    assert not any(isinstance(e, Finished) for e in events)
    assert [e.arguments for e in events if isinstance(e, ToolDelta)] == ['{"x']
    events = streamed(start(0, toolUse={"toolUseId": "a", "name": "f"}))
    assert not any(isinstance(e, ToolDelta) for e in events)


@pytest.mark.parametrize(
    ("exception", "status", "code"),
    [
        ("throttlingException", 429, "rate_limit_exceeded"),
        ("modelStreamErrorException", 502, "upstream_error"),
        ("validationException", 400, None),
        ("internalServerException", 502, "upstream_error"),
        ("serviceUnavailableException", 503, "upstream_overloaded"),
        ("modelTimeoutException", 504, "upstream_timeout"),
        ("somethingNew", 502, "upstream_error"),
    ],
)
def test_an_exception_in_a_stream_is_a_failure_with_its_status(exception: str, status: int, code: str | None) -> None:
    decoder = bedrock_converse.decode_stream(target())
    (frame,) = AwsEventStream().feed(aws_frame(b'{"message":"Slow down"}', exception_type=exception, message_type="exception"))
    (event,) = decoder.feed(frame)
    assert isinstance(event, Failed)
    assert (event.message, event.status) == ("Slow down", status)
    assert code is None or event.code == code


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected", "code"),
    [
        (429, "ThrottlingException:http://internal.amazon.com/x", "Too many requests", 429, "rate_limit_exceeded"),
        (400, "ServiceQuotaExceededException", "quota", 429, "rate_limit_exceeded"),
        (400, "ValidationException", "The provided model identifier is invalid.", 404, "model_not_found"),
        (400, "ValidationException", "Input is too long for requested model.", 400, "context_length_exceeded"),
        (400, "ValidationException", "Number of input tokens exceeds maximum length", 400, "context_length_exceeded"),
        (404, "ResourceNotFoundException", "no such model", 404, "model_not_found"),
        (403, "AccessDeniedException", "You don't have access", 502, "upstream_auth"),
        (403, "UnrecognizedClientException", "The security token is invalid", 502, "upstream_auth"),
        (403, "ExpiredTokenException", "expired", 502, "upstream_auth"),
        (408, "ModelTimeoutException", "slow", 504, "upstream_timeout"),
        (424, "ModelErrorException", "broke", 502, "upstream_error"),
        (429, "ModelNotReadyException", "warming up", 503, "upstream_overloaded"),
        (500, "InternalServerException", "oops", 502, "upstream_error"),
        (503, "ServiceUnavailableException", "busy", 503, "upstream_overloaded"),
    ],
)
def test_a_refusal_maps_to_its_error(status: int, kind: str, message: str, expected: int, code: str) -> None:
    headers = {"x-amzn-errortype": kind, "retry-after": "3", "x-amzn-requestid": "r-1"}
    error = bedrock_converse.decode_error(HttpResponse(status, headers, json.dumps({"message": message}).encode()), target())
    assert (error.status, error.code) == (expected, code)
    assert message in error.message
    assert ("x-trunkline-upstream-request-id", "r-1") in error.headers
    assert error.retry_after == (3 if expected in (429, 503, 504) or status == 500 or status == 424 else None)


@pytest.mark.parametrize("body", [b"<html>502</html>", b"", b"[]", b"\xff", b'{"message": 5}'])
def test_an_unreadable_refusal_never_shows_its_body(body: bytes) -> None:
    error = bedrock_converse.decode_error(HttpResponse(502, {}, body), target())
    assert error.status == 502
    assert "aws answered 502" in error.message


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"output": {}}', b"\xff"])
def test_what_is_no_answer_is_an_upstream_error(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        bedrock_converse.decode_response(HttpResponse(200, {}, body), target())
    assert caught.value.code == "upstream_protocol"
