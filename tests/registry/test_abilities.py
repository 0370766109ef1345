"""Output limits and abilities by name, checked against a second, independent table where that is installed."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from trunkline.registry.abilities import NAMES, TABLE, abilities, bare, max_output

KINDS = {"openai": "openai", "anthropic": "anthropic", "gemini": "gemini", "deepseek": "deepseek", "cohere_chat": "cohere", "zai": "zai"}
"""LiteLLM's providers whose own API the table speaks of."""
THEIRS_DIFFER = {
    "gpt-4": "OpenAI's page says 8,192 tokens of output",
    "gpt-4-0613": "the same",
    "gpt-5-chat": "a chat model takes tools, as its page says",
    "gpt-5.5-cyber": "theirs says nothing of it",
    "gpt-5.5-cyber-preview": "theirs says nothing of it",
    "deepseek-r1": "an old id of which theirs knows more than the vendor still offers",
}
LABELS = {"tools": "supports_function_calling", "vision": "supports_vision"}


def second_table() -> list[tuple[str, str, dict[str, Any]]]:
    spec = find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        return []
    path = Path(next(iter(spec.submodule_search_locations))) / "model_prices_and_context_window_backup.json"
    rows = json.loads(path.read_text()) if path.exists() else {}
    return [
        (KINDS[row["litellm_provider"]], name.rpartition("/")[2], row)
        for name, row in rows.items()
        if row.get("litellm_provider") in KINDS
        and row.get("mode") in ("chat", "responses")
        and "-tts" not in name
        and not name.startswith("ft:")
    ]


@pytest.mark.skipif(not second_table(), reason="LiteLLM, which has a table to compare with, is not installed (the opik package brings it)")
def test_a_second_table_says_the_same() -> None:
    compared = 0
    for kind, model, row in second_table():
        if model in THEIRS_DIFFER:
            continue
        limit = max_output(kind, model)
        if limit and row.get("max_output_tokens"):
            assert limit == row["max_output_tokens"], model
            compared += 1
        ours = abilities(kind, model)
        for name, label in LABELS.items():
            if row.get(label) and kind in ("openai", "anthropic", "gemini"):
                assert getattr(ours, name) is not False, f"{model} has {name}"
    assert compared > 100


@pytest.mark.parametrize(
    ("kind", "model", "name"),
    [
        ("bedrock", "us.anthropic.claude-opus-4-5-20251101-v1:0", "claude-opus-4-5-20251101-v1"),
        ("bedrock", "amazon.nova-lite-v1:0", "nova-lite-v1"),
        ("openrouter", "openai/gpt-4.1:free", "gpt-4.1"),
        ("openai", "ft:gpt-4.1-2025-04-14:org:name:id", "gpt-4.1-2025-04-14"),
        ("fireworks", "accounts/fireworks/models/deepseek-v3p2", "deepseek-v3p2"),
        ("huggingface", "Qwen/Qwen3-32B:novita", "qwen3-32b"),
        ("openai", "gpt-4.1", "gpt-4.1"),
    ],
)
def test_a_models_own_name_is_under_its_hosts_spelling(kind: str, model: str, name: str) -> None:
    assert bare(kind, model) == name


@pytest.mark.parametrize(
    ("kind", "model", "limit"),
    [
        ("openai", "gpt-4o", 16_384),
        ("azure", "gpt-4o", 16_384),
        ("openrouter", "openai/gpt-4o-2024-05-13", 4_096),
        ("anthropic", "claude-haiku-4-5", 64_000),
        ("bedrock", "us.anthropic.claude-3-haiku-20240307-v1:0", 4_096),
        ("gemini", "gemini-2.5-pro", 65_536),
        ("deepseek", "deepseek-chat", 8_192),
        ("together", "deepseek-ai/deepseek-chat", 0),
        ("vllm", "my-own", 0),
    ],
)
def test_output_limits(kind: str, model: str, limit: int) -> None:
    assert max_output(kind, model) == limit


def test_what_the_api_cannot_do_no_model_of_it_can() -> None:
    assert abilities("openai", "gpt-4o").vision is True
    assert abilities("deepseek", "gpt-4o").vision is False
    assert abilities("perplexity", "gpt-4o").tools is False


def test_what_no_row_has_is_unknown_and_not_absent() -> None:
    found = abilities("vllm", "my-own")
    assert [getattr(found, name) for name in NAMES] == [None] * 5
    assert abilities("groq", "openai/gpt-oss-120b").json_schema is None, "with open weights that is the host's doing"


def test_the_embedded_model_can_what_its_server_can() -> None:
    found = abilities("local", "smollm2-135m-instruct")
    assert (found.tools, found.vision, found.json_schema, found.reasoning) == (True, False, True, False)


def test_no_row_of_the_table_is_hidden_by_one_before_it() -> None:
    """A row whose every pattern, taken as a name, is caught earlier would never be read."""
    from fnmatch import fnmatchcase

    for index, row in enumerate(TABLE):
        names = [pattern.replace("*", "x").replace("[5-9]", "5").replace("[12]", "1").replace("[13]", "1") for pattern in row.patterns]
        assert any(not any(fnmatchcase(name, earlier) for before in TABLE[:index] for earlier in before.patterns) for name in names), (
            row.patterns
        )
