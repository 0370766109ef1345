"""What reaches the Responses API, each body judged by OpenAI's own types too."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from tests.dialects.openai_responses.oracle import check
from tests.dialects.replaying import ask, dropped, noted, sent
from tests.strategies import PDF, PNG, WAV, chat_requests
from trunkline.chat import ChatRequest
from trunkline.dialects import openai_responses as dialect
from trunkline.errors import CallerError
from trunkline.target import Encoded, Target


def target(model: str = "gpt-5-pro") -> Target:
    return Target(provider="openai", kind="openai", model=model, dialect="openai_responses", base_url="https://api.openai.com/v1")


def encode(model: str = "gpt-5-pro", **body: Any) -> Encoded:
    encoded = dialect.encode_request(ask(**body), target(model))
    check(sent(encoded))
    return encoded


def items(*given: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sent(encode(messages=list(given), **more))["input"]
    return found


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"id":12345678901234567890}'}}
F = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
G = {"type": "function", "function": {"name": "g"}}
USER = {"role": "user", "content": "Hi"}


@settings(max_examples=150, deadline=None)
@given(chat_requests(media=frozenset({"image", "file"})))
def test_every_valid_request_becomes_one_that_openai_takes(request: ChatRequest) -> None:
    encoded = dialect.encode_request(request, target())
    body = sent(encoded)
    check(body)
    told = {note.param.split(".")[0].split("[")[0] for note in encoded.notes}
    renamed = {
        "messages": "input", "max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens", "response_format": "text",
        "verbosity": "text", "reasoning_effort": "reasoning", "functions": "tools", "function_call": "tool_choice", "logprobs": "include",
        "web_search_options": "tools",
    }  # fmt: skip
    for name in request.wire:
        value = getattr(request, name)
        nothing = (1, False, [], {}, 0, ["text"])
        if name in ("stream_options", "parallel_tool_calls") or value in nothing or (name == "response_format" and value.type == "text"):
            continue
        assert renamed.get(name, name) in body or name in told, f"{name} vanished without a word"


def test_the_request_goes_to_responses_and_is_not_stored() -> None:
    http = encode("gpt-4o").http
    assert (http.method, http.url) == ("POST", "https://api.openai.com/v1/responses")
    hello = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
    assert json.loads(http.body) == {"model": "gpt-4o", "input": [hello], "stream": False, "store": False}


def test_every_role_stays_in_its_place() -> None:
    said = items(
        {"role": "system", "content": "A"}, USER, {"role": "assistant", "content": "Yo"}, {"role": "developer", "content": "B"}, USER
    )  # fmt: skip
    assert [item["role"] for item in said] == ["system", "user", "assistant", "developer", "user"]
    assert said[2]["content"] == "Yo"


def test_calls_and_results_are_items_of_their_own() -> None:
    said = items(
        USER, {"role": "assistant", "content": "Look.", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c1", "content": ""}
    )
    assert said[1:] == [
        {"type": "message", "role": "assistant", "content": "Look."},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"id":12345678901234567890}'},
        {"type": "function_call_output", "call_id": "c1", "output": ""},
    ]


def test_custom_calls_have_their_own_kind() -> None:
    custom = {"id": "c1", "type": "custom", "custom": {"name": "run", "input": "print(1)"}}
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /a/"}}
    tool = {"type": "custom", "custom": {"name": "run", "format": grammar}}
    encoded = encode(
        tools=[tool], tool_choice={"type": "custom", "custom": {"name": "run"}},
        messages=[USER, {"role": "assistant", "tool_calls": [custom]}, {"role": "tool", "tool_call_id": "c1", "content": "1"}],
    )  # fmt: skip
    body = sent(encoded)
    assert [item["type"] for item in body["input"]] == ["message", "custom_tool_call", "custom_tool_call_output"]
    assert body["tools"] == [{"type": "custom", "name": "run", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /a/"}}]
    assert body["tool_choice"] == {"type": "custom", "name": "run"}


def test_encrypted_reasoning_goes_back_before_its_call() -> None:
    detail = {
        "type": "reasoning.encrypted", "data": "gAAA", "format": "openai-responses", "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "Hm."}],
    }  # fmt: skip
    said = items(
        USER, {"role": "assistant", "content": None, "reasoning_content": "Hm.", "reasoning_details": [detail], "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
    )  # fmt: skip
    assert said[1] == {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "gAAA"}
    assert said[2]["type"] == "function_call"


def test_reasoning_that_openai_cannot_read_is_named_as_dropped() -> None:
    foreign = {"type": "reasoning.text", "text": "Hm.", "signature": "x", "format": "anthropic"}
    encoded = encode(
        messages=[USER, {"role": "assistant", "content": "Yo", "reasoning_content": "Hm."},
                  {"role": "assistant", "content": "Yo", "reasoning_details": [foreign]}],
    )  # fmt: skip
    assert dropped(encoded) == {"messages[1].reasoning_content", "messages[2].reasoning_details"}


def test_media_become_input_parts() -> None:
    data = f"data:application/pdf;base64,{PDF}"
    parts: list[dict[str, Any]] = [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": data}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]
    said = items({"role": "user", "content": parts})
    assert said[0]["content"] == [
        {"type": "input_text", "text": "Look"},
        {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
        {"type": "input_file", "filename": "a.pdf", "file_data": data},
        {"type": "input_file", "file_id": "file-1"},
    ]
    audio = {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}
    heard = sent(dialect.encode_request(ask(messages=[{"role": "user", "content": [audio]}]), target()))
    assert heard["input"][0]["content"] == [audio]
    for part in ({"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}, {"type": "file", "file": {}}):
        with pytest.raises(CallerError, match=r"messages\[0\].content\[0\]"):
            encode(messages=[{"role": "user", "content": [part]}])


def test_a_picture_in_a_tool_result_stays_in_it() -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    said = items(USER, {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c1", "content": [picture]})
    assert said[2]["output"] == [{"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"}]


def test_tools_are_flat_and_strict_only_where_asked() -> None:
    strict = {"type": "function", "function": {"name": "s", "description": "d", "strict": True, "parameters": {"type": "object"}}}
    own = {"type": "file_search", "vector_store_ids": ["vs_1"]}
    body = sent(encode(tools=[F, strict, own], web_search_options={"search_context_size": "low"}, parallel_tool_calls=False))
    assert body["tools"] == [
        {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False},
        {"type": "function", "name": "s", "description": "d", "parameters": {"type": "object"}, "strict": True},
        own,
        {"type": "web_search", "search_context_size": "low"},
    ]
    assert body["parallel_tool_calls"] is False


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("none", "none"),
        ("auto", "auto"),
        ("required", "required"),
        ({"type": "auto"}, "auto"),
        ({"type": "function", "function": {"name": "g"}}, {"type": "function", "name": "g"}),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]}},
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "g"}]},
        ),
        ({"type": "web_search"}, None),
    ],
)
def test_every_tool_choice_has_its_form(choice: Any, expected: Any) -> None:
    if expected is None:
        body = sent(dialect.encode_request(ask(tools=[{"type": "web_search"}], tool_choice=choice), target()))
        assert body["tool_choice"] == choice
    else:
        assert sent(encode(tools=[F, G], tool_choice=choice))["tool_choice"] == expected


def test_a_demand_for_a_tool_without_tools_is_refused() -> None:
    with pytest.raises(CallerError, match="no tool is offered"):
        encode(tool_choice="required")


def test_text_holds_format_and_verbosity() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    asked = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True, "description": "d"}}
    body = sent(encode(response_format=asked, verbosity="low"))
    form = {"type": "json_schema", "name": "x", "schema": schema, "strict": True, "description": "d"}
    assert body["text"] == {"format": form, "verbosity": "low"}
    assert sent(encode(response_format={"type": "json_object"}))["text"] == {"format": {"type": "json_object"}}


def test_effort_is_passed_on_and_a_summary_only_where_asked() -> None:
    assert sent(encode(reasoning_effort="high"))["reasoning"] == {"effort": "high"}
    both = sent(encode(reasoning_effort="high", reasoning={"summary": "auto"}))
    assert both["reasoning"] == {"effort": "high", "summary": "auto"}


@pytest.mark.parametrize(
    ("model", "more", "asked"),
    [
        ("o3-pro", {}, True), ("gpt-5-codex", {}, True), ("openai.gpt-5.6-luna", {}, True), ("gpt-4o", {}, False),
        ("gpt-5-chat-latest", {}, False),
        ("gpt-5.2-chat", {}, False), ("o3", {"store": True}, False), ("other", {"reasoning_effort": "low"}, True),
    ],
)  # fmt: skip
def test_reasoning_is_asked_for_encrypted_where_nothing_is_stored_and_the_model_reasons(
    model: str, more: dict[str, Any], asked: bool
) -> None:
    assert ("reasoning.encrypted_content" in sent(encode(model, **more)).get("include", [])) == asked


def test_a_limit_below_the_least_is_raised_and_named() -> None:
    encoded = encode(max_completion_tokens=5, max_tokens=99)
    assert sent(encoded)["max_output_tokens"] == 16
    assert noted(encoded)["max_completion_tokens"].kind == "clamped"
    assert sent(encode(max_tokens=99))["max_output_tokens"] == 99


def test_members_with_a_like_are_sent() -> None:
    given = {
        "temperature": 0.5, "top_p": 0.9, "metadata": {"a": "b"}, "service_tier": "flex", "user": "u", "safety_identifier": "s",
        "prompt_cache_key": "k", "store": True,
    }  # fmt: skip
    encoded = encode("gpt-4o", **given, logprobs=True, top_logprobs=3, truncation="auto", previous_response_id="resp_1", include=["x"][:0])
    body = sent(encoded)
    assert given.items() <= body.items()
    assert (body["top_logprobs"], body["include"]) == (3, ["message.output_text.logprobs"])
    assert (body["truncation"], body["previous_response_id"]) == ("auto", "resp_1")
    assert encoded.notes == ()


def test_members_without_a_like_are_named_and_several_choices_are_several_calls() -> None:
    encoded = encode(
        n=2, stop="END", seed=1, presence_penalty=1, frequency_penalty=1, logit_bias={"1": 1}, audio={"voice": "a", "format": "wav"},
        prediction={"type": "content", "content": "x"}, modalities=["text", "audio"], top_k=3, top_logprobs=2, made_up=1, background=True,
        nothing=None,
    )  # fmt: skip
    assert dropped(encoded) == {
        "stop", "seed", "presence_penalty", "frequency_penalty", "logit_bias", "prediction", "audio", "modalities", "top_k", "top_logprobs",
        "made_up", "background",
    }  # fmt: skip
    assert encoded.fan_out == 2


def test_own_members_of_a_wrong_form_are_the_callers_fault() -> None:
    for name, value in {"reasoning": 3, "text": [], "include": "x"}.items():
        with pytest.raises(CallerError) as caught:
            encode(**{name: value})
        assert caught.value.param == name
