"""An effort that a model refuses is sent as its nearest level and named; one that it takes, or of a model not known, goes as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trunkline.dialects.efforts import ORDER, fitted, levels
from trunkline.target import Target

from .test_refused import SAMPLED, encode, left_out


def aimed(model: str, kind: str = "openai") -> Target:
    return Target(provider=kind, kind=kind, model=model, dialect="openai_chat", base_url="https://h/v1")


@pytest.mark.parametrize("kind", ["openai", "azure"])
@pytest.mark.parametrize(
    ("model", "none", "minimal", "xhigh", "most"),
    [
        ("o1", "low", "low", "high", "high"), ("o3-mini-2025-01-31", "low", "low", "high", "high"),
        ("o4-mini", "low", "low", "high", "high"),
        ("gpt-5", "minimal", "minimal", "high", "high"), ("gpt-5-nano-2025-08-07", "minimal", "minimal", "high", "high"),
        ("gpt-5.1", "none", "low", "high", "high"), ("gpt-5.1-2025-11-13", "none", "low", "high", "high"),
        ("gpt-5.2", "none", "low", "xhigh", "xhigh"), ("gpt-5.4-mini-2026-03-17", "none", "low", "xhigh", "xhigh"),
        ("gpt-5.5", "none", "low", "xhigh", "xhigh"), ("gpt-5.6-sol", "none", "low", "xhigh", "max"),
        ("gpt-6-luna", "none", "low", "xhigh", "max"),
        ("gpt-6-astra", "low", "low", "xhigh", "max"), ("gpt-6.1-sol", "low", "low", "xhigh", "max"),
        ("gpt-5-pro", "high", "high", "high", "high"), ("gpt-5.4-pro", "medium", "medium", "xhigh", "xhigh"),
        ("gpt-5.3-codex", "low", "low", "xhigh", "xhigh"), ("ft:o4-mini-2025-04-16:org::id", "low", "low", "high", "high"),
        ("team-gpt-5-mini", "minimal", "minimal", "high", "high"),
    ],
)  # fmt: skip
def test_each_generation_gets_its_own_nearest_level(kind: str, model: str, none: str, minimal: str, xhigh: str, most: str) -> None:
    target = aimed(model, kind)
    assert [fitted(word, target) for word in ("none", "minimal", "xhigh", "max")] == [none, minimal, xhigh, most]


@pytest.mark.parametrize(
    "model", ["gpt-5-chat-latest", "gpt-5.3-chat-latest", "gpt-5.1-codex-max", "gpt-4o", "gpt-7", "gpt-oss-120b", "o1-mini"]
)
@pytest.mark.parametrize("effort", ORDER)
def test_a_model_that_is_not_known_is_left_to_the_vendor(model: str, effort: str) -> None:
    assert levels("openai", model) == ()
    assert fitted(effort, aimed(model)) == effort


@pytest.mark.parametrize("kind", ["openrouter", "groq", "xai", "openai_compatible", "vllm"])
def test_only_openais_own_models_are_meant(kind: str) -> None:
    assert fitted("none", aimed("openai/gpt-5", kind)) == "none"


def test_a_word_that_is_no_effort_is_the_vendors_to_refuse() -> None:
    assert fitted("ultra", aimed("gpt-5")) == "ultra"


@pytest.mark.parametrize("spoken", ["openai_chat", "openai_responses"])
@pytest.mark.parametrize(("model", "asked", "sent"), [("gpt-5", "none", "minimal"), ("gpt-5.1", "xhigh", "high"), ("o3", "minimal", "low")])
def test_what_is_sent_in_place_of_an_effort_is_named(spoken: str, model: str, asked: str, sent: str) -> None:
    encoded = encode("openai", model, spoken, reasoning_effort=asked)
    body: dict[str, Any] = json.loads(encoded.http.body)
    assert (body.get("reasoning_effort") or body["reasoning"]["effort"]) == sent
    [note] = encoded.notes
    assert (note.kind, note.param) == ("approximated", "reasoning_effort")
    assert f"'{sent}'" in note.why


@pytest.mark.parametrize("spoken", ["openai_chat", "openai_responses"])
def test_an_effort_that_the_model_takes_is_the_callers_own(spoken: str) -> None:
    encoded = encode("openai", "gpt-5.2", spoken, reasoning_effort="xhigh")
    assert b'"xhigh"' in encoded.http.body
    assert encoded.notes == ()


def test_a_model_that_cannot_be_told_not_to_think_samples_as_one_that_thinks() -> None:
    assert "temperature" in left_out("openai", "gpt-6-astra", **SAMPLED, reasoning_effort="none")
    assert "temperature" not in left_out("openai", "gpt-6-sol", **SAMPLED, reasoning_effort="none")


def test_the_responses_apis_own_effort_is_the_callers_to_say() -> None:
    encoded = encode("openai", "gpt-5", "openai_responses", reasoning_effort="none", reasoning={"effort": "none"})
    assert json.loads(encoded.http.body)["reasoning"] == {"effort": "none"}
