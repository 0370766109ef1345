"""What a caller may not write: each body is refused with a place and a reason, and none breaks anything."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.openai_chat.asking import HI, raw, refused, survives
from tests.strategies import chat_bodies
from trunkline.dialects.openai_chat import decode_request


@pytest.mark.parametrize("cut", [1, 9, 30, 55, 60, 70])
def test_truncated_json_is_refused_with_its_position(cut: int) -> None:
    body = raw(b'"temperature": 0.5')
    error = refused(body[:cut])
    assert error.code == "invalid_json"
    assert f"byte {cut} (the end)" in error.message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (b"[]", "must be a JSON object"),
        (b'"x"', "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (raw(b'"x":tru'), "byte 62"),
        (raw(b'"x":NaN'), "byte 61"),
        (raw(b'"x":1,'), "byte 63"),
        (raw(b'"x":1') + b" y", "byte 65"),
        (raw(b'"user":"a\x00b"'), "byte 66"),
        (raw(b'"user":"\xff"'), "not valid UTF-8"),
        (raw(b'"user":"\xed\xa0\x80"'), "not valid UTF-8"),
        (raw(b'"user":"\\ud800"'), "half a surrogate pair at byte 65"),
        (raw(b'"x":"\\\\ \\ude00"'), "half a surrogate pair at byte 65"),
    ],
)
def test_what_is_no_json_is_refused_with_the_reason_and_place(body: bytes, said: str) -> None:
    error = refused(body)
    assert said in error.message
    assert error.code in ("invalid_json", "invalid_type")


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    "body",
    [
        DEEP,
        b'{"a":' * 100_000,
        raw(b'"x":' + DEEP),
        raw(b'"metadata":{"a":' + DEEP + b"}"),
        raw(b'"maxTokens":5,"customParameters":{"x":' + DEEP + b"}"),
        b'{"model":"m","messages":' + DEEP + b"}",
        b'{"model":"m","messages":[{"role":"user","content":' + DEEP + b"}]}",
        b'{"model":"m","messages":[{"role":"user","content":[{"type":"odd","x":' + DEEP + b"}]}]}",
        raw(b'"tools":[{"type":"function","function":{"name":"f","parameters":' + DEEP + b"}}]"),
        raw(b'"streamOptions":' + DEEP),
    ],
)
def test_deep_nesting_is_refused_and_crashes_nothing(body: bytes) -> None:
    assert refused(body).code in ("invalid_json", "invalid_type")


@pytest.mark.parametrize("depth", range(150, 1200, 50))
def test_nesting_at_any_depth_is_decoded_or_refused(depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    for body in (
        raw(b'"metadata":{"a":%b}' % nested),
        raw(b'"streamOptions":{"includeUsage":true,"x":%b}' % nested),
        b'{"model":"m","messages":[{"role":"user","content":[{"type":"odd","x":%b}]}]}' % nested,
    ):
        survives(body)


WRONG: dict[str, Any] = {
    **dict.fromkeys(["model", "user", "reasoning_effort", "service_tier", "verbosity", "prompt_cache_key", "safety_identifier"], 5),
    **dict.fromkeys(
        ["temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "max_tokens", "max_completion_tokens"], "hot"
    ),
    **dict.fromkeys(["n", "top_logprobs", "top_k"], 1.5),
    **dict.fromkeys(["stream", "store", "logprobs", "parallel_tool_calls"], "yes"),
    **dict.fromkeys(["messages", "tools", "functions", "modalities", "metadata", "logit_bias"], "x"),
    **dict.fromkeys(["stream_options", "response_format", "tool_choice", "function_call", "stop"], 5),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_a_wrong_type_is_refused_by_the_fields_name(name: str) -> None:
    error = refused(json.dumps({"model": "m", "messages": HI, name: WRONG[name]}).encode())
    assert error.param == name
    assert error.message.startswith(f"{name}: expected ")
    assert error.code == "invalid_type"


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"messages": [5]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [*HI, {"role": "user", "content": [5]}]}, "messages[1].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]}, "messages[0].content[0].text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": 5}}]}]},
            "messages[0].content[0].image_url.url",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages[0].content[0].input_audio"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": 5}]}]}, "messages[0].tool_calls[0].id"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": "{}"}}]}]},
            "messages[0].tool_calls[0].function.name",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}]},
            "messages[0].tool_calls[0].function.arguments",
        ),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"tools": [{"type": "function", "function": {"name": 5}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "function": {"description": "d"}}]}, "tools[0].function.name"),
        ({"response_format": {"json_schema": {}}}, "response_format.type"),
        ({"response_format": {"type": "json_schema", "json_schema": {"strict": "yes"}}}, "response_format.json_schema.strict"),
        ({"stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
        ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "some"}}}, "tool_choice.allowed_tools.mode"),
        ({"stop": ["a", 5]}, "stop[1]"),
        ({"modalities": [5]}, "modalities[0]"),
        ({"logit_bias": {"1": "x"}}, "logit_bias[]"),
    ],
)
def test_a_wrong_type_inside_is_refused_by_its_path(members: dict[str, Any], param: str) -> None:
    error = refused(json.dumps({"model": "m", "messages": HI, **members}).encode())
    assert error.param == param
    assert param in error.message


def test_the_path_of_a_camel_case_body_is_in_snake_case() -> None:
    error = refused(json.dumps({"model": "m", "messages": HI, "streamOptions": {"includeUsage": "yes"}}).encode())
    assert error.param == "stream_options.include_usage"


@pytest.mark.parametrize(("name", "value"), [("n", 0), ("n", -1), ("n", 129), ("top_logprobs", -1)])
def test_a_number_out_of_bounds_is_refused_with_the_bound(name: str, value: int) -> None:
    error = refused(json.dumps({"model": "m", "messages": HI, name: value}).encode())
    assert error.param == name
    assert "=" in error.message


@pytest.mark.parametrize("name", ["seed", "temperature", "max_tokens"])
def test_a_number_too_large_for_a_machine_is_refused_by_name(name: str) -> None:
    assert refused(raw(b'"%b":1e999' % name.encode())).param == name
    assert refused(raw(b'"%b":-1e999' % name.encode())).param == name


def test_a_number_of_many_digits_crashes_nothing() -> None:
    digits = b"9" * 100_000
    for name in (b"seed", b"temperature", b"x", b"maxTokens"):
        survives(raw(b'"%b":%b' % (name, digits)))


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"messages":[{"role":"user","content":"x"}]}', "model"),
        (b'{"model":"","messages":[{"role":"user","content":"x"}]}', "model"),
        (b'{"model":null,"messages":[{"role":"user","content":"x"}]}', "model"),
        (b'{"model":"m"}', "messages"),
        (b'{"model":"m","messages":[]}', "messages"),
        (b'{"model":"m","messages":null}', "messages"),
        (b'{"model":"m","messages":{}}', "messages"),
    ],
)
def test_a_missing_or_empty_model_or_list_of_messages_is_refused_by_name(body: bytes, param: str) -> None:
    assert refused(body).param == param


def test_of_a_name_written_twice_the_last_counts() -> None:
    request = decode_request(
        b'{"model":"a","model":"b","temperature":2,"temperature":1,"messages":[],"messages":[{"role":"user","content":"x"}]}'
    )
    assert (request.model, request.temperature, len(request.messages)) == ("b", 1.0, 1)
    assert bytes(request.wire["model"]) == b'"b"'


def test_a_nul_written_as_an_escape_is_text_like_any_other() -> None:
    assert decode_request(raw(b'"user":"a\\u0000b"')).user == "a\0b"


# ── anything at all ──────────────────────────────────────────────────────────────────────────────────────

_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["user", "text", "function"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "imageUrl", "toolCalls", "custom_parameters", "x", "maxTokens"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.binary(max_size=60))
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    survives(body)


@given(_json)
def test_any_json_is_decoded_or_refused(value: Any) -> None:
    survives(json.dumps(value).encode())
    survives(json.dumps({"model": "m", "messages": value}).encode())
    survives(json.dumps({"model": "m", "messages": HI, "custom_parameters": value, "tools": value}).encode())


@settings(max_examples=60, deadline=None)
@given(chat_bodies(), st.data())
def test_any_mutation_of_a_valid_body_is_decoded_or_refused(body: Any, data: st.DataObject) -> None:
    body = copy.deepcopy(body)
    decode_request(json.dumps(body).encode())
    holder, key = data.draw(st.sampled_from(list(_places(body))))
    holder[key] = data.draw(_json)
    text = json.dumps(body).encode()
    survives(text)
    at = data.draw(st.integers(0, len(text)))
    survives(text[:at] + data.draw(st.binary(max_size=3)) + text[at + data.draw(st.integers(0, 3)) :])


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield value, key
        yield from _places(item)
