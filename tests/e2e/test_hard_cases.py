"""What takes several modules to do right: `n` by parallel calls, JSON by a tool or by a check, names and functions that are undone,
pictures fetched on the caller's behalf.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.replay.reading import check_completion, together
from tests.serving import Asked
from tests.strategies import PNG

from .scripts import ROLE, STOP, chunk, completion
from .vendors import CONFIG, Json, Scene, chunks, claude, claude_stream, converse, function, gemini, scene, tool_use

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}
OLDER = "anthropic/claude-sonnet-4-0"
NEWER = "anthropic/claude-haiku-4-5"


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("hard")) as found:
        yield found


class Numbered:
    """Answers each call otherwise: the first with the first, and so on."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.lock = threading.Lock()

    def __call__(self, asked: Asked) -> Any:
        with self.lock:
            return self.answers.pop(0)


# ── n ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_n_is_as_many_calls_with_choices_indexed_and_usage_added(it: Scene) -> None:
    answer = it.ask(NEWER, Numbered(*(claude(text) for text in ("one", "two", "three"))), n=3)
    body = answer.json()
    check_completion(body)
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    assert {choice["message"]["content"] for choice in body["choices"]} == {"one", "two", "three"}
    assert body["usage"] == {"prompt_tokens": 30, "completion_tokens": 15, "total_tokens": 45}
    assert len(it.sent) == 3
    assert all("n" not in sent for sent in it.sent)
    assert "x-trunkline-dropped" not in answer.headers
    assert float(answer.headers["x-trunkline-overhead-ms"]) >= 0, "three calls at once are waited for once"


@pytest.mark.parametrize("model", [NEWER, "host/model"])
def test_n_streamed_is_one_stream_with_interleaved_choices(model: str, it: Scene) -> None:
    told = [claude_stream(text) for text in ("one", "two")]
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    if model == "host/model":
        told = [[ROLE, chunk({"content": text}), STOP, chunk(None, usage=usage)] for text in ("one", "two")]
    answer = it.ask(model, Numbered(*told), n=2, stream=True, stream_options={"include_usage": True})
    body = together(chunks(answer))
    check_completion(body)
    assert {choice["message"]["content"] for choice in body["choices"]} == {"one", "two"}
    assert [choice["finish_reason"] for choice in body["choices"]] == ["stop", "stop"]
    assert body["usage"] == {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}


def test_one_of_n_that_fails_is_the_failure_of_all(it: Scene) -> None:
    limited = (429, {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}})
    assert it.ask(NEWER, Numbered(claude("one"), limited), n=2).status_code == 429
    assert it.ask(NEWER, Numbered(claude_stream("one"), limited), n=2, stream=True).status_code == 429


def test_each_of_n_is_checked_and_repaired_by_itself(it: Scene) -> None:
    def told(asked: Asked) -> Json:
        return claude('{"city": "Oslo"}') if b"corrected" in asked.body else claude("no JSON at all")

    body = it.ask(NEWER, told, n=2, response_format={"type": "json_object"}).json()
    assert [json.loads(choice["message"]["content"]) for choice in body["choices"]] == [{"city": "Oslo"}] * 2
    assert len(it.sent) == 4


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────


def answers_by_tool(asked: Asked) -> Any:
    """As a model that is forced to call the one tool it is offered."""
    body = json.loads(asked.body)
    assert body["tool_choice"]["name"] == body["tools"][-1]["name"]
    assert body["tools"][-1]["input_schema"] == SCHEMA
    blocks = ("Let me see.", tool_use(body["tools"][-1]["name"], city="Oslo"))
    return claude_stream(*blocks, stop="tool_use") if body.get("stream") else claude(*blocks, stop="tool_use")


@pytest.mark.parametrize("stream", [False, True])
def test_a_forced_tool_stands_for_a_schema_and_its_arguments_are_the_text(stream: bool, it: Scene) -> None:
    answer = it.ask(OLDER, answers_by_tool, response_format=FORMAT, stream=stream)
    body = together(chunks(answer)) if stream else answer.json()
    (choice,) = body["choices"]
    assert json.loads(choice["message"]["content"]) == {"city": "Oslo"}
    assert choice["finish_reason"] == "stop"
    assert "tool_calls" not in choice["message"]
    assert len(it.sent) == 1


def test_json_in_a_code_fence_is_taken_out_and_nobody_asked_again(it: Scene) -> None:
    answer = it.ask(NEWER, claude('Here you are:\n```json\n{"city": "Oslo"}\n```'), response_format={"type": "json_object"})
    assert json.loads(answer.json()["choices"][0]["message"]["content"]) == {"city": "Oslo"}
    assert len(it.sent) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_no_json_is_asked_for_once_more_with_the_fault_named(stream: bool, it: Scene) -> None:
    told = Numbered(claude("Oslo, I think."), claude('{"city": "Oslo"}'))
    answer = it.ask(NEWER, told, response_format={"type": "json_object"}, stream=stream)
    body = together(chunks(answer)) if stream else answer.json()
    assert json.loads(body["choices"][0]["message"]["content"]) == {"city": "Oslo"}
    first, second = it.sent
    assert second["messages"][: len(first["messages"])] == first["messages"]
    own, again = second["messages"][len(first["messages"]) :]
    assert (own["role"], again["role"]) == ("assistant", "user")
    assert "Oslo, I think." in json.dumps(own)
    assert "not valid JSON" in json.dumps(again)


def test_a_schema_is_checked_where_the_host_has_none(it: Scene) -> None:
    told = Numbered(completion('{"town": "Oslo"}'), completion('{"city": "Oslo"}'))
    answer = it.ask("deepseek/deepseek-chat", told, response_format=FORMAT)
    assert json.loads(answer.json()["choices"][0]["message"]["content"]) == {"city": "Oslo"}
    first, second = it.sent
    assert first["response_format"] == {"type": "json_object"}
    assert '"city"' in json.dumps(first["messages"]).replace("\\", ""), "the schema in words"
    assert "'city' is a required property" in second["messages"][-1]["content"]


@pytest.mark.parametrize("model", [NEWER, "host/model"])
def test_no_json_in_two_tries_is_an_error_and_not_an_answer(model: str, it: Scene) -> None:
    told = claude("Still no.") if model == NEWER else completion("Still no.")
    answer = it.ask(model, told, response_format={"type": "json_object"}, stream=True)
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "invalid_json_answer"
    assert len(it.sent) == 2


# ── names and functions ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [False, True])
def test_illegal_tool_names_are_mapped_uniquely_and_come_back_as_they_were(stream: bool, it: Scene) -> None:
    names = ["get weather!", "get_weather_", "get.weather?"]

    def told(asked: Asked) -> Any:
        offered = [tool["name"] for tool in json.loads(asked.body)["tools"]]
        assert len(set(offered)) == 3
        blocks = [tool_use(name, f"toolu_{i}", at=str(i)) for i, name in enumerate(offered)]
        return claude_stream(*blocks, stop="tool_use") if stream else claude(*blocks, stop="tool_use")

    answer = it.ask(
        NEWER,
        told,
        tools=[function(name) for name in names],
        tool_choice={"type": "function", "function": {"name": names[0]}},
        stream=stream,
    )
    body = together(chunks(answer)) if stream else answer.json()
    assert [call["function"]["name"] for call in body["choices"][0]["message"]["tool_calls"]] == names
    assert it.sent[0]["tool_choice"]["name"] == it.sent[0]["tools"][0]["name"]


@pytest.mark.parametrize("stream", [False, True])
def test_legacy_functions_go_out_as_tools_and_come_back_as_a_function_call(stream: bool, it: Scene) -> None:
    blocks = ("Looking.", tool_use("look", at="Oslo"))
    told = claude_stream(*blocks, stop="tool_use") if stream else claude(*blocks, stop="tool_use")
    messages = [
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": '{"at": "Rome"}'}},
        {"role": "function", "name": "look", "content": "not there"},
    ]
    functions = [{"name": "look", "parameters": {"type": "object", "properties": {}}}]
    answer = it.ask(NEWER, told, messages=messages, functions=functions, function_call={"name": "look"}, stream=stream)
    sent = it.sent[0]
    assert [tool["name"] for tool in sent["tools"]] == ["look"]
    assert sent["tool_choice"]["name"] == "look"
    used, given = sent["messages"][1]["content"][0], sent["messages"][2]["content"][0]
    assert used["id"] == given["tool_use_id"]
    if not stream:
        (choice,) = answer.json()["choices"]
        assert choice["message"]["function_call"] == {"name": "look", "arguments": choice["message"]["function_call"]["arguments"]}
        assert json.loads(choice["message"]["function_call"]["arguments"]) == {"at": "Oslo"}
        assert "tool_calls" not in choice["message"]
        assert choice["finish_reason"] == "function_call"
        return
    pieces = [piece["choices"][0] for piece in chunks(answer)]
    calls = [piece["delta"]["function_call"] for piece in pieces if "function_call" in piece["delta"]]
    assert calls[0]["name"] == "look"
    assert json.loads("".join(call.get("arguments", "") for call in calls)) == {"at": "Oslo"}
    assert pieces[-1]["finish_reason"] == "function_call"


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────


def pictured(url: str) -> list[Json]:
    picture = {"type": "image_url", "image_url": {"url": url}}
    return [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, picture, picture]}]


@pytest.mark.parametrize(
    ("model", "told"), [("gemini/gemini-2.5-flash", gemini("a dot")), ("bedrock/amazon.nova-lite-v1:0", converse({"text": "a dot"}))]
)
def test_a_remote_picture_is_fetched_once_and_its_bytes_are_sent(model: str, told: Json, it: Scene) -> None:
    url = f"{it.upstream.url}/cat.png"
    answer = it.ask(model, lambda asked: base64.b64decode(PNG) if asked.path == "/cat.png" else told, messages=pictured(url))
    assert answer.json()["choices"][0]["message"]["content"] == "a dot"
    assert [asked.path for asked in it.upstream.asked].count("/cat.png") == 1
    assert "authorization" not in it.upstream.asked[0].headers, "nobody's key goes along"
    sent = it.upstream.asked[-1].body.decode()
    assert sent.count(PNG) == 2
    assert url not in sent
    assert "data:" not in sent, "the bytes alone, without a data URL's beginning"


def test_a_picture_that_cannot_be_had_is_the_callers_error_naming_it(it: Scene) -> None:
    url = f"{it.upstream.url}/gone.png"
    answer = it.ask("gemini/gemini-2.5-flash", (404, {}), messages=pictured(url))
    assert answer.status_code == 400
    assert url in answer.json()["error"]["message"]
    assert len(it.upstream.asked) == 1, "the model was not asked"


def test_in_keys_mode_a_picture_may_not_be_fetched_from_inside(tmp_path: Any) -> None:
    keys = '[auth]\nmode = "keys"\nadmin_key = "an-admin-key-of-some-length"\n'
    with scene(tmp_path, CONFIG + keys) as closed:
        admin = {"authorization": "Bearer an-admin-key-of-some-length"}
        made = closed.client.post("/v1/admin/keys", json={"name": "k"}, headers=admin)
        closed.client.headers["authorization"] = f"Bearer {made.json()['key']}"
        for url in (f"{closed.upstream.url}/cat.png", "http://169.254.169.254/latest/meta-data/"):
            answer = closed.ask("gemini/gemini-2.5-flash", base64.b64decode(PNG), messages=pictured(url))
            assert 400 <= answer.status_code < 500
            assert closed.upstream.asked == [], "nobody was called"
        assert closed.ask("gemini/gemini-2.5-flash", gemini("a dot")).status_code == 200, "the file's own providers are trusted"
