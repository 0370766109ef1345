"""Server-sent events: WHATWG's rules, the two habits of LLM hosts, and no dependence on where reads are cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import UpstreamError
from trunkline.framing import bounds, sse
from trunkline.framing.sse import Sse
from trunkline.wire import Frame

from .oracles import cut, cuttings, framed


def plainly(body: bytes) -> list[Frame]:
    """WHATWG's algorithm, word for word and slowly; ends at the last blank line."""
    frames: list[Frame] = []
    data: list[bytes] = []
    event = ""
    lines = re.split(rb"\r\n|\n|\r", body.removeprefix(b"\xef\xbb\xbf"))
    for line in lines[:-1]:
        if line == b"":
            if data:
                frames.append(Frame(b"\n".join(data), event, event == "error"))
            data, event = [], ""
            continue
        name, _, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        if name == b"data":
            data.append(value)
        elif name == b"event":
            event = value.decode("utf-8", "replace")
    return frames


@pytest.mark.parametrize(
    ("body", "frames"),
    [
        (b'data: {"a":1}\n\ndata: {"b":2}\n\n', [Frame(b'{"a":1}'), Frame(b'{"b":2}')]),
        (b"data:1\r\n\r\ndata: 2\r\rdata:  3\n\n", [Frame(b"1"), Frame(b"2"), Frame(b" 3")]),
        (b"\xef\xbb\xbfdata: 1\n\n", [Frame(b"1")]),
        (b": OPENROUTER PROCESSING\n\ndata: 1\n\n", [Frame(b"1")]),
        (b"data: a\ndata: b\ndata\n\n", [Frame(b"a\nb\n")]),
        (b"event: ping\ndata: {}\n\ndata: 1\n\n", [Frame(b"{}", "ping"), Frame(b"1")]),
        (b"data: {}\nevent: late\nid: 7\nretry: 10\n\n", [Frame(b"{}", "late")]),
        (b"event: nothing\n\ndata: 1\n\n", [Frame(b"1")]),
        (b"event: error\ndata: {}\n\n", [Frame(b"{}", "error", True)]),
        (b'data: 1\n\nerror: {"message":"no"}\n', [Frame(b"1"), Frame(b'{"message":"no"}', "error", True)]),
        (b'data: 1\n\nerror: {"message":"no"}', [Frame(b"1"), Frame(b'{"message":"no"}', "error", True)]),
        (b'data: 1\n\n{"error":{"message":"no"}}\n\n', [Frame(b"1"), Frame(b'{"error":{"message":"no"}}', "error", True)]),
        (b"data: 1\n\n\n\n\ndata: 2\n\n\n", [Frame(b"1"), Frame(b"2")]),
        (b"data: 1\r\r\ndata: 2\r\r\n", [Frame(b"1"), Frame(b"2")]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 65536])
def test_the_rules_of_the_specification(body: bytes, frames: list[Frame], size: int) -> None:
    assert framed(Sse(), cut(body, size)) == frames


@pytest.mark.parametrize("size", [1, 65536])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\r\n"])
def test_an_unterminated_last_event_is_given_only_when_whole(end: bytes, size: int) -> None:
    assert framed(Sse(), cut(b"data: 1\n\ndata: [DONE]" + end, size)) == [Frame(b"1"), Frame(b"[DONE]")]
    assert framed(Sse(), cut(b'data: 1\n\ndata: {"a":2}' + end, size)) == [Frame(b"1"), Frame(b'{"a":2}')]
    assert framed(Sse(), cut(b'data: 1\n\ndata: {"a":' + end, size)) == [Frame(b"1")]


def test_frames_are_given_as_soon_as_they_are_whole() -> None:
    reader = Sse()
    assert reader.feed(b"data: 1\n") == []
    assert reader.feed(b"\ndata: 2\n\ndata: ") == [Frame(b"1"), Frame(b"2")]
    assert reader.feed(b"3\r\n\r") == [Frame(b"3")]
    assert reader.feed(b"\ndata: 4\n\n") == [Frame(b"4")]


_lines = st.sampled_from(
    [
        b"data: {}",
        b"data:x",
        b"data",
        b"event: e",
        b"event:error",
        b": c",
        b"id: 1",
        b"nonsense",
        b"",
        b"",
        b" data: 1",
        b"data: \xff",
        b"data: :",
    ]
)
_ends = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"])
_bodies = st.lists(st.tuples(_lines, _ends), max_size=25).map(lambda pairs: b"".join(line + end for line, end in pairs))


@given(st.data(), st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_any_cutting_gives_what_the_specification_gives(data: st.DataObject, bom: bytes) -> None:
    body = bom + data.draw(_bodies) + b"\n\n"
    assert framed(Sse(), data.draw(cuttings(body))) == plainly(body)


@given(st.data(), st.binary(max_size=200))
def test_garbage_is_cut_independently_too(data: st.DataObject, body: bytes) -> None:
    assert framed(Sse(), data.draw(cuttings(body))) == framed(Sse(), [body])


@pytest.mark.parametrize("size", [7, 65536])
@pytest.mark.parametrize("body", [b"data: " + b"x" * 200 + b"\n\n", b"data: xxxxxxxx\n" * 20 + b"\n", b":" + b"x" * 200])
def test_an_event_without_end_is_refused_instead_of_held(body: bytes, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 100)
    with pytest.raises(UpstreamError, match="exceeds") as caught:
        framed(Sse(), cut(body, size))
    assert caught.value.code == "upstream_protocol"
    assert bounds.MAX_EVENT == 16 * 1024 * 1024


@pytest.mark.parametrize("size", [7, 65536])
def test_many_small_events_are_no_long_one(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 100)
    assert len(framed(Sse(), cut(b"data: 1234567890\n\n" * 50, size))) == 50
