"""The arguments of a call come back under the caller's names of its parameters, in whatever pieces they come, and else unchanged."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_unwrap import CUTS, cut
from trunkline.rekey import Rekeyed

NAMES = {"filter_id_": "filter[id]", "_top": "$top", "____": "этаж", "quote_": 'quo"te'}
KEYS = st.sampled_from([*NAMES, *NAMES.values(), "a", "", 'b"', "\\", "é"])
INNER = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([*NAMES, '{"_top":1}', '"_top":', "\\", '\\"']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def rekeyed(pieces: list[str]) -> str:
    keys = Rekeyed(NAMES)
    return "".join([*(keys.feed(piece) for piece in pieces), keys.close()])


@given(st.dictionaries(st.sampled_from([*NAMES, "a", 'b"', "\\", "é"]), INNER), CUTS, st.booleans(), st.sampled_from([None, 2]))
def test_the_outermost_keys_are_renamed_and_nothing_else(value: dict[str, object], at: list[int], ascii: bool, indent: int | None) -> None:
    arguments = json.dumps(value, ensure_ascii=ascii, indent=indent)
    whole = rekeyed([arguments])
    assert json.loads(whole) == {NAMES.get(name, name): inner for name, inner in value.items()}
    assert rekeyed(cut(arguments, at)) == rekeyed(list(arguments)) == whole


@given(INNER, CUTS)
def test_what_has_none_of_the_names_outermost_passes_as_it_came(value: object, at: list[int]) -> None:
    text = json.dumps({"a": value, "b": [value]})
    assert rekeyed(cut(text, at)) == text


@pytest.mark.parametrize(
    "text", ["", "{", '{"_to', '{"\\', '{"a":"_top', "[1]", '"_top"', "null", '}}{"_top":1', '{"\\ud83d": 1}', '{"_top']
)
def test_arguments_that_are_cut_off_or_no_object_lose_nothing(text: str) -> None:
    assert rekeyed(list(text)) == text


def test_no_digit_is_lost() -> None:
    assert rekeyed(['{"_top": 12345678901234567890, "x": 1.10}']) == '{"$top": 12345678901234567890, "x": 1.10}'
