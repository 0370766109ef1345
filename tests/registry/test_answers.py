"""Cards in OpenAI's words and in Opik's."""

from __future__ import annotations

from decimal import Decimal

import pytest
from openai.types import Model

from trunkline.access import Caller
from trunkline.errors import CallerError
from trunkline.providers import Provider
from trunkline.registry.answers import openai_list, openai_model, openai_one, opik_models
from trunkline.registry.cards import ModelCard, known_models
from trunkline.target import NoAuth

from .snapshots import VERTEX, snapshot_of

ENVIRON = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "OPENROUTER_API_KEY": "k", "GROQ_API_KEY": "k"}
UNKNOWN = ModelCard(
    id="x/y",
    provider="x",
    kind="vllm",
    model="y",
    label="y",
    capabilities=dict.fromkeys(("tools", "vision", "audio", "json_schema", "reasoning")),
)


@pytest.fixture(scope="module")
def cards() -> list[ModelCard]:
    document = {"models": {"fast": {"targets": ["openai/gpt-4o"]}}, "providers": {"vertex": VERTEX}}
    stored = [
        Provider(
            name="house",
            kind="openai_compatible",
            auth=NoAuth(),
            base_url="https://h/v1",
            workspace="default",
            models=("custom-llm/house/m",),
        )
    ]
    return known_models(snapshot_of(ENVIRON, document, stored), Caller())


def test_the_list_is_openais_with_more(cards: list[ModelCard]) -> None:
    answer = openai_list(cards)
    assert answer["object"] == "list"
    for entry in answer["data"]:
        Model.model_validate(entry, strict=True)
    [gpt] = [entry for entry in answer["data"] if entry["id"] == "openai/gpt-4o"]
    assert gpt == {
        "id": "openai/gpt-4o",
        "object": "model",
        "created": 0,
        "owned_by": "openai",
        "context_window": 128_000,
        "context_length": 128_000,
        "max_output_tokens": 16_384,
        "pricing": {
            "input": 2.5,
            "output": 10.0,
            "cached_input": 1.25,
            "cache_write": None,
            "unit": "usd_per_million_tokens",
            "prompt": "0.0000025",
            "completion": "0.00001",
        },
        "capabilities": {"tools": True, "vision": True, "audio": False, "json_schema": True, "reasoning": False},
    }


def test_what_is_unknown_is_null() -> None:
    entry = openai_model(UNKNOWN)
    assert entry["context_window"] is None
    assert {entry["pricing"][name] for name in ("input", "output", "cached_input", "prompt", "completion")} == {None}
    free = openai_model(ModelCard(id="a", input=Decimal(0), output=Decimal("0.000")))
    assert (free["pricing"]["input"], free["pricing"]["prompt"], free["pricing"]["completion"]) == (0.0, "0", "0")


def test_the_command_line_prints_it(cards: list[ModelCard]) -> None:
    from trunkline.cli.models import table

    lines = table(openai_list(cards)["data"]).splitlines()
    [line] = [line for line in lines if line.startswith("openai/gpt-4o ")]
    assert line.split() == ["openai/gpt-4o", "128,000", "2.50", "10.00"]
    [line] = [line for line in lines if line.startswith("custom-llm/house/m ")]
    assert line.split() == ["custom-llm/house/m", "-", "-", "-"]


@pytest.mark.parametrize(
    ("asked", "id"),
    [("openai/gpt-4o", "openai/gpt-4o"), ("gpt-4o", "openai/gpt-4o"), ("fast", "fast"), ("custom-llm/house/m", "custom-llm/house/m")],
)
def test_one_model_is_found_by_any_name_that_means_it(cards: list[ModelCard], asked: str, id: str) -> None:
    assert openai_one(cards, asked)["id"] == id


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("openai/gpt-4oo", "'openai/gpt-4o'"),
        ("llama-3.3-70b-versatile", "'groq/llama-3.3-70b-versatile'"),
        ("ZZZZ", "GET /v1/models"),
        ("", "GET /v1/models"),
    ],
)
def test_an_unknown_model_is_404_with_the_nearest(cards: list[ModelCard], asked: str, named: str) -> None:
    with pytest.raises(CallerError) as caught:
        openai_one(cards, asked)
    assert (caught.value.status, caught.value.code, caught.value.param) == (404, "model_not_found", "model")
    assert named in caught.value.message


def test_opiks_registry_has_its_own_names(cards: list[ModelCard]) -> None:
    found = opik_models(cards)
    assert list(found) == ["trunkline", "custom-llm", "vertex-ai", "openai", "anthropic", "groq", "openrouter", "local"]
    assert {"id": "gpt-4o", "label": "gpt 4o", "structuredOutput": True, "reasoning": False} in found["openai"]
    [haiku] = [entry for entry in found["anthropic"] if entry["id"] == "claude-haiku-4-5"]
    assert (haiku["structuredOutput"], haiku["reasoning"]) == (True, True)
    [gemini] = [entry for entry in found["vertex-ai"] if entry["id"] == "vertex_ai/gemini-2.5-flash"]
    assert gemini["qualifiedName"] == "vertex_ai/gemini-2.5-flash"
    assert all(entry["id"].startswith("openrouter/") for entry in found["openrouter"])
    assert found["custom-llm"] == [{"id": "custom-llm/house/m", "label": "m", "structuredOutput": False, "reasoning": False}]
    assert found["trunkline"][0]["id"] == "fast"


def test_opiks_registry_keeps_prefixes_where_a_bare_name_would_not_do() -> None:
    two = snapshot_of({"OPENAI_API_KEY": "k"}, {"providers": {"openai": {}, "work": {"kind": "openai"}}})
    ids = {entry["id"] for entry in opik_models(known_models(two, Caller()))["openai"]}
    assert {"openai/gpt-4o", "work/gpt-4o"} <= ids
    assert "gpt-4o" not in ids
