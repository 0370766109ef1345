"""Tools and the choice among them, as the Messages API has them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialects.anthropic_messages.asking import TOOL, USER, answer, asked, body, call, encode, notes
from trunkline.errors import CallerError


def test_tool_names_come_back_as_the_caller_wrote_them() -> None:
    names = ["ns.tool", "ns_tool", "x" * 140, "3d-model", "größe"]
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    encoded = encode(
        USER, asked(call("a", "ns.tool")), answer("a"), tools=tools, tool_choice={"type": "function", "function": {"name": "größe"}}
    )
    made = body(encoded)
    wire = [tool["name"] for tool in made["tools"]]
    assert [encoded.names.get(name, name) for name in wire] == names
    assert len(set(wire)) == len(names)
    assert all(len(name) <= 128 and name.isascii() for name in wire)
    assert (wire[1], wire[3]) == ("ns_tool", "3d-model")
    assert made["messages"][1]["content"][0]["name"] == wire[0]
    assert made["tool_choice"] == {"type": "tool", "name": wire[4]}
    assert made["tools"][0]["input_schema"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        ("none", None, {"type": "none"}),
        ("none", False, {"type": "none"}),
        ("auto", None, {"type": "auto"}),
        (None, None, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
        ({"type": "function", "function": {"name": "f"}}, None, {"type": "tool", "name": "f"}),
    ],
)
def test_every_tool_choice_is_the_vendors_own(choice: Any, parallel: bool | None, expected: Any) -> None:
    made = body(encode(tools=[TOOL], tool_choice=choice, parallel_tool_calls=parallel))
    assert made.get("tool_choice") == expected
    assert [tool["name"] for tool in made["tools"]] == ["f"]


def test_allowed_tools_are_the_only_ones_sent() -> None:
    other = {"type": "function", "function": {"name": "g"}}
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]}}
    made = body(encode(tools=[TOOL, other], tool_choice=allowed))
    assert [tool["name"] for tool in made["tools"]] == ["g"]
    assert made["tool_choice"] == {"type": "any"}


def test_a_call_asked_for_without_tools_is_refused() -> None:
    with pytest.raises(CallerError) as refused:
        encode(tool_choice="required")
    assert refused.value.param == "tool_choice"


def test_a_tool_keeps_its_schema_its_mark_and_its_strictness_where_the_model_has_it() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
    tool = {"type": "function", "function": {"name": "f", "description": "d", "strict": True, "parameters": schema}}
    marked = {**tool, "cache_control": {"type": "ephemeral"}}
    new = encode(tools=[marked])
    assert body(new)["tools"] == [
        {"name": "f", "description": "d", "input_schema": schema, "strict": True, "cache_control": {"type": "ephemeral"}}
    ]
    assert new.notes == ()
    old = encode(tools=[tool], model="claude-sonnet-4-20250514")
    assert "strict" not in body(old)["tools"][0]
    assert notes(old) == [("dropped", "tools[0].function.strict")]


def test_a_schema_without_a_type_is_given_the_one_the_vendor_insists_on() -> None:
    made = body(encode(tools=[{"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {"const": 1}}}}}]))
    assert made["tools"][0]["input_schema"] == {"type": "object", "properties": {"a": {"const": 1}}}


def test_legacy_functions_become_tools_and_call_and_result_share_an_id() -> None:
    made = body(
        encode(
            USER,
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "42"},
            functions=[{"name": "f", "parameters": {"type": "object", "properties": {}}}],
            function_call={"name": "f"},
        )
    )
    assert made["tool_choice"] == {"type": "tool", "name": "f"}
    assert made["messages"][1]["content"][0]["id"] == made["messages"][2]["content"][0]["tool_use_id"]
    assert made["messages"][2]["content"][0]["content"] == "42"


# ── names of parameters ──────────────────────────────────────────────────────────────────────────────────

TOP = {"type": "object", "properties": {"$top": {"type": "integer"}, "skip": {"type": "integer"}}, "required": ["$top"]}
LIST = {"type": "function", "function": {"name": "list", "parameters": TOP}}


def test_names_of_parameters_that_the_vendor_refuses_go_out_legal_in_tools_examples_and_history() -> None:
    tool = {**LIST, "input_examples": [{"$top": 1}]}
    encoded = encode(USER, asked(call("t1", "list", '{"$top": 12345678901234567890, "skip": 1}')), answer("t1"), tools=[tool, TOOL])
    made = body(encoded)
    schema = made["tools"][0]["input_schema"]
    assert (list(schema["properties"]), schema["required"]) == (["_top", "skip"], ["_top"])
    assert schema["properties"]["_top"] == {"title": "$top", "type": "integer"}
    assert made["tools"][0]["input_examples"] == [{"_top": 1}]
    assert made["tools"][1]["input_schema"] == TOOL["function"]["parameters"]  # type: ignore[index]
    assert made["messages"][1]["content"][0]["input"] == {"_top": 12345678901234567890, "skip": 1}
    assert encoded.properties == {"list": {"_top": "$top"}}
    assert notes(encoded) == [("emulated", "tools[0].function.parameters.properties")]


def test_names_below_the_top_are_the_callers_own() -> None:
    deep = {"type": "object", "properties": {"a": {"type": "object", "properties": {"$deep": {"type": "string"}}}}}
    encoded = encode(tools=[{"type": "function", "function": {"name": "f", "parameters": deep}}])
    assert body(encoded)["tools"][0]["input_schema"] == deep
    assert (encoded.properties, notes(encoded)) == ({}, [])


def test_names_that_came_out_of_a_branch_are_made_legal_too() -> None:
    branches = {"anyOf": [{"type": "object", "properties": {"a b": {"type": "string"}}}, {"type": "object", "properties": {"c": {}}}]}
    encoded = encode(tools=[{"type": "function", "function": {"name": "f", "parameters": branches}}])
    assert set(body(encoded)["tools"][0]["input_schema"]["properties"]) == {"a_b", "c"}
    assert encoded.properties == {"f": {"a_b": "a b"}}


def test_the_forced_tool_of_an_answer_has_legal_names_and_the_answer_the_callers() -> None:
    schema = {**TOP, "additionalProperties": {"type": "string"}}
    encoded = encode(response_format={"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}})
    assert list(body(encoded)["tools"][0]["input_schema"]["properties"]) == ["_top", "skip"]
    assert encoded.properties == {encoded.json_tool: {"_top": "$top"}}


def test_a_model_of_another_maker_gets_the_names_as_they_are() -> None:
    encoded = encode(model="kimi-k2", tools=[LIST])
    assert list(body(encoded)["tools"][0]["input_schema"]["properties"]) == ["$top", "skip"]
    assert encoded.properties == {}
