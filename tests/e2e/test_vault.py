"""A two-turn tool loop of an unmodified OpenAI client on recorded thinking: the second request carries what the vendor signed.

Odd here: clients hand a turn back in three ways. Some give back the whole message; most keep only what OpenAI's format has; those that
stream put the turn together themselves. All three must lead to the same second request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

from tests.recordings import ABSENT, PRESENT, Recording, one
from tests.replay.kinds import WAYS, Way, config
from tests.replay.upstream import Replay
from tests.serving import gateway

pytestmark = pytest.mark.skipif(not PRESENT, reason=ABSENT)

Json = dict[str, Any]
Stage = tuple[openai.OpenAI, Replay]
BY_NAME = {way.name: way for way in WAYS}

WHOLE = [
    ("anthropic", "claude-sonnet-4-20250514", "anthropic-messages-b444d5b557eb"),
    ("vertex_claude", "claude-sonnet-4@20250514", "anthropic-messages-65f8a8ab8e5a"),
    ("gemini", "gemini-3-pro-preview", "gemini-generate_content-2f438c675990"),
    ("gemini", "gemini-2.5-flash", "gemini-generate_content-e827ae420db2"),
    ("vertex", "gemini-2.5-pro", "vertex-generate_content-1d2515417f72"),
    ("bedrock", "us.anthropic.claude-3-7-sonnet-20250219-v1:0", "bedrock-converse-0537fe457277"),
]
STREAMED = [
    ("anthropic", "claude-haiku-4-5", "anthropic-messages-821bf74333c4"),
    ("gemini", "gemini-2.5-flash", "gemini-stream_generate_content-e182f0e81c61"),
    ("vertex", "gemini-2.5-flash", "vertex-stream_generate_content-edd8ea92e1c1"),
    ("openai_pro", "o3-pro", "xai-responses-c003eda6bd76"),
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Replay() as replay, gateway(tmp_path_factory.mktemp("vault"), config(replay.url)) as served:
        yield openai.OpenAI(base_url=f"{served.url}/v1", api_key="any", max_retries=0), replay


def first_turn(recording: Recording) -> Json:
    """What a caller asks: a thinking model with the tools that the recording calls."""
    names = called(recording)
    tools = [
        {"type": "function", "function": {"name": name, "strict": True, "parameters": {"type": "object", "properties": {}}}}
        for name in names
    ]
    return {"messages": [{"role": "user", "content": "Use the tool"}], "tools": tools, "reasoning_effort": "low"}


def called(recording: Recording) -> list[str]:
    from tests.replay.said import said

    return list(dict.fromkeys(name for name, _ in said(recording).choices[0].called))


def signed(recording: Recording) -> list[str]:
    """What the vendor signed or sealed, by the plainest reading of its bytes."""
    text = recording.body.decode()
    return [found for found in re.findall(r'"(?:signature|thoughtSignature|encrypted_content)": ?"([^"]+)"', text) if len(found) > 40]


def as_it_came(message: Any) -> Any:
    return message


def as_openai_has_it(message: Any) -> Json:
    calls = [
        {"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}}
        for c in message.tool_calls
    ]
    return {"role": "assistant", "content": message.content, "tool_calls": calls}


@pytest.mark.parametrize("handed_back", [as_it_came, as_openai_has_it])
@pytest.mark.parametrize(("name", "model", "id"), WHOLE)
def test_the_second_turn_of_a_tool_loop_carries_the_signatures(
    name: str, model: str, id: str, handed_back: Callable[[Any], Any], stage: Stage
) -> None:
    client, replay = stage
    recording = one(id)
    replay.will_answer(name, recording, recording)
    request = first_turn(recording)
    answer = client.chat.completions.create(model=f"{name}/{model}", **request)
    second_turn(client, replay, BY_NAME[name], model, request, handed_back(answer.choices[0].message), recording)


@pytest.mark.parametrize("handed_back", [as_it_came, as_openai_has_it])
@pytest.mark.parametrize(("name", "model", "id"), STREAMED)
def test_so_it_does_where_the_first_turn_was_streamed(
    name: str, model: str, id: str, handed_back: Callable[[Any], Any], stage: Stage
) -> None:
    client, replay = stage
    recording = one(id)
    replay.will_answer(name, recording, recording)
    request = first_turn(recording)
    with client.chat.completions.stream(model=f"{name}/{model}", **request) as stream:
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    second_turn(client, replay, BY_NAME[name], model, request, handed_back(message), recording, stream=True)


def second_turn(
    client: openai.OpenAI, replay: Replay, way: Way, model: str, request: Json, message: Any, recording: Recording, *, stream: bool = False
) -> None:
    calls = message["tool_calls"] if isinstance(message, dict) else [call.to_dict() for call in message.tool_calls]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "42"} for call in calls]
    messages = [*request["messages"], message, *results]
    answer = client.chat.completions.create(model=f"{way.name}/{model}", **{**request, "messages": messages}, stream=stream)
    if stream:
        list(answer)
    sent = replay.asked(way.name)[-1].body.decode()
    signatures = signed(recording)
    assert signatures
    for signature in signatures:
        assert sent.count(signature) == 1
    assert_placed(json.loads(sent), way)


def assert_placed(body: Json, way: Way) -> None:
    """The signed piece stands where its vendor checks it: thinking first in its turn, a thought's signature on its call."""
    if way.apis[0] == "messages":
        turn = body["messages"][1]
        assert turn["content"][0]["type"] == "thinking"
        assert turn["content"][-1]["type"] == "tool_use"
        assert body["thinking"]["type"] != "disabled"
    elif way.apis[0] == "generate_content":
        calls = [part for part in body["contents"][1]["parts"] if "functionCall" in part]
        assert calls[0]["thoughtSignature"]
    elif way.apis[0] == "converse":
        assert "reasoningContent" in body["messages"][1]["content"][0]
    else:
        kinds = [item.get("type") for item in body["input"]]
        assert kinds.index("reasoning") < kinds.index("function_call")


def test_a_turn_of_another_conversation_gets_nothing(stage: Stage) -> None:
    client, replay = stage
    recording = one(WHOLE[0][2])
    replay.will_answer("anthropic", recording)
    call = {"id": "toolu_never_seen", "type": "function", "function": {"name": "compute_fib", "arguments": '{"n": 1}'}}
    turns = [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "toolu_never_seen", "content": "1"},
    ]
    request = first_turn(recording)
    messages: Any = [*request["messages"], *turns]
    client.chat.completions.create(model="anthropic/claude-sonnet-4-20250514", **{**request, "messages": messages})
    sent = replay.asked("anthropic")[-1].body.decode()
    assert '"signature"' not in sent
    assert '"thinking"' not in json.dumps(json.loads(sent)["messages"])
