"""JSON lines and JSON arrays as frames."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import UpstreamError
from trunkline.framing import json_array, jsonlines
from trunkline.framing.json_array import JsonArray
from trunkline.framing.jsonlines import JsonLines
from trunkline.wire import Frame

from .oracles import cut, cuttings, framed

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8") | st.sampled_from('"\\[]{},')),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.data(), st.lists(_values, max_size=5), st.sampled_from([None, 1]), st.booleans())
def test_the_elements_of_an_array_are_its_frames(data: st.DataObject, values: list[object], indent: int | None, ascii_only: bool) -> None:
    body = b" " + json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode() + b"\r\n"
    frames = framed(JsonArray(), data.draw(cuttings(body)))
    assert [json.loads(frame.data) for frame in frames] == values


def test_an_element_is_given_at_its_last_bracket() -> None:
    reader = JsonArray()
    assert reader.feed(b'[{"a": "}]') == []
    assert reader.feed(b'\\"') == []
    assert reader.feed(b'"}') == [Frame(b'{"a": "}]\\""}')]
    assert reader.feed(b'\n,\r\n{"b": [1]},') == [Frame(b'{"b": [1]}')]
    assert reader.close() == []


@pytest.mark.parametrize("size", [1, 65536])
def test_a_single_object_is_one_frame_at_the_end(size: int) -> None:
    assert framed(JsonArray(), cut(b' {"error": {"code": 429}}\n', size)) == [Frame(b'{"error": {"code": 429}}')]
    assert framed(JsonArray(), cut(b' {"error": {"code": 4', size)) == []


@pytest.mark.parametrize("body", [b"<html>", b"nonsense", b"[{}] x", b"[}"])
@pytest.mark.parametrize("size", [1, 65536])
def test_what_is_no_array_is_an_error(body: bytes, size: int) -> None:
    with pytest.raises(UpstreamError) as caught:
        framed(JsonArray(), cut(body, size))
    assert caught.value.code == "upstream_protocol"


_ARRAYISH = st.text('[]{}",\\ \n1a:', max_size=60).map(str.encode) | st.binary(max_size=60)


@given(st.data(), _ARRAYISH)
def test_garbage_in_an_array_raises_nothing_else_and_is_cut_independently(data: st.DataObject, rest: bytes) -> None:
    def outcome(pieces: list[bytes]) -> list[Frame] | str | None:
        try:
            return framed(JsonArray(), pieces)
        except UpstreamError as error:
            return error.code

    body = b"[" + rest
    assert outcome(data.draw(cuttings(body))) == outcome([body])


@given(st.data(), st.lists(_values, max_size=5), st.sampled_from([b"\n", b"\r\n", b"\n\n"]), st.booleans())
def test_each_line_is_a_frame(data: st.DataObject, values: list[object], end: bytes, ended: bool) -> None:
    body = end.join(json.dumps(value).encode() for value in values) + (end if ended else b"")
    frames = framed(JsonLines(), data.draw(cuttings(body)))
    assert [json.loads(frame.data) for frame in frames] == values


def test_half_a_last_line_is_not_given() -> None:
    assert framed(JsonLines(), [b'{"a":1}\n{"b"']) == [Frame(b'{"a":1}')]


@given(st.data(), st.binary(max_size=100))
def test_garbage_lines_are_cut_independently(data: st.DataObject, body: bytes) -> None:
    assert framed(JsonLines(), data.draw(cuttings(body))) == framed(JsonLines(), [body])


@pytest.mark.parametrize("size", [7, 65536])
def test_a_value_without_end_is_refused_instead_of_held(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonlines, "MAX_EVENT", 100)
    monkeypatch.setattr(json_array, "MAX_EVENT", 100)
    for reader, body in ((JsonLines(), b'"' + b"x" * 200), (JsonArray(), b'["' + b"x" * 200), (JsonArray(), b"{" + b" " * 200)):
        with pytest.raises(UpstreamError, match="exceeds"):
            framed(reader, cut(body, size))
