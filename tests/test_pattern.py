"""What is known by its bytes means what decoding it would have said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.pattern import MOST, Learner, learn


def chunk(text: str, **more: Any) -> dict[str, Any]:
    delta = {"content": text}
    return {"id": "chatcmpl-1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}], **more}


def event(value: dict[str, Any], blanks: int = 0) -> bytes:
    text = json.dumps(value, ensure_ascii=False)
    return b"data: %b\n\n" % (text[:-1] + " " * blanks + "}").encode()


def of(data: bytes) -> Any:
    return json.loads(data[6:])


TEXTS = st.one_of(
    st.text(max_size=8), st.text(' abcdefg.,\\"{}\n', max_size=8), st.sampled_from(["", "}", '"', '","finish_reason":"stop', "\\"])
)


@given(TEXTS, st.integers(0, 9), st.integers(0, 9))
def test_an_event_that_is_known_differs_from_the_learnt_one_in_its_text_alone(text: str, blanks: int, before: int) -> None:
    learnt = event(chunk(" fox"), before)
    pattern = learn(learnt, " fox", learnt)
    assert pattern is not None
    data = event(chunk(text), blanks)
    found = pattern.text(data)
    if found is not None:
        assert found.decode() == text == of(data)["choices"][0]["delta"]["content"]
        told = pattern.before + found + pattern.after
        assert of(told) == of(data)
    else:
        assert not text.isascii() or any(char in '"\\\x7f' or char < " " for char in text)


@given(st.text("abcXYZ019", max_size=12), st.text(" abcdefg,.", max_size=8))
def test_a_text_is_known_whatever_hides_its_length(hidden: str, text: str) -> None:
    for name in ("obfuscation", "p"):
        learnt = event({**chunk(" fox"), name: "Ab3"})
        pattern = learn(learnt, " fox", learnt)
        assert pattern is not None
        assert pattern.text(event({**chunk(text), name: hidden})) == text.encode()
        assert pattern.text(event({**chunk(text), name: hidden + "-"})) is None


@pytest.mark.parametrize(
    "other",
    [
        chunk(" fox", usage={"total_tokens": 3}),
        chunk(" fox") | {"id": "chatcmpl-2"},
        chunk(" fox") | {"choices": [{"index": 1, "delta": {"content": " fox"}, "finish_reason": None}]},
        chunk(" fox") | {"choices": [{"index": 0, "delta": {"content": " fox"}, "finish_reason": "stop"}]},
        chunk(" fox") | {"choices": [{"index": 0, "delta": {"content": " fox", "tool_calls": []}, "finish_reason": None}]},
    ],
)
def test_an_event_that_says_anything_else_is_not_known(other: dict[str, Any]) -> None:
    learnt = event(chunk(" dog"))
    pattern = learn(learnt, " dog", learnt)
    assert pattern is not None
    assert pattern.text(event(chunk(" fox"))) == b" fox"
    assert pattern.text(event(other)) is None


@given(st.data())
def test_an_event_that_was_cut_or_changed_anywhere_is_not_taken_for_more_than_it_is(data: st.DataObject) -> None:
    learnt = event(chunk(" dog"))
    pattern = learn(learnt, " dog", learnt)
    assert pattern is not None
    good = event(chunk(" fox jumps"))
    at = data.draw(st.integers(0, len(good)))
    changed = good[:at] + data.draw(st.binary(max_size=2)) + good[at + data.draw(st.integers(0, 2)) :]
    found = pattern.text(changed)
    if found is not None:
        assert of(changed) == of(event(chunk(found.decode())))


@pytest.mark.parametrize("text", ["", "\n", "é", "a/b", "<b>", 'say "x"', "chatcmpl-1", "m"])
def test_nothing_is_learnt_from_a_text_whose_place_is_not_plain(text: str) -> None:
    data = event(chunk(text))
    assert learn(data, text, data) is None


def test_a_stream_that_changes_all_the_time_is_left_alone_in_the_end() -> None:
    learner = Learner()
    for number in range(MOST + 3):
        data = event(chunk(" fox") | {"id": f"chatcmpl-{number}"})
        learner.see(data, " fox", data)
    assert learner.pattern is None
