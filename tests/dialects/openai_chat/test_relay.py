"""Streams of OpenAI-style hosts: good chunks go on byte for byte, and each habit of a host is put right where it stands."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from tests.dialects.openai_chat.playing import STAMP, USAGE, Played, call, calling, chunk, role, target
from trunkline.chat import Extra, Finished, Logprobs, Metered, ReasoningDelta, Started, TextDelta, ToolDelta, ToolStarted
from trunkline.dialects.openai_chat import Relay, decode_stream
from trunkline.fold import completion, fold
from trunkline.framing import framer
from trunkline.wire import Frame

# ── the usual stream ─────────────────────────────────────────────────────────────────────────────────────


def test_openais_own_chunks_are_relayed_byte_for_byte_but_for_usage_which_is_kept_for_the_end() -> None:
    payloads = [
        json.dumps(part).encode()
        for part in (
            {**role(refusal=None), "obfuscation": "abc", "usage": None}, chunk({"content": "Hi"}), chunk({}, "stop"),
            {**chunk(), "choices": [], "usage": USAGE},
        )
    ]  # fmt: skip
    played = Played(*payloads, b"[DONE]")
    assert played.relay.out == payloads[:3]
    assert played.relay.usage_chunk == payloads[3]
    assert played.relay.done
    assert played.events[:3] == [Started("x", "served", 1), TextDelta("Hi"), Finished("stop")]
    assert isinstance(played.events[3], Metered)


def test_a_chunk_over_several_lines_is_one_line_for_the_caller() -> None:
    pretty = json.dumps(role("Hi"), indent=1).encode()
    relay = Relay(target(), STAMP)
    for _ in range(2):
        frame = Frame(pretty)
        assert relay.passes(frame) is not None or relay.feed(frame)
    assert all(b"\n" not in payload for payload in relay.out)
    assert [json.loads(payload) for payload in relay.out] == [role("Hi"), chunk({"content": "Hi"})]


def test_a_plain_chunk_passes_only_where_a_whole_look_would_have_passed_it() -> None:
    relay = Relay(target(), STAMP)
    text = Frame(json.dumps(chunk({"content": "a"})).encode())
    assert relay.passes(text) is None, "no role yet"
    relay.feed(Frame(json.dumps(role()).encode()))
    assert relay.passes(text) is not None
    assert relay.passes(Frame(json.dumps(chunk({"content": "a"}, id="y")).encode())) is None, "another id"
    assert relay.passes(Frame(json.dumps(chunk({"content": "a"}, usage=USAGE)).encode())) is None
    assert relay.passes(Frame(json.dumps(chunk({"content": "a", "tool_calls": []})).encode())) is None
    relay.feed(Frame(json.dumps(chunk({}, "stop")).encode()))
    assert relay.passes(text) is None, "after the finish"


def test_interleaved_choices_each_have_a_role_and_a_finish() -> None:
    parts = [role(), {**role(), "choices": [{"index": 1, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}]
    played = Played(*parts, chunk({"content": "b"}, index=1), chunk({"content": "a"}), chunk({}, "stop", index=1), chunk({}, "length"))
    assert len(played.chunks) == 6
    assert {i: c.text for i, c in fold(played.events).choices.items()} == {0: "a", 1: "b"}
    assert played.relay.finished == {0, 1}


def test_a_refusal_and_logprobs_are_seen() -> None:
    played = Played(chunk({"role": "assistant", "content": None, "refusal": "No"}), {**chunk({}, "stop")})
    assert fold(played.events).choices[0].refusals == ["No"]
    with_logprobs = role("a")
    with_logprobs["choices"][0]["logprobs"] = {"content": [{"token": "a", "logprob": -1}]}
    assert Logprobs({"content": [{"token": "a", "logprob": -1}]}) in Played(with_logprobs).events


# ── roles, finishes, identity ────────────────────────────────────────────────────────────────────────────


def test_the_role_comes_first_where_the_host_gives_none() -> None:
    played = Played(chunk({"content": "a"}), chunk({"content": "b"}), chunk({}, "stop"))
    assert [delta.get("role") for delta in played.deltas] == ["assistant", None, None]


@pytest.mark.parametrize("written", [(",", ":"), (", ", ": "), (" , ", ": ")])
@pytest.mark.parametrize("first", [True, False])
def test_the_role_is_said_once_however_often_the_host_says_it(written: tuple[str, str], first: bool) -> None:
    """xAI and OpenRouter say it in every chunk; OpenAI's own clients join what is said twice: assistantassistant."""
    parts = [chunk({"role": "assistant", "content": text} if first else {"content": text, "role": "assistant"}) for text in "abc"]
    parts.append(chunk({"role": "assistant", "content": ""}, "stop"))
    relay = Relay(target(), STAMP)
    for part in parts:
        frame = Frame(json.dumps(part, separators=written).encode())
        if relay.passes(frame) is None:
            relay.feed(frame)
    state = ChatCompletionStreamState()
    for payload in relay.out:
        state.handle_chunk(ChatCompletionChunk.model_validate_json(payload))
    message = state.get_final_completion().choices[0].message
    assert (message.role, message.content) == ("assistant", "abc")


def test_a_character_that_is_no_utf_8_costs_itself_and_not_the_answer() -> None:
    broken = json.dumps(chunk({"content": "caf!"})).encode().replace(b"!", b"\xe9")
    relay = Relay(target(), STAMP)
    relay.feed(Frame(json.dumps(role("a ")).encode()))
    assert relay.passes(Frame(broken)) is None
    assert relay.feed(Frame(broken)) == [TextDelta("caf\ufffd")]
    assert Played(broken, chunk({}, "stop")).deltas[0] == {"content": "caf\ufffd", "role": "assistant"}


def test_a_whole_message_in_a_streams_place_is_the_answer() -> None:
    whole = {"id": "x", "object": "chat.completion", "created": 1, "model": "served"}
    message = {"role": "assistant", "content": "Hi", "tool_calls": None}
    played = Played({**whole, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": USAGE})
    assert played.deltas == [{"role": "assistant", "content": "Hi"}]
    assert played.finishes == ["stop"]
    again = Played(role("Hi"), {**whole, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    assert "".join(delta.get("content") or "" for delta in again.deltas) == "Hi"


def test_openrouters_second_finish_chunk_is_left_out_and_its_usage_kept() -> None:
    finish = role("", reasoning=None)
    finish["choices"][0] |= {"finish_reason": "tool_calls", "native_finish_reason": "completed"}
    played = Played(role("a"), finish, {**finish, "usage": USAGE})
    assert played.finishes == ["tool_calls"]
    assert len(played.chunks) == 2
    assert played.usage is not None
    assert (played.usage["usage"], played.usage["choices"]) == (USAGE, [])
    assert [event for event in played.events if isinstance(event, Finished)] == [Finished("tool_calls")]


def test_text_after_the_finish_is_not_lost() -> None:
    played = Played(role("a"), chunk({}, "stop"), chunk({"content": "b"}, "stop"))
    assert fold(played.events).choices[0].text == "ab"
    assert played.finishes == ["stop"]


def test_all_chunks_have_the_id_of_the_first() -> None:
    played = Played(role("a"), {**chunk({"content": "b"}), "id": "y"}, {**chunk({}, "stop"), "id": None})
    assert {chunk["id"] for chunk in played.chunks} == {"x"}


def test_what_a_host_leaves_out_is_filled_in() -> None:
    played = Played({"choices": [{"delta": {"content": "a"}}]}, {"choices": [{"delta": {}, "finish_reason": "eos"}]})
    first = played.chunks[0]
    assert (first["id"], first["created"], first["model"], first["object"]) == ("chatcmpl-1", 7, "asked", "chat.completion.chunk")
    assert first["choices"][0]["index"] == 0
    assert played.chunks[1]["choices"][0]["native_finish_reason"] == "eos"
    assert played.finishes == ["stop"]


@pytest.mark.parametrize("created", ["1718000000", 1718000000, 1718000000.7])
def test_created_is_whole_seconds_however_it_came(created: Any) -> None:
    assert Played({**chunk({"content": "a"}), "created": created}).chunks[0]["created"] == 1718000000


def test_azures_first_chunk_is_no_chunk_and_what_it_holds_goes_with_the_next() -> None:
    opening = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": [{"prompt_index": 0}]}
    played = Played(opening, role("a"), chunk({}, "stop"))
    assert [c["id"] for c in played.chunks] == ["x", "x"]
    assert played.chunks[0]["prompt_filter_results"] == [{"prompt_index": 0}]
    assert "prompt_filter_results" not in played.chunks[1]
    assert played.events[0] == Started("x", "served", 1)


def test_snowflakes_zero_values_are_no_values_and_its_orderly_end_is_a_finish() -> None:
    zero = {"id": "x", "object": "", "created": 0, "model": "", "choices": [
        {"index": 0, "delta": {"role": "assistant", "content": "a", "refusal": "", "function_call": {"name": "", "arguments": ""},
                               "audio": {"id": ""}, "tool_calls": []}, "finish_reason": ""}]}  # fmt: skip
    played = Played(zero, b"[DONE]", quirks=("no_finish_reason",))
    assert played.deltas[0] == {"role": "assistant", "content": "a", "refusal": None}
    assert played.finishes == ["stop"]
    assert Played(zero, quirks=("no_finish_reason",)).finishes == ["stop"]
    assert Played(zero, b"[DONE]").finishes == [], "nothing is made up for any other host"


def test_cloudflares_object_is_the_json_text_of_it() -> None:
    played = Played({**chunk({"content": {"n": 1}}), "usage": None}, chunk({}, "stop"))
    assert played.deltas[0] == {"content": '{"n":1}', "role": "assistant"}


def test_mistrals_list_is_content_and_reasoning_also_on_the_finish_chunk() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "th"}]}
    played = Played(role([thinking]), chunk({"content": [{"type": "text", "text": "a"}]}, "stop", usage=USAGE))
    assert played.events[:2] == [Started("x", "served", 1), ReasoningDelta("th")]
    assert fold(played.events).choices[0].text == "a"
    assert played.usage is not None
    assert played.finishes == ["stop"]


def test_databricks_summaries_are_reasoning_piece_by_piece() -> None:
    texts: list[dict[str, str]] = [{"text": "th"}, {"text": "ink"}, {"text": "", "signature": "s"}]
    pieces = [[{"type": "summary_text", **text}] for text in texts]
    played = Played(*(role([{"type": "reasoning", "summary": piece}]) for piece in pieces), role("391"), chunk({}, "stop"))
    folded = fold(played.events).choices[0]
    assert ("".join(folded.thoughts), folded.text) == ("think", "391")
    assert played.deltas[2]["content_parts"] == [{"type": "reasoning", "summary": pieces[2]}]


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_is_read_under_either_name(name: str) -> None:
    played = Played(role(None, **{name: "th"}), chunk({"content": "a"}), chunk({}, "stop"))
    assert played.deltas[0]["reasoning_content"] == "th"
    assert ReasoningDelta("th") in played.events


@pytest.mark.parametrize("word", ["null", "None", "FINISH_REASON_UNSPECIFIED"])
def test_a_word_for_null_is_no_finish(word: str) -> None:
    played = Played(chunk({"role": "assistant", "content": "a"}, word), chunk({"content": "b"}, word), chunk({}, "length"))
    assert [c["finish_reason"] for each in played.chunks for c in each["choices"]] == [None, None, "length"]


# ── usage ────────────────────────────────────────────────────────────────────────────────────────────────


def test_usage_on_every_chunk_is_moved_to_one_and_the_last_counts() -> None:
    played = Played(
        role("a") | {"usage": {"prompt_tokens": 5, "completion_tokens": 0}},
        chunk({"content": "b"}, usage={"prompt_tokens": 5}),
        chunk({}, "stop", usage=USAGE),
    )
    assert all("usage" not in c for c in played.chunks)
    assert played.usage is not None
    assert (played.usage["usage"], played.usage["choices"]) == (USAGE, [])
    assert fold(played.events).usage is not None


def test_groqs_usage_is_found_where_nobody_asked_for_it() -> None:
    played = Played(role() | {"x_groq": {"id": "req"}}, chunk({}, "stop", x_groq={"id": "req", "usage": USAGE}))
    assert played.usage is not None
    assert played.usage["usage"] == USAGE
    assert [c["x_groq"]["id"] for c in played.chunks] == ["req", "req"]


def test_a_usage_that_is_no_usage_is_no_error() -> None:
    assert Played(role("a") | {"usage": "none"}, chunk({}, "stop", usage=[])).usage is None
    played = Played(role("a"), chunk({}, "stop", usage={"prompt_tokens": "many", "mine": 0.10}))
    assert played.failed is None
    assert played.usage is None


@pytest.mark.parametrize(
    "usage",
    [{"prompt_tokens": 5.0, "completion_tokens": "2"}, {"input_tokens": 5, "output_tokens": 2}, {"prompt_tokens": 5, "total_tokens": 7}],
)
def test_a_usage_chunk_has_the_three_counts_of_openais_type(usage: Any) -> None:
    played = Played(role("a"), chunk({}, "stop"), {**chunk(), "choices": [], "usage": usage})
    assert played.usage is not None
    assert played.usage["usage"].items() >= USAGE.items()


def test_a_usage_chunk_keeps_what_else_it_has() -> None:
    played = Played(role("a"), chunk({}, "stop"), {"choices": [], "usage": USAGE, "odd": 1})
    assert played.usage == {
        "choices": [],
        "usage": USAGE,
        "odd": 1,
        "id": "x",
        "object": "chat.completion.chunk",
        "model": "asked",
        "created": 1,
    }


# ── members beside OpenAI's ──────────────────────────────────────────────────────────────────────────────


def test_perplexitys_sources_are_annotations_once_on_the_finish_chunk() -> None:
    more = {"citations": ["https://a"], "search_results": [{"title": "A", "url": "https://a"}], "usage": USAGE, "object": "chat.completion"}
    first, last = role("a") | more, chunk({"content": ""}, "stop") | more
    for part in (first, last):
        part["choices"][0]["message"] = {"role": "assistant", "content": "a"}
    played = Played(first, last)
    annotations = [delta["annotations"] for delta in played.deltas if "annotations" in delta]
    assert [[a["url_citation"]["url"] for a in listed] for listed in annotations] == [["https://a"]]
    assert "annotations" in played.deltas[-1]
    assert all(c["citations"] == ["https://a"] and "message" not in c["choices"][0] for c in played.chunks)
    folded = completion(fold(played.events), STAMP)
    assert (folded["citations"], folded["search_results"]) == (more["citations"], more["search_results"])
    assert len(folded["choices"][0]["message"]["annotations"]) == 1
    extras = [event for event in played.events if isinstance(event, Extra)]
    assert len(extras) == 1


# ── errors in a stream ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("payload", "status", "message"),
    [
        ({"error": {"message": "no luck", "code": 429}}, 429, "no luck"),
        ({**chunk({"content": ""}), "error": {"message": "no luck", "code": 502}}, 502, "no luck"),
        ({"error": "no luck"}, 502, "no luck"),
        ({"object": "error", "message": "no luck", "code": 400}, 400, "no luck"),
        ({"detail": "no luck"}, 502, "no luck"),
        ({"detail": [{"loc": ["body", "n"], "msg": "no luck"}]}, 502, "body.n: no luck"),
        ([{"error": {"code": 429, "message": "no luck"}}], 429, "no luck"),
        ({"success": False, "result": None, "errors": [{"code": 5006, "message": "no luck"}], "messages": []}, 502, "no luck"),
        ({"error_code": 17, "error_msg": "no luck"}, 502, "no luck"),
        (chunk({}, "error"), 502, "ended with an error"),
        (Frame(b'{"message":"no luck","type":"server_error"}', "error", True), 502, "no luck"),
        (Frame(b"no luck", "error", True), 502, "no luck"),
        (Frame(b'"no luck"', "error", True), 502, "no luck"),
        (b'{"id":"x","choices":[{"delta":{"conte', 502, "not valid JSON"),
        (b'{"id":"x","choices":' + b"[" * 100_000, 502, "not valid JSON"),
        (Frame(b"<html>busy</html>", "error", True), 502, "without a readable message"),
    ],
)  # fmt: skip
def test_an_error_inside_a_stream_is_seen_for_what_it_is(payload: Any, status: int, message: str) -> None:
    played = Played(role("a"), payload)
    assert played.failed is not None
    assert played.failed.status == status
    assert message in played.failed.message
    assert len(played.chunks) == 1


def test_gpustacks_error_line_is_an_error() -> None:
    frames = framer("text/event-stream", "sse").feed(
        b'data: {"choices":[{"delta":{"content":"a"}}]}\n\nerror: {"message":"no luck","code":429}\n\n'
    )
    played = Played(*frames)
    assert played.failed is not None
    assert (played.failed.status, played.failed.message) == (429, "no luck")


@pytest.mark.parametrize("payload", [b"ping", b"", b"[1]", b"null", b"1"])
def test_a_sign_of_life_is_no_chunk(payload: bytes) -> None:
    played = Played(role("a"), payload, chunk({}, "stop"))
    assert played.failed is None
    assert len(played.chunks) == 2


def test_half_a_surrogate_pair_costs_one_character_and_not_the_answer() -> None:
    played = Played(role("a"), json.dumps(chunk({"content": "b@"})).encode().replace(b"@", rb"\ud83d"), chunk({}, "stop"))
    assert fold(played.events).choices[0].text == "ab\ufffd"


# ── events only ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_decoder_says_only_what_the_vendor_said_and_keeps_no_bytes() -> None:
    decoder = decode_stream(target())
    events = []
    for part in (
        {"choices": [{"delta": {"tool_calls": [call(None, None, "f")]}}]},
        {"choices": [{"delta": {}, "finish_reason": "tool_calls"}]},
    ):
        events += decoder.feed(Frame(json.dumps(part).encode()))
        assert decoder.out == []
    assert events == [Started("", "asked"), ToolStarted(0, "", "f"), ToolDelta(0, "{}"), Finished("tool_calls")]


# ── anything at all ──────────────────────────────────────────────────────────────────────────────────────

_json = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["index", "delta", "message", "content", "role", "tool_calls", "function", "arguments", "name", "id", "finish_reason",
             "reasoning", "function_call", "custom", "audio", "annotations", "refusal", "usage", "citations", "error", "x_groq",
             "text", "logprobs"]
        ),
        inner, max_size=5),
    max_leaves=12,
)  # fmt: skip
_chunks = st.one_of(
    _json,
    _json.map(lambda value: {"choices": [value]}),
    _json.map(lambda value: {"id": "x", "choices": [{"delta": value}]}),
    _json.map(lambda value: chunk({"tool_calls": [value, value]}, "stop")),
    st.sampled_from([role("a"), calling(call(0, "a", "f", "{}")), chunk({}, "stop"), {"choices": [], "usage": USAGE}]),
)


@settings(max_examples=150)
@given(st.lists(_chunks, max_size=5))
def test_any_stream_of_json_gives_events_that_fold_and_chunks_that_are_openais(payloads: list[Any]) -> None:
    played = Played(*[json.dumps(payload).encode() for payload in payloads], quirks=("no_finish_reason",))
    folded = completion(fold(played.events), STAMP)
    text: dict[int, str] = {}
    for part in played.chunks:
        assert part["object"] == "chat.completion.chunk"
        for choice in part["choices"]:
            assert choice["index"] in text or choice["delta"]["role"] == "assistant", "the role comes first"
            text[choice["index"]] = text.get(choice["index"], "") + (choice["delta"].get("content") or "")
    if played.failed is None:
        assert {choice["index"]: choice["message"]["content"] or "" for choice in folded["choices"]}.items() <= text.items()
        assert len(played.finishes) == len(text)
