"""The embedded model behind the real clients: a real process, a real model, real sockets. Skipped where the model's file is absent.

Odd here: a model of 135 million parameters says what it likes, so what is tested is form: an answer comes, it ends, it is counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam
from opik.rest_api.client import OpikApi
from opik.rest_api.types.message import Message
from pydantic import BaseModel

from trunkline.local import models

from ..serving import Gateway, gateway

DATA = Path(__file__).parents[2] / "data"
HI: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hi."}]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    found = models.find("", DATA)
    if found is None:
        pytest.skip(f"no model file in {DATA}/models: run `trunkline models fetch`")
    config = '[providers.local]\nkind = "local"\ncontext = 1024\nslots = 1\n'
    with gateway(tmp_path_factory.mktemp("local"), config, environment={models.VARIABLE: str(found)}) as running:
        yield running
        assert "Traceback" not in running.log


@pytest.mark.parametrize("base", ["/v1", "/api/v1/private"])
def test_the_openai_client_gets_a_real_answer_whole_and_streamed(running: Gateway, base: str) -> None:
    asking = openai.OpenAI(base_url=running.url + base, api_key="anything", max_retries=0, timeout=60)
    whole = asking.chat.completions.create(model="local", messages=HI, max_tokens=8, temperature=0, seed=1)
    assert whole.choices[0].message.content
    assert whole.usage is not None
    assert 0 < whole.usage.completion_tokens <= 8
    stream = asking.chat.completions.create(
        model="local", messages=HI, max_tokens=8, temperature=0, seed=1, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content, "the same seed says the same, streamed or whole"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].usage is not None
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == whole.choices[0].finish_reason == "length"


class Place(BaseModel):
    city: str
    inhabitants: int


def test_the_openai_client_parses_a_real_answer(running: Gateway) -> None:
    asking = openai.OpenAI(base_url=f"{running.url}/v1", api_key="anything", max_retries=0, timeout=60)
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Oslo has 700000 inhabitants. Give city and inhabitants."}]
    answer = asking.chat.completions.parse(model="local", messages=messages, response_format=Place, temperature=0, max_tokens=100)
    assert isinstance(answer.choices[0].message.parsed, Place)


def test_the_openai_client_gets_a_real_tool_call(running: Gateway) -> None:
    asking = openai.OpenAI(base_url=f"{running.url}/v1", api_key="anything", max_retries=0, timeout=60)
    tool = openai.pydantic_function_tool(Place, name="look_up")
    answer = asking.chat.completions.create(model="local", messages=HI, tools=[tool], tool_choice="required", temperature=0, max_tokens=100)
    [call] = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert call.function.name == "look_up"
    assert Place(**json.loads(call.function.arguments))
    assert answer.choices[0].finish_reason == "tool_calls"


def test_the_opik_client_gets_a_real_answer(running: Gateway) -> None:
    opik = OpikApi(base_url=f"{running.url}/api", workspace_name="default", httpx_client=httpx.Client(timeout=60))
    message = Message(role="user", content={"type": "text", "text": "Say hi."})
    answer = opik.chat_completions.create_chat_completions(model="local", messages=[message], max_tokens=8, temperature=0)
    assert answer.choices
    assert answer.choices[0].message is not None
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 8, "maxTokens is read"
