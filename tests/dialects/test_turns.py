"""What breaks the shape of a conversation is refused by name, before any vendor's own rules."""

from __future__ import annotations

from typing import Any

import pytest

from trunkline.dialects.turns import AssistantTurn, Turn, UserTurn, distinct, split
from trunkline.errors import CallerError
from trunkline.target import Notes

from .replaying import ask

HI = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize("detail", [None, 1, "thought", ["thought"], True])
def test_reasoning_that_is_handed_back_in_another_shape_is_refused_by_name(detail: Any) -> None:
    said = {"role": "assistant", "content": "So", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}, detail]}
    with pytest.raises(CallerError) as caught:
        split(ask(messages=[HI, said, HI]), Notes())
    assert (caught.value.status, caught.value.param) == (400, "messages[1].reasoning_details[1]")


def called(*ids: str) -> list[dict[str, Any]]:
    calls = [{"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id in ids]
    return [{"role": "assistant", "tool_calls": calls}, *({"role": "tool", "tool_call_id": id, "content": f"of {id}"} for id in ids)]


def pairs(turns: list[Turn]) -> list[tuple[list[str], list[str]]]:
    """(the ids of the calls, the ids of the results after them), turn by turn."""
    calls = [[call.id for call in turn.calls] for turn in turns if isinstance(turn, AssistantTurn)]
    results = [[result.id for result in turn.results] for turn in turns if isinstance(turn, UserTurn) and turn.results]
    return list(zip(calls, results, strict=True))


def distinct_of(*messages: dict[str, Any]) -> list[tuple[list[str], list[str]]]:
    return pairs(distinct(split(ask(messages=[HI, *messages]), Notes())[1]))


def test_an_id_that_comes_back_in_a_later_turn_is_made_another_and_its_result_with_it() -> None:
    history = [*called("call_0", "call_1"), *called("call_0", "call_0_2"), *called("call_0")]
    told = distinct_of(*history)
    assert told == [
        (["call_0", "call_1"], ["call_0", "call_1"]),
        (["call_0_2", "call_0_2_2"], ["call_0_2", "call_0_2_2"]),
        (["call_0_3"], ["call_0_3"]),
    ]
    assert distinct_of(*history, *called("call_1"))[:3] == told, "what was sent before is sent again, so that caches hit"


def test_ids_that_are_each_their_own_stay() -> None:
    assert distinct_of(*called("a"), *called("b", "c")) == [(["a"], ["a"]), (["b", "c"], ["b", "c"])]


DRAWN = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


@pytest.mark.parametrize(
    ("images", "drawn", "kept", "named"),
    [
        ([DRAWN, {**DRAWN, "index": 1}], True, 2, []), ([DRAWN], False, 0, ["messages[1].images[0]"]),
        ([], False, 0, []), (None, True, 0, []),
        ([DRAWN, {**DRAWN, "image_url": {"url": "https://h/cat.png"}}], True, 1, ["messages[1].images[1]"]),
        ([{**DRAWN, "image_url": DRAWN["image_url"]["url"]}], True, 1, []),
        ("a cat", True, 0, ["messages[1].images"]), ([{"url": "x"}], False, 0, ["messages[1].images"]),
    ],
)  # fmt: skip
def test_what_a_model_drew_goes_back_where_it_is_taken_and_is_named_elsewhere(
    images: Any, drawn: bool, kept: int, named: list[str]
) -> None:
    said = {"role": "assistant", "content": "Here.", "images": images}
    notes = Notes()
    _, turns = split(ask(messages=[{"role": "user", "content": "Draw."}, said]), notes, drawn=drawn)
    turn = turns[1]
    assert isinstance(turn, AssistantTurn)
    assert [placed.param for placed in turn.content] == ["messages[1].content", *(f"messages[1].images[{i}]" for i in range(kept))]
    assert [note.param for note in notes.done()] == named
