"""AWS event streams, with botocore's reader as the oracle."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.recordings import ABSENT, PRESENT, recordings
from trunkline.errors import UpstreamError
from trunkline.framing.aws_eventstream import AwsEventStream
from trunkline.wire import Frame

from .oracles import aws_frame, aws_raw, cut, cuttings, framed


def by_botocore(body: bytes) -> list[Frame]:
    from botocore.eventstream import EventStreamBuffer

    buffer: Any = EventStreamBuffer()
    buffer.add_data(body)
    frames = []
    for message in buffer:
        failed = message.headers[":message-type"] != "event"
        frames.append(Frame(message.payload, message.headers[":exception-type" if failed else ":event-type"], failed))
    return frames


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
def test_every_recorded_stream_reads_as_botocore_reads_it() -> None:
    bodies = [r.body for r in recordings() if r.framing == "eventstream"]
    assert len(bodies) > 40
    for body in bodies:
        expected = by_botocore(body)
        for size in (1, 7, 65536):
            assert framed(AwsEventStream(), cut(body, size)) == expected


TEXT = aws_frame(b'{"a":1}', event_type="contentBlockDelta", content_type="application/json", message_type="event")
THROTTLED = aws_frame(b'{"message":"slow"}', exception_type="throttlingException", message_type="exception")
BROKEN = aws_frame(b"", error_code="InternalError", error_message='say "no"', message_type="error")
ALL_TYPES = (
    b"\x01a\x00\x01b\x01\x01c\x02\x07\x01d\x03\x00\x07\x01e\x04\x00\x00\x00\x07"
    + (b"\x01f\x05" + bytes(8) + b"\x01g\x06\x00\x02\xff\x00")
    + (b"\x01h\x08" + bytes(8) + b"\x01i\x09" + bytes(16) + b"\x0b:event-type\x07\x00\x01z")
)


@given(st.data())
def test_any_cutting_gives_the_same_frames(data: st.DataObject) -> None:
    body = TEXT + THROTTLED + BROKEN + aws_raw(ALL_TYPES, b"p") + TEXT
    frames = framed(AwsEventStream(), data.draw(cuttings(body)))
    assert frames == [
        Frame(b'{"a":1}', "contentBlockDelta"),
        Frame(b'{"message":"slow"}', "throttlingException", True),
        Frame(b'{"message":"say \\"no\\"","code":"InternalError"}', "InternalError", True),
        Frame(b"p", "z"),
        Frame(b'{"a":1}', "contentBlockDelta"),
    ]


@pytest.mark.parametrize("size", [1, 65536])
@pytest.mark.parametrize("at", range(len(TEXT)))
def test_a_flipped_bit_anywhere_is_an_error(at: int, size: int) -> None:
    body = bytearray(TEXT + TEXT)
    body[at] ^= 0x10
    with pytest.raises(UpstreamError) as caught:
        framed(AwsEventStream(), cut(bytes(body), size))
    assert caught.value.code == "upstream_protocol"


@pytest.mark.parametrize("length", range(1, len(TEXT)))
def test_an_end_inside_a_frame_is_an_error(length: int) -> None:
    reader = AwsEventStream()
    assert len(reader.feed(TEXT + TEXT[:length])) == 1
    with pytest.raises(UpstreamError, match="inside a frame"):
        reader.close()


@pytest.mark.parametrize(
    "block",
    [b"\x05ab", b"\x01a\x0a", b"\x01a\x07\x00\x09x", b"\x01a\x07\x00", b"\x01a\x08\x00", b"\x01a", b"\x01\xff\x07\x00\x00"],
)
def test_broken_headers_behind_right_checksums_are_an_error(block: bytes) -> None:
    with pytest.raises(UpstreamError, match="header"):
        AwsEventStream().feed(aws_raw(block, b""))


def test_a_length_beyond_reason_is_refused_before_waiting_for_it() -> None:
    from zlib import crc32

    prelude = struct.pack(">II", 2**31, 10)
    with pytest.raises(UpstreamError, match="claims"):
        AwsEventStream().feed(prelude + struct.pack(">I", crc32(prelude)))


@given(st.binary(max_size=300), st.data())
def test_garbage_raises_nothing_else(body: bytes, data: st.DataObject) -> None:
    assert outcome(data.draw(cuttings(body))) == outcome([body])


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_garbage_headers_raise_nothing_else(block: bytes, payload: bytes) -> None:
    assert outcome([aws_raw(block, payload)]) in (payload, "upstream_protocol")


def outcome(pieces: list[bytes]) -> bytes | str | None:
    """What the frames held, or the error's code."""
    try:
        return b"".join(frame.data for frame in framed(AwsEventStream(), pieces))
    except UpstreamError as error:
        return error.code
