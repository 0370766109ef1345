"""The list of models: who sees what, and that every name in it works."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from trunkline.access import Caller
from trunkline.config.snapshot import Snapshot
from trunkline.providers import Provider
from trunkline.registry.answers import opik_models
from trunkline.registry.cards import ModelCard, known_models
from trunkline.registry.override import Override
from trunkline.routing.resolve import resolve
from trunkline.secret import Secret
from trunkline.target import Bearer

from .snapshots import EVERY_KIND, VERTEX, snapshot_of

TWO = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}
KEY = Bearer(Secret("k"))
ALIASES = {
    "models": {
        "fast": {"targets": ["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"]},
        "same": {"targets": ["openai/gpt-4o", "gpt-4o"]},
        "half": {"targets": ["groq/llama-3.3-70b-versatile"]},
    }
}


def by_id(cards: list[ModelCard]) -> dict[str, ModelCard]:
    return {card.id: card for card in cards}


@pytest.fixture(scope="module")
def everything() -> Snapshot:
    return snapshot_of(EVERY_KIND, {"providers": {"vertex": VERTEX}})


def test_every_name_in_the_list_means_the_model_it_stands_for(everything: Snapshot) -> None:
    cards = known_models(everything, Caller())
    assert len(by_id(cards)) == len(cards)
    assert {card.kind for card in cards} == {row.kind for row in everything.providers}
    for card in cards:
        [target] = resolve(everything, card.id)
        assert target.name == f"{card.provider}/{card.model}"


def test_every_name_in_opiks_list_means_a_model_of_that_provider(everything: Snapshot) -> None:
    kinds = {"vertex-ai": "vertex"}
    found = opik_models(known_models(everything, Caller()))
    for provider, entries in found.items():
        for entry in entries:
            [target] = resolve(everything, entry["id"], opik=True)
            assert target.kind == kinds.get(provider, provider), entry["id"]


def test_a_card_says_what_the_vendor_publishes() -> None:
    card = by_id(known_models(snapshot_of(TWO), Caller()))["openai/gpt-4o"]
    assert (card.provider, card.kind, card.model, card.created) == ("openai", "openai", "gpt-4o", 0)
    assert (card.context_window, card.max_output) == (128_000, 16_384)
    assert (card.input, card.output, card.cached, card.cache_write) == (Decimal("2.5"), Decimal(10), Decimal("1.25"), None)
    assert card.capabilities == {"tools": True, "vision": True, "audio": False, "json_schema": True, "reasoning": False}


def test_the_embedded_model_is_listed_where_it_can_run() -> None:
    snapshot = snapshot_of({}, {"providers": {"local": {"alias": "tiny", "context": 4096}}})
    [card] = known_models(snapshot, Caller())
    assert (card.id, card.context_window, card.input, card.output) == ("local/tiny", 4096, 0, 0)
    assert known_models(replace(snapshot, local_installed=False), Caller()) == []


def test_a_caller_sees_only_what_its_key_may_name() -> None:
    snapshot = snapshot_of(TWO, ALIASES)
    seen = {card.id for card in known_models(snapshot, Caller(models=("anthropic/claude-haiku-*",)))}
    assert seen == {"anthropic/claude-haiku-4-5", "anthropic/claude-haiku-5-5"}
    assert "fast" not in seen
    both = {card.id for card in known_models(snapshot, Caller(models=("anthropic/claude-haiku-*", "openai/gpt-4o-mini")))}
    assert "fast" in both, "it may name every target"
    assert {card.id for card in known_models(snapshot, Caller(models=("fast",)))} == {"fast"}
    assert known_models(snapshot, Caller(models=("nothing",))) == []


def test_a_key_for_bare_names_sees_bare_names() -> None:
    seen = known_models(snapshot_of(TWO), Caller(models=("gpt-4o-mini", "claude-haiku-4-5")))
    assert [(card.id, card.provider) for card in seen] == [("gpt-4o-mini", "openai"), ("claude-haiku-4-5", "anthropic")]
    two_openais = snapshot_of(TWO, {"providers": {"openai": {}, "work": {"kind": "openai"}}})
    assert known_models(two_openais, Caller(models=("gpt-4o-mini",))) == [], "the bare name could mean either"


def test_a_workspace_sees_its_own_providers_and_everyones_but_not_anothers() -> None:
    mine = Provider(
        name="vllm", kind="openai_compatible", auth=KEY, base_url="https://h/v1", workspace="mine",
        models=("custom-llm/vllm/meta/llama-3", "custom-llm/vllm/qwen"),
    )  # fmt: skip
    theirs = Provider(name="groq", kind="groq", auth=KEY, base_url="https://api.groq.com/openai/v1", workspace="theirs")
    snapshot = snapshot_of({"ANTHROPIC_API_KEY": "k"}, stored=[mine, theirs])
    seen = by_id(known_models(snapshot, Caller(workspace="mine")))
    assert [(seen[id].provider, seen[id].model) for id in mine.models] == [("vllm", "meta/llama-3"), ("vllm", "qwen")]
    assert seen["custom-llm/vllm/qwen"].input is None
    assert "anthropic/claude-haiku-4-5" in seen
    assert not [id for id in seen if id.startswith("groq/")]
    assert [card for card in known_models(snapshot, Caller(workspace="theirs")) if card.kind == "groq"]
    assert {card.kind for card in known_models(snapshot, Caller())} == {"anthropic", "local"}


def test_what_a_stored_provider_names_is_its_list() -> None:
    row = Provider(
        name="bedrock",
        kind="bedrock",
        auth=KEY,
        base_url="https://b",
        workspace="mine",
        models=("custom-llm/bedrock/us.amazon.nova-lite-v1:0",),
    )
    seen = [card for card in known_models(snapshot_of({}, stored=[row]), Caller(workspace="mine")) if card.kind == "bedrock"]
    assert [(card.id, card.model, card.input) for card in seen] == [(row.models[0], "us.amazon.nova-lite-v1:0", Decimal("0.06"))]


def test_a_name_of_models_says_what_holds_for_every_target() -> None:
    seen = by_id(known_models(snapshot_of(TWO, ALIASES), Caller()))
    fast = seen["fast"]
    assert (fast.owned_by, fast.provider, fast.kind, fast.model) == ("trunkline", "", "", "")
    assert (fast.context_window, fast.max_output) == (128_000, 16_384)
    assert (fast.input, fast.output) == (None, None), "its targets differ"
    assert fast.capabilities["tools"] is True
    assert fast.capabilities["reasoning"] is False
    assert (seen["same"].input, seen["same"].output) == (Decimal("2.5"), Decimal(10))
    assert "half" not in seen, "no target of it has a key here"


def test_the_config_has_the_last_word() -> None:
    said = {
        "openai/gpt-4o": Override(input=1.0, context_window=1000, vision=False),
        "anthropic/*": Override(max_output=7, output=0.0),
        "openai/ft-of-ours": Override(input=3.0, output=6.0),
        "nobody/model": Override(input=1.0),
    }
    seen = by_id(known_models(snapshot_of(TWO, ALIASES), Caller(), said))
    card = seen["openai/gpt-4o"]
    assert (card.input, card.output, card.cached) == (1, 10, None)
    assert (card.context_window, card.max_output, card.capabilities["vision"], card.capabilities["tools"]) == (1000, 16_384, False, True)
    assert (seen["anthropic/claude-haiku-4-5"].max_output, seen["anthropic/claude-haiku-4-5"].output) == (7, 0)
    assert (seen["openai/ft-of-ours"].input, seen["openai/ft-of-ours"].context_window) == (3, None), "a priced model is listed"
    assert seen["same"].input == 1, "a name of [models] follows its targets"
    assert not [id for id in seen if id.startswith("nobody")]
