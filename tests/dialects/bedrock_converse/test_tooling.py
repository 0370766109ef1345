"""Tools, the choice among them, and answers by a schema, as each family of models takes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .asking import FORMAT, HI, LOOP, NAMED_G, SCHEMA, call, tool
from .oracle import CLAUDE_3, LLAMA, NOVA, NOVA_2, SONNET_4_5, encoded, noted

# ── tools ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "choice", "sent_choice", "tools", "notes"),
    [
        (CLAUDE_3, "auto", None, ["f", "g"], []),
        (CLAUDE_3, "required", {"any": {}}, ["f", "g"], []),
        (CLAUDE_3, NAMED_G, {"tool": {"name": "g"}}, ["f", "g"], []),
        (
            CLAUDE_3,
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NAMED_G]}},
            {"any": {}},
            ["g"],
            ["tool_choice"],
        ),
        ("mistral.mistral-large-2407-v1:0", NAMED_G, {"any": {}}, ["g"], []),
        ("zai.glm-4.7-flash", "required", {"any": {}}, ["f", "g"], []),
        ("zai.glm-5", NAMED_G, {"any": {}}, ["g"], []),
        ("zai.glm-5.3", NAMED_G, {"tool": {"name": "g"}}, ["f", "g"], []),
        ("us.openai.gpt-5.6-sol", NAMED_G, {"tool": {"name": "g"}}, ["f", "g"], []),
        ("deepseek.v3.2", "required", {"any": {}}, ["f", "g"], []),
        ("us.deepseek.r1-v1:0", "required", None, ["f", "g"], ["tool_choice"]),
        (LLAMA, "required", None, ["f", "g"], ["tool_choice"]),
        (LLAMA, NAMED_G, None, ["g"], ["tool_choice"]),
    ],
)
def test_the_choice_among_tools(model: str, choice: Any, sent_choice: Any, tools: list[str], notes: list[str]) -> None:
    sent, result = encoded({"messages": [HI], "tools": [tool("f"), tool("g")], "tool_choice": choice}, model)
    assert sent["toolConfig"].get("toolChoice") == sent_choice
    assert [t["toolSpec"]["name"] for t in sent["toolConfig"]["tools"]] == tools
    assert noted(result) == notes


def test_deepseek_is_not_forced_while_it_reasons_and_glm_is() -> None:
    body = {"messages": [HI], "tools": [tool("f")], "tool_choice": "required", "reasoning_effort": "high"}
    sent, result = encoded(body, "deepseek.v3.2")
    assert "toolChoice" not in sent["toolConfig"]
    assert noted(result) == ["tool_choice"]
    sent, _ = encoded(body, "zai.glm-5")
    assert sent["toolConfig"]["toolChoice"] == {"any": {}}


def test_choice_none_leaves_the_tools_out() -> None:
    sent, result = encoded({"messages": [HI], "tools": [tool("f")], "tool_choice": "none"})
    assert "toolConfig" not in sent
    assert noted(result) == []


def test_a_history_with_calls_keeps_its_tools_even_when_none_may_be_called_or_none_is_offered() -> None:
    sent, result = encoded({"messages": LOOP, "tools": [tool("f")], "tool_choice": "none"}, NOVA)
    assert [t["toolSpec"]["name"] for t in sent["toolConfig"]["tools"]] == ["f"]
    assert sent["system"] == [{"text": "Answer in text. Do not call a tool."}]
    assert noted(result, "emulated") == ["tool_choice"]
    sent, result = encoded({"messages": LOOP})
    assert [t["toolSpec"]["name"] for t in sent["toolConfig"]["tools"]] == ["f"]
    assert noted(result, "added") == ["tools"]


def test_a_tool_without_parameters_has_a_schema_that_the_vendor_takes() -> None:
    sent, _ = encoded({"messages": [HI], "tools": [{"type": "function", "function": {"name": "f"}}]})
    assert sent["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"] == {"type": "object", "properties": {}}


def test_strict_tools_where_the_model_has_them() -> None:
    body = {"messages": [HI], "tools": [tool("f", strict=True)]}
    sent, result = encoded(body, SONNET_4_5)
    assert sent["toolConfig"]["tools"][0]["toolSpec"]["strict"] is True
    assert noted(result) == []
    sent, result = encoded(body, CLAUDE_3)
    assert "strict" not in sent["toolConfig"]["tools"][0]["toolSpec"]
    assert noted(result) == ["tools[0].function.strict"]


def test_web_search_is_novas_own_tool_and_named_elsewhere() -> None:
    sent, result = encoded({"messages": [HI], "web_search_options": {}}, NOVA_2)
    assert sent["toolConfig"] == {"tools": [{"systemTool": {"name": "nova_grounding"}}]}
    assert noted(result) == []
    sent, result = encoded({"messages": [HI], "web_search_options": {}})
    assert "toolConfig" not in sent
    assert noted(result) == ["web_search_options"]


# ── formats ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_schema_by_the_vendors_own_means_where_the_model_has_them() -> None:
    sent, result = encoded({"messages": [HI], "response_format": FORMAT, "tools": [tool("f")]})
    form = sent["outputConfig"]["textFormat"]
    assert form["type"] == "json_schema"
    assert form["structure"]["jsonSchema"]["name"] == "answer"
    assert json.loads(form["structure"]["jsonSchema"]["schema"]) == SCHEMA
    assert (result.check, result.json_tool, noted(result)) == ("", "", [])


def test_a_schema_by_a_forced_tool_elsewhere() -> None:
    sent, result = encoded({"messages": [HI], "response_format": FORMAT}, CLAUDE_3)
    assert result.json_tool == "answer"
    assert sent["toolConfig"]["toolChoice"] == {"tool": {"name": "answer"}}
    assert sent["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"] == SCHEMA
    assert noted(result, "emulated") == ["response_format"]
    sent, result = encoded({"messages": [HI], "response_format": FORMAT, "tools": [tool("answer")]}, CLAUDE_3)
    assert sent["toolConfig"]["toolChoice"] == {"any": {}}
    assert [t["toolSpec"]["name"] for t in sent["toolConfig"]["tools"]] == ["answer", result.json_tool]
    assert result.json_tool != "answer"


@pytest.mark.parametrize(("model", "more"), [(LLAMA, {}), (CLAUDE_3, {"tools": [tool("f")], "tool_choice": "required"})])
def test_a_schema_by_instruction_and_check_where_no_tool_may_be_forced(model: str, more: dict[str, Any]) -> None:
    sent, result = encoded({"messages": [HI], "response_format": FORMAT, **more}, model)
    assert json.dumps(SCHEMA) in sent["system"][0]["text"]
    assert (result.check, json.loads(bytes(result.schema))) == ("schema", SCHEMA)


def test_json_object_is_an_instruction_and_a_check() -> None:
    sent, result = encoded({"messages": [HI], "response_format": {"type": "json_object"}})
    assert "JSON" in sent["system"][0]["text"]
    assert result.check == "json"
    assert noted(result) == ["response_format"]


# ── names of parameters ──────────────────────────────────────────────────────────────────────────────────

TOP = {"type": "object", "properties": {"$top": {"type": "integer"}, "skip": {"type": "integer"}}, "required": ["$top"]}


def test_names_of_parameters_that_claude_refuses_go_out_legal_in_tools_and_history() -> None:
    listing = {"type": "function", "function": {"name": "list", "parameters": TOP}}
    loop = [
        HI,
        {"role": "assistant", "content": None, "tool_calls": [call("c1", "list", '{"$top": 12345678901234567890, "skip": 1}')]},
        {"role": "tool", "tool_call_id": "c1", "content": "none"},
    ]
    sent, result = encoded({"messages": loop, "tools": [listing, tool("f")]}, SONNET_4_5)
    schemas = [t["toolSpec"]["inputSchema"]["json"] for t in sent["toolConfig"]["tools"]]
    assert (list(schemas[0]["properties"]), schemas[0]["required"], schemas[1]) == (["_top", "skip"], ["_top"], SCHEMA)
    assert sent["messages"][1]["content"][0]["toolUse"]["input"] == {"_top": 12345678901234567890, "skip": 1}
    assert result.properties == {"list": {"_top": "$top"}}
    assert noted(result) == ["tools[0].function.parameters.properties"]


def test_an_answer_by_a_forced_tool_has_the_schemas_own_names() -> None:
    asked = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {**TOP, "additionalProperties": {"type": "string"}}}}
    sent, result = encoded({"messages": [HI], "response_format": asked}, SONNET_4_5)
    [spec] = [t["toolSpec"] for t in sent["toolConfig"]["tools"]]
    assert list(spec["inputSchema"]["json"]["properties"]) == ["_top", "skip"]
    assert result.properties == {result.json_tool: {"_top": "$top"}}


@pytest.mark.parametrize("model", [NOVA, LLAMA])
def test_another_family_gets_the_names_as_they_are(model: str) -> None:
    listing = {"type": "function", "function": {"name": "list", "parameters": TOP}}
    sent, result = encoded({"messages": [HI], "tools": [listing]}, model)
    assert list(sent["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]["properties"]) == ["$top", "skip"]
    assert result.properties == {}
