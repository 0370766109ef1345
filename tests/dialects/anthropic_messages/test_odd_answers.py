"""Answers that no recording has: features newer than they are, hosts that only nearly speak this API, and errors in Google's form.

Written by hand from https://platform.claude.com/docs/en/api/messages and the types of anthropic-sdk-python 2.13 (`types/beta`).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.anthropic_messages.asking import target
from tests.dialects.anthropic_messages.test_stream import START, begin, end, piece, run, stop
from tests.dialects.replaying import fed, folded
from trunkline.chat import Event, Failed, Finished, ReasoningDetail, RefusalDelta
from trunkline.dialects import anthropic_messages as dialect
from trunkline.fold import FoldedChoice
from trunkline.wire import HttpResponse

Json = dict[str, Any]
NO = {"type": "refusal", "category": "cyber", "explanation": "No."}
SIGNED = {"type": "reasoning.text", "text": "", "signature": "S", "format": "anthropic"}


def whole(*content: Json, stop: str = "end_turn", **more: Any) -> list[Event]:
    usage = {"input_tokens": 1, "output_tokens": 2}
    body = {"id": "m", "type": "message", "model": "c", "content": list(content), "stop_reason": stop, "usage": usage, **more}
    return dialect.decode_response(HttpResponse(200, {}, json.dumps(body).encode()), target())


def only(events: list[Event]) -> FoldedChoice:
    return folded(events).choice(0)


def test_what_is_said_beside_the_answer_is_kept_whole_and_streamed() -> None:
    said: Json = {
        "diagnostics": {"cache_miss_reason": {"type": "model_changed"}},
        "input_transformations": [{"type": "thinking_dropped", "message_index": 1}],
        "context_management": {"applied_edits": []},
        "container": {"id": "c"},
    }
    told = {"type": "text", "text": "a"}
    start = {**START, "message": {**START["message"], **said}}  # type: ignore[dict-item]
    streamed = run(start, begin(0, type="text", text=""), piece(0, "text_delta", text="a"), stop(0), end("end_turn"))
    for events in (whole(told, **said), streamed):
        assert {name: folded(events).extra.get(name) for name in said} == said
    assert "input_transformations" not in folded(whole(told, input_transformations=[])).extra


def test_a_summary_of_the_context_keeps_all_that_must_go_back_with_it() -> None:
    block = {"type": "compaction", "content": "Sum", "encrypted_content": "E", "signature": "S"}
    streamed = run(
        START,
        begin(0, type="compaction", content=None, encrypted_content=None),
        piece(0, "compaction_delta", content="Sum", encrypted_content="E"),
        piece(0, "signature_delta", signature="S"),
        stop(0),
        end("compaction"),
    )
    for events in (whole(block, stop="compaction"), streamed):
        choice = only(events)
        assert choice.extra["provider_blocks"] == [block]
        assert choice.finish is not None
        assert (choice.finish.reason, choice.finish.native) == ("stop", "compaction")


def test_a_block_yet_to_be_invented_is_put_together_from_its_deltas() -> None:
    streamed = run(
        START,
        begin(0, type="connector_text", connector_text="", parts=[]),
        piece(0, "connector_text_delta", connector_text="ab", parts=[1]),
        piece(0, "connector_text_delta", connector_text="cd", parts=[2], text={"not": "a text"}),
        piece(0, "signature_delta", signature="S"),
        stop(0),
        end("end_turn"),
    )
    made = {"type": "connector_text", "connector_text": "abcd", "parts": [1, 2], "text": {"not": "a text"}, "signature": "S"}
    assert only(streamed).extra["provider_blocks"] == [made]


def test_a_refusal_explains_itself_even_after_thinking_but_not_into_a_text() -> None:
    thought = (begin(0, type="thinking", thinking="", signature=""), piece(0, "signature_delta", signature="S"), stop(0))
    streamed = run(START, *thought, end("refusal", stop_details=NO))
    for events in (whole({"type": "thinking", "thinking": "", "signature": "S"}, stop="refusal", stop_details=NO), streamed):
        choice = only(events)
        assert (choice.text, choice.refusals, choice.details) == ("", ["No."], [SIGNED])
        assert choice.finish is not None
        assert (choice.finish.reason, choice.finish.extra) == ("content_filter", {"stop_details": NO})
    half = run(START, begin(0, type="text", text=""), piece(0, "text_delta", text="Half"), stop(0), end("refusal", stop_details=NO))
    for events in (whole({"type": "text", "text": "Half"}, stop="refusal", stop_details=NO), half):
        assert only(events).text == "Half"
        assert not any(isinstance(event, RefusalDelta) for event in events)


def test_a_call_made_by_the_vendors_code_says_so_and_an_ordinary_one_does_not() -> None:
    caller = {"type": "code_execution_20260120", "tool_id": "srvtoolu_1"}
    by_code = {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": caller, "toolset_name": "browser"}
    plain = {"type": "tool_use", "id": "u", "name": "g", "input": {}, "caller": {"type": "direct"}}
    streamed = run(START, begin(0, **by_code), stop(0), begin(1, **plain), stop(1), end("tool_use"))
    for events in (whole(by_code, plain, stop="tool_use"), streamed):
        calls = only(events).calls
        assert [call.extra for call in calls.values()] == [{"caller": caller, "toolset_name": "browser"}, {}]


def test_hosts_that_write_null_for_nothing_lose_nothing_else() -> None:
    content = (
        {"type": "thinking", "thinking": "Hm", "signature": None},
        {"type": "text", "text": "x", "citations": None},
        {"type": "tool_use", "id": "t", "name": "f", "input": None},
    )
    streamed = run(
        START,
        begin(0, type="thinking", thinking=None, signature=None),
        piece(0, "thinking_delta", thinking="Hm"),
        piece(0, "signature_delta", signature=None),
        stop(0),
        begin(1, type="text", text=None, citations=None),
        piece(1, "text_delta", text="x"),
        piece(1, "text_delta", text=None),
        stop(1),
        begin(2, type="tool_use", id="t", name="f", input=None),
        piece(2, "input_json_delta", partial_json=None),
        stop(2),
        end("tool_use"),
    )
    for events in (whole(*content, stop="tool_use"), streamed):
        choice = only(events)
        assert (choice.thoughts, choice.text, choice.extra) == (["Hm"], "x", {})
        assert [(call.name, call.arguments) for call in choice.calls.values()] == [("f", "{}")]
    nothing = json.dumps({"id": "m", "type": "message", "content": None, "stop_reason": "end_turn"}).encode()
    assert only(dialect.decode_response(HttpResponse(200, {}, nothing), target())).finish is not None


def test_hosts_that_end_no_block_lose_neither_signature_nor_arguments() -> None:
    events = run(
        START,
        begin(0, type="thinking", thinking="", signature=""),
        piece(0, "signature_delta", signature="S"),
        begin(1, type="tool_use", id="t", name="f", input={"q": 1}),
        end("tool_use"),
    )
    assert ReasoningDetail(SIGNED) in events
    assert json.loads(only(events).calls[0].arguments) == {"q": 1}


@pytest.mark.parametrize(("code", "status"), [(429, 429), (503, 503), (400, 400), (7, 502), (None, 502)])
def test_an_error_in_googles_form_ends_a_stream_with_its_own_words(code: int | None, status: int) -> None:
    error = {"error": {"code": code, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}}
    failed = fed(dialect, target(), [START, error])[-1]
    assert isinstance(failed, Failed)
    assert (failed.message, failed.status) == ("Quota", status)


def test_one_odd_member_of_a_block_costs_neither_its_text_nor_its_call() -> None:
    told = {"type": "text", "text": "Hi", "citations": {"enabled": True}}
    used = {"type": "tool_use", "id": "t", "name": "f", "input": {"n": 12345678901234567890}, "toolset_name": 7}
    streamed = run(START, begin(0, **{**told, "text": "Hi"}), stop(0), begin(1, **used), stop(1), end("tool_use"), end("tool_use"))
    for events in (whole(told, used, stop="tool_use"), streamed):
        choice = only(events)
        assert (choice.text, [(call.name, call.arguments.replace(" ", "")) for call in choice.calls.values()]) == (
            "Hi",
            [("f", '{"n":12345678901234567890}')],
        )
        assert sum(isinstance(event, Finished) for event in events) == 1


@pytest.mark.parametrize("block", [None, 7, "text", [], [{"type": "text"}], {}])
def test_what_is_no_block_breaks_nothing(block: Any) -> None:
    streamed = run(START, {"type": "content_block_start", "index": 0, "content_block": block}, stop(0), end("end_turn"))
    for events in (whole(block), streamed):
        choice = only(events)
        assert (choice.text, choice.calls) == ("", {})
        assert choice.finish is not None


def test_a_server_tools_call_cut_off_by_the_token_limit_keeps_its_name() -> None:
    call = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    streamed = run(START, begin(0, **call), piece(0, "input_json_delta", partial_json='{"query": "bit'), stop(0), end("max_tokens"))
    assert only(streamed).extra["provider_blocks"] == [{**call, "partial": '{"query": "bit'}]
