"""What takes another road than was asked, through the whole gateway: a stream for a whole answer, the Responses API for tools, other names.

Bodies by hand from https://platform.openai.com/docs/api-reference/responses and https://docs.anthropic.com/en/api/messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.replay.reading import check_completion, together

from .scripts import METER, ROLE, STOP, USAGE, chunk
from .vendors import CONFIG, Json, Scene, chunks, claude, claude_stream, function, scene, tool_use

HOST = "host/model"
CLAUDE = "anthropic/claude-haiku-4-5"
MORE = """
[providers.azure]
kind = "azure"
api_key = "k"
base_url = "http://lab.openai.azure.com"

[providers.openai]
kind = "openai"
api_key = "k"

[providers.elsewhere]
kind = "openai"
api_key = "k"
base_url = "URL/elsewhere/v1"
"""
HI = [ROLE, chunk({"content": "Hi "}), chunk({"content": "there"}), STOP, METER]


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("roads"), CONFIG + MORE, proxied=True) as found:
        yield found


def completion_of(it: Scene, model: str, told: Any, **fields: Any) -> Json:
    answer = it.ask(model, told, **fields)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    check_completion(body)
    return body


# ── a stream nobody asked for ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("model", "told"), [(HOST, HI), (CLAUDE, claude_stream("Hi there"))])
def test_a_host_that_streams_unasked_gives_a_whole_answer(model: str, told: Any, it: Scene) -> None:
    body = completion_of(it, model, told)
    [choice] = body["choices"]
    assert (choice["message"]["content"], choice["finish_reason"], body["object"]) == ("Hi there", "stop", "chat.completion")
    assert body["usage"]["total_tokens"] == (USAGE["total_tokens"] if model == HOST else 15)


def test_it_is_counted_and_checked_like_any_answer(it: Scene) -> None:
    told = [ROLE, chunk({"content": '{"a":'}), chunk({"content": "1}"}), STOP]
    body = completion_of(it, HOST, told, response_format={"type": "json_object"}, n=2)
    assert [choice["message"]["content"] for choice in body["choices"]] == ['{"a":1}'] * 2


@pytest.mark.parametrize(
    ("told", "status", "words"),
    [([ROLE, chunk({"content": "half"})], 502, "before the answer was finished"),
     ([ROLE, {"error": {"message": "Overloaded", "code": 503}}], 503, "Overloaded")],
)  # fmt: skip
def test_what_it_does_not_finish_is_no_answer(told: Any, status: int, words: str, it: Scene) -> None:
    answer = it.ask(HOST, told)
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]


# ── tools of a model that thinks ─────────────────────────────────────────────────────────────────────────

LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}}}
CALLED: Json = {
    "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "gpt-5.6", "output": [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "E"},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": '{"at":"Oslo"}', "status": "completed"},
    ], "usage": {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8},
}  # fmt: skip


def test_tools_and_thinking_together_are_asked_of_the_api_that_takes_both(it: Scene) -> None:
    body = completion_of(it, "azure/gpt-5.6", CALLED, tools=[LOOK], reasoning_effort="high")
    [choice] = body["choices"]
    [call] = choice["message"]["tool_calls"]
    assert (call["id"], call["function"], choice["finish_reason"]) == (
        "call_1",
        {"name": "look", "arguments": '{"at":"Oslo"}'},
        "tool_calls",
    )
    assert it.upstream.asked[0].target == "http://lab.openai.azure.com/openai/v1/responses"
    assert it.sent[0]["reasoning"] == {"effort": "high"}
    loop = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "cold"}]  # fmt: skip
    completion_of(it, "azure/gpt-5.6", CALLED, tools=[LOOK], messages=loop)
    kinds = [item.get("type", "message") for item in it.sent[0]["input"]]
    assert kinds == ["message", "reasoning", "function_call", "function_call_output"]


def test_the_road_is_shown_before_it_is_taken(it: Scene) -> None:
    def road(model: str, **fields: Any) -> tuple[str, str]:
        told = it.ask(model, {}, path="/v1/chat/completions?explain=true", **fields).json()
        assert it.upstream.asked == []
        return told["dialect"], told["request"]["url"]

    assert road("openai/gpt-5.6", tools=[LOOK]) == ("openai_responses", "https://api.openai.com/v1/responses")
    assert road("openai/gpt-5.6") == ("openai_chat", "https://api.openai.com/v1/chat/completions")
    assert road("openai/gpt-5.6", tools=[LOOK], reasoning_effort="none")[0] == "openai_chat"
    assert road("elsewhere/gpt-5.6", tools=[LOOK])[0] == "openai_chat"


# ── parameters under other names ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [False, True])
def test_a_parameter_that_claude_refuses_by_its_name_is_called_by_it_all_the_same(stream: bool, it: Scene) -> None:
    listing = function("list")
    listing["function"]["parameters"] = {"type": "object", "properties": {"filter[id]": {"type": "string"}}, "required": ["filter[id]"]}
    used = tool_use("list", filter_id_="filter_id_", b={"filter_id_": 12345678901234567890})
    told: Any = claude_stream(used, stop="tool_use") if stream else claude(used, stop="tool_use")
    answer = it.ask(CLAUDE, told, tools=[listing], stream=stream)
    body = together(chunks(answer)) if stream else answer.json()
    [call] = body["choices"][0]["message"]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"filter[id]": "filter_id_", "b": {"filter_id_": 12345678901234567890}}
    assert list(it.sent[0]["tools"][0]["input_schema"]["properties"]) == ["filter_id_"]
