"""A stream folds into the answer it is, and nothing is made up on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from openai.types.chat import ChatCompletion

from tests.dialects.openai_chat.events import answers
from trunkline.chat import (
    Event,
    Extra,
    Failed,
    Finished,
    Logprobs,
    MessageExtra,
    Metered,
    ReasoningDelta,
    ReasoningDetail,
    RefusalDelta,
    Started,
    TextDelta,
    ToolDelta,
    ToolStarted,
    Usage,
)  # fmt: skip
from trunkline.fold import add_detail, completion, fold, merge, to_json, usage_object
from trunkline.stamp import Stamp

STAMP = Stamp("chatcmpl-1", 7)
COUNTED = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def message(*events: Event, legacy: bool = False) -> dict[str, Any]:
    made: dict[str, Any] = completion(fold(events), STAMP, legacy=legacy)["choices"][0]["message"]
    return made


@given(answers())
def test_what_folds_is_a_completion_that_openais_client_reads(events: list[Event]) -> None:
    read = json.loads(to_json(fold(events), STAMP))
    ChatCompletion.model_validate(read, strict=True)
    assert read == completion(fold(events), STAMP)


@given(answers())
def test_folding_changes_no_event(events: list[Event]) -> None:
    before = repr(events)
    fold(events)
    fold(events)
    assert repr(events) == before


def test_pieces_are_joined_without_separators_and_choices_put_in_order() -> None:
    folded = fold([TextDelta("b", 1), TextDelta("a"), TextDelta("b", 1), Finished("stop", 1), Finished("length", 0)])
    choices = completion(folded, STAMP)["choices"]
    assert [(c["index"], c["message"]["content"], c["finish_reason"]) for c in choices] == [(0, "a", "length"), (1, "bb", "stop")]


def test_what_the_vendor_did_not_say_is_not_made_up() -> None:
    made = completion(fold([TextDelta("a")]), STAMP)
    assert made["choices"][0]["finish_reason"] is None
    assert "usage" not in made
    assert (made["id"], made["created"], made["model"]) == ("chatcmpl-1", 7, "")
    assert fold([Failed("no luck", 429)]).failed == Failed("no luck", 429)


def test_content_is_null_beside_calls_and_refusals_and_empty_beside_nothing() -> None:
    assert message(ToolStarted(0, "a", "f"))["content"] is None
    assert message(RefusalDelta("No")) == {"role": "assistant", "content": None, "refusal": "No"}
    assert message(Finished("stop"))["content"] == ""
    assert message(TextDelta("a"), ToolStarted(0, "a", "f"))["content"] == "a"


def test_a_call_has_an_id_and_arguments_even_where_the_vendor_gave_none() -> None:
    calls = message(ToolStarted(0, "", "f"), ToolStarted(1, "b", "g", extra={"extra_content": {"s": 1}}), ToolDelta(1, "{}"))["tool_calls"]
    assert calls == [
        {"id": "call_1_0_0", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}, "extra_content": {"s": 1}},
    ]


def test_who_offered_functions_gets_function_call() -> None:
    events: list[Event] = [ToolStarted(0, "a", "f"), ToolDelta(0, "{}"), Finished("tool_calls")]
    made = completion(fold(events), STAMP, legacy=True)["choices"][0]
    assert made["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    assert "tool_calls" not in made["message"]
    assert made["finish_reason"] == "function_call"


def test_the_vendors_word_is_kept_where_it_is_another() -> None:
    kept = completion(fold([Finished("stop", 0, "end_turn", {"stop_details": 1})]), STAMP)["choices"][0]
    assert (kept["native_finish_reason"], kept["stop_details"]) == ("end_turn", 1)
    assert "native_finish_reason" not in completion(fold([Finished("stop", 0, "stop")]), STAMP)["choices"][0]


def test_the_last_usage_counts_and_none_is_summed() -> None:
    folded = fold([Metered(Usage(10, 1)), Metered(Usage(12, 5))])
    assert completion(folded, STAMP)["usage"] == {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}


@pytest.mark.parametrize(
    ("usage", "shown"),
    [
        (Usage(), {}),
        (Usage(cached=4, reasoning=4), {}),
        (Usage(3, None), {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}),
        (Usage(3, 2, 9), {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 9}),
        (Usage(3, 2, cached=0), {**COUNTED, "prompt_tokens_details": {"cached_tokens": 0}}),
        (Usage(3, 2, cache_write=4), {**COUNTED, "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 4}}),
        (Usage(3, 2, reasoning=4), {**COUNTED, "completion_tokens_details": {"reasoning_tokens": 4}}),
    ],
)
def test_usage_has_openais_three_counts_or_is_nothing(usage: Usage, shown: dict[str, Any]) -> None:
    assert usage_object(usage) == shown


def test_members_of_the_vendors_own_stay_where_they_belong_and_openais_are_never_overwritten() -> None:
    events: list[Event] = [
        Started("x", "served", 1, {"system_fingerprint": "fp", "id": "no", "choices": "no"}),
        Extra({"citations": ["a"]}), Extra({"citations": ["b"]}),
        MessageExtra({"annotations": [1], "content": "no"}), MessageExtra({"annotations": [2]}), TextDelta("a"),
        Logprobs({"content": [1]}), Logprobs({"content": [2], "refusal": None}), Finished("stop"),
    ]  # fmt: skip
    made = completion(fold(events), STAMP)
    assert (made["id"], made["system_fingerprint"], made["citations"]) == ("x", "fp", ["a", "b"])
    assert made["choices"][0]["message"] == {"role": "assistant", "content": "a", "refusal": None, "annotations": [1, 2]}
    assert made["choices"][0]["logprobs"] == {"content": [1, 2], "refusal": None}


def test_audio_is_joined_as_it_streams() -> None:
    into: dict[str, Any] = {}
    for piece in ({"id": "a"}, {"data": "AA", "transcript": "he"}, {"data": "BB", "transcript": "llo"}, {"data": None, "expires_at": 5}):
        merge(into, {"audio": piece})
    assert into == {"audio": {"id": "a", "data": "AABB", "transcript": "hello", "expires_at": 5}}


def test_reasoning_is_beside_content_and_never_in_it() -> None:
    detail = {"type": "reasoning.text", "text": "th", "signature": "s"}
    made = message(ReasoningDelta("t"), ReasoningDelta("h"), ReasoningDetail(detail), TextDelta("a"))
    assert made == {"role": "assistant", "content": "a", "refusal": None, "reasoning_content": "th", "reasoning_details": [detail]}


def test_a_detail_that_streams_in_pieces_becomes_whole() -> None:
    def piece(**more: Any) -> dict[str, Any]:
        return {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0, **more}

    details: list[dict[str, Any]] = []
    for part in (piece(text="t"), piece(text="h", signature=None), piece(signature="s"), {**piece(text="u"), "index": 1}, piece(text="v")):
        add_detail(details, part)
    assert details == [piece(text="th", signature="s"), {**piece(text="u"), "index": 1}, piece(text="v")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"type": "reasoning.text", "text": "a"}, {"type": "reasoning.text", "text": "b"}),
        ({"type": "reasoning.text", "text": "a", "index": 0, "signature": "s"}, {"type": "reasoning.text", "text": "b", "index": 0}),
        ({"type": "reasoning.encrypted", "data": "a", "index": 0}, {"type": "reasoning.encrypted", "data": "b", "index": 0}),
        ({"type": "reasoning.summary", "summary": "a", "index": 0}, {"type": "reasoning.text", "text": "b", "index": 0}),
    ],
)
def test_details_that_are_whole_stay_apart(first: dict[str, Any], second: dict[str, Any]) -> None:
    details: list[dict[str, Any]] = []
    add_detail(details, first)
    add_detail(details, second)
    assert details == [first, second]
