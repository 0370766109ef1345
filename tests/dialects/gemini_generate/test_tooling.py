"""Tools, the choice among them, and the form of the answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.gemini_generate.asking import FLASH, THREE, WEATHER, Json, encode, noted, sent
from tests.dialects.gemini_generate.oracle import body
from trunkline.errors import CallerError

# ── tools ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_schema_is_sent_as_json_schema_and_untouched() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}, "additionalProperties": False, "$defs": {"x": {"const": 1}}}
    tool = {"type": "function", "function": {"name": "t", "parameters": schema}}
    for kind in ("gemini", "vertex"):
        assert sent(THREE, kind, tools=[tool])["tools"] == [{"functionDeclarations": [{"name": "t", "parametersJsonSchema": schema}]}]


def test_an_older_model_gets_googles_subset_and_the_rest_is_named() -> None:
    schema = {
        "type": "object",
        "properties": {
            "kind": {"const": "list"},
            "head": {"$ref": "#/$defs/node"},
            "size": {"type": ["integer", "null"], "exclusiveMinimum": 0},
            "when": {"type": "string", "format": "date"},
        },
        "additionalProperties": False,
        "$defs": {"node": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}}},
    }
    encoded = encode("gemini-2.0-flash", tools=[{"type": "function", "function": {"name": "t", "parameters": schema}}])
    [declared] = body(encoded)["tools"][0]["functionDeclarations"]
    node = {"type": "object", "properties": {"next": {"nullable": True, "type": "object"}}, "propertyOrdering": ["next"]}
    assert declared["parameters"] == {
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": ["list"]},
            "head": node,
            "size": {"type": "integer", "nullable": True},
            "when": {"type": "string"},
        },
        "propertyOrdering": ["kind", "head", "size", "when"],
    }
    [note] = encoded.notes
    assert (note.kind, note.param) == ("approximated", "tools[0].function.parameters")
    assert all(word in note.why for word in ("additionalProperties", "exclusiveMinimum", "format date", "recursion"))


@pytest.mark.parametrize("parameters", [None, {}, {"type": "object", "properties": {}}, {"type": "object", "additionalProperties": False}])
def test_a_tool_without_parameters_has_no_schema(parameters: Json | None) -> None:
    function = {"name": "now"} if parameters is None else {"name": "now", "parameters": parameters}
    assert sent(tools=[{"type": "function", "function": function}])["tools"] == [{"functionDeclarations": [{"name": "now"}]}]


NAMED: Json = {"type": "function", "function": {"name": "weather"}}


def allowed(mode: str) -> Json:
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [NAMED]}}


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        ("none", {"mode": "NONE"}),
        ("auto", {"mode": "AUTO"}),
        ("required", {"mode": "ANY"}),
        (NAMED, {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
        (allowed("required"), {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
        (allowed("auto"), {"mode": "VALIDATED", "allowedFunctionNames": ["weather"]}),
    ],
)  # fmt: skip
def test_the_choice_among_tools(choice: Any, config: Json) -> None:
    assert sent(tools=[WEATHER], tool_choice=choice)["toolConfig"] == {"functionCallingConfig": config}


def test_no_choice_sends_no_config_and_no_tools_send_no_tools() -> None:
    assert "toolConfig" not in sent(tools=[WEATHER])
    assert sent(tools=[]).keys() == {"contents"}


def test_a_strict_tool_is_validated() -> None:
    strict = {"type": "function", "function": {**WEATHER["function"], "strict": True}}
    assert sent(tools=[strict])["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}


def test_parallel_tool_calls_false_is_named() -> None:
    assert noted(encode(tools=[WEATHER], parallel_tool_calls=False)) == {"parallel_tool_calls": "dropped"}


def test_allowed_tools_must_be_offered() -> None:
    other = {"type": "function", "function": {"name": "other"}}
    with pytest.raises(CallerError, match="'other'"):
        encode(tools=[WEATHER], tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [other]}})


def test_web_search_is_google_search() -> None:
    assert sent(web_search_options={})["tools"] == [{"googleSearch": {}}]
    both = sent(THREE, web_search_options={}, tools=[WEATHER])
    assert [list(tool) for tool in both["tools"]] == [["functionDeclarations"], ["googleSearch"]]
    assert both["toolConfig"] == {"includeServerSideToolInvocations": True}
    assert noted(encode(FLASH, web_search_options={}, tools=[WEATHER])) == {"web_search_options": "dropped"}


# ── the answer's form ───────────────────────────────────────────────────────────────────────────────────

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
AS_SCHEMA = {"type": "json_schema", "json_schema": {"name": "r", "schema": SCHEMA, "strict": True}}


def test_json_is_asked_natively() -> None:
    assert sent(response_format={"type": "json_object"})["generationConfig"] == {"responseMimeType": "application/json"}
    assert sent(response_format=AS_SCHEMA)["generationConfig"] == {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
    old = encode("gemini-2.0-flash", response_format=AS_SCHEMA)
    subset = {key: SCHEMA[key] for key in ("type", "properties", "required")} | {"propertyOrdering": ["a"]}
    assert body(old)["generationConfig"] == {"responseMimeType": "application/json", "responseSchema": subset}
    assert noted(old) == {"response_format.json_schema.schema": "approximated"}


def test_json_with_tools_goes_to_gemini_3_and_is_refused_elsewhere() -> None:
    both = sent(THREE, tools=[WEATHER], response_format=AS_SCHEMA)
    assert both["generationConfig"]["responseJsonSchema"] == SCHEMA
    assert both["tools"]
    with pytest.raises(CallerError) as caught:
        encode(FLASH, tools=[WEATHER], response_format=AS_SCHEMA)
    assert caught.value.param == "response_format"


def test_json_with_tools_that_may_not_be_called_leaves_them_out() -> None:
    encoded = encode(FLASH, tools=[WEATHER], tool_choice="none", response_format=AS_SCHEMA)
    assert body(encoded).keys() == {"contents", "generationConfig"}
    assert noted(encoded) == {"tools": "emulated"}


def test_a_model_without_json_mode_is_told_and_checked() -> None:
    encoded = encode("gemma-3-27b-it", response_format=AS_SCHEMA)
    assert encoded.check == "schema"
    assert json.loads(bytes(encoded.schema)) == SCHEMA
    assert "generationConfig" not in body(encoded)
    assert '"additionalProperties"' in body(encoded)["contents"][0]["parts"][0]["text"]


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(CallerError) as caught:
        encode(response_format={"type": "grammar"})
    assert caught.value.param == "response_format.type"


def test_modalities_and_a_voice() -> None:
    assert sent(modalities=["text", "image"])["generationConfig"] == {"responseModalities": ["TEXT", "IMAGE"]}
    spoken = sent("gemini-2.5-flash-preview-tts", modalities=["audio"], audio={"voice": "Kore"})["generationConfig"]
    assert spoken == {"responseModalities": ["AUDIO"], "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}}


# ── Google's own tools ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("tool", "wire"),
    [
        ({"google_search": {}}, {"googleSearch": {}}),
        ({"googleSearch": {"timeRangeFilter": {"startTime": "2026-01-01T00:00:00Z"}}},) * 2,
        ({"type": "google_search"}, {"googleSearch": {}}),
        ({"type": "code_execution"}, {"codeExecution": {}}),
        ({"type": "file_search", "fileSearchStoreNames": ["a"]}, {"fileSearch": {"fileSearchStoreNames": ["a"]}}),
        ({"url_context": {}, "code_execution": {}}, {"urlContext": {}, "codeExecution": {}}),
    ],
)
def test_googles_own_tools_are_sent_as_google_has_them(tool: Json, wire: Json) -> None:
    encoded = encode(tools=[tool])
    assert body(encoded)["tools"] == [wire]
    assert noted(encoded) == {}


def test_googles_own_tools_beside_functions_are_for_the_models_that_take_both() -> None:
    tools = [WEATHER, {"google_search": {}}]
    both = sent(THREE, tools=tools)
    assert [list(tool) for tool in both["tools"]] == [["functionDeclarations"], ["googleSearch"]]
    assert both["toolConfig"] == {"includeServerSideToolInvocations": True}
    lost = encode(FLASH, tools=tools)
    assert noted(lost) == {"tools[1]": "dropped"}
    assert [list(tool) for tool in body(lost)["tools"]] == [["functionDeclarations"]]


def test_a_search_asked_for_twice_is_one() -> None:
    assert sent(tools=[{"google_search": {}}], web_search_options={})["tools"] == [{"googleSearch": {}}]


@pytest.mark.parametrize("tool", [{"type": "web_search"}, {"google_search": {}, "unheard_of": {}}, {}])
def test_a_tool_that_nobody_knows_is_named(tool: Json) -> None:
    encoded = encode(tools=[tool])
    assert noted(encoded) == {"tools[0]": "dropped"}
    assert "tools" not in body(encoded)
