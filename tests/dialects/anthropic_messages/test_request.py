"""Each row of TRANSLATION's Anthropic column for requests, and the field bugs the other way round."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.dialects.anthropic_messages.asking import TOOL, USER, answer, asked, body, call, encode, notes, target
from tests.strategies import PDF, PNG, WAV, decoded
from trunkline.dialects import anthropic_messages as dialect
from trunkline.errors import CallerError, OperatorError


def test_a_plain_question_is_a_post_to_messages_without_any_key() -> None:
    encoded = encode()
    assert (encoded.http.method, encoded.http.url) == ("POST", "https://api.anthropic.com/v1/messages")
    assert dict(encoded.http.headers) == {"content-type": "application/json", "anthropic-version": "2023-06-01"}
    assert body(encoded) == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 64_000,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
    }
    assert encoded.notes == ()


def test_claude_on_vertex_has_the_model_in_the_address_and_a_version_in_the_body() -> None:
    vertex = target("claude-sonnet-4-5@20250929", kind="vertex", base_url="https://h", options={"project": "p", "location": "eu"})
    for stream, verb in ((False, "rawPredict"), (True, "streamRawPredict")):
        http = dialect.encode_request(decoded({"model": "m", "messages": [USER], "stream": stream}), vertex).http
        place = "https://h/v1/projects/p/locations/eu/publishers/anthropic/models/claude-sonnet-4-5@20250929"
        assert http.url == f"{place}:{verb}"
        made = json.loads(http.body)
        assert made["anthropic_version"] == "vertex-2023-10-16"
        assert "model" not in made
        assert made.get("stream", False) is stream
    with pytest.raises(OperatorError, match="project and location"):
        dialect.encode_request(decoded({"model": "m", "messages": [USER]}), target(kind="vertex", base_url="https://h"))


def test_every_system_text_at_the_start_is_a_block_and_a_later_one_stays_in_its_place() -> None:
    made = body(
        encode(
            {"role": "system", "content": "one"},
            {"role": "developer", "content": [{"type": "text", "text": "two", "cache_control": {"type": "ephemeral"}}]},
            USER,
            {"role": "assistant", "content": "yes"},
            {"role": "system", "content": "three"},
        )
    )
    assert made["system"] == [{"type": "text", "text": "one"}, {"type": "text", "text": "two", "cache_control": {"type": "ephemeral"}}]
    assert made["messages"][-1] == {"role": "user", "content": [{"type": "text", "text": "<system>\nthree\n</system>"}]}


def test_neighbours_of_one_role_are_one_turn_and_white_space_goes() -> None:
    encoded = encode(USER, {"role": "user", "content": [{"type": "text", "text": " \n"}, {"type": "text", "text": "there"}]})
    assert body(encoded)["messages"] == [{"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": "there"}]}]
    assert notes(encoded) == [("dropped", "messages[1].content[0]")]
    for empty in ("", " \n"):
        with pytest.raises(CallerError) as refused:
            encode({"role": "user", "content": empty})
        assert refused.value.param == "messages[0].content"


def test_calls_and_results_stand_in_call_order_before_other_text_with_their_digits() -> None:
    made = body(
        encode(
            USER,
            asked(call("a", arguments='{"id": 12345678901234567890}'), call("b", arguments=""), content="let me see"),
            {"role": "user", "content": "hurry"},
            answer("b", ""),
            answer("a", [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}], is_error=True),
            tools=[TOOL],
        )
    )
    assert made["messages"][1]["content"] == [
        {"type": "text", "text": "let me see"},
        {"type": "tool_use", "id": "a", "name": "f", "input": {"id": 12345678901234567890}},
        {"type": "tool_use", "id": "b", "name": "f", "input": {}},
    ]
    assert made["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": "x", "is_error": True, "cache_control": {"type": "ephemeral"}},
        {"type": "tool_result", "tool_use_id": "b"},
        {"type": "text", "text": "hurry"},
    ]


def test_an_error_without_a_text_gets_one_since_the_vendor_insists() -> None:
    encoded = encode(USER, asked(call("a")), answer("a", "", is_error=True), tools=[TOOL])
    assert body(encoded)["messages"][2]["content"][0]["content"] == "error"
    assert notes(encoded) == [("added", "messages[2].content")]


def test_an_image_in_a_result_stands_inside_the_result() -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    made = body(encode(USER, asked(call("a")), answer("a", [{"type": "text", "text": "see"}, image]), tools=[TOOL]))
    (result,) = made["messages"][2]["content"]
    assert result["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
    ]


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([USER, asked(call("a", arguments="{not json")), answer("a")], "messages[1].tool_calls[0].function.arguments"),
        ([USER, asked(call("a")), USER], "messages[1].tool_calls[0]"),
        ([USER, answer("zz")], "messages[1].tool_call_id"),
        ([{"role": "system", "content": [{"type": "image_url", "image_url": "https://e.com/a.png"}]}, USER], "messages[0].content[0]"),
    ],
)
def test_a_history_that_breaks_a_rule_is_refused_by_name(messages: list[dict[str, Any]], param: str) -> None:
    with pytest.raises(CallerError) as refused:
        encode(*messages, tools=[TOOL])
    assert (refused.value.status, refused.value.param) == (400, param)


def test_images_and_documents_go_as_their_own_blocks() -> None:
    text = base64.b64encode("größe".encode()).decode()
    parts: list[Any] = [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg"}},
        {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,/9j/4AAQ", "detail": "high"}},
        {"type": "file", "file": {"filename": "p.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
        {"type": "file", "file": {"file_data": PDF}, "cache_control": {"type": "ephemeral"}},
        {"type": "file", "file": {"filename": "n.txt", "file_data": f"data:text/plain;base64,{text}"}},
    ]
    encoded = encode({"role": "user", "content": parts})
    assert body(encoded)["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.jpg"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4AAQ"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}, "title": "p.pdf"},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
            "cache_control": {"type": "ephemeral"},
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "größe"}, "title": "n.txt"},
    ]
    assert notes(encoded) == [("dropped", "messages[0].content[1].image_url.detail")]


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AAAA"}}, "image_url.url"),
        ({"type": "image_url", "image_url": {"url": "ftp://example.com/a.png"}}, "image_url.url"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "file.file_id"),
        ({"type": "file", "file": {"file_data": "data:application/zip;base64,AAAA"}}, "file.file_data"),
        ({"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}, ""),
        ({"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}, ""),
    ],
)
def test_a_part_the_vendor_cannot_take_is_refused_by_its_path(part: dict[str, Any], param: str) -> None:
    with pytest.raises(CallerError) as refused:
        encode({"role": "user", "content": [{"type": "text", "text": "look"}, part]})
    assert refused.value.param == "messages[0].content[1]" + (f".{param}" if param else "")
    assert refused.value.status == 400


def test_only_what_the_vendor_will_not_fetch_is_to_be_inlined() -> None:
    urls = ["https://e.com/a.png", "http://e.com/b.png"]
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    request = decoded({"model": "m", "messages": [{"role": "user", "content": parts}]})
    assert dialect.remote_media(request, target()) == urls[1:]
    assert dialect.remote_media(request, target(kind="vertex")) == urls


@pytest.mark.parametrize(
    ("model", "asked_for", "expected", "named"),
    [
        ("claude-sonnet-4-20250514", {"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "top_p": 0.9}, []),
        ("claude-sonnet-4-20250514", {"temperature": 1.7}, {"temperature": 1}, [("clamped", "temperature")]),
        ("claude-sonnet-4-5", {"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5}, [("dropped", "top_p")]),
        ("claude-opus-4-1", {"temperature": 0.5, "top_p": 0.9, "top_k": 5}, {"temperature": 0.5, "top_k": 5}, [("dropped", "top_p")]),
        ("claude-opus-4-1", {"top_p": 0.9}, {"top_p": 0.9}, []),
        ("claude-opus-5", {"temperature": 0.5, "top_p": 0.9}, {}, [("dropped", "temperature"), ("dropped", "top_p")]),
        ("claude-opus-5", {"temperature": 1, "top_p": 1}, {}, []),
    ],
)
def test_sampling_is_what_the_model_takes(model: str, asked_for: dict[str, Any], expected: Any, named: Any) -> None:
    encoded = encode(model=model, **asked_for)
    made = body(encoded)
    assert {name: made[name] for name in ("temperature", "top_p", "top_k") if name in made} == expected
    assert notes(encoded) == named


@pytest.mark.parametrize(
    ("model", "limit", "known", "sent"),
    [
        ("claude-3-haiku-20240307", None, 0, 4_096),
        ("claude-opus-4-1@20250805", None, 0, 32_000),
        ("claude-opus-4-6", None, 0, 128_000),
        ("claude-opus-9", None, 0, 64_000),
        ("kimi-k2", None, 0, 64_000),
        ("claude-haiku-4-5", None, 1_000, 1_000),
        ("claude-haiku-4-5", 7, 0, 7),
    ],
)
def test_without_a_limit_of_the_callers_the_models_own_is_sent(model: str, limit: int | None, known: int, sent: int) -> None:
    request = decoded({"model": "m", "messages": [USER], "max_tokens": limit})
    encoded = dialect.encode_request(request, target(model, max_output=known))
    assert body(encoded)["max_tokens"] == sent
    assert encoded.notes == ()


def test_a_limit_beyond_the_models_is_clamped_and_named_as_the_caller_wrote_it() -> None:
    encoded = encode(max_completion_tokens=100_000, model="claude-haiku-4-5")
    assert body(encoded)["max_tokens"] == 64_000
    assert notes(encoded) == [("clamped", "max_completion_tokens")]


def test_stops_of_white_space_alone_are_named() -> None:
    encoded = encode(stop=["END", "\n\n"])
    assert body(encoded)["stop_sequences"] == ["END"]
    assert notes(encoded) == [("dropped", "stop")]
    assert body(encode(stop="END"))["stop_sequences"] == ["END"]


def test_who_asks_reaches_the_vendor_as_one_id() -> None:
    assert body(encode(user="u"))["metadata"] == {"user_id": "u"}
    both = encode(user="u", safety_identifier="s", metadata={"user_id": "m", "team": "x"})
    assert body(both)["metadata"] == {"user_id": "m"}
    assert notes(both) == [("dropped", "safety_identifier"), ("dropped", "user"), ("dropped", "metadata")]


@pytest.mark.parametrize("user", ["ann@example.com", "+49 30 1234567"])
def test_a_user_id_that_the_vendor_refuses_is_named(user: str) -> None:
    encoded = encode(user=user)
    assert "metadata" not in body(encoded)
    assert notes(encoded) == [("dropped", "user")]


@pytest.mark.parametrize(
    ("tier", "sent", "named"),
    [("auto", "auto", []), ("default", "standard_only", []), ("priority", "auto", ["approximated"]), ("flex", None, ["dropped"])],
)
def test_the_tier_is_mapped_where_there_is_a_like(tier: str, sent: str | None, named: list[str]) -> None:
    encoded = encode(service_tier=tier)
    assert body(encoded).get("service_tier") == sent
    assert [note.kind for note in encoded.notes] == named


def test_web_search_options_become_the_vendors_search_tool() -> None:
    place = {"type": "approximate", "approximate": {"city": "Paris", "country": "FR"}}
    tool = {"type": "function", "function": {"name": "web_search"}}
    encoded = encode(web_search_options={"user_location": place, "search_context_size": "high"}, tools=[tool])
    caller, vendor = body(encoded)["tools"]
    assert vendor == {
        "type": "web_search_20250305",
        "name": "web_search",
        "user_location": {"type": "approximate", "city": "Paris", "country": "FR"},
    }
    assert encoded.names == {caller["name"]: "web_search"}
    assert notes(encoded) == [("dropped", "web_search_options.search_context_size")]


def test_the_vendors_own_members_and_tools_go_through_as_they_are() -> None:
    own = {"type": "web_fetch_20250910", "name": "web_fetch", "max_uses": 2}
    edits = {"edits": [{"type": "clear_tool_uses_20250919"}]}
    encoded = encode(
        tools=[own, TOOL], context_management=edits, betas=["context-management-2025-06-27"], cache_control={"type": "ephemeral"}
    )
    made = body(encoded)
    assert [tool["name"] for tool in made["tools"]] == ["f", "web_fetch"]
    assert made["tools"][1] == own
    assert made["context_management"] == edits
    assert made["cache_control"] == {"type": "ephemeral"}
    assert ("anthropic-beta", "context-management-2025-06-27") in encoded.http.headers
    assert encoded.notes == ()


def test_several_answers_are_several_calls() -> None:
    encoded = encode(n=3)
    assert encoded.fan_out == 3
    assert "n" not in body(encoded)


def test_a_list_that_ends_with_the_assistant_is_prefill_only_where_the_model_takes_it() -> None:
    tail = {"role": "assistant", "content": "The answer is \n"}
    old = encode(USER, tail, model="claude-3-5-haiku-latest")
    assert body(old)["messages"][-1] == {"role": "assistant", "content": [{"type": "text", "text": "The answer is"}]}
    assert notes(old) == [("clamped", "messages[1].content")]
    new = encode(USER, tail, model="claude-opus-4-8")
    assert body(new)["messages"][-1]["role"] == "user"
    assert notes(new) == [("added", "messages")]


def test_a_list_that_begins_with_the_assistant_gets_a_user_turn_and_says_so() -> None:
    encoded = encode({"role": "assistant", "content": "Welcome."}, USER)
    assert [m["role"] for m in body(encoded)["messages"]] == ["user", "assistant", "user"]
    assert notes(encoded) == [("added", "messages")]


def test_a_call_id_outside_the_vendors_alphabet_still_matches_its_result() -> None:
    made = body(encode(USER, asked(call("call:1/ü")), answer("call:1/ü"), tools=[TOOL]))
    id = made["messages"][1]["content"][0]["id"]
    assert id == made["messages"][2]["content"][0]["tool_use_id"]
    assert id.replace("_", "").isalnum()
    assert id.isascii()


def test_no_id_is_said_twice_in_a_conversation() -> None:
    made = body(encode(USER, asked(call("c")), answer("c"), asked(call("c")), answer("c"), tools=[TOOL]))
    blocks = [message["content"][0] for message in made["messages"][1:]]
    assert [block.get("id") or block["tool_use_id"] for block in blocks] == ["c", "c", "c_2", "c_2"]
