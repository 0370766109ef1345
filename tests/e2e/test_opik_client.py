"""The published `opik` Python client, unmodified: its REST client's completions and errors, its probes, and `opik.Opik` at start.

Odd here: this client writes camelCase, also nested, and cannot stream. What it is given in snake_case must reach the vendor in
snake_case, and what is a caller's own data (schemas, arguments, metadata) must reach it letter by letter.
"""

from __future__ import annotations

import asyncio
import gzip
import inspect
import json
from typing import Any

import httpx
import opik
import pytest
from opik.configurator import opik_rest_helpers
from opik.rest_api import AsyncOpikApi, Function, FunctionCall, JsonSchema, Message, PromptCacheOptions, ResponseFormat, StreamOptions, Tool
from opik.rest_api.client import OpikApi
from opik.rest_api.core.api_error import ApiError

from ..serving import Asked, Connection
from . import scripts
from .conftest import Stage
from .raw import AsyncListening, Listening

HI = [Message(role="user", content={"type": "text", "text": "hi"})]
MODELS = ["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"]
bases = pytest.mark.parametrize("base", ["", "/api"])


def client(stage: Stage, base: str = "/api", key: str | None = "a-bare-key") -> OpikApi:
    http = httpx.Client(transport=Listening(stage.heard), timeout=10)
    return OpikApi(base_url=stage.url + base, api_key=key, workspace_name="default", httpx_client=http)


async def either(connection: Connection, asked: Asked) -> None:
    await (scripts.obedient_claude if asked.path == "/v1/messages" else scripts.obedient)(connection, asked)


@bases
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("key", ["a-bare-key", "", None])
def test_a_completion(stage: Stage, base: str, model: str, key: str | None) -> None:
    stage.plays(either)
    raw = client(stage, base, key).chat_completions.with_raw_response.create_chat_completions(model=model, messages=HI)
    answer = raw.data
    assert answer.choices
    assert answer.choices[0].message is not None
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Hello!", "stop")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (5, 3, 8)
    assert raw.headers["x-opik-actual-model"] == model.partition("/")[2]
    assert raw.headers["x-opik-provider"] == model.partition("/")[0]
    assert stage.heard[-1].endswith(b"}\n")


def test_async_is_the_same(stage: Stage) -> None:
    async def ask() -> Any:
        async with httpx.AsyncClient(transport=AsyncListening(stage.heard), timeout=10) as http:
            api = AsyncOpikApi(base_url=f"{stage.url}/api", workspace_name="default", httpx_client=http)
            return await api.chat_completions.create_chat_completions(model=MODELS[0], messages=HI, max_tokens=5)

    answer = asyncio.run(ask())
    assert answer.choices
    assert answer.choices[0].finish_reason == "stop"
    assert json.loads(stage.upstream.asked[-1].body)["max_tokens"] == 5


SCHEMA = {"properties": {"maxTokens": {"type": "string"}, "topP": {"enum": ["toolChoice"]}}}
ARGUMENTS: dict[str, tuple[Any, Any]] = {
    "temperature": (0.1, 0.1),
    "top_p": (0.9, 0.9),
    "n": (1, 1),
    "stop": (["a", "b"], ["a", "b"]),
    "max_tokens": (5, 5),
    "max_completion_tokens": (6, 6),
    "presence_penalty": (0.1, 0.1),
    "frequency_penalty": (0.2, 0.2),
    "logit_bias": ({"1": 2}, {"1": 2}),
    "user": ("someUser", "someUser"),
    "response_format": (
        ResponseFormat(type="json_schema", json_schema=JsonSchema(name="aName", strict=True, schema_=SCHEMA)),
        {"type": "json_schema", "json_schema": {"name": "aName", "strict": True, "schema": SCHEMA}},
    ),
    "seed": (7, 7),
    "tools": (
        [Tool(type="function", function=Function(name="maxTokens", description="d", parameters=SCHEMA))],
        [{"type": "function", "function": {"name": "maxTokens", "description": "d", "parameters": SCHEMA}}],
    ),
    "tool_choice": (
        {"type": "function", "function": {"name": "maxTokens"}},
        {"type": "function", "function": {"name": "maxTokens"}},
    ),
    "parallel_tool_calls": (False, False),
    "store": (True, True),
    "metadata": ({"maxTokens": "topP", "a_b": "c"}, {"maxTokens": "topP", "a_b": "c"}),
    "reasoning_effort": ("low", "low"),
    "service_tier": ("flex", "flex"),
    "prompt_cache_key": ("aKey", "aKey"),
    "prompt_cache_options": (PromptCacheOptions(mode="auto", ttl="1h"), {"mode": "auto", "ttl": "1h"}),
    "logprobs": (True, True),
    "top_logprobs": (3, 3),
    "functions": ([Function(name="toolChoice", parameters=SCHEMA)], [{"name": "toolChoice", "parameters": SCHEMA}]),
    "function_call": (FunctionCall(name="toolChoice"), {"name": "toolChoice"}),
}
"""What each argument is given, and what of it the vendor gets."""


def test_every_argument_of_the_client_is_listed_here() -> None:
    every = set(inspect.signature(OpikApi(base_url="http://x").chat_completions.create_chat_completions).parameters)
    assert every - set(ARGUMENTS) == {"model", "messages", "stream", "stream_options", "request_options"}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_argument_reaches_the_vendor_in_snake_case(stage: Stage, name: str) -> None:
    given, expected = ARGUMENTS[name]
    client(stage).chat_completions.create_chat_completions(model=MODELS[0], messages=HI, **{name: given})
    sent = json.loads(stage.upstream.asked[-1].body)
    assert sent[name] == expected
    assert set(sent) == {"model", "messages", name}


def test_all_arguments_together_do_too(stage: Stage) -> None:
    given = {name: value for name, (value, _) in ARGUMENTS.items()}
    client(stage).chat_completions.create_chat_completions(model=MODELS[0], messages=HI, stream=False, **given)
    sent = json.loads(stage.upstream.asked[-1].body)
    assert {name: sent[name] for name in ARGUMENTS} == {name: expected for name, (_, expected) in ARGUMENTS.items()}


@pytest.mark.parametrize("content", ["hi", {"type": "text", "text": "hi"}, [{"type": "text", "text": "hi"}]], ids=["text", "part", "parts"])
@pytest.mark.parametrize("model", MODELS)
def test_content_is_a_text_a_part_or_a_list_of_parts(stage: Stage, model: str, content: Any) -> None:
    stage.plays(either)
    messages: Any = [{"role": "system", "content": "be brief"}, {"role": "user", "content": content}]
    client(stage).chat_completions.create_chat_completions(model=model, messages=messages)
    sent = json.loads(stage.upstream.asked[-1].body)["messages"][-1]["content"]
    assert sent in ("hi", [{"type": "text", "text": "hi"}])


def test_tool_calls_come_back_and_their_results_go_out(stage: Stage) -> None:
    stage.plays(scripts.whole(scripts.completion(scripts.CALLED, "tool_calls")))
    asking = client(stage).chat_completions
    message = asking.create_chat_completions(model=MODELS[0], messages=HI).choices[0].message  # type: ignore[index]
    assert message is not None
    assert message.tool_calls is not None
    assert [call.id for call in message.tool_calls] == ["call_a", "call_b"]
    stage.plays(scripts.obedient)
    history: Any = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "toolCalls": scripts.CALLED["tool_calls"]},
        *[{"role": "tool", "toolCallId": call.id, "content": "rain"} for call in message.tool_calls],
    ]
    asking.create_chat_completions(model=MODELS[0], messages=history)
    sent = json.loads(stage.upstream.asked[-1].body)["messages"]
    assert sent[1]["tool_calls"] == scripts.CALLED["tool_calls"]
    assert [turn["tool_call_id"] for turn in sent[2:]] == ["call_a", "call_b"]


@bases
def test_a_gzipped_body_is_read(stage: Stage, base: str) -> None:
    """`opik.Opik` packs bodies of 256 bytes and more."""
    body = {"model": MODELS[0], "maxTokens": 5, "messages": [{"role": "user", "content": "x" * 1000}]}
    headers = {"content-encoding": "gzip", "content-type": "application/json", "authorization": "a-bare-key", "comet-workspace": "default"}
    answer = httpx.post(f"{stage.url}{base}/v1/private/chat/completions", content=gzip.compress(json.dumps(body).encode()), headers=headers)
    assert answer.status_code == 200
    assert json.loads(stage.upstream.asked[-1].body)["max_tokens"] == 5
    assert "content-encoding" not in stage.upstream.asked[-1].headers


# ── errors ───────────────────────────────────────────────────────────────────────────────────────────────


def raised(stage: Stage, model: str = MODELS[0], **arguments: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        client(stage).chat_completions.create_chat_completions(model=model, messages=arguments.pop("messages", HI), **arguments)
    error = caught.value
    assert stage.heard[-1].endswith(b"}\n"), "or the web client would not parse it"
    assert error.body["code"] == error.status_code
    assert error.body["message"]
    assert set(error.body["error"]) >= {"message", "type", "param", "code"}
    return error


def test_an_unknown_model_is_400_in_opiks_words(stage: Stage) -> None:
    error = raised(stage, "no-such-model")
    assert (error.status_code, error.body["message"]) == (400, "model not supported no-such-model")
    assert error.body["error"]["code"] == "model_not_found"


def test_a_provider_without_a_key_is_400_in_opiks_words(stage: Stage) -> None:
    error = raised(stage, "gemini-2.5-flash")
    assert error.status_code == 400
    assert error.body["message"].startswith("API key not configured for LLM. provider='gemini', model='gemini-2.5-flash'")


def test_what_is_wrong_in_a_request_is_400_with_its_field(stage: Stage) -> None:
    for arguments, param in (
        ({"messages": []}, "messages"),
        ({"temperature": "hot"}, "temperature"),
        ({"response_format": {"type": 5}}, "response_format.type"),
    ):
        error = raised(stage, **arguments)
        assert (error.status_code, error.body["error"]["param"]) == (400, param)


@pytest.mark.parametrize(("status", "ours"), [(400, 400), (401, 502), (404, 404), (429, 429), (500, 502), (503, 503)])
def test_a_vendors_refusal_keeps_its_words_and_a_true_status(stage: Stage, status: int, ours: int) -> None:
    stage.plays(scripts.whole({"error": {"message": "so it is", "type": "t", "code": "c"}}, status, {"retry-after": "4"}))
    error = raised(stage)
    assert error.status_code == ours
    assert "so it is" in error.body["message"]
    if status == 429:
        assert error.headers is not None
        assert error.headers["retry-after"] == "4"
    assert len(stage.upstream.asked) == 1, "nothing is asked twelve times"


def test_a_stream_arrives_though_this_client_cannot_read_it(stage: Stage) -> None:
    with pytest.raises(ApiError) as caught:
        client(stage).chat_completions.create_chat_completions(
            model=MODELS[0], messages=HI, stream=True, stream_options=StreamOptions(include_usage=True)
        )
    assert caught.value.status_code == 200
    assert caught.value.body.endswith("data: [DONE]\n\n")
    assert '"total_tokens": 8' in caught.value.body
    assert json.loads(stage.upstream.asked[-1].body)["stream_options"] == {"include_usage": True}


# ── probes, and the whole client ─────────────────────────────────────────────────────────────────────────


@bases
def test_the_probes_of_configure_and_healthcheck(stage: Stage, base: str) -> None:
    answer = httpx.get(f"{stage.url}{base}/is-alive/ping", timeout=1)
    assert (answer.status_code, answer.json()) == (200, {"message": "Healthy Server", "healthy": True})
    assert httpx.get(f"{stage.url}{base}/is-alive/ver").json()["version"]
    client(stage, base).check.access(request={})


def test_opik_configure_finds_the_gateway(stage: Stage) -> None:
    assert opik_rest_helpers.is_instance_active(stage.url + "/api") or opik_rest_helpers.is_instance_active(stage.url)


def test_the_whole_client_starts_checks_its_access_and_completes(stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("OPIK_CONFIG_PATH", str(tmp_path / "none"))
    monkeypatch.setenv("OPIK_SENTRY_ENABLE", "false")
    monkeypatch.setenv("OPIK_URL_OVERRIDE", f"{stage.url}/api")
    whole = opik.Opik(host=f"{stage.url}/api", workspace="default", _show_misconfiguration_message=False)
    try:
        whole.auth_check()
        long = [Message(role="user", content={"type": "text", "text": "x" * 2000})]
        answer = whole.rest_client.chat_completions.create_chat_completions(model=MODELS[0], messages=long, max_tokens=5)
        assert answer.choices
        assert answer.choices[0].finish_reason == "stop"
        assert json.loads(stage.upstream.asked[-1].body)["max_tokens"] == 5
    finally:
        whole.end(timeout=1)
