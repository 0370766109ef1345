"""What a reasoning model refuses is left out and named; other models, other vendors and neutral values are left alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.openai_chat.asking import decode
from trunkline.dialects import dialect
from trunkline.dialects.refused import TABLES, rule
from trunkline.target import Encoded, Target

SAMPLED = {
    "temperature": 0.2, "top_p": 0.9, "presence_penalty": 0.5, "frequency_penalty": 0.5, "logprobs": True, "top_logprobs": 2,
    "logit_bias": {"5": 1}, "stop": ["END"], "seed": 7, "n": 2,
}  # fmt: skip
FIXED = {"temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias"}
AT_NONE = FIXED - {"logit_bias"}
XAI = {"presence_penalty", "frequency_penalty"}


def encode(kind: str, model: str, spoken: str = "openai_chat", **members: Any) -> Encoded:
    target = Target(provider=kind, kind=kind, model=model, dialect=spoken, base_url="https://h/v1")
    return dialect(spoken).encode_request(decode(**members), target)


def left_out(kind: str, model: str, **members: Any) -> set[str]:
    """What of a request does not arrive; it must be what is named as dropped."""
    encoded = encode(kind, model, **members)
    lost: set[str] = members.keys() - json.loads(encoded.http.body).keys()
    assert lost == {note.param for note in encoded.notes if note.kind == "dropped"}
    return lost


@pytest.mark.parametrize("kind", ["openai", "azure"])
@pytest.mark.parametrize(
    ("model", "lost"),
    [
        ("o1", FIXED), ("o3-mini-2025-01-31", FIXED), ("o3", FIXED | {"stop"}), ("o4-mini", FIXED | {"stop"}),
        ("gpt-5", FIXED | {"stop"}), ("gpt-5-mini-2025-08-07", FIXED | {"stop"}), ("gpt-5-nano", FIXED | {"stop"}),
        ("gpt-5.1", {"logit_bias", "stop"}), ("gpt-5.2-2025-12-11", {"logit_bias", "stop"}), ("gpt-5.4-mini", {"logit_bias", "stop"}),
        ("gpt-5.5", FIXED | {"stop"}), ("gpt-5.6-sol", FIXED | {"stop"}), ("gpt-6-luna", FIXED | {"stop"}),
        ("gpt-5.4-pro", FIXED | {"stop"}), ("gpt-5.1-codex", FIXED | {"stop"}),
        ("gpt-5.2-chat-latest", FIXED), ("gpt-5-search-api", FIXED), ("gpt-4o-mini-search-preview", FIXED),
        ("ft:o4-mini-2025-04-16:org::id", FIXED | {"stop"}), ("ft:gpt-4.1-mini:o1:gpt-5:id", set()), ("team-gpt-5-mini", FIXED | {"stop"}),
        ("gpt-5-chat-latest", set()), ("gpt-4o", set()), ("gpt-4.1", set()), ("chatgpt-4o-latest", set()), ("gpt-oss-120b", set()),
        ("foo1-bar", set()),
    ],
)  # fmt: skip
def test_openais_reasoning_models_are_spared_what_they_refuse(kind: str, model: str, lost: set[str]) -> None:
    assert left_out(kind, model, **SAMPLED) == lost


@pytest.mark.parametrize("model", ["gpt-5.1", "gpt-5.4", "gpt-5.6", "gpt-6-sol"])
def test_from_gpt_5_1_on_sampling_hangs_on_the_effort(model: str) -> None:
    assert left_out("openai", model, **SAMPLED, reasoning_effort="none") == {"logit_bias", "stop"}
    assert left_out("openai", model, **SAMPLED, reasoning_effort="low") == FIXED | {"stop"}


def test_what_the_model_does_anyway_goes_away_without_a_word() -> None:
    encoded = encode(
        "openai", "gpt-5", temperature=1.0, top_p=1, presence_penalty=0, frequency_penalty=0.0, logprobs=False, stop=[], logit_bias={}
    )  # fmt: skip
    assert json.loads(encoded.http.body).keys() == {"model", "messages"}
    assert encoded.notes == ()


def test_the_note_says_what_would_help() -> None:
    whys = {note.param: note.why for note in encode("openai", "gpt-5.6", temperature=0, logit_bias={"5": 1}).notes}
    assert whys == {"temperature": "this model takes it only with reasoning_effort none", "logit_bias": "this model refuses it"}


@pytest.mark.parametrize(
    ("kind", "model", "effort", "lost"),
    [
        ("openai", "gpt-5-chat-latest", "low", True), ("openai", "gpt-4o-search-preview", "low", True),
        ("azure", "gpt-5.2-chat", "high", True), ("openai", "gpt-5.2-chat-latest", "medium", False), ("openai", "gpt-5.2", "high", False),
        ("groq", "llama-3.3-70b-versatile", "low", True), ("groq", "meta-llama/llama-4-scout-17b-16e-instruct", "high", True),
        ("groq", "qwen/qwen3-32b", "low", True), ("groq", "qwen/qwen3.6-27b", "none", False), ("groq", "qwen/qwen3-32b", "default", False),
        ("groq", "openai/gpt-oss-120b", "none", True), ("groq", "openai/gpt-oss-20b", "low", False), ("groq", "another", "low", False),
    ],
)  # fmt: skip
def test_a_model_is_told_no_effort_that_it_refuses(kind: str, model: str, effort: str, lost: bool) -> None:
    assert left_out(kind, model, reasoning_effort=effort) == ({"reasoning_effort"} if lost else set())


def test_that_a_model_is_not_to_think_which_never_does_is_no_loss() -> None:
    encoded = encode("groq", "llama-3.3-70b-versatile", reasoning_effort="none")
    assert ("reasoning_effort" in json.loads(encoded.http.body), encoded.notes) == (False, ())


def test_the_responses_api_asks_no_sealed_thought_of_a_model_without_an_effort() -> None:
    body, lost = responses("gpt-5-chat-latest", reasoning_effort="low")
    assert (body.keys() & {"reasoning", "include"}, lost) == (set(), ["reasoning_effort"])


@pytest.mark.parametrize("kind", ["openrouter", "openai_compatible", "groq", "mistral"])
def test_only_the_vendors_own_kinds_are_meant(kind: str) -> None:
    assert left_out(kind, "openai/gpt-5", **SAMPLED) == set()


@pytest.mark.parametrize(
    ("model", "lost"),
    [
        ("grok-3-mini", XAI | {"stop"}), ("grok-3-mini-fast", XAI | {"stop"}), ("grok-3", {"reasoning_effort"}),
        ("grok-4", XAI | {"stop", "reasoning_effort"}), ("grok-4-0709", XAI | {"stop", "reasoning_effort"}),
        ("grok-4-fast-reasoning", XAI | {"stop", "reasoning_effort"}), ("grok-code-fast-1", XAI | {"stop", "reasoning_effort"}),
        ("grok-4-1-fast-non-reasoning", XAI | {"reasoning_effort"}), ("grok-4.20-0309-non-reasoning", XAI | {"reasoning_effort"}),
        ("grok-4.20-0309-reasoning", XAI | {"stop", "reasoning_effort"}), ("grok-4.3", XAI | {"stop"}), ("grok-4.5", XAI | {"stop"}),
        ("grok-4.20-multi-agent-0309", XAI | {"stop"}),
    ],
)  # fmt: skip
def test_xais_reasoning_models_are_spared_what_they_refuse(model: str, lost: set[str]) -> None:
    assert left_out("xai", model, **SAMPLED, reasoning_effort="low") == lost


def test_what_deepseek_does_not_heed_is_named() -> None:
    assert left_out("deepseek", "deepseek-reasoner", **SAMPLED) == AT_NONE
    assert left_out("deepseek", "deepseek-chat", **SAMPLED) == set()
    assert left_out("deepseek", "deepseek-v4-pro", **SAMPLED) == AT_NONE - {"logprobs", "top_logprobs"}
    assert left_out("deepseek", "deepseek-v4-pro", **SAMPLED, thinking={"type": "disabled"}) == set()


def test_kimis_that_fix_their_sampling_are_not_asked_for_another() -> None:
    fixed = {"temperature", "top_p", "presence_penalty", "frequency_penalty"}
    assert left_out("moonshot", "kimi-k2.6", **SAMPLED) == fixed
    assert left_out("moonshot", "kimi-k2.5", **SAMPLED, thinking={"type": "disabled"}) == fixed
    assert left_out("moonshot", "kimi-k2-thinking", **SAMPLED) == left_out("moonshot", "moonshot-v1-8k", **SAMPLED) == set()


def responses(model: str, **members: Any) -> tuple[dict[str, Any], list[str]]:
    encoded = encode("openai", model, "openai_responses", **members)
    return json.loads(encoded.http.body), [note.param for note in encoded.notes if note.kind == "dropped"]


def test_the_responses_api_leaves_out_the_same_and_names_each_once() -> None:
    body, lost = responses(
        "o3-pro", temperature=0.2, top_p=0.9, logprobs=True, top_logprobs=2, stop=["a"], presence_penalty=1, logit_bias={"5": 1}
    )
    assert not {"temperature", "top_p", "top_logprobs"} & body.keys()
    assert "message.output_text.logprobs" not in body["include"]
    assert sorted(lost) == ["logit_bias", "logprobs", "presence_penalty", "stop", "temperature", "top_logprobs", "top_p"]


@pytest.mark.parametrize("said", [{"reasoning_effort": "none"}, {"reasoning": {"effort": "none"}}])
def test_the_responses_api_knows_the_effort_by_either_name(said: dict[str, Any]) -> None:
    body, lost = responses("gpt-5.6", temperature=0.2, logprobs=True, top_logprobs=2, **said)
    assert (body["temperature"], body["top_logprobs"], lost) == (0.2, 2, [])
    assert "message.output_text.logprobs" in body["include"]
    body, lost = responses("gpt-5.1", temperature=0.2, reasoning={"effort": "high"})
    assert ("temperature" in body, lost) == (False, ["temperature"])


def test_xais_responses_refuse_an_effort_too() -> None:
    encoded = encode("xai", "grok-4", "openai_responses", reasoning_effort="low")
    assert "reasoning" not in json.loads(encoded.http.body)
    assert [(note.kind, note.param) for note in encoded.notes] == [("dropped", "reasoning_effort")]


def test_every_member_of_the_table_is_one_of_the_requests() -> None:
    members = decode().__struct_fields__
    for rows in TABLES.values():
        for _, row in rows:
            assert row is None or (row.always | row.thinking) <= set(members)


def test_a_models_rule_is_looked_up_once() -> None:
    assert rule("openai", "gpt-4o-mini") is None
    before = rule.cache_info().misses
    for _ in range(3):
        rule("openai", "gpt-4o-mini")
    assert rule.cache_info().misses == before


@pytest.mark.parametrize("model", ["o1", "o3-mini", "o3-2025-04-16", "o4-mini"])
def test_the_o_series_is_not_told_how_many_tools_to_call(model: str) -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert left_out("openai", model, tools=tools, parallel_tool_calls=False) == {"parallel_tool_calls"}
    assert left_out("openai", "gpt-5", tools=tools, parallel_tool_calls=False) == set()
    body = json.loads(encode("openai", model, tools=tools, parallel_tool_calls=True).http.body)
    assert "parallel_tool_calls" not in body
