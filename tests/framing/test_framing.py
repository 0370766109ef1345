"""The laws over every recorded stream, and which framing a content type picks."""

from __future__ import annotations

import json

import pytest

from tests.recordings import ABSENT, PRESENT, recordings
from trunkline.framing import FRAMINGS, framer
from trunkline.framing.aws_eventstream import AwsEventStream
from trunkline.framing.json_array import JsonArray
from trunkline.framing.jsonlines import JsonLines
from trunkline.framing.sse import Sse

from .oracles import cut, framed

FRAMING_OF = {"sse": "sse", "ndjson": "jsonlines", "eventstream": "aws_eventstream", "json_array_stream": "json_array"}


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
@pytest.mark.parametrize(("name", "fewest"), [("sse", 400), ("ndjson", 5), ("eventstream", 40), ("json_array_stream", 8)])
def test_a_recorded_stream_gives_the_same_frames_however_it_is_cut(name: str, fewest: int) -> None:
    seen = 0
    for recording in recordings():
        if recording.framing != name:
            continue
        make = FRAMINGS[FRAMING_OF[name]]
        frames = framed(make(), [recording.body])
        assert frames, recording
        for size in (1 if len(recording.body) < 20_000 else 113, 7, 65536):  # byte by byte where that is soon done
            assert framed(make(), cut(recording.body, size)) == frames, recording
        for frame in frames:
            assert frame.data == b"[DONE]" or json.loads(frame.data) is not None
        seen += 1
    assert seen >= fewest


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
def test_a_recorded_answer_picks_its_framing_by_content_type() -> None:
    for recording in recordings():
        kind = FRAMING_OF.get(recording.framing)
        if kind is not None and "content-type" in recording.headers:
            default = "sse" if kind == "json_array" else kind
            assert type(framer(recording.headers["content-type"], default)) is FRAMINGS[kind], recording


@pytest.mark.parametrize(
    ("content_type", "default", "kind"),
    [
        ("text/event-stream; charset=utf-8", "jsonlines", Sse),
        ("Text/Event-Stream", "aws_eventstream", Sse),
        ("application/vnd.amazon.eventstream", "sse", AwsEventStream),
        ("application/x-ndjson", "sse", JsonLines),
        ("application/stream+json", "sse", JsonLines),
        ("application/json; charset=UTF-8", "sse", JsonArray),
        ("application/json", "json_array", JsonArray),
        ("application/json", "jsonlines", JsonLines),
        ("application/json", "aws_eventstream", AwsEventStream),
        ("", "sse", Sse),
        ("text/plain", "jsonlines", JsonLines),
    ],
)
def test_the_content_type_decides_and_the_dialect_is_the_default(content_type: str, default: str, kind: type) -> None:
    assert type(framer(content_type, default)) is kind
