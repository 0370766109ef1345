"""Arguments that come in pieces: `streamFunctionCallArguments` of Vertex.

Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.gemini_generate.test_answers import chunk, finishes, streamed
from trunkline.chat import Finished
from trunkline.dialects.gemini_generate.partial import Assembled, steps_of
from trunkline.dialects.gemini_generate.shapes import PartialArg
from trunkline.fold import fold

Json = dict[str, Any]


def call(*pieces: Json, **members: Any) -> Json:
    return {"functionCall": {**({"partialArgs": list(pieces)} if pieces else {}), **members}}


def piece(path: str, **value: Any) -> Json:
    return {"jsonPath": path, **value}


def calls(*parts: Json) -> list[tuple[str, Any]]:
    events = streamed(*(chunk(part) for part in parts), chunk({"text": ""}, finish="STOP"))
    assert finishes(events) == [Finished("tool_calls")]
    return [(made.name, json.loads(made.arguments)) for made in fold(events).choice(0).calls.values()]


def test_the_pieces_of_a_call_are_one_call_with_all_its_arguments() -> None:
    assert calls(
        call(name="weather", willContinue=True),
        call(piece("$.location", stringValue="Boston", willContinue=True), willContinue=True),
        call(piece("$.location", stringValue=", MA"), piece("$.days", numberValue=3), willContinue=True),
        call(piece("$.exact", boolValue=False), piece("$.unit", nullValue="NULL_VALUE"), willContinue=True),
        call(),
    ) == [("weather", {"location": "Boston, MA", "days": 3, "exact": False, "unit": None})]


def test_calls_that_follow_each_other_in_pieces_stay_apart() -> None:
    first = [call(name="f", willContinue=True), call(piece("$.a", stringValue="x"), willContinue=True)]
    second = [call(name="f", willContinue=True), call(piece("$.a", stringValue="y"), willContinue=True), call()]
    whole = {"functionCall": {"name": "g", "args": {"b": 1}}}
    assert calls(*first, call(), *second, whole) == [("f", {"a": "x"}), ("f", {"a": "y"}), ("g", {"b": 1})]
    assert calls(*first, *second) == [("f", {"a": "x"}), ("f", {"a": "y"})]
    assert calls(*first) == [("f", {"a": "x"})]  # its end may be missing


def test_a_streamed_call_keeps_its_signature_and_its_id() -> None:
    begun = {**call(name="f", id="abcd1234", willContinue=True), "thoughtSignature": "QQ=="}
    folded = fold(streamed(chunk(begun), chunk(call(piece("$.a", numberValue=1)), finish="STOP")))
    [made] = folded.choice(0).calls.values()
    assert (made.id, made.arguments) == ("abcd1234", '{"a":1}')
    assert made.extra == {"extra_content": {"google": {"thought_signature": "QQ=="}}}
    assert folded.choice(0).details == [{"type": "reasoning.encrypted", "data": "QQ==", "format": "gemini", "id": "abcd1234"}]


def test_a_nameless_part_without_a_call_before_it_is_no_call() -> None:
    assert fold(streamed(chunk(call()), chunk({"text": "a"}, finish="STOP"))).choice(0).calls == {}


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$.a", ["a"]), ("$.a.b[0].c", ["a", "b", 0, "c"]), ("$['a b'][\"c'd\"]", ["a b", "c'd"]), ("$", []), ("", []), ("$[0]", []),
        ("$.a[999999999]", []), ("a.b", []), ("$..a", []), ("$.a[*]", []), (r"$['it\'s']", ["it's"]),
    ],
)  # fmt: skip
def test_a_path_is_its_steps_and_what_is_none_is_passed_over(path: str, steps: list[str | int]) -> None:
    assert steps_of(path) == steps


NAMES = st.sampled_from(["a", "b", "c d"])
VALUES = st.integers(0, 9) | st.booleans() | st.none() | st.text(max_size=4)
ARGUMENTS = st.dictionaries(
    NAMES, st.recursive(VALUES, lambda v: st.lists(v, min_size=1, max_size=3) | st.dictionaries(NAMES, v, min_size=1))
)


def pieces_of(value: Any, path: str) -> list[PartialArg]:
    if isinstance(value, dict):
        return [found for name, inner in value.items() for found in pieces_of(inner, f"{path}['{name}']")]
    if isinstance(value, list):
        return [found for i, inner in enumerate(value) for found in pieces_of(inner, f"{path}[{i}]")]
    if isinstance(value, str):
        return [PartialArg(path, string_value=half) for half in (value[:2], value[2:])]
    if isinstance(value, bool) or value is None:
        return [PartialArg(path, bool_value=value)]
    return [PartialArg(path, number_value=msgspec.Raw(str(value).encode()))]


@given(ARGUMENTS)
def test_any_arguments_come_together_again(arguments: Json) -> None:
    assembled = Assembled(0)
    for found in pieces_of(arguments, "$"):
        assembled.add([found])
    assert json.loads(assembled.json()) == arguments


@given(st.lists(st.builds(PartialArg, st.text("$.[]0'ab", max_size=8), string_value=st.just("x")), max_size=6))
def test_no_path_breaks_it(pieces: list[PartialArg]) -> None:
    assembled = Assembled(0)
    assembled.add(pieces)
    assert isinstance(json.loads(assembled.json()), dict)
