"""What Cohere's answers mean where no recording shows it: failures half-way, odd frames, log probabilities, sources with a URL."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.replaying import fed, folded
from trunkline.chat import Failed, Finished, Logprobs, Started, TextDelta, ToolDelta
from trunkline.dialects import cohere_chat as dialect
from trunkline.errors import UpstreamError
from trunkline.target import Target
from trunkline.wire import Frame, HttpResponse

TARGET = Target(provider="cohere", kind="cohere", model="command-a", dialect="cohere_chat", base_url="https://api.cohere.com")
NAMES = st.sampled_from(["type", "delta", "message", "content", "text", "tool_calls", "index", "usage", "function", "finish_reason"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner),
    max_leaves=8,
)


def text(piece: str, index: int = 0, **more: Any) -> dict[str, Any]:
    return {"type": "content-delta", "index": index, "delta": {"message": {"content": {"text": piece}}}, **more}


def end(reason: str, **more: Any) -> dict[str, Any]:
    return {"type": "message-end", "delta": {"finish_reason": reason, **more}}


def whole(**body: Any) -> HttpResponse:
    return HttpResponse(200, {}, json.dumps({"id": "x", "message": {"role": "assistant"}, **body}).encode())


@pytest.mark.parametrize(("reason", "status"), [("ERROR", 502), ("TIMEOUT", 504)])
def test_an_answer_that_broke_off_is_a_failure_with_the_vendors_words(reason: str, status: int) -> None:
    events = fed(dialect, TARGET, [text("Hal"), end(reason, error="the model ran away")])
    assert events[-1] == Failed("the model ran away", status, events[-1].code, events[-1].type)  # type: ignore[union-attr]
    assert not any(isinstance(event, Finished) for event in events)
    with pytest.raises(UpstreamError, match="ran away") as caught:
        dialect.decode_response(whole(finish_reason=reason, error="the model ran away"), TARGET)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("native", "reason"),
    [("COMPLETE", "stop"), ("MAX_TOKENS", "length"), ("ERROR_TOXIC", "content_filter"), ("ERROR_LIMIT", "length"), ("NOVEL", "stop")],
)
def test_each_finish_has_its_reason_and_keeps_its_word(native: str, reason: str) -> None:
    streamed = fed(dialect, TARGET, [text("a"), end(native)])
    assert streamed[-1] == Finished(reason, native=native)  # type: ignore[arg-type]
    assert dialect.decode_response(whole(finish_reason=native), TARGET)[-1] == streamed[-1]


def test_an_answer_with_calls_finishes_as_such() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    start = {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": call}}}
    events = fed(dialect, TARGET, [start, end("COMPLETE")])
    assert events[-1] == Finished("tool_calls", native="COMPLETE")
    assert ToolDelta(0, "{}") in events
    answer = folded(dialect.decode_response(whole(message={"tool_calls": [call]}, finish_reason="COMPLETE"), TARGET)).choices[0]
    assert answer.calls[0].arguments == "{}"
    assert answer.finish == Finished("tool_calls", native="COMPLETE")


def test_text_after_thinking_is_the_same_choice() -> None:
    thought = {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"thinking": "Hm."}}}}
    answer = folded(fed(dialect, TARGET, [thought, text("Yes.", index=1), end("COMPLETE")]))
    assert list(answer.choices) == [0]
    assert (answer.choices[0].thoughts, answer.choices[0].text) == (["Hm."], "Yes.")


def test_a_source_with_a_url_is_an_annotation_at_its_place_in_the_whole_text() -> None:
    source = {"type": "document", "id": "d", "document": {"id": "d", "url": "https://a.example/x", "title": "X"}}
    citation = {"start": 1, "end": 3, "text": "ef", "sources": [source], "type": "TEXT_CONTENT", "content_index": 1}
    opened = [{"type": "content-start", "index": i, "delta": {"message": {"content": {"type": "text", "text": ""}}}} for i in (0, 1)]
    cited = {"type": "citation-start", "index": 0, "delta": {"message": {"citations": citation}}}
    streamed = folded(fed(dialect, TARGET, [opened[0], text("abc"), opened[1], text("defg", 1), cited, end("COMPLETE")])).choices[0]
    blocks = [{"type": "text", "text": "abc"}, {"type": "text", "text": "defg"}]
    unary = folded(dialect.decode_response(whole(message={"content": blocks, "citations": [citation]}, finish_reason="COMPLETE"), TARGET))
    place = {"url": "https://a.example/x", "title": "X", "start_index": 4, "end_index": 6}
    assert streamed.extra == unary.choices[0].extra == {
        "citations": [citation], "annotations": [{"type": "url_citation", "url_citation": place}],
    }  # fmt: skip


def test_log_probabilities_are_openai_s() -> None:
    item = {"text": "Hi", "token_ids": [1, 2], "logprobs": [-0.5, -0.25]}
    told = Logprobs({"content": [{"token": "Hi", "logprob": -0.75, "bytes": [72, 105], "top_logprobs": []}]})
    assert fed(dialect, TARGET, [text("Hi", logprobs=item)]) == [TextDelta("Hi"), told]
    assert told in dialect.decode_response(whole(finish_reason="COMPLETE", logprobs=[item]), TARGET)


def test_absent_usage_stays_absent() -> None:
    assert folded(fed(dialect, TARGET, [text("a"), end("COMPLETE")])).usage is None
    assert folded(dialect.decode_response(whole(finish_reason="COMPLETE", usage={}), TARGET)).usage is None


def test_frames_that_matter_and_cannot_be_read_are_a_failure_and_others_are_no_matter() -> None:
    assert isinstance(fed(dialect, TARGET, [b'{"type": "content-delta", "delta": 3}'])[0], Failed)
    assert isinstance(fed(dialect, TARGET, [b'{"type": "content-de'])[0], Failed)
    assert fed(dialect, TARGET, [b'{"type": "novelty", "delta": 3}', b'{"type": "novelty"}', b"[DONE]"]) == []


def test_an_error_frame_is_a_failure() -> None:
    decoder = dialect.decode_stream(TARGET)
    assert decoder.feed(Frame(b'{"message": "no more"}', "error", error=True)) == [Failed("no more", 502)]
    assert fed(dialect, TARGET, [{"message": "no more"}]) == [Failed("no more", 502)]


@given(JSON)
def test_no_json_whatever_makes_the_decoder_raise(value: Any) -> None:
    fed(dialect, TARGET, [{"type": "message-start", "id": "x"}, json.dumps(value).encode()])


def test_a_body_that_is_no_answer_is_an_upstream_error() -> None:
    for body in (b"<html>busy</html>", b"[]", b"", b'{"text": "v1"}'):
        with pytest.raises(UpstreamError) as caught:
            dialect.decode_response(HttpResponse(200, {}, body), TARGET)
        assert "<html>" not in caught.value.message
    with pytest.raises(UpstreamError, match="quota"):
        dialect.decode_response(HttpResponse(200, {}, b'{"message": "quota is used up"}'), TARGET)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, b'{"id":"1","message":"invalid request: bad"}', (400, "invalid_request_error")),
        (401, b'{"id":"1","message":"invalid api token"}', (502, "upstream_error")),
        (404, b'{"message":"model \'x\' not found"}', (404, "invalid_request_error")),
        (422, b'{"message":"all elements must have a role"}', (400, "invalid_request_error")),
        (429, b'{"message":"You are using a Trial key"}', (429, "rate_limit_error")),
        (499, b'{"message":"request cancelled"}', (400, "invalid_request_error")),
        (503, b"<html>busy</html>", (503, "overloaded_error")),
    ],
)
def test_refusals_map_to_their_errors(status: int, body: bytes, expected: tuple[int, str]) -> None:
    error = dialect.decode_error(HttpResponse(status, {"retry-after": "7"}, body), TARGET)
    assert (error.status, error.type) == expected
    assert "<html>" not in error.message
    assert error.retry_after == (7 if status in (429, 503) else None)


def test_the_answer_starts_once_under_the_models_name() -> None:
    events = fed(dialect, TARGET, [{"type": "message-start", "id": "x", "delta": {"message": {"content": [], "tool_calls": []}}}])
    assert events == [Started("x", "command-a")]


def test_a_block_without_a_place_in_openais_format_is_kept_whole() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://a.example/x.png"}}
    unary = folded(dialect.decode_response(whole(message={"content": [{"type": "text", "text": "a"}, image]}), TARGET)).choices[0]
    start = {"type": "content-start", "index": 1, "delta": {"message": {"content": image}}}
    streamed = folded(fed(dialect, TARGET, [text("a"), start, end("COMPLETE")])).choices[0]
    for answer in (unary, streamed):
        assert (answer.text, answer.extra) == ("a", {"provider_blocks": [image]})


def test_content_that_is_a_text_alone_is_read() -> None:
    assert folded(dialect.decode_response(whole(message={"content": "plain"}, finish_reason="COMPLETE"), TARGET)).choices[0].text == "plain"


@pytest.mark.parametrize("calls", [None, [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]])
def test_a_whole_answer_without_a_finish_reason_has_ended_all_the_same(calls: Any) -> None:
    events = dialect.decode_response(whole(message={"content": None, "tool_calls": calls}), TARGET)
    assert events[-1] == Finished("tool_calls" if calls else "stop")


def test_what_is_billed_counts_where_nothing_else_is_counted() -> None:
    billed = {"billed_units": {"input_tokens": 5, "output_tokens": 3}}
    for events in (
        dialect.decode_response(whole(finish_reason="COMPLETE", usage=billed), TARGET),
        fed(dialect, TARGET, [text("a"), end("COMPLETE", usage=billed)]),
    ):
        usage = folded(events).usage
        assert usage is not None
        assert (usage.prompt, usage.completion) == (5, 3)
    searched = {"billed_units": {"search_units": 1}}
    assert folded(dialect.decode_response(whole(finish_reason="COMPLETE", usage=searched), TARGET)).usage is None
