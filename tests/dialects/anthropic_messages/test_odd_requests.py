"""Requests that are legal in OpenAI's format and that this vendor refuses as they stand, and the vendor's own members in them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.dialects.anthropic_messages.asking import body, encode, notes, target
from tests.dialects.anthropic_messages.oracle import judge
from tests.dialects.anthropic_messages.test_failures import error, refusal
from tests.strategies import PDF, PNG, decoded
from trunkline.dialects import anthropic_messages as dialect
from trunkline.dialects.media import seen

Json = dict[str, Any]
WEBP = base64.b64encode(b"RIFF\x24\x00\x00\x00WEBPVP8 ").decode()
WAV = base64.b64encode(b"RIFF\x24\x00\x00\x00WAVEfmt ").decode()


def tool(schema: Any, **more: Any) -> Json:
    return {"type": "function", "function": {"name": "f", "parameters": schema, **more}}


def sent(*tools: Json, **fields: Any) -> list[Json]:
    made = body(encode(tools=list(tools), **fields))
    judge(made)
    found: list[Json] = made["tools"]
    return found


def user(*parts: Json) -> list[Json]:
    return [{"role": "user", "content": list(parts)}]


def part_of(part: Json) -> Json:
    made = body(encode(messages=user(part)))
    judge(made)
    block: Json = made["messages"][0]["content"][0]
    return block


@pytest.mark.parametrize("label", ["image/jpeg", "application/octet-stream", "", "image/png;charset=x"])
def test_a_picture_is_what_its_bytes_say_whatever_its_label(label: str) -> None:
    part = {"type": "image_url", "image_url": {"url": f"data:{label};base64,{PNG}"}}
    assert part_of(part)["source"] == {"type": "base64", "media_type": "image/png", "data": PNG}


def test_the_bytes_of_a_picture_are_known_and_those_of_a_sound_are_not_taken_for_one() -> None:
    assert [seen(data) for data in (PNG, PDF, WEBP, WAV, "/9j/4AAQ", "R0lGODlh", "UklG", "AAAA", "")] == [
        "image/png", "application/pdf", "image/webp", "", "image/jpeg", "image/gif", "", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [(f"data:application/octet-stream;base64,{PDF}", "a.bin", "base64"), ("data:application/octet-stream;base64,aMOp", "a.MD", "text"),
     ("data:application/xml;base64,aMOp", "a", "text"), ("aMOp", "notes.txt", "text")],
)  # fmt: skip
def test_a_file_without_a_useful_type_is_known_by_its_bytes_or_its_name(data: str, name: str, kind: str) -> None:
    block = part_of({"type": "file", "file": {"file_data": data, "filename": name}})
    assert (block["type"], block["source"]["type"], block["title"]) == ("document", kind, name)


@pytest.mark.parametrize("kind", [None, ["object", "null"]])
def test_a_tools_parameters_are_an_object_and_nothing_wider(kind: Any) -> None:
    assert sent(tool({"type": kind, "properties": {"a": {"type": "string"}}}))[0]["input_schema"] == {
        "type": "object",
        "properties": {"a": {"type": "string"}},
    }


A = {"type": "object", "properties": {"k": {"const": "a"}, "x": {"type": "string"}}, "required": ["k", "x"], "additionalProperties": False}
B = {"type": "object", "properties": {"k": {"const": "b"}, "y": {"type": "integer"}}, "required": ["k", "y"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "together"),
    [
        (
            {"anyOf": [{"$ref": "#/$defs/A"}, B], "$defs": {"A": A}},
            {"properties": {"k": {"anyOf": [{"const": "a"}, {"const": "b"}]}, "x": {"type": "string"}, "y": {"type": "integer"}},
             "required": ["k"], "additionalProperties": False, "$defs": {"A": A}},
        ),
        ({"type": "object", "properties": {"a": {}, "b": {}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
         {"properties": {"a": {}, "b": {}}}),
        ({"allOf": [{"properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {}}, "required": ["b"]}]},
         {"properties": {"a": {}, "b": {}}, "required": ["a", "b"]}),
        ({"anyOf": [{"$ref": "#"}, {"$ref": "#/nowhere"}, True, {"properties": {"a": {}}}]}, {"properties": {"a": {}}}),
    ],
)  # fmt: skip
def test_branches_at_the_top_of_a_tools_parameters_are_put_together_since_claude_refuses_them(schema: Json, together: Json) -> None:
    encoded = encode(tools=[tool(schema)])
    assert body(encoded)["tools"][0]["input_schema"] == {"type": "object", **together}
    assert notes(encoded) == [("approximated", "tools[0].function.parameters")]
    foreign = body(encode(tools=[tool(schema)], model="kimi-k2"))["tools"][0]["input_schema"]
    assert foreign == {"type": "object", **schema}


def test_branches_further_in_and_a_strict_tool_stay() -> None:
    inner = {"type": "object", "properties": {"u": {"anyOf": [{"type": "string"}, {"type": "null"}]}}, "required": ["u"]}
    assert sent(tool(inner))[0]["input_schema"] == inner
    strict = sent(tool({"anyOf": [A, B]}, strict=True))[0]
    assert strict["strict"] is True
    assert "anyOf" not in strict["input_schema"]


def test_a_schema_that_is_no_object_is_not_asked_for_as_a_tools_arguments() -> None:
    schema = {"type": "array", "items": {"type": "string"}}
    encoded = encode(
        model="claude-sonnet-4-20250514", response_format={"type": "json_schema", "json_schema": {"name": "r", "schema": schema}}
    )
    assert (encoded.json_tool, encoded.check) == ("", "schema")
    assert json.dumps(schema) in body(encoded)["system"][0]["text"]


@pytest.mark.parametrize(("model", "forced"), [("claude-sonnet-4-5@20250929", True), ("claude-opus-4-6", True), ("claude-opus-5-5", False)])
def test_on_vertex_no_request_relies_on_structured_outputs_which_are_off_by_default_there(model: str, forced: bool) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "r", "schema": schema}}
    request = decoded({"model": "m", "messages": [{"role": "user", "content": "hi"}], "response_format": wanted})
    vertex = target(model, kind="vertex", options={"project": "p", "location": "l"})
    encoded = dialect.encode_request(request, vertex)
    made = json.loads(encoded.http.body)
    assert "format" not in made.get("output_config", {})
    assert encoded.check == "schema"
    told = "".join(block["text"] for block in made.get("system", ()))
    assert (encoded.json_tool == "r", json.dumps(schema) in told) == (forced, not forced)
    strict = dialect.encode_request(
        decoded({"model": "m", "messages": [{"role": "user", "content": "hi"}], "tools": [tool(schema, strict=True)]}), vertex
    )
    assert [(note.kind, note.param) for note in strict.notes] == [("dropped", "tools[0].function.strict")]


def test_the_vendors_own_members_of_a_function_tool_go_through() -> None:
    outside = {**tool({"type": "object"}), "eager_input_streaming": True, "defer_loading": None}
    inside = {"type": "function", "function": {"name": "g", "input_examples": [{}]}}
    assert sent(outside, inside) == [
        {"name": "f", "input_schema": {"type": "object"}, "eager_input_streaming": True},
        {"name": "g", "input_schema": {"type": "object", "properties": {}}, "input_examples": [{}]},
    ]


def test_a_limit_that_leaves_no_room_in_the_context_is_an_overflow() -> None:
    message = "input length and `max_tokens` exceed context limit: 199000 + 21333 > 200000, decrease input length or `max_tokens`"
    refused = refusal(400, error(message))
    assert (refused.status, refused.code, refused.message) == (400, "context_length_exceeded", message)


@pytest.mark.parametrize(
    ("model", "thinking", "word", "effort", "named"),
    [
        ("claude-opus-5", {"type": "adaptive"}, "xhigh", "xhigh", []),
        ("claude-sonnet-4-6", {"type": "adaptive"}, "minimal", "low", [("approximated", "reasoning_effort")]),
        ("claude-opus-5", {"type": "adaptive"}, "none", None, [("dropped", "reasoning_effort")]),
        ("claude-opus-5", {"type": "disabled"}, "high", None, [("dropped", "reasoning_effort")]),
        ("claude-opus-5", {"type": "disabled"}, "none", None, []),
        ("claude-sonnet-4-5", {"type": "enabled", "budget_tokens": 2048}, "high", None, [("dropped", "reasoning_effort")]),
    ],
)
def test_an_effort_beside_the_vendors_own_thinking_is_sent_or_named(model: str, thinking: Json, word: str, effort: Any, named: Any) -> None:
    encoded = encode(model=model, thinking=thinking, reasoning_effort=word)
    made = body(encoded)
    assert made["thinking"] == thinking
    assert made.get("output_config") == ({"effort": effort} if effort else None)
    assert notes(encoded) == named
