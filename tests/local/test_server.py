"""What the embedded model promises over HTTP, asked of the real one."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .conftest import Client

ASK = [{"role": "user", "content": "What is the weather in Paris?"}]
STILL: dict[str, Any] = {"temperature": 0, "seed": 7}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}},
            "required": ["city", "unit"],
        },
    },
}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add two numbers",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]},
    },
}


def test_a_real_answer_streams_role_first_and_usage_last(client: Client) -> None:
    first, *middle, finish, usage = client.stream(
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is the capital of France?"}],
        max_completion_tokens=24, stream_options={"include_usage": True}, **STILL,
    )  # fmt: skip
    assert first["choices"][0]["delta"]["role"] == "assistant"
    assert "Paris" in "".join(chunk["choices"][0]["delta"]["content"] for chunk in middle)
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] == usage["usage"]["prompt_tokens"] + usage["usage"]["completion_tokens"]


def test_a_whole_answer_equals_the_streamed_one(client: Client) -> None:
    body = {"messages": [{"role": "developer", "content": "Be brief."}, *ASK], "max_tokens": 24, **STILL}
    whole = client.whole(**body)["choices"][0]
    chunks = client.stream(**body)
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks) == whole["message"]["content"]
    assert chunks[-1]["choices"][0]["finish_reason"] == whole["finish_reason"] == "length"


def test_logprobs_stop_and_n_are_obeyed(client: Client) -> None:
    answer = client.whole(
        messages=[{"role": "user", "content": "Count from one to five in words."}],
        logprobs=True, top_logprobs=2, n=2, stop=["three", "Three"], max_tokens=40, **STILL,
    )  # fmt: skip
    assert [choice["index"] for choice in answer["choices"]] == [0, 1]
    for choice in answer["choices"]:
        assert "hree" not in choice["message"]["content"]
        token = choice["logprobs"]["content"][0]
        assert token["logprob"] <= 0
        assert len(token["top_logprobs"]) == 2


def test_a_json_schema_is_obeyed_however_unlikely_the_answer(client: Client) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3, "maximum": 9}, "s": {"const": "zebra"}}}
    schema |= {"required": ["n", "s"], "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    content = json.loads(client.whole(messages=ASK, response_format=wanted, max_tokens=60, **STILL)["choices"][0]["message"]["content"])
    assert set(content) == {"n", "s"}
    assert 3 <= content["n"] <= 9
    assert content["s"] == "zebra"


def named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


@pytest.mark.parametrize(("choice", "finish"), [(named("get_weather"), "stop"), ("required", "tool_calls")])
def test_a_forced_tool_is_called_by_its_schema_whole_and_streamed(client: Client, choice: Any, finish: str) -> None:
    body = {"messages": ASK, "tools": [WEATHER, ADD], "tool_choice": choice, **STILL}
    whole = client.whole(**body)["choices"][0]
    call = whole["message"]["tool_calls"][0]
    assert whole["finish_reason"] == finish
    assert whole["message"]["content"] is None
    assert call["type"] == "function"
    assert call["function"]["name"] == "get_weather"
    arguments = json.loads(call["function"]["arguments"])
    assert set(arguments) == {"city", "unit"}
    assert arguments["unit"] in ("C", "F")

    role, start, *pieces, end = client.stream(**body)
    assert role["choices"][0]["delta"]["role"] == "assistant"
    begun = start["choices"][0]["delta"]["tool_calls"][0]
    assert begun["id"].startswith("call_")
    assert begun["function"] == {"name": "get_weather", "arguments": ""}
    streamed = "".join(piece["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"] for piece in pieces)
    assert json.loads(streamed) == arguments
    assert end["choices"][0]["finish_reason"] == finish


def test_a_legacy_function_is_answered_in_its_own_shape(client: Client) -> None:
    message = client.whole(messages=ASK, functions=[ADD["function"]], function_call={"name": "add"}, **STILL)["choices"][0]["message"]
    assert set(json.loads(message["function_call"]["arguments"])) == {"a", "b"}
    assert "tool_calls" not in message


def test_with_auto_the_model_answers_in_words_and_the_tools_are_named_as_dropped(client: Client) -> None:
    response = client.open({"messages": ASK, "tools": [WEATHER], "max_tokens": 8, **STILL})
    assert response.headers["x-trunkline-dropped"] == "tools"
    assert json.loads(response.read())["choices"][0]["message"]["content"]


def test_a_conversation_with_calls_and_results_goes_on(client: Client) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
    past = [
        *ASK,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    ]
    assert client.whole(messages=past, tools=[WEATHER], max_tokens=8, **STILL)["choices"][0]["message"]["content"]


def test_four_requests_are_answered_together(client: Client) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda i: client.whole(messages=ASK, max_tokens=8, seed=i), range(4)))
    assert all(answer["usage"]["completion_tokens"] == 8 for answer in answers)
    assert len({answer["id"] for answer in answers}) == 4


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_too_long_is_a_context_error(client: Client, stream: bool) -> None:
    response = client.open({"messages": [{"role": "user", "content": "word " * 3000}], "stream": stream})
    error = json.loads(response.read())["error"]
    assert response.status == 400
    assert error["code"] == "context_length_exceeded"
    assert "2048" in error["message"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": ASK, "n": 5}, "n"),
        ({"messages": ASK, "tools": [WEATHER], "tool_choice": named("nope")}, "tool_choice"),
        ({"messages": ASK, "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "banana"}}}}, "response_format"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aaaa"}}]}]},
            "messages",
        ),
        ({}, None),
        (b"{", None),
    ],
)
def test_a_bad_request_is_refused_naming_the_field(client: Client, body: Any, param: str | None) -> None:
    response = client.open(body)
    error = json.loads(response.read())["error"]
    assert (response.status, error["type"], error["param"]) == (400, "invalid_request_error", param)


def test_without_the_key_nothing_is_answered(client: Client) -> None:
    client.key = "guess"
    assert client.open({"messages": ASK}).status == 401


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_who_hangs_up_stops_the_model(client: Client, stream: bool) -> None:
    """All four slots are filled with endless answers and left: a new request is answered only because they stopped."""
    endless = {"messages": ASK, "max_tokens": 2000, "ignore_eos": True, "stream": stream}
    for _ in range(4):
        connection = client.begin(endless)
        if stream:
            connection.recv(1024)
        connection.close()
    assert client.whole(messages=ASK, max_tokens=2)["usage"]["completion_tokens"] == 2
