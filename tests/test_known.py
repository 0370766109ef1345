"""What is known by its bytes means what decoding it would have said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.known import MOST, Known


def chunk(text: str, **more: Any) -> dict[str, Any]:
    delta = {"content": text}
    return {"id": "chatcmpl-1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}], **more}


def event(value: dict[str, Any], blanks: int = 0) -> bytes:
    text = json.dumps(value, ensure_ascii=False)
    return b"data: %b\n\n" % (text[:-1] + " " * blanks + "}").encode()


def framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def of(data: bytes) -> Any:
    return json.loads(data[6:])


class Caller:
    """Remembers what was sent on."""

    full = False

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.events: list[bytes] = []

    def chunk(self, data: bytes) -> None:
        self.chunks.append(data)

    def write(self, data: bytes) -> None:
        self.events.append(data)


def known(learnt: bytes, text: str, sent: bytes = b"", *, opik: bool = False, keeps: bool = False) -> tuple[Known, Caller]:
    """What has learnt that, and the caller behind it."""
    one, caller = Known(keeps), Caller()
    one.begin(caller, opik, False)
    if one.wants(text):
        one.learn(learnt, text, sent or learnt)
    return one, caller


TEXTS = st.one_of(
    st.text(max_size=8), st.text(' abcdefg.,\\"{}\n', max_size=8), st.sampled_from(["", "}", '"', '","finish_reason":"stop', "\\"])
)


@given(TEXTS, st.integers(0, 9), st.integers(0, 9))
def test_a_chunk_that_is_known_differs_from_the_learnt_one_in_its_text_alone(text: str, blanks: int, before: int) -> None:
    one, caller = known(event(chunk(" fox"), before), " fox")
    data = framed(event(chunk(text), blanks))
    if one.chunk(data):
        assert caller.chunks == [data], "it goes on as it came"
        assert of(event(chunk(text))) == chunk(text)
    else:
        assert not caller.chunks
        assert not text.replace("\n", "").isprintable() or "\\" in text


@given(TEXTS)
def test_an_event_that_is_translated_has_the_text_of_the_chunk_and_nothing_else_of_it(text: str) -> None:
    one, caller = known(event({"delta": " fox"}, 3), " fox", event(chunk(" fox")), keeps=True)
    if one.chunk(framed(event({"delta": text}, 5))):
        assert [of(sent) for sent in caller.events] == [chunk(text)]
        assert one.said == [text]
        assert text, "what says nothing is not sent"
    assert not caller.chunks


@given(st.text("abcXYZ019", max_size=12), st.text(" abcdefg,.", max_size=8))
def test_a_text_is_known_whatever_hides_its_length(hidden: str, text: str) -> None:
    for name in ("obfuscation", "p"):
        one, caller = known(event({**chunk(" fox"), name: "Ab3"}), " fox")
        assert one.chunk(framed(event({**chunk(text), name: hidden})))
        assert not one.chunk(framed(event({**chunk(text), name: hidden + "-"})))
        assert len(caller.chunks) == 1


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
def test_a_chunk_that_says_anything_else_is_not_known(other: dict[str, Any]) -> None:
    one, caller = known(event(chunk(" dog")), " dog")
    assert one.chunk(framed(event(chunk(" fox"))))
    assert not one.chunk(framed(event(other)))
    one.forget()
    assert not one.chunk(framed(event(chunk(" fox"))))
    assert len(caller.chunks) == 1


@given(st.data())
def test_a_chunk_that_was_cut_or_changed_anywhere_is_not_taken_for_more_than_it_is(data: st.DataObject) -> None:
    one, _ = known(event(chunk(" dog")), " dog")
    good = framed(event(chunk(" fox jumps")))
    at = data.draw(st.integers(0, len(good)))
    changed = good[:at] + data.draw(st.binary(max_size=2)) + good[at + data.draw(st.integers(0, 2)) :]
    if one.chunk(changed):
        size, _, rest = changed.partition(b"\r\n")
        assert int(size, 16) == len(rest) - 2
        assert of(rest[:-2]) == chunk(of(rest[:-2])["choices"][0]["delta"]["content"])


@pytest.mark.parametrize("size", [b"", b"+", b"0x", b" ", b"_", b"z"])
def test_a_size_that_http_does_not_know_is_not_known(size: bytes) -> None:
    one, _ = known(event(chunk(" dog")), " dog")
    data = framed(event(chunk(" fox")))
    assert not one.chunk(size + data[1:] if not size else size + data)
    assert not one.chunk(data + data)
    assert not one.chunk(b"\r\n" + data)
    assert one.chunk(b"0" + data)


@pytest.mark.parametrize("text", ["", "\n", "é", "a/b", "<b>", 'say "x"', "chatcmpl-1", "m"])
def test_nothing_is_learnt_from_a_text_whose_place_is_not_plain(text: str) -> None:
    one, _ = known(event(chunk(text)), text)
    assert not one.chunk(framed(event(chunk(text))))


def test_a_caller_who_is_slow_or_has_half_an_event_is_not_sent_more() -> None:
    one, caller = known(event(chunk(" dog")), " dog")
    data = framed(event(chunk(" fox")))
    caller.full = True
    assert not one.chunk(data)
    caller.full, one.busy = False, True
    assert not one.chunk(data)
    one.busy = False
    assert one.chunk(data)
    assert one.chunk(framed(event(chunk(" fox"))))


def test_on_opiks_paths_data_never_stands_in_a_text() -> None:
    for opik in (True, False):
        one, _ = known(event(chunk(" dog")), " dog", opik=opik)
        assert one.chunk(framed(event(chunk(" fox"))))
        assert one.chunk(framed(event(chunk("the data: all")))) is not opik


def test_a_stream_that_changes_all_the_time_is_left_alone_in_the_end() -> None:
    one = known(event(chunk(" fox")), " fox")[0]
    for number in range(MOST + 3):
        data = event(chunk(" fox") | {"id": f"chatcmpl-{number}"})
        if one.wants(" fox"):
            one.learn(data, " fox", data)
    assert not one.wants(" fox")
    assert not one.chunk(framed(data))


def test_what_is_known_already_and_came_in_pieces_is_no_change() -> None:
    one, caller = known(event(chunk(" fox")), " fox")
    for _ in range(MOST + 3):
        one.learn(event(chunk(" dog")), " dog", event(chunk(" dog")))
    assert one.wants(" fox")
    assert one.chunk(framed(event(chunk(" cat"))))
    assert len(caller.chunks) == 1
