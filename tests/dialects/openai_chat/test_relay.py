"""Streams of OpenAI-style hosts: good chunks go on byte for byte, and each habit of a host is put right where it stands."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from trunkline.chat import Event, Extra, Failed, Finished, Logprobs, Metered, ReasoningDelta, Started, TextDelta, ToolDelta, ToolStarted
from trunkline.dialects.openai_chat import Relay, decode_stream
from trunkline.fold import completion, fold
from trunkline.framing import framer
from trunkline.stamp import Stamp
from trunkline.target import Target
from trunkline.wire import Frame

STAMP = Stamp("chatcmpl-1", 7)
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}


def target(*quirks: str) -> Target:
    return Target(
        provider="host", kind="openai_compatible", model="asked", dialect="openai_chat", base_url="http://h/v1", quirks=frozenset(quirks)
    )


def chunk(delta: Any = None, finish: Any = None, *, index: Any = 0, **top: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "served", "choices": [choice], **top}


def role(content: Any = "", **delta: Any) -> dict[str, Any]:
    return chunk({"role": "assistant", "content": content, **delta})


class Played:
    """A stream of these payloads, relayed to its end."""

    def __init__(self, *payloads: dict[str, Any] | bytes | Frame, quirks: tuple[str, ...] = ()) -> None:
        self.relay = Relay(target(*quirks), STAMP)
        self.events: list[Event] = []
        for payload in payloads:
            data = payload if isinstance(payload, bytes | Frame) else json.dumps(payload).encode()
            self.events += self.relay.feed(data if isinstance(data, Frame) else Frame(data))
        self.events += self.relay.close()
        self.chunks = [json.loads(payload) for payload in self.relay.out]
        self.usage = json.loads(self.relay.usage_chunk) if self.relay.usage_chunk else None
        self.failed = next((event for event in self.events if isinstance(event, Failed)), None)

    @property
    def deltas(self) -> list[dict[str, Any]]:
        return [choice["delta"] for chunk in self.chunks for choice in chunk["choices"]]

    @property
    def finishes(self) -> list[str]:
        return [c["finish_reason"] for chunk in self.chunks for c in chunk["choices"] if c["finish_reason"] is not None]

    @property
    def calls(self) -> list[tuple[str, str, str]]:
        """(id, name, arguments) as a client that follows OpenAI's rules joins them."""
        joined: dict[int, list[str]] = {}
        for delta in self.deltas:
            for call in delta.get("tool_calls") or ():
                held = joined.setdefault(call["index"], ["", "", ""])
                said = (call.get("id"), call["function"].get("name"), call["function"].get("arguments"))
                held[:] = [text + (more or "") for text, more in zip(held, said, strict=True)]
        assert list(joined) == list(range(len(joined)))
        return [(id, name, arguments) for id, name, arguments in joined.values()]


def call(index: Any = 0, id: Any = None, name: Any = None, arguments: Any = None) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    piece: dict[str, Any] = {"function": function} | ({"id": id, "type": "function"} if id is not None else {})
    return piece if index is None else {"index": index, **piece}


def calling(*pieces: dict[str, Any], finish: Any = None) -> dict[str, Any]:
    return chunk({"tool_calls": list(pieces)}, finish)


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


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_is_read_under_either_name(name: str) -> None:
    played = Played(role(None, **{name: "th"}), chunk({"content": "a"}), chunk({}, "stop"))
    assert played.deltas[0]["reasoning_content"] == "th"
    assert ReasoningDelta("th") in played.events


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


# ── tool calls ───────────────────────────────────────────────────────────────────────────────────────────


def test_openais_calls_are_relayed_and_a_call_without_arguments_becomes_an_empty_object() -> None:
    played = Played(
        role(None, tool_calls=[call(0, "a", "f", "")]), calling(call(0, arguments='{"x"')), calling(call(0, arguments=":1}")),
        calling(call(1, "b", "g", "")), chunk({}, "tool_calls"),
    )  # fmt: skip
    assert played.calls == [("a", "f", '{"x":1}'), ("b", "g", "{}")]
    assert [e for e in played.events if isinstance(e, ToolStarted)] == [ToolStarted(0, "a", "f"), ToolStarted(1, "b", "g")]
    assert played.events[-2:] == [ToolDelta(1, "{}"), Finished("tool_calls")]


F, G = '{"x":1}', "{}"
HABITS: dict[str, list[dict[str, Any]]] = {
    "whole, in one chunk": [calling(call(0, "a", "f", F), call(1, "b", "g", G))],
    "whole, without an index": [calling(call(None, "a", "f", F)), calling(call(None, "b", "g", G))],
    "pieces without an index": [
        calling(call(None, "a", "f", "")),
        calling(call(None, arguments='{"x"')),
        calling(call(None, arguments=":1}")),
        calling(call(None, "b", "g")),
    ],
    "every call has the index 0": [calling(call(0, "a", "f", F)), calling(call(0, "b", "g", "")), calling(call(0, arguments=G))],
    "indexes count content blocks": [
        calling(call(1, "a", "f", "")),
        calling(call(1, arguments=F)),
        calling(call(3, "b", "g", "")),
        calling(call(3, arguments=G)),
    ],
    "the id and name on every piece": [
        calling(call(0, "a", "f", "")),
        calling(call(0, "a", "f", '{"x"')),
        calling(call(0, "a", "f", ":1}")),
        calling(call(1, "b", "g", G)),
    ],
    "the id and name on every piece, no index": [
        calling(call(None, "a", "f", "")),
        calling(call(None, "a", "f", '{"x"')),
        calling(call(None, "a", "f", ":1}")),
        calling(call(None, "b", "g", G)),
    ],
    "a new id on every piece": [
        calling(call(0, "a", "f", "")),
        calling({**call(0, "z", "f", F), "function": {"arguments": F}}),
        calling(call(1, "b", "g", G)),
    ],
    "the name after the id": [
        calling({"index": 0, "id": "a", "type": "function"}),
        calling(call(0, None, "f", F)),
        calling(call(1, "b", "g", G)),
    ],
    "name and arguments a level too high": [
        calling({"index": 0, "id": "a", "name": "f", "arguments": {"x": 1}}),
        calling({"index": 1, "id": "b", "name": "g", "arguments": None}),
    ],
    "empty texts for what was said": [
        calling(call(0, "a", "f", "")),
        calling({**call(0, "", "", F), "type": ""}),
        calling(call(1, "b", "g", G)),
    ],
    "arguments as an object": [calling(call(0, "a", "f", {"x": 1})), calling(call(1, "b", "g", {}))],
    "no arguments": [calling(call(0, "a", "f", F)), calling(call(1, "b", "g"))],
    "one call, bare": [chunk({"tool_calls": call(0, "a", "f", F)}), chunk({"tool_calls": call(1, "b", "g", G)})],
}


@pytest.mark.parametrize("habit", HABITS)
def test_parallel_calls_come_out_as_openais_however_the_host_counts_them(habit: str) -> None:
    played = Played(*HABITS[habit], chunk({}, "tool_calls"))
    assert played.calls == [("a", "f", '{"x":1}'), ("b", "g", "{}")]
    folded = fold(played.events).choices[0].calls
    assert [(c.id, c.arguments) for c in folded.values()] == [("a", '{"x":1}'), ("b", "{}")]
    assert list(folded) == [0, 1]
    assert joined(played) == played.calls, "OpenAI's own client joins what is said twice"


def joined(played: Played) -> list[tuple[str, str, str]]:
    """The calls as OpenAI's Python client puts a stream together."""
    state = ChatCompletionStreamState()
    for each in played.chunks:
        state.handle_chunk(ChatCompletionChunk.model_validate(each))
    calls = state.current_completion_snapshot.choices[0].message.tool_calls or []
    return [(call.id, call.function.name, call.function.arguments) for call in calls if call.type == "function"]


def test_parallel_calls_of_one_name_without_ids_are_two_calls() -> None:
    whole = [calling(call(0, None, "f", '{"x":1}')), calling(call(0, None, "f", '{"x":2}'))]
    played = Played(*whole, chunk({}, "tool_calls"))
    assert [(name, arguments) for _, name, arguments in played.calls] == [("f", '{"x":1}'), ("f", '{"x":2}')]
    assert len({id for id, _, _ in played.calls}) == 2


def test_no_two_calls_have_one_id() -> None:
    played = Played(calling(call(0, "a", "f", F)), calling(call(1, "a", "g", "")), calling(call(1, "a", "g", G)), chunk({}, "tool_calls"))
    assert played.calls == [("a", "f", F), ("call_1_0_1", "g", G)]
    assert joined(played) == played.calls
    assert Played(calling(call(0, "a", "f", F), call(1, "a", "g", G)), chunk({}, "tool_calls")).calls == played.calls


@pytest.mark.parametrize("word", ["null", "None", "FINISH_REASON_UNSPECIFIED"])
def test_a_word_for_null_is_no_finish(word: str) -> None:
    played = Played(chunk({"role": "assistant", "content": "a"}, word), chunk({"content": "b"}, word), chunk({}, "length"))
    assert [c["finish_reason"] for each in played.chunks for c in each["choices"]] == [None, None, "length"]


def test_calls_on_the_finish_chunk_are_whole() -> None:
    played = Played(calling(call(0, "a", "f"), finish="tool_calls"))
    assert played.calls == [("a", "f", "{}")]


@pytest.mark.parametrize("id", ["", None])
def test_a_call_without_an_id_gets_one_that_no_other_has(id: Any) -> None:
    played = Played(calling({**call(0, None, "f", "{}"), "id": id}, {**call(1, None, "g", "{}"), "id": id}), chunk({}, "tool_calls"))
    assert [id for id, _, _ in played.calls] == ["call_1_0_0", "call_1_0_1"]


def test_arguments_that_come_as_an_object_keep_every_digit() -> None:
    data = json.dumps(calling(call(0, "a", "f", "@"))).encode().replace(b'"@"', b'{"n":12345678901234567890,"x":0.1000000000000000055}')
    assert Played(data, chunk({}, "tool_calls")).calls[0][2] == '{"n":12345678901234567890,"x":0.1000000000000000055}'


def test_a_custom_call_is_relayed_as_it_is() -> None:
    piece = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "x", "input": "y"}}
    for first in (role(None, tool_calls=[piece]), chunk({"tool_calls": [piece]})):
        played = Played(first, calling({"index": 0, "custom": {"input": "z"}}), chunk({}, "tool_calls"))
        assert played.deltas[0]["tool_calls"] == [piece]
        assert [event for event in played.events if isinstance(event, ToolStarted | ToolDelta)] == [
            ToolStarted(0, "c", "x", custom=True), ToolDelta(0, "y"), ToolDelta(0, "z"),
        ]  # fmt: skip


def test_a_legacy_call_is_the_only_tool_call_of_its_choice() -> None:
    played = Played(
        role(None, function_call={"name": "f", "arguments": ""}),
        chunk({"function_call": {"arguments": '{"x":1}'}}),
        chunk({}, "function_call"),
    )
    message = completion(fold(played.events), STAMP, legacy=True)["choices"][0]["message"]
    assert message["function_call"] == {"name": "f", "arguments": '{"x":1}'}


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
