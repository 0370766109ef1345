"""Streams written by hand from the vendor's documentation, for what the recordings hold too little of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.anthropic_messages.asking import target
from trunkline.chat import (
    Event,
    Extra,
    Failed,
    Finished,
    MessageExtra,
    Metered,
    ReasoningDetail,
    RefusalDelta,
    Started,
    TextDelta,
    ToolDelta,
    ToolStarted,
)
from trunkline.dialects import anthropic_messages as dialect
from trunkline.errors import UpstreamError
from trunkline.wire import Frame, HttpResponse

START = {
    "type": "message_start",
    "message": {"id": "msg_1", "model": "claude-x", "usage": {"input_tokens": 3, "output_tokens": 1, "service_tier": "standard"}},
}


def run(*frames: dict[str, Any]) -> list[Event]:
    decoder = dialect.decode_stream(target())
    events = [event for data in frames for event in decoder.feed(Frame(json.dumps(data).encode(), data["type"], data["type"] == "error"))]
    return events + decoder.close()


def begin(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def piece(index: int, kind: str, **delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **delta}}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def end(reason: str, usage: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None, **more},
        "usage": usage or {"output_tokens": 9},
    }


def whole(content: list[Any], reason: str, **more: Any) -> list[Event]:
    message = {"type": "message", "id": "msg_1", "model": "claude-x", "content": content, "stop_reason": reason, **more}
    return dialect.decode_response(HttpResponse(200, {}, json.dumps(message).encode()), target())


RESUMED: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "msg_1", "model": "claude-x", "usage": {"input_tokens": 0, "output_tokens": 0}, "stop_reason": "tool_use",
        "content": [
            {"type": "code_execution_tool_result", "tool_use_id": "srvtoolu_1", "content": {"stdout": "4", "return_code": 0}},
            {"type": "text", "text": "Next: "},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"n": 12345678901234567890}, "caller": {"type": "code_x"}},
            {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}},
        ],
    },
}  # fmt: skip


def test_blocks_and_an_end_that_come_with_the_start_are_told_like_any_others() -> None:
    message = RESUMED["message"]
    events = run(RESUMED, {"type": "message_stop"})
    assert [event for event in events if not isinstance(event, Metered)] == [
        event for event in whole(message["content"], "tool_use") if not isinstance(event, Metered)
    ]
    assert events[-1] == Finished("tool_calls")
    assert [event.arguments for event in events if isinstance(event, ToolDelta)] == ['{"n": 12345678901234567890}', "{}"]


def test_an_end_that_is_only_announced_is_no_end() -> None:
    assert not any(isinstance(event, Finished) for event in run(RESUMED))


def test_an_end_told_twice_ends_once_and_after_the_last_usage() -> None:
    events = run(RESUMED, end("tool_use", {"output_tokens": 7}), {"type": "message_stop"})
    assert [event for event in events if isinstance(event, Finished)] == [events[-1]]
    assert isinstance(metered := events[-2], Metered)
    assert metered.usage.completion == 7


def test_blocks_after_those_of_the_start_are_numbered_on() -> None:
    start = {**RESUMED, "message": {**RESUMED["message"], "stop_reason": None}}
    events = run(start, begin(4, type="tool_use", id="toolu_3", name="h", input={}), stop(4), end("tool_use"), {"type": "message_stop"})
    assert [(event.tool, event.id) for event in events if isinstance(event, ToolStarted)] == [
        (0, "toolu_1"),
        (1, "toolu_2"),
        (2, "toolu_3"),
    ]


def test_tool_calls_are_numbered_among_themselves_and_none_is_without_arguments() -> None:
    events = run(
        START,
        begin(0, type="text", text=""),
        piece(0, "text_delta", text="x"),
        stop(0),
        begin(1, type="tool_use", id="a", name="f", input={}),
        piece(1, "input_json_delta", partial_json=""),
        stop(1),
        begin(2, type="tool_use", id="b", name="g", input={}),
        piece(2, "input_json_delta", partial_json='{"n": 123456789'),
        {"type": "ping"},
        piece(2, "input_json_delta", partial_json="01234567890}"),
        stop(2),
        end("tool_use"),
        {"type": "message_stop"},
    )
    assert [e for e in events if isinstance(e, ToolStarted | ToolDelta)] == [
        ToolStarted(0, "a", "f"),
        ToolDelta(0, "{}"),
        ToolStarted(1, "b", "g"),
        ToolDelta(1, '{"n": 123456789'),
        ToolDelta(1, "01234567890}"),
    ]
    assert events[-1] == Finished("tool_calls")


def test_a_whole_answers_arguments_keep_every_digit() -> None:
    block = b'{"type":"tool_use","id":"a","name":"f","input":{"n":12345678901234567890}}'
    body = b'{"type":"message","content":[' + block + b'],"stop_reason":"tool_use"}'
    events = dialect.decode_response(HttpResponse(200, {}, body), target())
    assert ToolDelta(0, '{"n":12345678901234567890}') in events


def test_a_call_without_an_id_gets_one_that_no_other_has() -> None:
    events = whole([{"type": "tool_use", "name": "f", "input": {}}, {"type": "tool_use", "name": "f", "input": {}}], "tool_use")
    ids = [e.id for e in events if isinstance(e, ToolStarted)]
    assert len(set(ids)) == 2
    assert all(ids)


def test_a_signature_that_comes_without_any_text_is_kept() -> None:
    events = run(
        START, begin(0, type="thinking", thinking="", signature=""), piece(0, "signature_delta", signature="sig"), stop(0), end("end_turn")
    )
    detail = {"type": "reasoning.text", "text": "", "signature": "sig", "format": "anthropic"}
    assert [e for e in events if isinstance(e, ReasoningDetail)] == [ReasoningDetail(detail)]
    assert ReasoningDetail(detail) in whole([{"type": "thinking", "thinking": "", "signature": "sig"}], "end_turn")


def test_redacted_thinking_is_kept_whole() -> None:
    block = {"type": "redacted_thinking", "data": "xyz"}
    detail = ReasoningDetail({"type": "reasoning.encrypted", "data": "xyz", "format": "anthropic"})
    assert detail in run(START, begin(0, **block), stop(0), end("end_turn"))
    assert detail in whole([block], "end_turn")


def test_a_server_tools_call_is_never_the_callers_to_answer() -> None:
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    streamed = run(
        START,
        begin(0, **{**use, "input": {}}),
        piece(0, "input_json_delta", partial_json='{"query": "x"}'),
        stop(0),
        begin(1, **found),
        stop(1),
        end("tool_use"),
    )
    for events in (streamed, whole([use, found], "tool_use")):
        assert [e for e in events if isinstance(e, MessageExtra)] == [
            MessageExtra({"provider_blocks": [use], "provider_places": [{"format": "anthropic"}]}),
            MessageExtra({"provider_blocks": [found], "provider_places": [{"format": "anthropic"}]}),
        ]
        assert not [e for e in events if isinstance(e, ToolStarted | ToolDelta)]
        assert events[-1] == Finished("stop")


def test_the_later_usage_wins_and_all_input_is_prompt() -> None:
    first = {"input_tokens": 3, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 5, "output_tokens": 1}
    events = run(
        {**START, "message": {**START["message"], "usage": first}},  # type: ignore[dict-item]
        end(
            "end_turn",
            {"input_tokens": 7, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}, "cache_read_input_tokens": None},
        ),
    )
    usages = [e.usage for e in events if isinstance(e, Metered)]
    assert [(u.prompt, u.completion, u.total) for u in usages] == [(18, 1, 19), (22, 9, 31)]
    assert (usages[1].cached, usages[1].cache_write, usages[1].reasoning) == (10, 5, 4)


def test_usage_the_vendor_did_not_send_stays_absent() -> None:
    assert not [e for e in whole([{"type": "text", "text": "x"}], "end_turn") if isinstance(e, Metered)]


@pytest.mark.parametrize(
    ("word", "reason", "native"),
    [
        ("end_turn", "stop", ""),
        ("stop_sequence", "stop", "stop_sequence"),
        ("max_tokens", "length", ""),
        ("model_context_window_exceeded", "length", "model_context_window_exceeded"),
        ("refusal", "content_filter", "refusal"),
        ("pause_turn", "stop", "pause_turn"),
        ("yet_to_be_invented", "stop", "yet_to_be_invented"),
    ],
)
def test_every_stop_reason_has_its_meaning_and_keeps_its_word(word: str, reason: Any, native: str) -> None:
    assert run(START, begin(0, type="text", text="x"), stop(0), end(word))[-1] == Finished(reason, native=native)
    assert whole([{"type": "text", "text": "x"}], word)[-1] == Finished(reason, native=native)


def test_a_refusal_without_content_says_why() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "No."}
    for events in (run(START, end("refusal", stop_details=details)), whole([], "refusal", stop_details=details)):
        assert events[-2:] == [RefusalDelta("No."), Finished("content_filter", native="refusal", extra={"stop_details": details})]


def test_citations_cover_the_text_of_their_block() -> None:
    cite = {"type": "web_search_result_location", "url": "https://e.com", "title": "T", "cited_text": "c", "encrypted_index": "i"}
    page = {"type": "page_location", "document_index": 0, "cited_text": "p", "start_page_number": 1, "end_page_number": 2}
    note = {"type": "url_citation", "url_citation": {"url": "https://e.com", "title": "T", "start_index": 2, "end_index": 7}}
    streamed = run(
        START,
        begin(0, type="text", text=""),
        piece(0, "text_delta", text="Ü "),
        stop(0),
        begin(1, type="text", text="", citations=[]),
        piece(1, "citations_delta", citation=cite),
        piece(1, "text_delta", text="claim"),
        piece(1, "citations_delta", citation=page),
        stop(1),
        end("end_turn"),
    )
    content = [{"type": "text", "text": "Ü "}, {"type": "text", "text": "claim", "citations": [cite, page]}]
    for events in (streamed, whole(content, "end_turn")):
        assert [e for e in events if isinstance(e, MessageExtra)] == [MessageExtra({"citations": [cite, page], "annotations": [note]})]


def test_what_comes_late_or_beside_the_message_is_kept() -> None:
    edits: dict[str, Any] = {"applied_edits": []}
    assert Extra({"container": {"id": "c"}, "context_management": edits}) in run(
        START, {**end("end_turn", container={"id": "c"}), "context_management": edits}
    )
    (started, *_) = run(START)
    assert started == Started("msg_1", "claude-x", extra={"service_tier": "default"})
    (started, *_) = whole([], "end_turn", container={"id": "c"})
    assert started == Started("msg_1", "claude-x", extra={"container": {"id": "c"}})


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("overloaded_error", 503, "upstream_overloaded"),
        ("rate_limit_error", 429, "rate_limit_exceeded"),
        ("api_error", 502, "upstream_error"),
        ("timeout_error", 504, "upstream_timeout"),
        ("invalid_request_error", 400, "upstream_error"),
        ("authentication_error", 502, "upstream_auth"),
        ("yet_to_be_invented", 502, "upstream_error"),
    ],
)
def test_an_error_in_the_midst_is_the_end_with_its_own_status(kind: str, status: int, code: str) -> None:
    error = {"type": "error", "error": {"type": kind, "message": "Went wrong"}}
    (failed,) = run(error)
    assert isinstance(failed, Failed)
    assert (failed.status, failed.code) == (status, code)
    assert "Went wrong" in failed.message
    with pytest.raises(UpstreamError) as refused:
        dialect.decode_response(HttpResponse(200, {}, json.dumps(error).encode()), target())
    assert refused.value.status == status


@pytest.mark.parametrize("body", [b"<html>oops</html>", b"", b"[]", b'{"type":"message"}', b'{"content":[],"type":"message"}'])
def test_what_is_no_message_is_an_upstream_error_without_its_text(body: bytes) -> None:
    with pytest.raises(UpstreamError) as refused:
        dialect.decode_response(HttpResponse(200, {}, body), target())
    assert refused.value.status == 502
    assert "<" not in refused.value.message


@given(st.one_of(st.binary(max_size=60), st.sampled_from([b"null", b"[]", b'{"type":7}', b'{"type":"content_block_delta","delta":5}'])))
def test_odd_frames_are_skipped_and_raise_nothing(data: bytes) -> None:
    decoder = dialect.decode_stream(target())
    decoder.feed(Frame(json.dumps(START).encode()))
    assert decoder.feed(Frame(data)) == []
    (failed,) = decoder.feed(Frame(data, "error", error=True))
    assert isinstance(failed, Failed)


def test_a_stray_delta_or_stop_of_a_block_that_never_began_is_skipped() -> None:
    assert run(piece(4, "thinking_delta", thinking="x"), piece(4, "signature_delta", signature="x"), stop(4)) == []
    assert [
        e
        for e in run(START, begin(0, type="text", text=""), piece(0, "citations_delta"), stop(0))
        if not isinstance(e, Started | Metered | TextDelta)
    ] == []
