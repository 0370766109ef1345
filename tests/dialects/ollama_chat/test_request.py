"""What reaches Ollama, each body judged by its documented form too."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from tests.dialects.ollama_chat.oracle import check
from tests.dialects.replaying import ask, dropped, noted, sent
from tests.strategies import PDF, PNG, WAV, chat_requests
from trunkline.chat import ChatRequest, Image, parts
from trunkline.dialects import ollama_chat as dialect
from trunkline.errors import CallerError
from trunkline.target import Encoded, Target


def target(model: str = "qwen3") -> Target:
    return Target(provider="ollama", kind="ollama", model=model, dialect="ollama_chat", base_url="http://localhost:11434")


def encode(model: str = "qwen3", **body: Any) -> Encoded:
    encoded = dialect.encode_request(ask(**body), target(model))
    check(sent(encoded))
    return encoded


def messages(*given: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sent(encode(messages=list(given)))["messages"]
    return found


def call(id: str, arguments: str = "{}", name: str = "f") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


@settings(max_examples=150, deadline=None)
@given(chat_requests(media=frozenset({"image"})))
def test_every_valid_request_becomes_one_that_ollama_takes(request: ChatRequest) -> None:
    remote = [p.url for m in request.messages for p in parts(m.content) if isinstance(p, Image) and p.url.startswith("http")]
    assert dialect.remote_media(request, target()) == remote
    if remote:
        with pytest.raises(CallerError, match="was not fetched"):
            dialect.encode_request(request, target())
        return
    encoded = dialect.encode_request(request, target())
    body = sent(encoded)
    check(body)
    options = body.get("options", {})
    told = {note.param.split(".")[0].split("[")[0] for note in encoded.notes}
    renamed = {
        "max_tokens": "num_predict",
        "max_completion_tokens": "num_predict",
        "response_format": "format",
        "reasoning_effort": "think",
    }
    for name in request.wire:
        value = getattr(request, name)
        nothing = (1, False, [], {}, 0, "auto", "default", "medium", ["text"], True)
        if name in ("stream_options", "tool_choice", "function_call", "tools", "functions") or value in nothing:
            continue
        if name == "response_format" and value.type == "text":
            continue
        here = renamed.get(name, name)
        assert here in body or here in options or name in told, f"{name} vanished without a word"


def test_the_request_goes_to_api_chat_of_the_host_and_says_whether_to_stream() -> None:
    http = encode().http
    assert (http.method, http.url) == ("POST", "http://localhost:11434/api/chat")
    assert json.loads(http.body) == {"model": "qwen3", "messages": [{"role": "user", "content": "Hi"}], "stream": False}
    assert sent(encode(stream=True, stream_options={"include_usage": True}))["stream"] is True


def test_sampling_lives_under_options_on_openai_s_scale() -> None:
    body = sent(
        encode(
            temperature=1.5, top_p=0.9, top_k=5, max_tokens=1, max_completion_tokens=9, stop="END", seed=7, presence_penalty=-0.5,
            frequency_penalty=1.5,
        )
    )  # fmt: skip
    assert body["options"] == {
        "temperature": 1.5, "top_p": 0.9, "top_k": 5, "num_predict": 9, "stop": ["END"], "seed": 7, "presence_penalty": -0.5,
        "frequency_penalty": 1.5,
    }  # fmt: skip
    assert "repeat_penalty" not in json.dumps(body)


def test_ollama_s_own_members_go_through_and_win() -> None:
    body = sent(
        encode(temperature=1, options={"temperature": 0, "num_ctx": 9}, min_p=0.1, keep_alive="5m", think="low", reasoning_effort="none")
    )
    assert body["options"] == {"temperature": 0, "num_ctx": 9, "min_p": 0.1}
    assert (body["keep_alive"], body["think"]) == ("5m", "low")
    with pytest.raises(CallerError, match="options must be an object"):
        encode(options=3)


def test_arguments_are_objects_and_keep_their_digits() -> None:
    http = encode(
        messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [call("c", '{"id":12345678901234567890}')]}]
    ).http
    assert b'"arguments":{"id":12345678901234567890}' in http.body
    said = messages({"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [call("c", "")]})
    assert said[1]["tool_calls"][0]["function"]["arguments"] == {}
    with pytest.raises(CallerError, match=r"messages\[0\].tool_calls\[0\]"):
        encode(messages=[{"role": "assistant", "tool_calls": [call("c", "{broken")]}])


def test_results_come_in_the_order_of_their_calls() -> None:
    said = messages(
        {"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [call("a"), call("b")]},
        {"role": "tool", "tool_call_id": "b", "content": "B"}, {"role": "tool", "tool_call_id": "a", "content": ""},
        {"role": "user", "content": "Go on"},
    )  # fmt: skip
    assert said[2:] == [
        {"role": "tool", "content": "", "tool_name": "f", "tool_call_id": "a"},
        {"role": "tool", "content": "B", "tool_name": "f", "tool_call_id": "b"},
        {"role": "user", "content": "Go on"},
    ]


def test_a_legacy_call_and_its_result_share_an_id() -> None:
    said = messages(
        {"role": "user", "content": "Hi"}, {"role": "assistant", "function_call": {"name": "f", "arguments": ""}},
        {"role": "function", "name": "f", "content": "72F"},
    )  # fmt: skip
    assert said[1]["tool_calls"][0]["id"] == said[2]["tool_call_id"]


def test_pictures_are_bare_base64_and_other_media_are_refused_by_name() -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    said = messages({"role": "user", "content": [{"type": "text", "text": "Look"}, picture, {"type": "text", "text": "!"}]})
    assert said == [{"role": "user", "content": "Look!", "images": [PNG]}]
    drawn = {"role": "assistant", "content": None, "images": [picture]}
    assert messages({"role": "user", "content": "Draw."}, drawn)[1]["images"] == [PNG]
    remote = {"type": "image_url", "image_url": "https://example.com/a.png"}
    assert dialect.remote_media(ask(messages=[{"role": "user", "content": [remote, picture]}]), target()) == ["https://example.com/a.png"]
    refused: list[dict[str, Any]] = [
        {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}},
        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}"}},
        {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}},
        {"type": "image_url", "image_url": "cat.png"},
    ]
    for part in refused:
        with pytest.raises(CallerError, match=r"messages\[0\].content\[0\]"):
            encode(messages=[{"role": "user", "content": [part]}])


@pytest.mark.parametrize(
    ("choice", "tools", "lost"),
    [
        ("auto", ["f", "g"], set()),
        ("none", [], set()),
        ("required", ["f", "g"], {"tool_choice"}),
        ({"type": "function", "function": {"name": "g"}}, ["g"], {"tool_choice"}),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"function": {"name": "g"}}]}}, ["g"], set()),
    ],
)
def test_tool_choice_is_kept_as_far_as_offering_goes(choice: Any, tools: list[str], lost: set[str]) -> None:
    encoded = encode(tools=[{"type": "function", "function": {"name": name}} for name in "fg"], tool_choice=choice)
    assert [tool["function"]["name"] for tool in sent(encoded).get("tools", [])] == tools
    assert dropped(encoded) == lost


def test_response_formats() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    asked = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    assert sent(encode(response_format=asked))["format"] == schema
    assert sent(encode(response_format={"type": "json_object"}))["format"] == "json"
    assert "format" not in sent(encode(response_format={"type": "text"}))


@pytest.mark.parametrize(
    ("model", "effort", "think"),
    [
        ("qwen3", "none", False), ("qwen3", "low", True), ("qwen3", "xhigh", True), ("gpt-oss:20b", "medium", "medium"),
        ("gpt-oss", "none", "low"), ("library/gpt-oss", "xhigh", "high"),
    ],
)  # fmt: skip
def test_effort_becomes_think(model: str, effort: str, think: Any) -> None:
    encoded = encode(model, reasoning_effort=effort)
    assert sent(encoded)["think"] == think
    assert ("reasoning_effort" in noted(encoded)) == (isinstance(think, str) and think != effort)


def test_reasoning_handed_back_is_thinking() -> None:
    said = messages({"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo", "reasoning_content": "Hm."})
    assert said[1] == {"role": "assistant", "content": "Yo", "thinking": "Hm."}


def test_members_without_a_like_are_named_and_several_choices_are_several_calls() -> None:
    encoded = encode(
        n=2, user="u", logit_bias={"1": 1}, parallel_tool_calls=False, verbosity="low", prediction={"type": "content", "content": "x"},
        made_up=1, nothing=None, store=False,
    )  # fmt: skip
    assert dropped(encoded) == {"user", "logit_bias", "parallel_tool_calls", "verbosity", "prediction", "made_up"}
    assert encoded.fan_out == 2
