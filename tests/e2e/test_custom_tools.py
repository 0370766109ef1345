"""OpenAI's custom tools with vendors that have none, through the whole gateway: asked for, called, answered, whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .vendors import Json, Scene, chunks, claude, claude_stream, converse, gemini, result, scene, tool_use

INPUT = 'print("a\\d")\n# 🌍'
RUN = {"type": "custom", "custom": {"name": "run it", "description": "Runs code.", "format": {"type": "text"}}}
FIND = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {"input": {"type": "string"}}}}}
ASKED: Json = {"tools": [FIND, RUN], "messages": [{"role": "user", "content": "Run it"}]}
"""The tool's name is legal at no vendor, so it is renamed on the way too."""

OLLAMA = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "done": True, "done_reason": "stop"}


def cohere(name: str) -> Json:
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": json.dumps({"input": INPUT})}}
    return {"id": "1", "finish_reason": "TOOL_CALL", "message": {"role": "assistant", "tool_calls": [call]}}


def ollama(name: str) -> Json:
    return {
        **OLLAMA,
        "message": {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": name, "arguments": {"input": INPUT}}}]},
    }


def bedrock(name: str) -> Json:
    return converse({"toolUse": {"toolUseId": "c1", "name": name, "input": {"input": INPUT}}}, stop="tool_use")


TOLD = {
    "anthropic/claude-haiku-4-5": lambda name: claude(tool_use(name, "c1", input=INPUT), stop="tool_use"),
    "gemini/gemini-2.5-flash": lambda name: gemini({"functionCall": {"id": "c1", "name": name, "args": {"input": INPUT}}}),
    "bedrock/anthropic.claude-3-7-sonnet-20250219-v1:0": bedrock,
    "cohere/command-a-03-2025": cohere,
    "ollama/llama3.2": ollama,
}


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("custom")) as found:
        yield found


def offered(model: str, body: Json) -> list[str]:
    match model.partition("/")[0]:
        case "gemini":
            return [tool["name"] for tool in body["tools"][0]["functionDeclarations"]]
        case "bedrock":
            return [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]]
        case "anthropic":
            return [tool["name"] for tool in body["tools"]]
        case _:
            return [tool["function"]["name"] for tool in body["tools"]]


@pytest.mark.parametrize("model", TOLD)
def test_the_call_comes_back_as_a_custom_call(it: Scene, model: str) -> None:
    answer = it.ask(model, lambda asked: TOLD[model](offered(model, json.loads(asked.body))[1]), **ASKED)
    assert answer.status_code == 200, answer.text
    assert answer.headers.get("x-trunkline-dropped", "") == ""
    choice = answer.json()["choices"][0]
    [call] = choice["message"]["tool_calls"]
    assert call.pop("id")
    assert call == {"type": "custom", "custom": {"name": "run it", "input": INPUT}}
    assert choice["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("model", TOLD)
def test_a_function_with_the_same_parameter_stays_a_function(it: Scene, model: str) -> None:
    answer = it.ask(model, TOLD[model]("find"), **ASKED)
    [call] = answer.json()["choices"][0]["message"]["tool_calls"]
    assert (call["type"], call["function"]["name"], json.loads(call["function"]["arguments"])) == ("function", "find", {"input": INPUT})
    assert "custom" not in call


@pytest.mark.parametrize("model", TOLD)
def test_the_call_and_its_result_go_back_to_the_vendor(it: Scene, model: str) -> None:
    call = {"id": "c1", "type": "custom", "custom": {"name": "run it", "input": INPUT}}
    messages = [*ASKED["messages"], {"role": "assistant", "content": None, "tool_calls": [call]}, result("c1", "a")]
    answer = it.ask(model, TOLD[model]("find"), **{**ASKED, "messages": messages})
    assert answer.status_code == 200, answer.text
    turn: Any = it.sent[0]["contents" if model.startswith("gemini") else "messages"][1]
    part = turn.get("parts") or turn.get("tool_calls") or turn["content"]
    made = part[0].get("functionCall") or part[0].get("toolUse") or part[0].get("function") or part[0]
    given = made.get("args") or made.get("input") or made["arguments"]
    assert made["name"] == offered(model, it.sent[0])[1]
    assert (json.loads(given) if isinstance(given, str) else given) == {"input": INPUT}


def joined(pieces: list[Json]) -> tuple[list[Json], str, str]:
    """(the calls' first pieces, the inputs joined, the finish)."""
    deltas = [chunk["choices"][0]["delta"] for chunk in pieces]
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    finish = next(chunk["choices"][0]["finish_reason"] for chunk in reversed(pieces))
    return [call for call in calls if "id" in call], "".join(call["custom"]["input"] for call in calls), finish


def test_a_streamed_call_gives_its_input_in_pieces(it: Scene) -> None:
    def told(asked: Any) -> list[Json]:
        return claude_stream("Let me.", tool_use(offered("anthropic", json.loads(asked.body))[1], "c1", input=INPUT), stop="tool_use")

    answer = it.ask("anthropic/claude-haiku-4-5", told, stream=True, **ASKED)
    begun, input, finish = joined(chunks(answer))
    assert begun == [{"index": 0, "id": "c1", "type": "custom", "custom": {"name": "run it", "input": ""}}]
    assert (input, finish) == (INPUT, "tool_calls")


def test_a_call_that_is_streamed_whole_gives_its_input_at_once(it: Scene) -> None:
    def told(asked: Any) -> list[Json]:
        return [TOLD["gemini/gemini-2.5-flash"](offered("gemini", json.loads(asked.body))[1])]

    begun, input, finish = joined(chunks(it.ask("gemini/gemini-2.5-flash", told, stream=True, **ASKED)))
    assert [call["custom"]["name"] for call in begun] == ["run it"]
    assert (input, finish) == (INPUT, "tool_calls")


def test_strict_is_content_with_an_emulated_tool(it: Scene) -> None:
    told = TOLD["anthropic/claude-haiku-4-5"]("find")
    it.told = lambda asked: told
    answer = it.client.post(
        "/v1/chat/completions", json={"model": "anthropic/claude-haiku-4-5", **ASKED}, headers={"x-trunkline-strict": "true"}
    )
    assert answer.status_code == 200, answer.text
