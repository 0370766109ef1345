"""What leaves for an OpenAI-style host: the caller's own bytes, but for what this host needs changed."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from msgspec import Raw
from openai.types.chat import completion_create_params
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from pydantic import TypeAdapter

from tests.dialects.openai_chat.asking import HI, decode, raw
from tests.strategies import chat_bodies
from trunkline.dialects.openai_chat import decode_request, encode_request
from trunkline.dialects.openai_chat.quirks import TABLE
from trunkline.providers import KINDS, QUIRKS
from trunkline.target import Encoded, Target


def target(kind: str = "openai", model: str = "gpt-4o", *quirks: str) -> Target:
    return Target(provider=kind, kind=kind, model=model, dialect="openai_chat", base_url="https://h/v1", quirks=frozenset(quirks))


def encode(quirks: str = "", *, kind: str = "openai_compatible", model: str = "m", **members: Any) -> Encoded:
    return encode_request(decode(**members), target(kind, model, *quirks.split()))


def sent(encoded: Encoded) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encoded.http.body)
    return body


def notes(encoded: Encoded) -> list[tuple[str, str]]:
    return [(note.kind, note.param) for note in encoded.notes]


TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("f", "g")]

# ── the usual road ───────────────────────────────────────────────────────────────────────────────────────


def test_only_the_models_name_changes() -> None:
    body = raw(b'"temperature":  0.50, "odd" : {"x":12345678901234567890, "x": 1e999}, "seed":12345678901234567890')
    encoded = encode_request(decode_request(body), target(model="gpt-4o-mini"))
    members = msgspec.json.decode(encoded.http.body, type=dict[str, Raw])
    was = msgspec.json.decode(body, type=dict[str, Raw])
    assert bytes(members.pop("model")) == b'"gpt-4o-mini"'
    del was["model"]
    assert members == was
    assert encoded.notes == ()
    assert encoded.http.url == "https://h/v1/chat/completions"
    assert encoded.http.method == "POST"


@settings(max_examples=60, deadline=None)
@given(chat_bodies(model="gpt-4o"))
def test_a_same_format_hop_leaves_every_other_members_bytes_untouched(body: dict[str, Any]) -> None:
    text = json.dumps(body, ensure_ascii=False).encode()
    encoded = encode_request(decode_request(text), target())
    was, now = msgspec.json.decode(text, type=dict[str, Raw]), msgspec.json.decode(encoded.http.body, type=dict[str, Raw])
    may_change = {"model"}
    if body.get("stream"):
        may_change.add("stream_options")
    else:
        was.pop("stream_options", None)
    if not body.get("tools"):
        was.pop("tools", None)
    if b"cache_control" in text:
        may_change.add("messages")
    assert {n: r for n, r in now.items() if n not in may_change} == {n: r for n, r in was.items() if n not in may_change}
    assert b"cache_control" not in encoded.http.body


@settings(max_examples=60, deadline=None)
@given(chat_bodies(model="gpt-4o"))
def test_what_reaches_openai_is_what_its_own_client_could_have_sent(body: dict[str, Any]) -> None:
    encoded = encode_request(decode_request(json.dumps(body).encode()), target(model="gpt-5-mini"))
    params = sent(encoded)
    oracle = STREAMING if params.pop("stream", None) else WHOLE
    for message in params["messages"]:
        if message["role"] == "tool" and isinstance(message["content"], list):  # images in tool results: callers use them elsewhere
            message["content"] = [part for part in message["content"] if part["type"] == "text"]
        if message["role"] == "assistant":
            message.setdefault("content", None)
    assert params.keys() <= CompletionCreateParamsBase.__required_keys__ | CompletionCreateParamsBase.__optional_keys__
    oracle.validate_python({**params, "stream": oracle is STREAMING})


STREAMING: TypeAdapter[Any] = TypeAdapter(completion_create_params.CompletionCreateParamsStreaming)
WHOLE: TypeAdapter[Any] = TypeAdapter(completion_create_params.CompletionCreateParamsNonStreaming)


def test_usage_is_asked_for_where_the_caller_did_not_and_other_options_stay() -> None:
    assert sent(encode(stream=True))["stream_options"] == {"include_usage": True}
    assert sent(encode(stream=True, stream_options={"include_usage": False, "include_obfuscation": False, "new": 1}))["stream_options"] == {
        "include_usage": True, "include_obfuscation": False, "new": 1,
    }  # fmt: skip
    assert sent(encode(stream=True, stream_options=None))["stream_options"] == {"include_usage": True}


def test_options_of_a_stream_do_not_go_with_a_whole_answer() -> None:
    assert "stream_options" not in sent(encode(stream=False, stream_options={"include_usage": True}))


def test_a_host_that_needs_no_asking_is_not_asked() -> None:
    assert "stream_options" not in sent(encode("no_stream_options", stream=True, stream_options={"include_usage": True}))


def test_an_empty_list_of_tools_is_left_out_with_what_means_nothing_without_it() -> None:
    body = sent(encode(tools=[], tool_choice="auto", parallel_tool_calls=True))
    assert body.keys() == {"model", "messages"}


def test_a_choice_word_written_as_an_object_is_a_word() -> None:
    assert sent(encode(kind="openai", tools=TOOLS, tool_choice={"type": "auto"}))["tool_choice"] == "auto"


def test_what_is_for_the_gateway_does_not_leave_and_is_named() -> None:
    encoded = encode(extra_body={"a": 1}, custom_parameters={"b": 2})
    assert sent(encoded).keys() == {"model", "messages", "b"}
    assert notes(encoded) == [("dropped", "extra_body")]


@pytest.mark.parametrize("kind", ["openai", "azure"])
def test_what_other_vendors_answers_are_shown_by_does_not_go_to_openai(kind: str) -> None:
    shown = {"images": [{"type": "image_url"}], "citations": [{"start": 0}]}
    said = {"role": "assistant", "content": "So.", "annotations": [], "refusal": None}
    encoded = encode(kind=kind, messages=[{"role": "user", "content": "Hi"}, {**said, **shown}, {**said, "images": None}])
    assert sent(encoded)["messages"][1:] == [said, said]
    assert {note.param for note in encoded.notes} == {f"messages[1].{name}" for name in shown}
    assert sent(encode(messages=[{**said, **shown}]))["messages"] == [{**said, **shown}]  # another host knows better what it gave


# ── token limits ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("model", ["o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5", "gpt-5.1-codex", "ft:gpt-5-mini:org::id", "my-o3"])
@pytest.mark.parametrize("kind", ["openai", "azure"])
def test_reasoning_models_get_the_newer_limit(kind: str, model: str) -> None:
    encoded = encode(kind=kind, model=model, max_tokens=5)
    assert sent(encoded)["max_completion_tokens"] == 5
    assert "max_tokens" not in sent(encoded)
    assert notes(encoded) == [("approximated", "max_tokens")]


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-3.5-turbo", "gpt-4.1", "chatgpt-4o-latest", "foo1"])
def test_other_models_get_the_limit_as_it_was_named(model: str) -> None:
    assert sent(encode(kind="openai", model=model, max_tokens=5))["max_tokens"] == 5


def test_hosts_with_one_name_get_that_one_and_the_newer_name_counts() -> None:
    assert sent(encode("max_tokens_only", max_completion_tokens=6))["max_tokens"] == 6
    assert sent(encode("max_completion_tokens", max_tokens=5))["max_completion_tokens"] == 5
    both = encode("max_tokens_only", max_tokens=5, max_completion_tokens=6)
    assert {name: value for name, value in sent(both).items() if "max" in name} == {"max_tokens": 6}
    both = encode("max_completion_tokens", max_tokens=5, max_completion_tokens=6)
    assert {name: value for name, value in sent(both).items() if "max" in name} == {"max_completion_tokens": 6}
    assert {name: value for name, value in sent(encode(max_tokens=5, max_completion_tokens=6)).items() if "max" in name} == {
        "max_tokens": 5, "max_completion_tokens": 6,
    }  # fmt: skip


# ── quirks ───────────────────────────────────────────────────────────────────────────────────────────────

ELSEWHERE = {
    "no_developer_role", "nine_char_tool_ids", "text_content_only", "keeps_cache_control", "keeps_reasoning_content",
    "keeps_reasoning_details", "max_tokens_only", "max_completion_tokens", "no_stream_options",
}  # fmt: skip
"""In history.py and outbound.py; each has a test here or in test_history.py."""


def test_every_quirk_has_code_or_says_that_it_is_about_answers() -> None:
    answers = {name for name, meaning in QUIRKS.items() if meaning.startswith("answers:")}
    assert set(TABLE) | ELSEWHERE == set(QUIRKS) - answers
    for kind in KINDS.values():
        assert kind.quirks <= set(QUIRKS), kind.name


@pytest.mark.parametrize(
    ("quirk", "members", "dropped"),
    [
        ("no_seed", {"seed": 1}, ["seed"]),
        ("no_user", {"user": "u", "safety_identifier": "s"}, ["user", "safety_identifier"]),
        ("no_logprobs", {"logprobs": True, "top_logprobs": 2}, ["logprobs", "top_logprobs"]),
        ("no_logit_bias", {"logit_bias": {"1": 1}}, ["logit_bias"]),
        ("no_penalties", {"presence_penalty": 1, "frequency_penalty": 1}, ["presence_penalty", "frequency_penalty"]),
        ("no_reasoning_effort", {"reasoning_effort": "low"}, ["reasoning_effort"]),
        ("no_parallel_tool_calls", {"parallel_tool_calls": False, "tools": TOOLS}, ["parallel_tool_calls"]),
        ("no_store_metadata", {"store": True, "metadata": {"a": "b"}}, ["store", "metadata"]),
        (
            "openai_only_fields_removed",
            {"verbosity": "low", "service_tier": "flex", "prediction": {"type": "content", "content": "x"}, "store": True},
            ["prediction", "service_tier", "store", "verbosity"],
        ),
        ("strict_fields", {"verbosity": "low", "prompt_cache_key": "k", "top_k": 1, "odd": 2}, ["prompt_cache_key", "verbosity"]),
    ],
)
def test_what_a_host_has_not_is_dropped_and_named(quirk: str, members: dict[str, Any], dropped: list[str]) -> None:
    encoded = encode(quirk, **members)
    assert notes(encoded) == [("dropped", name) for name in dropped]
    assert sent(encoded).keys() == {"model", "messages"} | members.keys() - set(dropped)


def test_what_asks_for_nothing_is_dropped_without_a_word() -> None:
    quirks = "no_store_metadata no_logprobs no_penalties no_logit_bias no_parallel_tool_calls no_seed"
    members: dict[str, Any] = {
        "store": False,
        "metadata": {},
        "logprobs": False,
        "presence_penalty": 0,
        "logit_bias": {},
        "parallel_tool_calls": True,
        "seed": None,
    }
    encoded = encode(quirks, tools=TOOLS, **members)
    assert encoded.notes == ()
    assert sent(encoded).keys() == {"model", "messages", "tools"}


def test_nulls_do_not_reach_a_strict_host() -> None:
    encoded = encode("strict_fields", temperature=None, odd=None)
    assert sent(encoded).keys() == {"model", "messages"}


def test_n_becomes_parallel_calls() -> None:
    encoded = encode("no_n", n=3)
    assert encoded.fan_out == 3
    assert "n" not in sent(encoded)
    assert notes(encoded) == [("emulated", "n")]
    one = encode("no_n", n=1)
    assert (one.fan_out, one.notes, "n" in sent(one)) == (1, (), False)


def test_seed_and_stop_take_the_hosts_form() -> None:
    assert sent(encode("seed_random_seed", seed=7)).items() >= {"random_seed": 7}.items()
    assert "seed" not in sent(encode("seed_random_seed", seed=7))
    assert sent(encode("stop_list_only", stop="END"))["stop"] == ["END"]
    assert sent(encode("stop_list_only", stop=["a"]))["stop"] == ["a"]


def test_required_is_any_where_the_host_says_so() -> None:
    assert sent(encode("tool_choice_any", tools=TOOLS, tool_choice="required"))["tool_choice"] == "any"
    assert sent(encode("tool_choice_any", tools=TOOLS, tool_choice="auto"))["tool_choice"] == "auto"
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]}}
    assert sent(encode("plain_tool_choice tool_choice_any", tools=TOOLS, tool_choice=allowed))["tool_choice"] == "any"


def test_allowed_tools_become_a_shorter_list_of_the_callers_bytes() -> None:
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "g"}}]}}
    tools = [TOOLS[0], {"type": "function", "function": {"name": "g"}, "odd": 12345678901234567890}]
    encoded = encode("plain_tool_choice", tools=tools, tool_choice=allowed)
    assert sent(encoded)["tools"] == tools[1:]
    assert sent(encoded)["tool_choice"] == "auto"
    assert notes(encoded) == [("emulated", "tool_choice")]


def test_allowed_tools_may_be_custom_ones_and_stand_beside_legacy_functions() -> None:
    custom = {"type": "custom", "custom": {"name": "c"}}
    allowed = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [custom, {"type": "function", "function": {"name": "l"}}]},
    }
    encoded = encode("plain_tool_choice no_functions", tools=[*TOOLS, custom], functions=[{"name": "l"}], tool_choice=allowed)
    assert sent(encoded)["tools"] == [custom, {"type": "function", "function": {"name": "l"}}]


CUSTOM = {"type": "custom", "custom": {"name": "c", "description": "Does.", "format": {"type": "text"}}}
CUSTOM_CALL = {"id": "call_1", "type": "custom", "custom": {"name": "c", "input": 'say "hi"'}}
CUSTOM_TURNS = [
    {"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [CUSTOM_CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "1"},
]  # fmt: skip


def test_custom_tools_reach_openai_as_they_are() -> None:
    members: dict[str, Any] = {
        "messages": CUSTOM_TURNS,
        "tools": [*TOOLS, CUSTOM],
        "tool_choice": {"type": "custom", "custom": {"name": "c"}},
    }
    encoded = encode(kind="openai", model="gpt-5", **members)
    assert {name: sent(encoded)[name] for name in members} == members
    assert (encoded.notes, encoded.customs) == ((), frozenset())


def test_custom_tools_are_functions_for_a_host_that_knows_no_others() -> None:
    named = {"type": "custom", "custom": {"name": "c"}}
    encoded = encode("no_custom_tools nine_char_tool_ids strict_fields", messages=CUSTOM_TURNS, tools=[*TOOLS, CUSTOM], tool_choice=named)
    body = sent(encoded)
    assert body["tools"][:2] == TOOLS
    assert body["tools"][2]["type"] == "function"
    assert body["tools"][2]["function"]["name"] == "c"
    assert body["tools"][2]["function"]["parameters"]["required"] == ["input"]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "c"}}
    [call] = body["messages"][1]["tool_calls"]
    assert call == {"id": call["id"], "type": "function", "function": {"name": "c", "arguments": '{"input":"say \\"hi\\""}'}}
    assert call["id"] == body["messages"][2]["tool_call_id"]
    assert encoded.customs == {"c"}
    assert notes(encoded) == [("emulated", "tools[2]")]


def test_earlier_custom_calls_are_functions_there_even_if_no_tool_is_offered_now() -> None:
    encoded = encode("no_custom_tools", messages=CUSTOM_TURNS)
    assert sent(encoded)["messages"][1]["tool_calls"][0]["function"]["name"] == "c"
    assert encoded.customs == frozenset()


def test_a_named_tool_stays_as_it_is_and_opiks_words_become_words() -> None:
    named = {"type": "function", "function": {"name": "f"}}
    assert sent(encode("plain_tool_choice", tools=TOOLS, tool_choice=named))["tool_choice"] == named
    assert sent(encode("plain_tool_choice", tools=TOOLS, tool_choice={"type": "required"}))["tool_choice"] == "required"


def test_legacy_functions_become_tools() -> None:
    functions = [{"name": "f", "parameters": {"const": 12345678901234567890}}, {"name": "g"}]
    encoded = encode("no_functions", functions=functions, function_call={"name": "g"})
    assert sent(encoded)["tools"] == [{"type": "function", "function": f} for f in functions]
    assert sent(encoded)["tool_choice"] == {"type": "function", "function": {"name": "g"}}
    assert not {"functions", "function_call"} & sent(encoded).keys()
    assert notes(encoded) == [("emulated", "functions")]
    assert sent(encode("no_functions", functions=functions, function_call="none"))["tool_choice"] == "none"
    assert sent(encode("no_functions", functions=None, function_call=None)).keys() == {"model", "messages"}
    assert sent(encode("no_functions", functions=functions, tools=TOOLS))["tools"][:2] == TOOLS


SCHEMA = {"type": "object", "properties": {"n": {"const": 12345678901234567890}}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}


@pytest.mark.parametrize(
    ("quirks", "left"),
    [("no_json_schema", {"type": "json_object"}), ("no_response_format", None), ("no_json_schema no_response_format", None)],
)
def test_a_schema_is_asked_in_words_and_checked(quirks: str, left: Any) -> None:
    encoded = encode(quirks, response_format=FORMAT)
    assert sent(encoded).get("response_format") == left
    assert (encoded.check, json.loads(bytes(encoded.schema))) == ("schema", SCHEMA)
    first, *rest = sent(encoded)["messages"]
    assert first["role"] == "system"
    assert "12345678901234567890" in first["content"]
    assert rest == HI
    assert notes(encoded) == [("emulated", "response_format")]


def test_a_json_object_is_asked_in_words_where_there_is_no_format_at_all() -> None:
    encoded = encode("no_response_format", response_format={"type": "json_object"})
    assert encoded.check == "json"
    assert "JSON" in sent(encoded)["messages"][0]["content"]
    assert sent(encode("no_json_schema", response_format={"type": "json_object"}))["response_format"] == {"type": "json_object"}
    assert encode("no_response_format", response_format={"type": "text"}).notes == ()
    assert notes(encode("no_response_format", response_format={"type": "grammar"})) == [("dropped", "response_format")]


def test_cache_marks_on_tools_reach_only_hosts_that_take_them() -> None:
    tools = [{**TOOLS[0], "cache_control": {"type": "ephemeral"}}]
    encoded = encode(tools=tools)
    assert sent(encoded)["tools"] == TOOLS[:1]
    assert notes(encoded) == [("dropped", "tools[0].cache_control")]
    assert sent(encode("keeps_cache_control", tools=tools))["tools"] == tools


@settings(max_examples=40, deadline=None)
@given(chat_bodies())
def test_any_request_can_be_sent_to_every_host(body: dict[str, Any]) -> None:
    request = decode_request(json.dumps(body).encode())
    for kind in KINDS.values():
        if kind.dialect == "openai_chat":
            encoded = encode_request(request, target(kind.name, "m", *kind.quirks))
            assert sent(encoded)["model"] == "m"
            assert len(sent(encoded)["messages"]) >= len(body["messages"])
