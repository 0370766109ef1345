"""A model's turn handed back: its reasoning, words and calls in the order they came.

Source: https://platform.openai.com/docs/guides/reasoning#keeping-reasoning-items-in-context
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.openai_responses.oracle import check
from tests.dialects.openai_responses.test_stream import TARGET, added, done, ended, whole
from tests.dialects.replaying import ask, fed, folded, noted, response, sent
from tests.recordings import ABSENT, PRESENT, Recording, recordings
from trunkline.dialects import openai_responses as dialect
from trunkline.fold import choice_object
from trunkline.stamp import Stamp

Json = dict[str, Any]
HELLO: Json = {"role": "user", "content": "Hi"}


def thought(id: str) -> Json:
    return {"type": "reasoning", "id": id, "summary": [], "encrypted_content": f"sealed {id}"}


def words(text: str, **more: Any) -> Json:
    return {"type": "message", "id": "msg", "role": "assistant", "content": [{"type": "output_text", "text": text}], **more}


def call(id: str) -> Json:
    return {"type": "function_call", "id": f"fc_{id}", "call_id": id, "name": "f", "arguments": "{}"}


def message(events: list[Any]) -> Json:
    made: Json = choice_object(0, folded(events).choices[0], Stamp("id", 0), legacy=False)["message"]
    return made


def handed_back(said: Json) -> list[Json]:
    """The items of the turn in the next request."""
    results = [{"role": "tool", "tool_call_id": each["id"], "content": "done"} for each in said.get("tool_calls") or ()]
    encoded = dialect.encode_request(ask(messages=[HELLO, said, *results, HELLO]), TARGET)
    check(sent(encoded))
    assert noted(encoded) == {}
    items: list[Json] = sent(encoded)["input"][1 : -1 - len(results)]
    return items


def as_input(item: Json) -> Json:
    """An item of an answer, as an item of a request."""
    match item["type"]:
        case "message":
            phase = {"phase": item["phase"]} if item.get("phase") == "commentary" else {}
            return {"type": "message", "role": "assistant", "content": "".join(part["text"] for part in item["content"]), **phase}
        case "function_call":
            return {name: item[name] for name in ("type", "call_id", "name", "arguments")}
        case _:
            return {name: item[name] for name in ("type", "id", "summary", "encrypted_content")}


TURNS = [
    [thought("a"), words("Yes.")],
    [thought("a"), words("I look. ", phase="commentary"), thought("b"), call("1")],
    [thought("a"), call("1"), thought("b"), call("2"), call("3")],
    [thought("a"), words("One. ", phase="commentary"), thought("b"), words("Two.", phase="final_answer")],
    [words("I look. ", phase="commentary"), call("1"), call("2")],
]


@pytest.mark.parametrize("turn", TURNS)
def test_each_item_comes_back_where_it_stood(turn: list[Json]) -> None:
    streamed = [event for i, item in enumerate(turn) for event in (added({**item, "content": []}, i), done(item, i))]
    for events in (dialect.decode_response(whole(*turn), TARGET), fed(dialect, TARGET, [*streamed, ended()])):
        assert handed_back(message(events)) == [as_input(item) for item in turn]


def test_a_text_that_the_caller_shortened_is_cut_as_far_as_it_goes() -> None:
    said = message(dialect.decode_response(whole(*TURNS[3]), TARGET))
    assert handed_back({**said, "content": "One"}) == [
        as_input(thought("a")), {"type": "message", "role": "assistant", "content": "One", "phase": "commentary"}, as_input(thought("b")),
    ]  # fmt: skip


def test_details_that_do_not_say_their_place_stand_before_everything() -> None:
    detail = {"type": "reasoning.encrypted", "id": "rs_1", "data": "x", "format": "openai-responses", "start": "?", "calls": -1}
    kinds = [item["type"] for item in handed_back({"role": "assistant", "content": "Yes.", "reasoning_details": [detail]})]
    assert kinds == ["reasoning", "message"]


RECORDED = [found for found in recordings("responses") if found.status < 300 and b"encrypted_content" in found.body and not found.stream]


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
@pytest.mark.parametrize("recording", RECORDED, ids=repr)
def test_recorded_turns_come_back_item_by_item(recording: Recording) -> None:
    output = json.loads(recording.body)["output"]
    kept = [item for item in output if item["type"] in ("message", "function_call") or item.get("encrypted_content")]
    if any(part["type"] != "output_text" for item in kept if item["type"] == "message" for part in item["content"]):
        pytest.skip("a refusal is text when it goes back")
    back = handed_back(message(dialect.decode_response(response(recording), TARGET)))
    assert joined(back) == joined([as_input(item) for item in kept])


def joined(items: list[Json]) -> list[Json]:
    """Messages that stand beside each other and differ in nothing are one."""
    out: list[Json] = []
    for item in items:
        if out and item["type"] == "message" == out[-1]["type"] and item.keys() == out[-1].keys():
            out[-1] = {**out[-1], "content": out[-1]["content"] + item["content"]}
        else:
            out.append({name: value for name, value in item.items() if name != "id" or value})
    return out
