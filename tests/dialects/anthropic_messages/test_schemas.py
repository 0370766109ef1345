"""`response_format` by whichever way the model has, and never vanished."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from msgspec import Raw

from tests.dialects.anthropic_messages.asking import TOOL, USER, body, encode, notes
from tests.strategies import schemas as any_schemas
from tests.strategies import strict_schemas
from trunkline.dialects.anthropic_messages.schemas import closed
from trunkline.errors import CallerError

CLOSED = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
OPEN = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
MAP = {"type": "object", "additionalProperties": {"type": "string"}}
TREE = {
    "$ref": "#/$defs/n",
    "$defs": {"n": {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/n"}}}}},
}


def wanted(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}


@pytest.mark.parametrize("schema", [CLOSED, OPEN])
def test_newer_models_enforce_the_schema_themselves(schema: Any) -> None:
    encoded = encode(response_format=wanted(schema), tools=[TOOL])
    made = body(encoded)
    assert made["output_config"] == {"format": {"type": "json_schema", "schema": CLOSED}}
    assert [tool["name"] for tool in made["tools"]] == ["f"]
    assert (encoded.json_tool, encoded.check, encoded.notes) == ("", "", ())


def test_limits_the_vendor_does_not_enforce_are_checked_on_the_answer() -> None:
    schema = {**CLOSED, "properties": {"a": {"type": "integer", "minimum": 1}}}
    encoded = encode(response_format=wanted(schema))
    assert body(encoded)["output_config"]["format"]["schema"] == CLOSED
    assert (encoded.check, json.loads(bytes(encoded.schema))) == ("schema", schema)
    assert notes(encoded) == [("approximated", "response_format")]


@pytest.mark.parametrize(
    ("model", "schema"), [("claude-sonnet-4-20250514", CLOSED), ("claude-sonnet-4-5", MAP), ("claude-sonnet-4-5", TREE)]
)
def test_elsewhere_a_forced_tool_stands_for_the_schema(model: str, schema: Any) -> None:
    encoded = encode(response_format=wanted(schema), model=model)
    made = body(encoded)
    assert encoded.json_tool == "answer"
    assert made["tool_choice"] == {"type": "tool", "name": "answer", "disable_parallel_tool_use": True}
    assert [tool["name"] for tool in made["tools"]] == ["answer"]
    assert made["tools"][0]["input_schema"] == (schema if "type" in schema else {"type": "object", **schema})
    assert notes(encoded) == [("emulated", "response_format")]


def test_beside_other_tools_the_model_may_call_one_of_them_or_answer() -> None:
    named = {"type": "function", "function": {"name": "answer"}}
    encoded = encode(response_format=wanted(CLOSED), model="claude-sonnet-4-20250514", tools=[TOOL, named])
    made = body(encoded)
    assert made["tool_choice"] == {"type": "any"}
    assert [tool["name"] for tool in made["tools"]] == ["f", "answer", encoded.json_tool]
    assert encoded.json_tool not in ("f", "answer")


@pytest.mark.parametrize("more", [{"tools": [TOOL], "tool_choice": "required"}, {"reasoning_effort": "low"}])
def test_where_no_tool_may_be_forced_the_model_is_told_and_the_answer_checked(more: dict[str, Any]) -> None:
    encoded = encode(response_format=wanted(CLOSED), model="claude-sonnet-4-20250514", **more)
    assert json.dumps(CLOSED) in body(encoded)["system"][0]["text"]
    assert (encoded.json_tool, encoded.check, json.loads(bytes(encoded.schema))) == ("", "schema", CLOSED)
    assert ("emulated", "response_format") in notes(encoded)


def test_json_mode_is_an_instruction_after_the_callers_own_and_a_check() -> None:
    encoded = encode({"role": "system", "content": "Be brief."}, USER, response_format={"type": "json_object"})
    own, told = body(encoded)["system"]
    assert own["text"] == "Be brief."
    assert "JSON object" in told["text"]
    assert encoded.check == "json"
    assert notes(encoded) == [("emulated", "response_format")]


def test_an_answer_format_that_does_not_exist_is_refused_by_name() -> None:
    for wrong, param in (
        ({"type": "yaml"}, "response_format"),
        ({"type": "json_schema"}, "response_format"),
        ({"type": "json_schema", "json_schema": {"name": "x"}}, "response_format.json_schema.schema"),
    ):
        with pytest.raises(CallerError) as refused:
            encode(response_format=wrong)
        assert refused.value.param == param


def objects(node: Any) -> list[dict[str, Any]]:
    """Every object schema in a schema."""
    inner = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
    found = [node] if isinstance(node, dict) and node.get("type") == "object" else []
    return found + [schema for value in inner for schema in objects(value)]


@given(strict_schemas())
def test_what_openai_calls_strict_is_taken_with_nothing_but_its_limits_gone(schema: dict[str, Any]) -> None:
    made, lost = closed(Raw(json.dumps(schema).encode()))
    assert made is not None
    assert set(lost) <= {"minimum", "maximum"}
    assert made == schema or lost


@given(any_schemas())
def test_a_schema_is_either_closed_throughout_or_left_to_another_way(schema: dict[str, Any]) -> None:
    made, _ = closed(Raw(json.dumps(schema).encode()))
    if made is not None:
        assert all(node["additionalProperties"] is False and node["properties"] for node in objects(made))
