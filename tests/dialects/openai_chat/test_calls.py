"""Tool calls in a stream: however a host counts and spells them, callers get OpenAI's way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.openai_chat.playing import STAMP, Played, call, calling, chunk, joined, role
from trunkline.chat import Finished, ToolDelta, ToolStarted
from trunkline.fold import completion, fold


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
    "pieces of both in one chunk, without an index": [
        calling(call(None, "a", "f", ""), call(None, "b", "g", "")),
        calling(call(None, arguments='{"x"'), call(None, arguments="{")),
        calling(call(None, arguments=":1}"), call(None, arguments="}")),
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
