"""Settings have Gemini's names, keep to its limits, or are named; an effort is a level or a budget by model."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.dialects.gemini_generate.asking import FLASH, THREE, Json, encode, noted, sent
from tests.dialects.gemini_generate.oracle import body
from trunkline.errors import CallerError

# ── settings ────────────────────────────────────────────────────────────────────────────────────────────


def test_plain_settings_have_googles_names() -> None:
    config = sent(
        max_completion_tokens=9, temperature=0.5, top_p=0.9, top_k=4, stop=["a", "b", "c", "d", "e"], seed=7, logprobs=True, top_logprobs=3,
    )["generationConfig"]  # fmt: skip
    assert config == {
        "maxOutputTokens": 9, "temperature": 0.5, "topP": 0.9, "topK": 4, "stopSequences": ["a", "b", "c", "d", "e"], "seed": 7,
        "responseLogprobs": True, "logprobs": 3,
    }  # fmt: skip


def test_one_stop_text_is_a_list_and_six_are_refused() -> None:
    assert sent(stop="END")["generationConfig"]["stopSequences"] == ["END"]
    with pytest.raises(CallerError) as caught:
        encode(stop=list("abcdef"))
    assert caught.value.param == "stop"


def test_what_is_over_a_limit_is_changed_and_named() -> None:
    encoded = encode(temperature=3, seed=2**40 + 5)
    assert body(encoded)["generationConfig"] == {"temperature": 2.0, "seed": 5}
    assert noted(encoded) == {"temperature": "clamped", "seed": "approximated"}


@pytest.mark.parametrize(
    ("model", "kind", "taken"), [("gemini-2.0-flash", "gemini", True), (FLASH, "vertex", True), (THREE, "gemini", False)]
)
def test_penalties_go_to_the_models_that_take_them(model: str, kind: str, taken: bool) -> None:
    encoded = encode(model, kind, presence_penalty=0.5, frequency_penalty=-0.5)
    config = body(encoded).get("generationConfig", {})
    assert config == ({"presencePenalty": 0.5, "frequencyPenalty": -0.5} if taken else {})
    assert noted(encoded) == ({} if taken else {"presence_penalty": "dropped", "frequency_penalty": "dropped"})


@pytest.mark.parametrize(
    ("model", "stream", "count", "calls"),
    [(FLASH, False, 2, 1), (FLASH, True, None, 2), (THREE, False, None, 2), ("unheard-of", False, None, 2)],
)
def test_n_is_a_candidate_count_or_as_many_calls(model: str, stream: bool, count: int | None, calls: int) -> None:
    encoded = encode(model, n=2, stream=stream)
    assert body(encoded).get("generationConfig", {}).get("candidateCount") == count
    assert encoded.fan_out == calls


def test_what_has_no_like_is_named() -> None:
    members: Json = {
        "logit_bias": {"5": 1}, "metadata": {"a": "b"}, "store": True, "verbosity": "low", "prompt_cache_key": "k", "user": "u",
        "prediction": {"type": "content", "content": "x"}, "best_of": 3,
    }  # fmt: skip
    encoded = encode(**members)
    assert noted(encoded) == dict.fromkeys(members, "dropped")
    assert body(encoded).keys() == {"contents"}


def test_the_user_is_a_label_on_vertex() -> None:
    encoded = encode(FLASH, "vertex", user="Ann@X", safety_identifier="h-1")
    assert body(encoded)["labels"] == {"user": "ann_x", "safety_identifier": "h-1"}
    assert noted(encoded) == {"user": "approximated"}


@pytest.mark.parametrize(("tier", "wire"), [("auto", None), ("default", "standard"), ("flex", "flex"), ("priority", "priority")])
def test_a_service_tier_has_its_like(tier: str, wire: str | None) -> None:
    assert sent(service_tier=tier).get("serviceTier") == wire


def test_googles_own_members_are_carried_in_either_spelling() -> None:
    safety = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    encoded = encode(
        kind="vertex", safety_settings=safety, cachedContent="cachedContents/1", labels={"team": "red"}, temperature=0.1,
        generation_config={"media_resolution": "MEDIA_RESOLUTION_LOW", "temperature": 0.7}, thinking_config={"thinkingBudget": 5},
    )  # fmt: skip
    written = body(encoded)
    assert written["safetySettings"] == safety
    assert written["cachedContent"] == "cachedContents/1"
    assert written["labels"] == {"team": "red"}
    assert written["generationConfig"] == {
        "temperature": 0.7, "mediaResolution": "MEDIA_RESOLUTION_LOW", "thinkingConfig": {"thinkingBudget": 5},
    }  # fmt: skip
    assert noted(encoded) == {}


@pytest.mark.parametrize("nest", [lambda google: {"extra_body": {"google": google}}, lambda google: {"google": google}])
def test_what_googles_own_door_takes_in_its_place_is_taken_there(nest: Callable[[Json], Json]) -> None:
    members = nest({"thinking_config": {"thinkingBudget": 5}, "cached_content": "cachedContents/1", "unheard_of": 1})
    encoded = encode(**members)
    assert body(encoded)["generationConfig"] == {"thinkingConfig": {"thinkingBudget": 5}}
    assert body(encoded)["cachedContent"] == "cachedContents/1"
    [lost] = noted(encoded).items()
    assert lost == ("extra_body.google.unheard_of" if "extra_body" in members else "google.unheard_of", "dropped")
    assert sent(**members, cached_content="cachedContents/2")["cachedContent"] == "cachedContents/2"


def test_an_extra_body_that_is_none_of_googles_is_named() -> None:
    encoded = encode(extra_body={"top_k": 3})
    assert noted(encoded) == {"extra_body.top_k": "dropped"}
    with pytest.raises(CallerError, match="extra_body must be an object"):
        encode(extra_body=[1])


# ── thinking ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "effort", "config", "kind"),
    [
        ("gemini-3-pro-preview", "low", {"thinkingLevel": "low", "includeThoughts": True}, None),
        ("gemini-3-pro-preview", "medium", {"thinkingLevel": "high", "includeThoughts": True}, "clamped"),
        ("gemini-3-pro-preview", "none", {"thinkingLevel": "low"}, "clamped"),
        ("gemini-3.1-pro-preview", "medium", {"thinkingLevel": "medium", "includeThoughts": True}, None),
        (THREE, "minimal", {"thinkingLevel": "minimal", "includeThoughts": True}, None),
        (THREE, "xhigh", {"thinkingLevel": "high", "includeThoughts": True}, "clamped"),
        ("gemini-3.5-flash", "high", {"thinkingLevel": "high", "includeThoughts": True}, None),
        ("gemini-3.5-flash-lite", "minimal", {"thinkingLevel": "minimal", "includeThoughts": True}, None),
        ("gemini-3.6-flash", "minimal", {"thinkingLevel": "minimal", "includeThoughts": True}, None),
        ("gemini-3.7-flash", "minimal", {"thinkingLevel": "low", "includeThoughts": True}, "clamped"),
        ("gemini-3.8-flash", "none", {"thinkingLevel": "low"}, "clamped"),
        ("gemini-flash-latest", "medium", {"thinkingLevel": "medium", "includeThoughts": True}, None),
        ("gemini-4-argon", "medium", {"thinkingLevel": "medium", "includeThoughts": True}, None),
        ("gemini-4-argon", "minimal", {"thinkingLevel": "low", "includeThoughts": True}, "clamped"),
        (THREE, "max", {"thinkingLevel": "high", "includeThoughts": True}, "clamped"),
        (FLASH, "max", {"thinkingBudget": 24576, "includeThoughts": True}, "clamped"),
        (FLASH, "none", {"thinkingBudget": 0}, None),
        (FLASH, "medium", {"thinkingBudget": 8192, "includeThoughts": True}, None),
        ("gemini-2.5-flash-lite", "low", {"thinkingBudget": 1024, "includeThoughts": True}, None),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}, "clamped"),
        ("gemini-2.5-pro", "xhigh", {"thinkingBudget": 32768, "includeThoughts": True}, None),
        (FLASH, "xhigh", {"thinkingBudget": 24576, "includeThoughts": True}, "clamped"),
        ("gemini-2.0-flash", "high", None, "dropped"),
        ("unheard-of", "high", None, "dropped"),
    ],
)
def test_an_effort_is_a_level_or_a_budget_by_model(model: str, effort: str, config: Json | None, kind: str | None) -> None:
    encoded = encode(model, reasoning_effort=effort)
    assert body(encoded).get("generationConfig", {}).get("thinkingConfig") == config
    assert noted(encoded).get("reasoning_effort") == kind


def test_an_unknown_effort_is_refused() -> None:
    with pytest.raises(CallerError, match="xhigh"):
        encode(reasoning_effort="extreme")


# ── since 3.6 ───────────────────────────────────────────────────────────────────────────────────────────

NEWER = ["gemini-3.5-flash-lite", "gemini-3.6-flash", "gemini-3.8-flash", "gemini-flash-lite-latest", "gemini-4-argon"]
PREFILLED: list[Json] = [{"role": "user", "content": "Say A."}, {"role": "assistant", "content": "The answer is "}]


@pytest.mark.parametrize("model", NEWER)
def test_a_model_that_samples_as_it_likes_is_told_nothing_of_it_and_the_caller_is(model: str) -> None:
    encoded = encode(model, temperature=0.2, top_p=0.5, top_k=3, seed=1)
    assert noted(encoded) == {"temperature": "dropped", "top_p": "dropped", "top_k": "dropped"}
    assert body(encoded)["generationConfig"] == {"seed": 1}
    assert noted(encode(model, temperature=1)) == {}


@pytest.mark.parametrize("model", [*NEWER, "gemini-3.5-flash"])
def test_a_model_that_refuses_to_end_with_its_own_turn_gets_a_users_after_it(model: str) -> None:
    encoded = encode(model, messages=PREFILLED)
    assert [turn["role"] for turn in body(encoded)["contents"]] == ["user", "model", "user"]
    assert noted(encoded) == {"messages": "added"}


@pytest.mark.parametrize("model", [FLASH, THREE, "gemini-3.1-pro-preview", "gemini-3.1-flash-lite"])
def test_the_others_go_on_from_their_own_words(model: str) -> None:
    encoded = encode(model, messages=PREFILLED, temperature=0.2)
    assert body(encoded)["contents"][-1] == {"role": "model", "parts": [{"text": "The answer is "}]}
    assert body(encoded)["generationConfig"] == {"temperature": 0.2}
    assert noted(encoded) == {}


def test_a_token_to_go_on_with_is_handed_to_the_vendor() -> None:
    for spelling in ("continuation_token", "continuationToken"):
        assert sent("gemini-4-argon", **{spelling: "dG9rZW4="})["continuationToken"] == "dG9rZW4="
