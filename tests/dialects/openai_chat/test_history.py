"""Histories on their way to a host: as they came, but for what this host cannot take."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.dialects.openai_chat.asking import decode
from tests.dialects.openai_chat.test_outbound import encode, notes, sent, target
from trunkline.dialects.openai_chat import history
from trunkline.dialects.openai_chat.history import nine


def test_plain_histories_are_not_even_looked_at_message_by_message() -> None:
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    messages = [
        {"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "t"}]},
        {"role": "assistant", "content": None, "tool_calls": calls}, {"role": "tool", "tool_call_id": "c", "content": "r"},
    ]  # fmt: skip
    request = decode(messages=messages)
    assert not history.needs_rewrite(request.messages, target("openai"))
    assert not history.needs_rewrite(
        request.messages, target("openai_compatible", "m", "no_functions", "no_developer_role", "text_content")
    )


def test_one_part_object_becomes_a_list() -> None:
    part = {"type": "text", "text": "hi"}
    assert sent(encode(messages=[{"role": "user", "content": part}]))["messages"] == [{"role": "user", "content": [part]}]


def test_developer_is_system_where_the_host_does_not_know_it() -> None:
    messages = [{"role": "developer", "content": "d", "name": "n"}]
    assert sent(encode("no_developer_role", messages=messages))["messages"] == [{"role": "system", "content": "d", "name": "n"}]
    assert sent(encode(messages=messages))["messages"] == messages


def test_our_error_flag_of_a_tool_result_stays_here() -> None:
    messages = [{"role": "tool", "tool_call_id": "c", "content": "r", "is_error": True}]
    assert sent(encode(messages=messages))["messages"] == [{"role": "tool", "tool_call_id": "c", "content": "r"}]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "text": "t"},
        {"type": "image_url", "image_url": {"url": "https://h/i"}},
        {"type": "file", "file": {"file_id": "f"}},
    ],
)
def test_cache_marks_reach_only_hosts_that_take_them(part: dict[str, Any]) -> None:
    marked = {**part, "cache_control": {"type": "ephemeral"}}
    for content, place in (([marked], "messages[0].content[0]"), (marked, "messages[0].content")):
        encoded = encode(messages=[{"role": "user", "content": content}])
        assert sent(encoded)["messages"] == [{"role": "user", "content": [part]}]
        assert notes(encoded) == [("dropped", f"{place}.cache_control")]
        kept = encode("keeps_cache_control", messages=[{"role": "user", "content": content}])
        assert sent(kept)["messages"] == [{"role": "user", "content": [marked]}]


def test_texts_are_joined_and_the_rest_named_where_a_host_takes_one_string() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://h/i"}}, {"type": "text", "text": "b"}]
    encoded = encode("text_content_only", messages=[{"role": "user", "content": parts}, {"role": "user", "content": "c"}])
    assert sent(encoded)["messages"] == [{"role": "user", "content": "ab"}, {"role": "user", "content": "c"}]
    assert notes(encoded) == [("dropped", "messages[0].content[1]")]


# ── what our answers taught the caller to hand back ──────────────────────────────────────────────────────

ANSWER = {
    "role": "assistant", "content": "a", "reasoning_content": "thought", "reasoning": "thought", "content_parts": [1],
    "reasoning_details": [{"type": "reasoning.text", "text": "thought", "signature": "s"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("quirks", "kept", "lost"),
    [
        ("", {}, ["reasoning_details", "reasoning_content"]),
        ("keeps_reasoning_content", {"reasoning_content": "thought"}, []),
        ("keeps_reasoning_details", {"reasoning": "thought", "reasoning_details": ANSWER["reasoning_details"]}, []),
        ("reasoning_field_reasoning", {"reasoning": "thought"}, ["reasoning_details", "reasoning_content"]),
        ("strict_fields", {}, ["reasoning_details", "reasoning_content"]),
        ("strict_fields keeps_reasoning_content", {"reasoning_content": "thought"}, []),
    ],
)
def test_earlier_reasoning_reaches_only_hosts_that_take_it(quirks: str, kept: dict[str, Any], lost: list[str]) -> None:
    encoded = encode(quirks, messages=[ANSWER])
    assert sent(encoded)["messages"] == [{"role": "assistant", "content": "a", **kept}]
    assert notes(encoded) == [("approximated", f"messages[0].{name}") for name in lost], "in explain, but not in x-trunkline-dropped"


def test_reasoning_content_alone_goes_back_under_the_hosts_name() -> None:
    encoded = encode("keeps_reasoning_details", messages=[{"role": "assistant", "content": "a", "reasoning_content": "t"}])
    assert sent(encoded)["messages"] == [{"role": "assistant", "content": "a", "reasoning": "t"}]
    assert encoded.notes == ()


def test_a_reasoning_member_that_the_caller_wrote_by_itself_is_the_hosts_to_judge() -> None:
    messages = [{"role": "assistant", "content": "a", "reasoning": "t"}]
    assert sent(encode(messages=messages))["messages"] == messages


@pytest.mark.parametrize(
    ("kind", "quirks", "stays"),
    [("openai", "", False), ("azure", "", False), ("openai_compatible", "strict_fields", False), ("openai_compatible", "", True)],
)
def test_another_vendors_signature_of_a_call_does_not_reach_openai(kind: str, quirks: str, stays: bool) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"n":12345678901234567890}'}}
    signed = {**call, "extra_content": {"google": {"thought_signature": "s"}}}
    encoded = encode(quirks, kind=kind, messages=[{"role": "assistant", "content": None, "tool_calls": [signed]}])
    assert sent(encoded)["messages"][0]["tool_calls"] == [signed if stays else call]
    assert notes(encoded) == ([] if stays else [("approximated", "messages[0].tool_calls[0].extra_content")])


# ── strict hosts ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_strict_host_gets_the_members_it_knows_and_the_others_are_named() -> None:
    messages = [
        {"role": "user", "content": "u", "name": "Ann", "odd": 1},
        {"role": "assistant", "content": "a", "refusal": None, "annotations": [], "audio": {"id": "x"}, "function_call": None},
    ]
    encoded = encode("strict_fields", messages=messages)
    assert sent(encoded)["messages"] == [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]
    assert notes(encoded) == [("dropped", "messages[0].name"), ("dropped", "messages[0].odd"), ("dropped", "messages[1].audio")]


def test_a_refusal_reaches_a_strict_host_as_text() -> None:
    part = {"type": "refusal", "refusal": "no"}
    encoded = encode(
        "strict_fields", messages=[{"role": "assistant", "content": None, "refusal": "no"}, {"role": "assistant", "content": [part]}]
    )
    assert sent(encoded)["messages"] == [
        {"role": "assistant", "content": "no"}, {"role": "assistant", "content": [{"type": "text", "text": "no"}]},
    ]  # fmt: skip


# ── ids and the older form of calls ──────────────────────────────────────────────────────────────────────


def test_ids_are_nine_characters_and_call_and_result_keep_the_same() -> None:
    messages = [
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "call_1234567890", "index": 0, "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "abcDEF123", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "abcDEF123", "content": "2"},
        {"role": "tool", "tool_call_id": "call_1234567890", "content": "1"},
    ]  # fmt: skip
    out = sent(encode("nine_char_tool_ids", messages=messages))["messages"]
    first, second = out[0]["tool_calls"]
    assert second["id"] == "abcDEF123" == out[1]["tool_call_id"]
    assert re.fullmatch(r"[a-zA-Z0-9]{9}", first["id"])
    assert first["id"] == out[2]["tool_call_id"] == nine("call_1234567890")
    assert "index" not in first


@pytest.mark.parametrize("quirks", ["no_functions", "no_functions nine_char_tool_ids strict_fields"])
def test_legacy_calls_and_results_become_tool_calls_with_the_same_id(quirks: str) -> None:
    messages = [
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"n":12345678901234567890}'}},
        {"role": "function", "name": "f", "content": "1"},
        {"role": "assistant", "content": "between", "tool_calls": None},
        {"role": "assistant", "content": None, "function_call": {"name": "g", "arguments": ""}},
        {"role": "function", "name": "g", "content": "2"},
    ]
    out = sent(encode(quirks, messages=messages))["messages"]
    assert [message["role"] for message in out] == ["user", "assistant", "tool", "assistant", "assistant", "tool"]
    assert out[1]["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"n":12345678901234567890}'}
    assert out[1]["tool_calls"][0]["id"] == out[2]["tool_call_id"]
    assert out[4]["tool_calls"][0]["id"] == out[5]["tool_call_id"] != out[2]["tool_call_id"]
    assert "function_call" not in json.dumps(out)
    assert all("name" not in message for message in out)


def test_a_legacy_result_without_its_call_crashes_nothing() -> None:
    messages = [{"role": "assistant", "content": "a", "tool_calls": None}, {"role": "function", "name": "f", "content": None}]
    out = sent(encode("no_functions", messages=messages))["messages"]
    assert out[1] == {"role": "tool", "tool_call_id": "call_legacy_f", "content": None}


def test_openai_gets_legacy_calls_as_they_are() -> None:
    messages = [
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
    ]
    assert sent(encode(kind="openai", messages=messages))["messages"] == messages
