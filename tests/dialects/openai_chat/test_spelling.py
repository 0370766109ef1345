"""The API's names in either spelling, and the caller's data in the caller's own."""

from __future__ import annotations

import json

import pytest

from tests.dialects.openai_chat.asking import decode
from trunkline.chat import (
    Text,
    Tool,
)
from trunkline.dialects.openai_chat import decode_request

PYTHON_OPIK = (
    b'{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"temperature":0.1,"topP":0.9,"stop":["a"],'
    b'"maxTokens":5,"maxCompletionTokens":6,"presencePenalty":0.1,"frequencyPenalty":0.2,"logitBias":{"1":2},'
    b'"responseFormat":{"type":"json_object"},"toolChoice":{"type":"auto"},"parallelToolCalls":true,"reasoningEffort":"low"}'
)
NPM_OPIK = (
    b'{"model":"gpt-4o","messages":[{"role":"user","content":{"type":"text","text":"hi"}}],"temperature":0.1,"top_p":0.9,'
    b'"max_tokens":5,"max_completion_tokens":6,"response_format":{"type":"json_object"},"reasoning_effort":"low",'
    b'"tool_choice":{"type":"auto"},"stop":["a"],"parallel_tool_calls":true,"stream_options":{"include_usage":true}}'
)


@pytest.mark.parametrize("body", [PYTHON_OPIK, NPM_OPIK], ids=["python", "npm"])
def test_what_opiks_published_clients_send_is_understood(body: bytes) -> None:
    request = decode_request(body)
    assert (request.top_p, request.max_tokens, request.max_completion_tokens) == (0.9, 5, 6)
    assert request.reasoning_effort == "low"
    assert request.parallel_tool_calls is True
    assert request.response_format is not None
    assert not isinstance(request.tool_choice, str | None)
    assert request.tool_choice.type == "auto"
    assert set(request.wire) == {name for name in request.wire if name.islower()}


def test_one_part_object_is_content() -> None:
    assert decode_request(NPM_OPIK).messages[0].content == Text("hi")


CAMEL = {
    "messages": [
        {
            "role": "assistant",
            "content": None,
            "reasoningContent": "r",
            "toolCalls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"maxTokens":1}'}, "extraContent": {"topP": 1}}
            ],
        },
        {"role": "tool", "toolCallId": "c", "content": "x", "isError": True},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "imageUrl": {"url": "https://h/i"}, "cacheControl": {"type": "ephemeral"}},
                {"type": "file", "file": {"fileId": "f", "fileData": "data:,x"}},
            ],
        },
        {"role": "assistant", "content": "a", "functionCall": {"name": "g", "arguments": "{}"}},
    ],
    "tools": [
        {"type": "function", "cacheControl": {"type": "ephemeral"}, "function": {"name": "f", "parameters": {"maxTokens": {"topP": 1}}}}
    ],
    "toolChoice": {"type": "allowed_tools", "allowedTools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}},
    "streamOptions": {"includeUsage": True, "includeObfuscation": False},
    "responseFormat": {"type": "json_schema", "jsonSchema": {"name": "n", "schema": {"maxTokens": 1}}},
    "webSearchOptions": {"searchContextSize": "low", "userLocation": {"type": "approximate"}},
    "metadata": {"maxTokens": "mine", "topP": "too"},
    "logitBias": {"1": 1},
    "maxTokens": 9,
    "serviceTier": "flex",
    "topLogprobs": 2,
    "promptCacheKey": "k",
    "safetyIdentifier": "s",
}
SNAKE = {
    "messages": [
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "r",
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"maxTokens":1}'}, "extra_content": {"topP": 1}}
            ],
        },
        {"role": "tool", "tool_call_id": "c", "content": "x", "is_error": True},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "https://h/i"}, "cache_control": {"type": "ephemeral"}},
                {"type": "file", "file": {"file_id": "f", "file_data": "data:,x"}},
            ],
        },
        {"role": "assistant", "content": "a", "function_call": {"name": "g", "arguments": "{}"}},
    ],
    "tools": [
        {"type": "function", "cache_control": {"type": "ephemeral"}, "function": {"name": "f", "parameters": {"maxTokens": {"topP": 1}}}}
    ],
    "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}},
    "stream_options": {"include_usage": True, "include_obfuscation": False},
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"maxTokens": 1}}},
    "web_search_options": {"search_context_size": "low", "user_location": {"type": "approximate"}},
    "metadata": {"maxTokens": "mine", "topP": "too"},
    "logit_bias": {"1": 1},
    "max_tokens": 9,
    "service_tier": "flex",
    "top_logprobs": 2,
    "prompt_cache_key": "k",
    "safety_identifier": "s",
}


def test_both_spellings_mean_the_same_and_the_callers_data_is_never_respelled() -> None:
    camel, snake = decode(**CAMEL), decode(**SNAKE)
    assert {name: json.loads(bytes(value)) for name, value in camel.wire.items()} == {"model": "m", **SNAKE}
    assert camel.wire.keys() == snake.wire.keys()
    assert camel.tools == snake.tools
    assert camel.tool_choice == snake.tool_choice
    assert [type(message) for message in camel.messages] == [type(message) for message in snake.messages]


@pytest.mark.parametrize("name", ["stream_options", "response_format", "tools", "tool_choice", "messages", "web_search_options"])
def test_nested_names_are_understood_each_by_itself(name: str) -> None:
    camel = next(key for key in CAMEL if key in (name, name.split("_")[0] + "".join(word.title() for word in name.split("_")[1:])))
    request = decode(**{name: CAMEL[camel]})
    assert json.loads(bytes(request.wire[name])) == SNAKE[name]


def test_an_error_flag_of_a_tool_result_is_seen_in_either_spelling() -> None:
    for name in ("is_error", "isError"):
        message = decode(messages=[{"role": "tool", "tool_call_id": "c", "content": "x", name: True}]).messages[0]
        assert isinstance(message, Tool)
        assert message.is_error is True


def test_snake_case_wins_where_both_are_given() -> None:
    request = decode(
        maxTokens=1, max_tokens=2, streamOptions={"includeUsage": False}, stream_options={"include_usage": True, "includeUsage": False}
    )
    assert request.max_tokens == 2
    assert request.include_usage
    assert json.loads(bytes(request.wire["stream_options"])) == {"include_usage": True}
