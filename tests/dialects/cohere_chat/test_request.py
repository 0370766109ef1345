"""What reaches Cohere: the rows of its column, each judged by the vendor's own types too."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from tests.dialects.cohere_chat.oracle import check
from tests.dialects.replaying import ask, dropped, noted, sent
from tests.strategies import PDF, PNG, WAV, chat_requests
from trunkline.chat import ChatRequest
from trunkline.dialects import cohere_chat as dialect
from trunkline.errors import CallerError
from trunkline.target import Encoded, Target

TARGET = Target(
    provider="cohere", kind="cohere", model="command-a-reasoning-08-2025", dialect="cohere_chat", base_url="https://api.cohere.com"
)
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
CLOCK = {"type": "function", "function": {"name": "clock"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"id":12345678901234567890}'}}


def encode(target: Target = TARGET, **body: Any) -> Encoded:
    encoded = dialect.encode_request(ask(**body), target)
    check(sent(encoded))
    return encoded


def messages(*given: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sent(encode(messages=list(given)))["messages"]
    return found


@settings(max_examples=150, deadline=None)
@given(chat_requests(media=frozenset({"image"})))
def test_every_valid_request_becomes_one_that_cohere_takes(request: ChatRequest) -> None:
    if request.response_format is not None and request.response_format.type != "text" and (request.tools or request.functions):
        return  # refused, as its own test shows
    encoded = dialect.encode_request(request, TARGET)
    body = sent(encoded)
    check(body)
    renamed = {
        "top_p": "p", "top_k": "k", "stop": "stop_sequences", "max_completion_tokens": "max_tokens", "reasoning_effort": "thinking",
        "functions": "tools",
    }  # fmt: skip
    told = {note.param.split(".")[0].split("[")[0] for note in encoded.notes}
    for name in request.wire:
        value = getattr(request, name)
        nothing = (1, False, [], {}, 0, "auto", "default", "medium", ["text"], True)
        if name in ("stream_options", "tool_choice", "function_call") or value in nothing or body.get("tool_choice") == "NONE":
            continue
        if name == "response_format" and value.type == "text":
            continue
        assert renamed.get(name, name) in body or name in told, f"{name} vanished without a word"


def test_the_request_goes_to_v2_chat_of_the_host() -> None:
    http = encode().http
    assert (http.method, http.url) == ("POST", "https://api.cohere.com/v2/chat")
    assert json.loads(http.body) == {"model": TARGET.model, "messages": [{"role": "user", "content": "Hi"}], "stream": False}


def test_every_system_text_stays_in_its_place() -> None:
    said = messages(
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"},
        {"role": "developer", "content": "Now be long."}, {"role": "user", "content": "Again"},
    )  # fmt: skip
    assert [(m["role"], m["content"]) for m in said] == [
        ("system", "Be brief."), ("user", "Hi"), ("assistant", "Yo"), ("system", "Now be long."), ("user", "Again"),
    ]  # fmt: skip


def test_words_beside_tool_calls_become_the_plan() -> None:
    encoded = encode(
        messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "I will look.", "tool_calls": [CALL]},
                  {"role": "tool", "tool_call_id": "c1", "content": "72F"}],
    )  # fmt: skip
    assistant = sent(encoded)["messages"][1]
    assert assistant["tool_plan"] == "I will look."
    assert assistant["tool_calls"] == [CALL]
    assert noted(encoded)["messages[1].content"].kind == "approximated"


def test_a_plan_handed_back_as_reasoning_is_the_plan_again() -> None:
    said = messages(
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "reasoning_content": "I will look.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "72F"},
    )
    assert said[1]["tool_plan"] == "I will look."


def test_reasoning_of_a_finished_turn_is_named_as_dropped() -> None:
    encoded = encode(
        messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo", "reasoning_content": "Hm."},
                  {"role": "user", "content": "Again"}],
    )  # fmt: skip
    assert dropped(encoded) == {"messages[1].reasoning_content"}


@pytest.mark.parametrize(
    ("result", "data"),
    [("72F", {"output": "72F"}), ("", {"output": ""}), ('{"ok": [1]}', {"ok": [1]}), ("{}", {"output": "{}"}), ("[1]", {"output": "[1]"})],
)
def test_a_tool_result_is_a_document(result: str, data: dict[str, Any]) -> None:
    said = messages(
        {"role": "user", "content": "Hi"}, {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": result},
    )  # fmt: skip
    assert said[2] == {"role": "tool", "tool_call_id": "c1", "content": [{"type": "document", "document": {"data": data}}]}


def test_numbers_of_a_tool_result_keep_their_digits() -> None:
    body = encode(
        messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": None, "tool_calls": [CALL]},
                  {"role": "tool", "tool_call_id": "c1", "content": '{"id":12345678901234567890,"x":1.10}'}],
    ).http.body  # fmt: skip
    assert b'{"id":12345678901234567890,"x":1.10}' in body


def test_calls_without_arguments_are_an_empty_object_and_broken_ones_are_refused() -> None:
    empty = {**CALL, "function": {"name": "weather", "arguments": ""}}
    said = messages({"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [empty]})
    assert said[1]["tool_calls"][0]["function"]["arguments"] == "{}"
    broken = {**CALL, "function": {"name": "weather", "arguments": '{"a":'}}
    with pytest.raises(CallerError, match=r"messages\[0\].tool_calls\[0\]"):
        encode(messages=[{"role": "assistant", "tool_calls": [broken]}])


def test_a_legacy_call_and_its_result_share_an_id() -> None:
    encoded = encode(
        functions=[{"name": "weather"}],
        messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "function_call": {"name": "weather", "arguments": ""}},
                  {"role": "function", "name": "weather", "content": "72F"}],
    )  # fmt: skip
    _, call, result = sent(encoded)["messages"]
    assert call["tool_calls"][0]["id"] == result["tool_call_id"]
    assert sent(encoded)["tools"][0]["function"]["name"] == "weather"


def test_images_go_as_they_are_and_other_media_are_refused_by_name() -> None:
    urls = [f"data:image/png;base64,{PNG}", "https://example.com/a.png"]
    parts = [{"type": "text", "text": "Look"}] + [{"type": "image_url", "image_url": {"url": url, "detail": "low"}} for url in urls]
    assert messages({"role": "user", "content": parts})[0]["content"] == parts
    assert dialect.remote_media(ask(), TARGET) == []
    refused: list[dict[str, Any]] = [
        {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}},
        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}"}},
        {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}},
    ]
    for part in refused:
        with pytest.raises(CallerError, match=r"messages\[0\].content\[1\]"):
            encode(messages=[{"role": "user", "content": [{"type": "text", "text": "Look"}, part]}])


def test_an_image_in_a_tool_result_is_named_as_dropped() -> None:
    encoded = encode(
        messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [CALL]},
                  {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "see"},
                   {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]}],
    )  # fmt: skip
    assert dropped(encoded) == {"messages[2].content[1]"}


@pytest.mark.parametrize(
    ("choice", "word", "tools"),
    [
        (None, None, ["weather", "clock"]),
        ("auto", None, ["weather", "clock"]),
        ("none", "NONE", ["weather", "clock"]),
        ("required", "REQUIRED", ["weather", "clock"]),
        ({"type": "function", "function": {"name": "clock"}}, "REQUIRED", ["clock"]),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [CLOCK]}}, None, ["clock"]),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [CLOCK]}}, "REQUIRED", ["clock"]),
    ],
)
def test_every_tool_choice_has_its_like(choice: Any, word: str | None, tools: list[str]) -> None:
    body = sent(encode(tools=[WEATHER, CLOCK], tool_choice=choice))
    assert body.get("tool_choice") == word
    assert [tool["function"]["name"] for tool in body["tools"]] == tools


def test_a_demand_for_a_tool_without_tools_is_refused() -> None:
    with pytest.raises(CallerError) as caught:
        encode(tool_choice="required")
    assert caught.value.param == "tool_choice"


def test_illegal_tool_names_are_mapped_and_mapped_back() -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("a.b", "a_b", "3d")]
    call = {"id": "c1", "type": "function", "function": {"name": "a.b", "arguments": "{}"}}
    encoded = encode(
        tools=tools, messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [call]},
                               {"role": "tool", "tool_call_id": "c1", "content": "1"}],
    )  # fmt: skip
    body = sent(encoded)
    names = [tool["function"]["name"] for tool in body["tools"]]
    assert len(set(names)) == 3
    assert names[1] == "a_b"
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == names[0]
    assert encoded.names == {names[0]: "a.b", names[2]: "3d"}


def test_strict_is_one_switch() -> None:
    strict = {"type": "function", "function": {"name": "clock", "strict": True}}
    both = encode(tools=[strict, WEATHER])
    assert sent(both)["strict_tools"] is True
    assert noted(both)["tools[0].function.strict"].kind == "approximated"
    assert "strict_tools" not in sent(encode(tools=[WEATHER]))


def test_json_modes_are_cohere_s_and_refused_beside_tools() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}
    asked = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    assert sent(encode(response_format=asked))["response_format"] == {"type": "json_object", "json_schema": schema}
    assert sent(encode(response_format={"type": "json_object"}))["response_format"] == {"type": "json_object"}
    assert "response_format" not in sent(encode(response_format={"type": "text"}))
    for each in (asked, {"type": "json_object"}):
        with pytest.raises(CallerError) as caught:
            encode(response_format=each, tools=[WEATHER])
        assert caught.value.param == "response_format"
    assert "tools" not in sent(encode(response_format=asked, tools=[WEATHER], tool_choice="none"))


def test_values_beyond_the_vendors_ranges_are_clamped_and_named() -> None:
    encoded = encode(temperature=1.7, top_p=1, top_k=900, frequency_penalty=-1, presence_penalty=1.5)
    body = sent(encoded)
    assert (body["temperature"], body["p"], body["k"], body["frequency_penalty"], body["presence_penalty"]) == (1, 0.99, 500, 0, 1)
    assert {n.param for n in encoded.notes if n.kind == "clamped"} == {
        "temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty",
    }  # fmt: skip


def test_members_with_a_like_are_sent_under_cohere_s_names() -> None:
    body = sent(encode(temperature=0.5, top_p=0.9, top_k=3, max_completion_tokens=9, max_tokens=7, stop="END", seed=3, logprobs=True))
    for name, value in {
        "temperature": 0.5,
        "p": 0.9,
        "k": 3,
        "max_tokens": 9,
        "stop_sequences": ["END"],
        "seed": 3,
        "logprobs": True,
    }.items():
        assert body[name] == value
    with pytest.raises(CallerError, match="stop has 6"):
        encode(stop=list("abcdef"))


def test_members_without_a_like_are_named() -> None:
    encoded = encode(
        top_logprobs=3, parallel_tool_calls=False, user="u", metadata={"a": "b"}, store=True, logit_bias={"1": 2}, prompt_cache_key="k",
        service_tier="flex", verbosity="low", web_search_options={}, made_up=1, nothing=None, seed=None,
    )  # fmt: skip
    assert dropped(encoded) == {
        "top_logprobs", "parallel_tool_calls", "user", "metadata", "store", "logit_bias", "prompt_cache_key", "service_tier", "verbosity",
        "web_search_options", "made_up",
    }  # fmt: skip


def test_a_value_that_asks_for_nothing_is_not_named() -> None:
    assert encode(store=False, n=1, logprobs=False, parallel_tool_calls=True, modalities=["text"], tools=[], metadata=None).notes == ()


def test_cohere_s_own_members_go_through_and_win() -> None:
    own = {"safety_mode": "STRICT", "documents": ["a"], "citation_options": {"mode": "FAST"}, "priority": 2, "strict_tools": True}
    encoded = encode(**own, thinking={"type": "disabled"}, reasoning_effort="high")
    assert {**own, "thinking": {"type": "disabled"}}.items() <= sent(encoded).items()
    assert encoded.notes == ()


@pytest.mark.parametrize(
    ("effort", "thinking"),
    [("none", {"type": "disabled"}), ("low", {"type": "enabled", "token_budget": 2048}), ("high", {"type": "enabled"})],
)
def test_effort_becomes_thinking(effort: str, thinking: dict[str, Any]) -> None:
    assert sent(encode(reasoning_effort=effort))["thinking"] == thinking


def test_a_model_that_does_not_think_is_not_asked_to() -> None:
    target = Target(provider="c", kind="cohere", model="command-r-08-2024", dialect="cohere_chat", base_url="https://api.cohere.com")
    encoded = encode(target, reasoning_effort="high")
    assert "thinking" not in sent(encoded)
    assert dropped(encoded) == {"reasoning_effort"}
    with pytest.raises(CallerError, match="reasoning_effort"):
        encode(reasoning_effort="enormous")


def test_several_choices_are_several_calls() -> None:
    encoded = encode(n=3)
    assert encoded.fan_out == 3
    assert "n" not in sent(encoded)


def test_an_extra_body_that_came_as_it_is_does_not_vanish_without_a_word() -> None:
    assert "extra_body" in dropped(encode(extra_body={"documents": []}))
