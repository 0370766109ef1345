"""The published `openai` client, unmodified, sync and async: what it parses, streams and raises.

Odd here: its connections are listened to (`raw.Listening`), and it never retries, so that each error is the first one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Literal

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from ..serving import Asked, Connection
from . import scripts
from .conftest import CONFIG, Stage, staged
from .raw import AsyncListening, Listening
from .scripts import CALLED, PARALLEL, completion

BASES = ["/v1", "/api/v1", "/v1/private", "/api/v1/private"]
MODELS = ["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"]
HI: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "It rains",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
bases = pytest.mark.parametrize("base", BASES)
models = pytest.mark.parametrize("model", MODELS)


def client(stage: Stage, base: str = "/v1", key: str = "anything") -> openai.OpenAI:
    http = httpx.Client(transport=Listening(stage.heard))
    return openai.OpenAI(base_url=stage.url + base, api_key=key, max_retries=0, timeout=10, http_client=http)


def run(stage: Stage, base: str, work: Callable[[openai.AsyncOpenAI], Awaitable[Any]]) -> Any:
    """What an async client gets."""

    async def inner() -> Any:
        http = httpx.AsyncClient(transport=AsyncListening(stage.heard))
        async with openai.AsyncOpenAI(base_url=stage.url + base, api_key="anything", max_retries=0, timeout=10, http_client=http) as asking:
            return await work(asking)

    return asyncio.run(inner())


async def either(connection: Connection, asked: Asked) -> None:
    await (scripts.obedient_claude if asked.path == "/v1/messages" else scripts.obedient)(connection, asked)


async def calling(connection: Connection, asked: Asked) -> None:
    """Two calls at once, by either vendor, whole or streamed."""
    stream = json.loads(asked.body).get("stream")
    if asked.path != "/v1/messages":
        script = scripts.streamed(*PARALLEL) if stream else scripts.whole(completion(CALLED, "tool_calls"))
    elif stream:
        first = scripts.claude_call(0, "call_a", "weather", '{"city":', '"Oslo"}')
        second = scripts.claude_call(1, "call_b", "weather", '{"city":"Rome"}')
        script = scripts.pieces([scripts.claude_start(), first, second, scripts.claude_end("tool_use")])
    else:
        used = [
            {"type": "tool_use", "id": f"call_{i}", "name": "weather", "input": {"city": city}}
            for i, city in (("a", "Oslo"), ("b", "Rome"))
        ]
        script = scripts.whole(scripts.claude(used, "tool_use"))
    await script(connection, asked)


def text(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────


@bases
@models
def test_a_whole_answer(stage: Stage, base: str, model: str) -> None:
    stage.plays(either)
    answer = client(stage, base).chat.completions.create(model=model, messages=HI)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Hello!", "stop")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (5, 3)
    again = run(stage, base, lambda asking: asking.chat.completions.create(model=model, messages=HI))
    assert again.choices[0].message == answer.choices[0].message


@bases
@models
@pytest.mark.parametrize("usage", [True, False])
def test_a_stream(stage: Stage, base: str, model: str, usage: bool) -> None:
    stage.plays(either)
    options: dict[str, Any] = {"stream_options": {"include_usage": True}} if usage else {}
    chunks = list(client(stage, base).chat.completions.create(model=model, messages=HI, stream=True, **options))

    async def streamed(asking: openai.AsyncOpenAI) -> list[ChatCompletionChunk]:
        return [chunk async for chunk in await asking.chat.completions.create(model=model, messages=HI, stream=True, **options)]

    for got in (chunks, run(stage, base, streamed)):
        assert text(got) == "Hello!"
        assert [c.choices[0].finish_reason for c in got if c.choices][-1] == "stop"
        assert [c.usage.total_tokens for c in got if c.usage is not None] == ([8] if usage else [])


@models
def test_parallel_tool_calls_and_their_results(stage: Stage, model: str) -> None:
    stage.plays(calling)
    asking = client(stage)
    answer = asking.chat.completions.create(model=model, messages=HI, tools=[WEATHER], parallel_tool_calls=True, tool_choice="required")
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert message.tool_calls is not None
    calls = [(call.id, call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls if call.type == "function"]
    assert calls == [("call_a", "weather", {"city": "Oslo"}), ("call_b", "weather", {"city": "Rome"})]
    stage.plays(either)
    results: list[Any] = [{"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in reversed(message.tool_calls)]
    history: list[Any] = [*HI, message, *results]
    assert asking.chat.completions.create(model=model, messages=history, tools=[WEATHER]).choices[0].message.content == "Hello!"
    asked = stage.upstream.asked[-1].body
    assert asked.count(b"call_a") == asked.count(b"call_b") == 2


@bases
@models
def test_parallel_tool_calls_streamed(stage: Stage, base: str, model: str) -> None:
    stage.plays(calling)
    names, arguments, ids = {}, {0: "", 1: ""}, {}
    for chunk in client(stage, base).chat.completions.create(model=model, messages=HI, tools=[WEATHER], stream=True):
        for call in chunk.choices[0].delta.tool_calls or []:
            assert call.function is not None
            if call.id:
                ids[call.index], names[call.index] = call.id, call.function.name
            arguments[call.index] += call.function.arguments or ""
    assert ids == {0: "call_a", 1: "call_b"}
    assert names == {0: "weather", 1: "weather"}
    assert [json.loads(arguments[i]) for i in (0, 1)] == [{"city": "Oslo"}, {"city": "Rome"}]
    assert chunk.choices[0].finish_reason == "tool_calls"


class Step(BaseModel):
    explanation: str
    output: int


class Steps(BaseModel):
    kind: Literal["maths"]
    steps: list[Step]


ANSWER = '{"kind":"maths","steps":[{"explanation":"two and two","output":4}]}'


async def structured(connection: Connection, asked: Asked) -> None:
    body = json.loads(asked.body)
    if asked.path == "/v1/messages":
        await scripts.whole(scripts.claude([{"type": "text", "text": ANSWER}]))(connection, asked)
    elif body.get("stream"):
        pieces = [scripts.chunk({"content": ANSWER[i : i + 9]}) for i in range(0, len(ANSWER), 9)]
        await scripts.streamed(scripts.ROLE, *pieces, scripts.STOP)(connection, asked)
    else:
        await scripts.whole(completion(ANSWER))(connection, asked)


@bases
@models
def test_parse_with_a_pydantic_model(stage: Stage, base: str, model: str) -> None:
    stage.plays(structured)
    answer = client(stage, base).chat.completions.parse(model=model, messages=HI, response_format=Steps)
    assert answer.choices[0].message.parsed == Steps(kind="maths", steps=[Step(explanation="two and two", output=4)])
    assert b"explanation" in stage.upstream.asked[-1].body, "the schema goes upstream"
    again = run(stage, base, lambda asking: asking.chat.completions.parse(model=model, messages=HI, response_format=Steps))
    assert again.choices[0].message.parsed == answer.choices[0].message.parsed


@bases
def test_the_stream_helper(stage: Stage, base: str) -> None:
    stage.plays(structured)
    with client(stage, base).chat.completions.stream(model=MODELS[0], messages=HI, response_format=Steps) as streaming:
        kinds = {event.type for event in streaming}
        parsed = streaming.get_final_completion().choices[0].message.parsed
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert parsed == Steps(kind="maths", steps=[Step(explanation="two and two", output=4)])


class Weather(BaseModel):
    city: str


@models
def test_the_stream_helper_with_tools(stage: Stage, model: str) -> None:
    stage.plays(calling)

    async def work(asking: openai.AsyncOpenAI) -> Any:
        tools = [openai.pydantic_function_tool(Weather, name="weather")]
        async with asking.chat.completions.stream(model=model, messages=HI, tools=tools) as streaming:
            async for _ in streaming:
                pass
            return await streaming.get_final_completion()

    calls = run(stage, "/v1", work).choices[0].message.tool_calls
    assert [(call.id, call.function.parsed_arguments) for call in calls] == [
        ("call_a", Weather(city="Oslo")),
        ("call_b", Weather(city="Rome")),
    ]


@models
def test_n_choices(stage: Stage, model: str) -> None:
    async def script(connection: Connection, asked: Asked) -> None:
        if asked.path == "/v1/messages":
            await scripts.obedient_claude(connection, asked)
        else:
            body = completion("Hello!")
            body["choices"].append({**body["choices"][0], "index": 1})
            await scripts.whole(body)(connection, asked)

    stage.plays(script)
    answer = client(stage).chat.completions.create(model=model, messages=HI, n=2)
    assert [(choice.index, choice.message.content) for choice in answer.choices] == [(0, "Hello!"), (1, "Hello!")]


def test_models_are_listed_and_found(stage: Stage) -> None:
    asking = client(stage)
    listed = [model.id for model in asking.models.list()]
    assert "fast" in listed
    assert asking.models.retrieve("fast").id == "fast"
    with pytest.raises(openai.NotFoundError):
        asking.models.retrieve("nobody/knows")


# ── errors ───────────────────────────────────────────────────────────────────────────────────────────────


def vendor(status: int, headers: dict[str, str] | None = None) -> Any:
    return scripts.whole({"error": {"message": "so it is", "type": "x", "param": None, "code": None}}, status, headers)


RAISED: dict[int, tuple[type[openai.APIStatusError], int]] = {
    400: (openai.BadRequestError, 400),
    401: (openai.InternalServerError, 502),
    404: (openai.NotFoundError, 404),
    422: (openai.BadRequestError, 400),
    429: (openai.RateLimitError, 429),
    500: (openai.InternalServerError, 502),
    503: (openai.InternalServerError, 503),
}


@bases
@pytest.mark.parametrize("status", RAISED)
@pytest.mark.parametrize("stream", [False, True])
def test_a_vendors_error_is_the_right_exception(stage: Stage, base: str, status: int, stream: bool) -> None:
    stage.plays(vendor(status, {"retry-after": "9"}))
    kind, code = RAISED[status]
    with pytest.raises(kind, match="so it is") as caught:
        client(stage, base).chat.completions.create(model=MODELS[0], messages=HI, stream=stream)
    assert type(caught.value) is kind
    assert caught.value.status_code == code
    assert caught.value.request_id == caught.value.response.headers["x-request-id"]
    if status == 429:
        assert caught.value.response.headers["retry-after"] == "9"


@bases
def test_a_callers_own_mistakes_are_the_right_exception(stage: Stage, base: str) -> None:
    asking = client(stage, base)
    wrong: list[Any] = [{"role": "wizard", "content": "x"}]
    unknown = openai.NotFoundError if base in ("/v1", "/api/v1") else openai.BadRequestError
    with pytest.raises(unknown, match="nobody"):
        asking.chat.completions.create(model="nobody/x", messages=HI)
    with pytest.raises(openai.BadRequestError) as caught:
        asking.chat.completions.create(model=MODELS[0], messages=wrong)
    assert caught.value.param == "messages[0].role"
    assert caught.value.code == "invalid_value"
    assert caught.value.type == "invalid_request_error"


@bases
def test_a_failure_in_mid_stream_is_raised_while_reading(stage: Stage, base: str) -> None:
    stage.plays(scripts.pieces([scripts.sse(*scripts.HELLO[:2])]))
    stream = client(stage, base).chat.completions.create(model=MODELS[0], messages=HI, stream=True)
    got = [next(stream), next(stream)]
    assert text(got) == "Hel"
    with pytest.raises(openai.APIError, match="before the answer was finished"):
        next(stream)


# ── our own keys ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    auth = '[auth]\nmode = "keys"\nadmin_key = "the-admin-key-of-this-test"\n'
    with staged(tmp_path_factory.mktemp("keys"), auth + CONFIG) as stage:
        yield stage


@bases
def test_only_a_key_of_ours_that_is_wrong_is_an_authentication_error(guarded: Stage, base: str) -> None:
    admin = {"authorization": "Bearer the-admin-key-of-this-test"}
    made = httpx.post(f"{guarded.url}/v1/admin/keys", json={"name": "e2e", "models": ["openai/*"]}, headers=admin).json()
    guarded.plays(either)
    assert client(guarded, base, made["key"]).chat.completions.create(model=MODELS[0], messages=HI).choices
    for key in ("tl-wrong", "sk-anything"):
        with pytest.raises(openai.AuthenticationError):
            client(guarded, base, key).chat.completions.create(model=MODELS[0], messages=HI)
    with pytest.raises(openai.PermissionDeniedError, match="may not use"):
        client(guarded, base, made["key"]).chat.completions.create(model=MODELS[1], messages=HI)
    guarded.plays(vendor(401))
    with pytest.raises(openai.InternalServerError):
        client(guarded, base, made["key"]).chat.completions.create(model=MODELS[0], messages=HI)
