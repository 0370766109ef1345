"""A custom tool's input comes out of its function's arguments as the model meant it, in whatever pieces they come."""

from __future__ import annotations

import json
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.unwrap import Unwrapped


def unwrapped(pieces: list[str]) -> str:
    input = Unwrapped()
    return "".join([*(input.feed(piece) for piece in pieces), input.close()])


def cut(text: str, at: list[int]) -> list[str]:
    marks = [0, *sorted(min(mark, len(text)) for mark in at), len(text)]
    return [text[a:b] for a, b in pairwise(marks)]


TEXTS = st.text() | st.sampled_from(
    ['say "hi" \\d+\n\t', "\\", "\\\\", '"', "Grüße 🌍🌍", "\u2028", "{}", '{"input": "x"}', "\x00\x1f\x7f"]
)
CUTS = st.lists(st.integers(0, 60), max_size=8)


@given(TEXTS, CUTS, st.booleans(), st.sampled_from(["", " ", "\n  "]))
def test_the_input_comes_out_whole_however_it_is_cut(text: str, at: list[int], ascii: bool, space: str) -> None:
    arguments = f'{space}{{{space}"input"{space}:{space}{json.dumps(text, ensure_ascii=ascii)}{space}}}'
    assert unwrapped(cut(arguments, at)) == unwrapped([arguments]) == unwrapped(list(arguments)) == text


FRAGMENTS = [
    '{"input":"',
    '{"input": "',
    '"',
    "\\",
    "\\u",
    "\\ud83d",
    "\\ude00",
    "\\u00",
    "41",
    "d83",
    "\\d",
    "\n",
    "a",
    "🌍",
    "}",
    " ",
    "{",
    '"x":',
    "1",
    "null",
    ",",
]


@settings(max_examples=400)
@given(st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=3), max_size=30).map("".join), CUTS)
def test_what_a_model_garbles_comes_out_the_same_however_it_is_cut(arguments: str, at: list[int]) -> None:
    whole = unwrapped([arguments])
    assert unwrapped(cut(arguments, at)) == unwrapped(list(arguments)) == whole
    whole.encode()  # no half of a surrogate pair


@pytest.mark.parametrize(
    ("arguments", "input"),
    [
        ("", ""),
        ("{}", ""),
        ('{"inp', ""),
        ('{"input": "ab', "ab"),
        ('{"input": "ab\\', "ab"),
        ('{"input": "ab\\u00e', "ab"),
        ('{"input": "\\d+"}', "\\d+"),
        ('{"input": "a\nb"}', "a\nb"),
        ('{"input": "\\ud83d!"}', "\ufffd!"),
        ('{"input": "\\ude00\\ud83d\\ud83d\\ude00"}', "\ufffd\ufffd😀"),
        ('{"input": "\\u12"}', "\\u12"),
        ('{"input": "a", "why": "b"}', "a"),
        ('{"why": "b", "input": "a"}', "a"),
        ('{"input": null}', ""),
        ('{"input": {"a": 12345678901234567890}}', '{"a": 12345678901234567890}'),
        ('{"input": ["a"]}', '["a"]'),
        ('"print(1)"', "print(1)"),
        ("print(1)", "print(1)"),
        ('{"code": "print(1)"}', '{"code": "print(1)"}'),
        ("[1]", "[1]"),
        ("{" * 5000, "{" * 5000),
    ],
)
def test_what_is_not_quite_the_wrapping_is_read_as_it_was_meant(arguments: str, input: str) -> None:
    assert unwrapped([arguments]) == unwrapped(list(arguments)) == input


def test_the_text_is_given_out_as_it_comes() -> None:
    input = Unwrapped()
    assert [input.feed(piece) for piece in ['{"inp', 'ut": "ab', "c\\", "n\\ud83d", "\\ude00d", '"}', " "]] == [
        "",
        "ab",
        "c",
        "\n",
        "😀d",
        "",
        "",
    ]
    assert input.close() == ""


@pytest.mark.parametrize("start", ['{"input": "', "[" * 100])
def test_a_long_input_in_small_pieces_costs_no_more_than_its_length(start: str) -> None:
    began = process_time()
    unwrapped([start, *["ab\\n"] * 100_000])
    assert process_time() - began < 5
