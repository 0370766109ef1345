"""The messages one by one: what the three dialects with lists like ours rely on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialects.replaying import ask
from trunkline.chat import Text
from trunkline.dialects.flat import Answered, Returned, Said, Step, flat
from trunkline.errors import CallerError
from trunkline.target import Notes

USER = {"role": "user", "content": "Hi"}


def steps(*messages: dict[str, Any]) -> tuple[list[Step], set[str]]:
    notes = Notes()
    found = flat(ask(messages=list(messages)), notes)
    return found, {note.param for note in notes.list}


def legacy(name: str) -> dict[str, Any]:
    return {"role": "assistant", "function_call": {"name": name, "arguments": ""}}


def test_each_legacy_result_has_the_id_of_its_own_call() -> None:
    found, _ = steps(
        USER, legacy("f"), {"role": "function", "name": "f", "content": "1"}, legacy("f"), {"role": "function", "name": "f", "content": "2"}
    )  # fmt: skip
    calls = [step.calls[0].id for step in found if isinstance(step, Answered)]
    results = [step.id for step in found if isinstance(step, Returned)]
    assert calls == results
    assert len(set(calls)) == 2
    with pytest.raises(CallerError, match="answers no function call") as caught:
        steps(USER, {"role": "function", "name": "f", "content": "1"})
    assert caught.value.param == "messages[1].name"


def test_a_result_knows_its_tool_through_the_call() -> None:
    calls = [{"id": id, "type": "function", "function": {"name": name}} for id, name in (("a", "f"), ("b", "g"))]
    found, _ = steps(
        USER, {"role": "assistant", "tool_calls": calls}, {"role": "tool", "tool_call_id": "b", "content": "1", "is_error": True}
    )
    result = found[2]
    assert isinstance(result, Returned)
    assert (result.name, result.is_error, result.content[0].part) == ("g", True, Text("1"))


def test_what_has_no_place_is_named() -> None:
    odd = {"type": "trunkline:opaque", "raw": {"type": "hologram"}}
    marked = {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}
    found, named = steps(
        {"role": "user", "name": "Ann", "content": [marked, odd]}, {"role": "assistant", "refusal": "No.", "audio": {"id": "a"}}
    )  # fmt: skip
    assert named == {"messages[0].name", "messages[0].content[0].cache_control", "messages[0].content[1]", "messages[1].audio"}
    assert isinstance(found[0], Said)
    assert len(found[0].content) == 1
    assert isinstance(found[1], Answered)
    assert found[1].content[0].part == Text("No.")


def test_a_call_without_a_function_is_the_callers_fault() -> None:
    with pytest.raises(CallerError) as caught:
        steps(USER, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function"}]})
    assert caught.value.param == "messages[1].tool_calls[0].function"
