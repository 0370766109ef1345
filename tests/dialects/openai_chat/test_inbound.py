"""What a caller may write: every field of the API, and what the gateway adds to it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.openai_chat.asking import decode, raw, refused
from trunkline.chat import (
    Assistant,
    Audio,
    Developer,
    File,
    FunctionResult,
    Image,
    Opaque,
    RefusalPart,
    System,
    Text,
    Tool,
    User,
    Video,
)
from trunkline.dialects.openai_chat import decode_request

FIELDS: dict[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 40,
    "n": 2,
    "stream": True,
    "stop": ["a", "b"],
    "max_tokens": 5,
    "max_completion_tokens": 6,
    "presence_penalty": 0.1,
    "frequency_penalty": -0.2,
    "logit_bias": {"50256": -100},
    "user": "u",
    "seed": 7,
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "store": True,
    "metadata": {"k": "v"},
    "reasoning_effort": "low",
    "service_tier": "flex",
    "logprobs": True,
    "top_logprobs": 3,
    "function_call": "none",
    "prompt_cache_key": "c",
    "verbosity": "low",
    "modalities": ["text"],
    "safety_identifier": "s",
    "prompt_cache_retention": "24h",
}


@pytest.mark.parametrize(("name", "value"), FIELDS.items(), ids=FIELDS.keys())
def test_every_plain_field_is_read_and_carried(name: str, value: Any) -> None:
    request = decode(**{name: value})
    assert getattr(request, name) == value
    assert json.loads(bytes(request.wire[name])) == value


@pytest.mark.parametrize("name", ["audio", "prediction", "web_search_options", "prompt_cache_options"])
def test_newer_objects_are_carried_as_they_came(name: str) -> None:
    body = raw(b'"%b": {"a": 12345678901234567890,  "b": [1.50]}' % name.encode())
    request = decode_request(body)
    assert bytes(getattr(request, name)) == b'{"a": 12345678901234567890,  "b": [1.50]}' == bytes(request.wire[name])


def test_structured_fields_are_read() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    request = decode(
        stream_options={"include_usage": True, "include_obfuscation": False},
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}},
        tools=[{"type": "function", "function": {"name": "f", "description": "d", "parameters": schema, "strict": True}}],
        functions=[{"name": "g", "parameters": schema}],
    )
    assert request.include_usage
    assert request.response_format is not None
    assert request.response_format.json_schema is not None
    assert request.response_format.json_schema.strict is True
    assert json.loads(bytes(request.response_format.json_schema.schema)) == schema
    assert request.tools is not None
    assert request.tools[0].function is not None
    assert json.loads(bytes(request.tools[0].function.parameters)) == schema
    assert request.functions is not None
    assert request.functions[0].name == "g"


@pytest.mark.parametrize(
    ("choice", "read"),
    [
        ({"type": "function", "function": {"name": "f"}}, "function"),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]}},
            "allowed_tools",
        ),
        ({"type": "custom", "custom": {"name": "c"}}, "custom"),
    ],
)
def test_a_tool_choice_may_be_any_of_openais_objects(choice: Any, read: str) -> None:
    request = decode(tool_choice=choice, function_call={"name": "f"})
    assert not isinstance(request.tool_choice, str | None)
    assert getattr(request.tool_choice, read) is not None
    assert not isinstance(request.function_call, str | None)


def test_every_role_and_part_is_read() -> None:
    messages = [
        {"role": "system", "content": "s", "name": "n"},
        {"role": "developer", "content": [{"type": "text", "text": "d"}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "t"},
                {"type": "image_url", "image_url": {"url": "https://h/i.png", "detail": "low"}},
                {"type": "image_url", "image_url": "https://h/j.png"},
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
                {"type": "video_url", "video_url": {"url": "https://h/v"}},
                {"type": "file", "file": {"file_id": "f", "filename": "n"}},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "refusal", "refusal": "no"}],
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "d", "type": "custom", "custom": {"name": "x", "input": "y"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c", "content": "r"},
        {"role": "assistant", "content": None, "function_call": {"name": "g", "arguments": ""}, "audio": {"id": "a"}},
        {"role": "function", "name": "g", "content": "1"},
    ]
    read = decode(messages=messages).messages
    assert [type(message) for message in read] == [System, Developer, User, Assistant, Tool, Assistant, FunctionResult]
    content = read[2].content
    assert isinstance(content, list)
    assert [type(part) for part in content] == [Text, Image, Image, Audio, Video, File]
    assert isinstance(read[3], Assistant)
    assert isinstance(read[3].content, list)
    assert isinstance(read[3].content[0], RefusalPart)


@pytest.mark.parametrize(("given", "read"), [("END", ["END"]), (["a", "b"], ["a", "b"]), (None, [])])
def test_stop_may_be_a_string_a_list_or_nothing(given: Any, read: list[str]) -> None:
    assert decode(stop=given).stops == read


def test_null_means_absent_for_every_field() -> None:
    request = decode(**dict.fromkeys([*FIELDS, "audio", "prediction", "tools", "functions", "response_format", "stream_options"]))
    assert all(getattr(request, name) is None for name in FIELDS)
    assert request.audio is None


def test_unknown_fields_are_carried_byte_for_byte() -> None:
    request = decode_request(raw(b'"reasoning": {"x" : 12345678901234567890, "y":1.50e3, "x":"\\u00e9"}'))
    assert bytes(request.wire["reasoning"]) == b'{"x" : 12345678901234567890, "y":1.50e3, "x":"\\u00e9"}'


def test_no_digit_of_a_big_number_is_lost() -> None:
    tools = b'[{"type":"function","function":{"name":"f","parameters":{"const":12345678901234567890.10}}}]'
    body = raw(b'"seed": 12345678901234567890, "tools":' + tools)
    request = decode_request(body)
    assert request.seed == 12345678901234567890
    assert bytes(request.wire["seed"]) == b"12345678901234567890"
    assert request.tools is not None
    assert request.tools[0].function is not None
    assert bytes(request.tools[0].function.parameters) == b'{"const":12345678901234567890.10}'


def test_a_part_of_an_unknown_type_is_carried() -> None:
    part = b'{"type":"document","source":{"n":12345678901234567890,"e":1e999}}'
    for content in (b'[{"type":"text","text":"a"},%b]' % part, part):
        request = decode_request(b'{"model":"m","messages":[{"role":"user","content":%b}]}' % content)
        given = request.messages[0].content
        last = given[-1] if isinstance(given, list) else given
        assert isinstance(last, Opaque)
        assert bytes(last.raw) == part
        assert last.kind == "document"
        assert part in bytes(request.wire["messages"])


def test_the_gateways_own_tag_for_unknown_parts_does_no_harm() -> None:
    request = decode(messages=[{"role": "user", "content": [{"type": "trunkline:opaque", "raw": 5}]}])
    content = request.messages[0].content
    assert isinstance(content, list)
    assert isinstance(content[0], Opaque)
    assert content[0].kind == "unknown"


# ── custom_parameters ────────────────────────────────────────────────────────────────────────────────────


def test_custom_parameters_become_top_level_members_and_win() -> None:
    request = decode(temperature=0.1, custom_parameters={"temperature": 0.7, "reasoning": {"maxTokens": 5}, "topK": 1})
    assert request.temperature == 0.7
    assert bytes(request.wire["reasoning"]) == b'{"maxTokens": 5}'
    assert "topK" in request.wire, "its names are the upstream's, never re-spelled"
    assert "custom_parameters" not in request.wire


def test_custom_parameters_are_never_respelled_even_where_they_look_like_the_apis() -> None:
    tools = [{"type": "function", "function": {"name": "f"}, "cacheControl": {"type": "ephemeral"}}]
    request = decode(custom_parameters={"tools": tools, "maxTokens": 5})
    assert json.loads(bytes(request.wire["tools"])) == tools
    assert bytes(request.wire["maxTokens"]) == b"5"
    assert request.max_tokens is None


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_either_limit_in_custom_parameters_clears_both_typed_ones(name: str) -> None:
    request = decode(max_tokens=1, max_completion_tokens=2, custom_parameters={name: 3})
    assert request.token_limit == 3
    assert len({"max_tokens", "max_completion_tokens"} & request.wire.keys()) == 1


def test_custom_parameters_keep_every_digit() -> None:
    request = decode_request(raw(b'"customParameters":{"a":12345678901234567890.123456789012345678901, "b":1e999}'))
    assert bytes(request.wire["a"]) == b"12345678901234567890.123456789012345678901"
    assert bytes(request.wire["b"]) == b"1e999"


def test_custom_parameters_of_a_wrong_type_are_refused_by_name_and_null_is_absent() -> None:
    error = refused(raw(b'"custom_parameters":[1]'))
    assert error.param == "custom_parameters"
    assert "expected object" in error.message
    assert "custom_parameters" not in decode(custom_parameters=None).wire
