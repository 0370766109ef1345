"""A request that chat completions would refuse goes to the Responses API, whole; every other goes where its target says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.openai_chat.asking import decode
from trunkline.dialects import dialect
from trunkline.dialects.doors import beside, needs_responses
from trunkline.target import Target

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
CUSTOM = {"type": "custom", "custom": {"name": "run"}}
OPENAI = "https://api.openai.com/v1"


def aimed(model: str, kind: str = "openai", base_url: str = OPENAI, **options: str) -> Target:
    return Target(provider=kind, kind=kind, model=model, dialect="openai_chat", base_url=base_url, options=options)


def spoken(target: Target, **members: Any) -> str:
    other = beside(target)
    return target.dialect if other is None or not needs_responses(decode(**members), target) else other.dialect


@pytest.mark.parametrize(
    ("model", "effort", "where"),
    [
        ("gpt-5.4", "low", "openai_responses"), ("gpt-5.4", None, "openai_chat"), ("gpt-5.4", "none", "openai_chat"),
        ("gpt-5.4-mini-2026-03-17", "xhigh", "openai_responses"),
        ("gpt-5.5", None, "openai_responses"), ("gpt-5.5", "none", "openai_chat"),
        ("gpt-5.6-terra", None, "openai_responses"), ("gpt-5.6-sol", "high", "openai_responses"), ("gpt-5.6", "none", "openai_chat"),
        ("gpt-6-luna", None, "openai_responses"), ("gpt-6-sol", "none", "openai_chat"),
        ("gpt-6-astra", "none", "openai_responses"), ("gpt-6.1-sol", None, "openai_responses"), ("gpt-6.1-sol", "none", "openai_responses"),
        ("gpt-5", "high", "openai_chat"), ("gpt-5.1", "high", "openai_chat"), ("gpt-5.2", "xhigh", "openai_chat"),
        ("o3", "high", "openai_chat"),
        ("gpt-5.4-chat-latest", "low", "openai_chat"), ("gpt-6.1-chat-latest", None, "openai_chat"), ("gpt-4.1", None, "openai_chat"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "offered", [{"tools": [TOOL]}, {"tools": [CUSTOM]}, {"functions": [TOOL["function"]]}], ids=["tools", "custom", "functions"]
)
def test_tools_and_thinking_together_go_where_both_are_taken(model: str, effort: str | None, where: str, offered: dict[str, Any]) -> None:
    assert spoken(aimed(model), **offered, **({"reasoning_effort": effort} if effort else {})) == where


@pytest.mark.parametrize("members", [{}, {"tools": []}, {"reasoning_effort": "high"}, {"functions": []}])
def test_without_tools_nothing_changes(members: dict[str, Any]) -> None:
    assert spoken(aimed("gpt-6-sol"), **members) == "openai_chat"


@pytest.mark.parametrize(
    ("kind", "base_url", "options", "where"),
    [
        ("openai", "https://eu.api.openai.com/v1", {}, "openai_responses"), ("openai", "http://127.0.0.1:4000/v1", {}, "openai_chat"),
        ("openai", "https://api.openai.com.evil.example/v1", {}, "openai_chat"),
        ("openai", "https://gateway.example/openai/v1", {}, "openai_chat"),
        ("azure", "https://n.openai.azure.com", {}, "openai_responses"),
        ("azure", "https://n.openai.azure.com", {"api_version": "preview"}, "openai_responses"),
        ("azure", "https://n.openai.azure.com", {"api_version": "2025-04-01-preview"}, "openai_responses"),
        ("azure", "https://n.openai.azure.com", {"api_version": "2024-10-21"}, "openai_chat"),
        ("azure", "https://gateway.example/azure", {}, "openai_chat"), ("azure", "https://notazure.com", {}, "openai_chat"),
        ("openrouter", OPENAI, {}, "openai_chat"), ("openai_compatible", OPENAI, {}, "openai_chat"),
    ],
)  # fmt: skip
def test_only_where_the_vendor_has_the_other_api(kind: str, base_url: str, options: dict[str, str], where: str) -> None:
    assert spoken(aimed("gpt-5.6", kind, base_url, **options), tools=[TOOL]) == where


def test_the_other_api_is_the_same_target_in_all_else() -> None:
    target = aimed("gpt-5.6")
    other = beside(target)
    assert other is not None
    assert {name for name in target.__struct_fields__ if getattr(target, name) != getattr(other, name)} == {"dialect"}
    assert beside(other) is None


def test_what_was_asked_arrives_at_the_other_api() -> None:
    request = decode(tools=[TOOL], tool_choice="required", reasoning_effort="high", max_tokens=100)
    target = beside(aimed("gpt-5.6"))
    assert target is not None
    encoded = dialect(target.dialect).encode_request(request, target)
    body = json.loads(encoded.http.body)
    assert encoded.http.url == f"{OPENAI}/responses"
    assert (body["reasoning"], body["tool_choice"], body["max_output_tokens"]) == ({"effort": "high"}, "required", 100)
    assert [tool["name"] for tool in body["tools"]] == ["f"]
    assert encoded.notes == ()
