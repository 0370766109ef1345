"""Reasoning effort as each generation of models takes it, and reasoning handed back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialects.anthropic_messages.asking import TOOL, USER, answer, asked, body, call, encode, notes
from trunkline.errors import CallerError

SIGNED = {"type": "reasoning.text", "text": "hm", "signature": "sig", "format": "anthropic"}
HIDDEN = {"type": "reasoning.encrypted", "data": "xyz", "format": "anthropic"}
FOREIGN = {"type": "reasoning.encrypted", "data": "xyz", "format": "google"}
SHOWN = {"type": "adaptive", "display": "summarized"}


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "level", "kinds"),
    [
        ("claude-3-5-haiku-latest", "high", None, None, ["dropped"]),
        ("claude-3-7-sonnet-20250219", "low", {"type": "enabled", "budget_tokens": 2048}, None, []),
        ("claude-sonnet-4-5", "minimal", {"type": "enabled", "budget_tokens": 1024}, None, []),
        ("claude-opus-4-5", "high", {"type": "enabled", "budget_tokens": 16384}, None, []),
        ("claude-sonnet-4-5", "none", None, None, []),
        ("claude-opus-4-6", "medium", {"type": "adaptive"}, "medium", []),
        ("claude-opus-4-6", "xhigh", {"type": "adaptive"}, "max", ["approximated"]),
        ("claude-opus-4-8", "xhigh", SHOWN, "xhigh", []),
        ("claude-opus-4-8", "minimal", SHOWN, "low", ["approximated"]),
        ("claude-opus-4-8", "none", None, None, []),
        ("claude-opus-5", "none", {"type": "disabled"}, None, []),
        ("claude-sonnet-5-5", "none", {"type": "between_tools"}, "low", ["approximated"]),
        ("claude-opus-5-5", "none", None, "low", ["approximated"]),
        ("claude-fable-5-2", "high", SHOWN, "high", []),
    ],
)
def test_an_effort_is_asked_for_in_the_models_own_way(model: str, effort: str, thinking: Any, level: Any, kinds: list[str]) -> None:
    encoded = encode(model=model, reasoning_effort=effort)
    made = body(encoded)
    assert made.get("thinking") == thinking
    assert made.get("output_config", {}).get("effort") == level
    assert [note.kind for note in encoded.notes] == kinds


def test_an_unknown_effort_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CallerError, match="minimal, low, medium") as refused:
        encode(reasoning_effort="extreme")
    assert refused.value.param == "reasoning_effort"


@pytest.mark.parametrize(
    ("model", "limit", "effort", "budget", "raised"),
    [
        ("claude-sonnet-4-5", 1000, "high", 16384, 17384),
        ("claude-sonnet-4-5", 20000, "high", 16384, 20000),
        ("claude-sonnet-4-5", 60000, "xhigh", 32768, 60000),
        ("claude-opus-4-1", 10000, "xhigh", 22000, 32000),
        ("claude-opus-4-1", 31999, "xhigh", 1024, 32000),
    ],
)
def test_max_tokens_leaves_room_for_the_budget_and_the_answer(model: str, limit: int, effort: str, budget: int, raised: int) -> None:
    encoded = encode(model=model, reasoning_effort=effort, max_completion_tokens=limit)
    made = body(encoded)
    assert (made["thinking"]["budget_tokens"], made["max_tokens"]) == (budget, raised)
    assert notes(encoded) == ([] if raised == limit else [("clamped", "max_completion_tokens")])


def test_what_the_vendor_refuses_beside_thinking_is_left_out_and_named() -> None:
    encoded = encode(reasoning_effort="low", temperature=0.2, top_k=5, top_p=0.5, tools=[TOOL], tool_choice="required")
    made = body(encoded)
    assert not {"temperature", "top_p", "top_k"} & made.keys()
    assert made["tool_choice"] == {"type": "auto"}
    assert sorted(notes(encoded)) == [
        ("approximated", "tool_choice"), ("dropped", "temperature"), ("dropped", "top_k"), ("dropped", "top_p"),
    ]  # fmt: skip
    assert body(encode(reasoning_effort="low", top_p=0.97))["top_p"] == 0.97


def test_a_forced_tool_stays_forced_while_a_model_thinks_adaptively_unless_it_refuses() -> None:
    assert body(encode(model="claude-opus-4-8", reasoning_effort="high", tools=[TOOL], tool_choice="required"))["tool_choice"] == {
        "type": "any"
    }
    refusing = encode(model="claude-opus-5-5", tools=[TOOL], tool_choice="required")
    assert body(refusing)["tool_choice"] == {"type": "auto"}
    assert notes(refusing) == [("approximated", "tool_choice")]


def test_the_callers_own_thinking_is_sent_and_fitted() -> None:
    assert body(encode(thinking={"type": "enabled", "budget_tokens": 5000}))["thinking"] == {"type": "enabled", "budget_tokens": 5000}
    small = encode(thinking={"type": "enabled", "budget_tokens": 100}, max_tokens=4000)
    assert body(small)["thinking"]["budget_tokens"] == 1024
    assert notes(small) == [("clamped", "thinking.budget_tokens")]
    newer = encode(model="claude-opus-4-8", thinking={"type": "enabled", "budget_tokens": 5000})
    assert body(newer)["thinking"] == {"type": "adaptive"}
    assert notes(newer) == [("approximated", "thinking")]
    effort = body(encode(model="claude-opus-4-8", thinking={"type": "adaptive"}, output_config={"effort": "max"}))
    assert effort["output_config"] == {"effort": "max"}
    with pytest.raises(CallerError) as refused:
        encode(thinking=5)
    assert refused.value.param == "thinking"


def loop(*details: dict[str, Any]) -> list[dict[str, Any]]:
    more = {"reasoning_details": list(details), "reasoning_content": "hm"} if details else {}
    return [USER, asked(call("a"), content="wait", **more), answer("a")]


def test_reasoning_handed_back_stands_first_in_its_turn() -> None:
    encoded = encode(*loop(SIGNED, HIDDEN), reasoning_effort="low", tools=[TOOL])
    made = body(encoded)
    assert made["messages"][1]["content"][:3] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": "wait"},
    ]
    assert made["thinking"]["type"] == "enabled"
    assert encoded.notes == ()


def test_a_signature_without_text_is_handed_back_too() -> None:
    made = body(encode(*loop({**SIGNED, "text": ""}), tools=[TOOL]))
    assert made["messages"][1]["content"][0] == {"type": "thinking", "thinking": "", "signature": "sig"}


def test_a_tool_loop_whose_reasoning_is_gone_goes_on_without_thinking() -> None:
    encoded = encode(*loop(), reasoning_effort="low", tools=[TOOL], temperature=0.5, max_tokens=100)
    made = body(encoded)
    assert "thinking" not in made
    assert (made["max_tokens"], made["temperature"]) == (100, 0.5)
    assert notes(encoded) == [("dropped", "reasoning_effort")]
    adaptive = encode(*loop(), reasoning_effort="low", tools=[TOOL], model="claude-opus-4-8")
    assert body(adaptive)["thinking"]["type"] == "adaptive"
    assert adaptive.notes == ()


def test_reasoning_of_others_is_named_and_not_sent() -> None:
    encoded = encode(*loop(FOREIGN), tools=[TOOL])
    assert [block["type"] for block in body(encoded)["messages"][1]["content"]] == ["text", "tool_use"]
    assert notes(encoded) == [("dropped", "messages[1].reasoning_details")]
    plain = encode(USER, {"role": "assistant", "content": "x", "reasoning_content": "hm"}, USER)
    assert notes(plain) == [("dropped", "messages[1].reasoning_content")]


def test_models_that_bind_thinking_to_its_history_are_told_to_drop_stale_blocks() -> None:
    encoded = encode(*loop(SIGNED), tools=[TOOL], model="claude-opus-5-5")
    assert body(encoded)["thinking"] == {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}
    assert ("anthropic-beta", "thinking-binding-controls-2026-08-01") in encoded.http.headers
    assert "thinking" not in body(encode(*loop(SIGNED), tools=[TOOL], model="claude-opus-5"))
