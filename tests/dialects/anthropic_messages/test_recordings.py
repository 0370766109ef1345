"""Laws over every recorded exchange with this API: what the vendor sent is what the caller reads, however the bytes were cut."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.recordings import ABSENT, PRESENT, Recording, recordings
from trunkline.chat import (
    Event,
    Failed,
    Finished,
    MessageExtra,
    Metered,
    ReasoningDelta,
    ReasoningDetail,
    RefusalDelta,
    Started,
    TextDelta,
    ToolDelta,
    ToolStarted,
)
from trunkline.dialects import anthropic_messages as dialect
from trunkline.framing import framer
from trunkline.target import Target
from trunkline.wire import HttpResponse

pytestmark = pytest.mark.skipif(not PRESENT, reason=ABSENT)

TARGET = Target(provider="anthropic", kind="anthropic", model="claude", dialect="anthropic_messages", base_url="https://api.anthropic.com")
ALL = list(recordings("messages"))
WHOLE = [r for r in ALL if r.status < 300 and not r.stream]
STREAMS = [r for r in ALL if r.status < 300 and r.stream]
REFUSED = [r for r in ALL if r.status >= 300]


def response(recording: Recording) -> HttpResponse:
    return HttpResponse(recording.status, recording.headers, recording.body)


def replay(recording: Recording, size: int) -> list[Event]:
    decoder = dialect.decode_stream(TARGET)
    frames = framer(recording.headers.get("content-type", ""), dialect.FRAMING)
    events: list[Event] = []
    for start in range(0, len(recording.body), size):
        for frame in frames.feed(recording.body[start : start + size]):
            events += decoder.feed(frame)
    for frame in frames.close():
        events += decoder.feed(frame)
    return events + decoder.close()


def payloads(recording: Recording) -> Iterator[dict[str, Any]]:
    """The stream's JSON, read by the simplest means."""
    for line in recording.body.decode().splitlines():
        if line.startswith("data:"):
            yield json.loads(line[5:])


def message_of(recording: Recording) -> dict[str, Any]:
    """The message that a stream stands for, put together independently of the decoder."""
    message: dict[str, Any] = {}
    pieces: dict[int, str] = {}
    for data in payloads(recording):
        match data["type"]:
            case "message_start":
                message = data["message"]
                message["content"] = []
            case "content_block_start":
                message["content"].append(data["content_block"])
            case "content_block_delta":
                block, delta = message["content"][data["index"]], data["delta"]
                match delta["type"]:
                    case "input_json_delta":
                        pieces[data["index"]] = pieces.get(data["index"], "") + delta["partial_json"]
                    case "citations_delta":
                        block.setdefault("citations", []).append(delta["citation"])
                    case "text_delta" | "thinking_delta" | "signature_delta" as kind:
                        key = kind.removesuffix("_delta")
                        block[key] = (block.get(key) or "") + delta[key]
                    case "compaction_delta":
                        block["content"] = delta["content"]
            case "message_delta":
                message.update(data["delta"])
                message["usage"].update({k: v for k, v in data["usage"].items() if v is not None})
    for index, text in pieces.items():
        message["content"][index]["input"] = json.loads(text or "{}")
    return message


def agrees(events: list[Event], message: dict[str, Any]) -> None:
    blocks = message["content"]
    assert [(e.id, e.model) for e in events if isinstance(e, Started)] == [(message["id"], message["model"])]
    text = "".join(b["text"] for b in blocks if b["type"] == "text")
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == text
    thinking = [b for b in blocks if b["type"] == "thinking"]
    assert "".join(e.text for e in events if isinstance(e, ReasoningDelta)) == "".join(b["thinking"] for b in thinking)
    details = [e.detail for e in events if isinstance(e, ReasoningDetail)]
    assert [d["signature"] for d in details if "signature" in d] == [b["signature"] for b in thinking]
    assert [d["text"] for d in details if "signature" in d] == [b["thinking"] for b in thinking]
    assert [d["data"] for d in details if "data" in d] == [b["data"] for b in blocks if b["type"] == "redacted_thinking"]

    calls = [b for b in blocks if b["type"] == "tool_use"]
    started = [e for e in events if isinstance(e, ToolStarted)]
    assert [(e.tool, e.id, e.name) for e in started] == [(i, b["id"], b["name"]) for i, b in enumerate(calls)]
    for number, call in enumerate(calls):
        pieces = [e.arguments for e in events if isinstance(e, ToolDelta) and e.tool == number]
        assert json.loads("".join(pieces)) == call["input"]

    extras = [e.extra for e in events if isinstance(e, MessageExtra)]
    own = [b for b in blocks if b["type"] not in ("text", "thinking", "redacted_thinking", "tool_use")]
    assert [b for extra in extras for b in extra.get("provider_blocks", [])] == own
    sources = [c for b in blocks if b["type"] == "text" for c in b.get("citations") or []]
    assert [c for extra in extras for c in extra.get("citations", [])] == sources
    notes = [n["url_citation"] for extra in extras for n in extra.get("annotations", [])]
    assert [n["url"] for n in notes] == [link for c in sources if (link := c.get("url") or c.get("source") or "").startswith("http")]
    for note in notes:
        covered = text[note["start_index"] : note["end_index"]]
        assert covered
        assert covered in [b["text"] for b in blocks if b["type"] == "text"]

    usage = message["usage"]
    last = [e.usage for e in events if isinstance(e, Metered)][-1]
    read, written = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    assert last.prompt == usage["input_tokens"] + read + written
    assert last.completion == usage["output_tokens"]
    assert last.total == usage["input_tokens"] + read + written + usage["output_tokens"]
    assert (last.cached or 0, last.cache_write or 0) == (read, written)
    raw = json.loads(bytes(last.raw))
    assert raw["output_tokens"] == usage["output_tokens"]

    (end,) = [e for e in events if isinstance(e, Finished)]
    assert end is events[-1]
    expected = {"end_turn": "stop", "stop_sequence": "stop", "pause_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls"}
    word = message["stop_reason"]
    assert end.reason == {**expected, "refusal": "content_filter", "model_context_window_exceeded": "length"}[word]
    assert (end.reason == "tool_calls") == (bool(calls) and word == "tool_use")
    assert end.native in ("", word)


@pytest.mark.parametrize("recording", WHOLE, ids=repr)
def test_a_whole_answer_tells_what_the_vendor_said(recording: Recording) -> None:
    agrees(dialect.decode_response(response(recording), TARGET), json.loads(recording.body))


@pytest.mark.parametrize("recording", STREAMS, ids=repr)
def test_a_stream_tells_what_the_vendor_said_however_it_is_cut(recording: Recording) -> None:
    events = replay(recording, len(recording.body))
    assert not [e for e in events if isinstance(e, Failed | RefusalDelta)] or any("error" in p for p in payloads(recording))
    for size in (1, 7, 4096):
        assert replay(recording, size) == events
    if any(p["type"] == "error" for p in payloads(recording)):
        assert isinstance(events[-1], Failed)
    else:
        agrees(events, message_of(recording))


@pytest.mark.parametrize("recording", STREAMS, ids=repr)
def test_a_stream_that_is_cut_off_never_pretends_to_have_finished(recording: Recording) -> None:
    before_the_end = recording.body[: recording.body.find(b"event: message_delta")]
    cut = Recording.__new__(Recording)
    cut.body, cut.headers = before_the_end, recording.headers
    assert not [e for e in replay(cut, 4096) if isinstance(e, Finished)]


@pytest.mark.parametrize("recording", REFUSED, ids=repr)
def test_a_refusal_keeps_its_message_and_gets_the_status_of_who_can_act(recording: Recording) -> None:
    error = dialect.decode_error(response(recording), TARGET)
    said = json.loads(recording.body)["error"]["message"]
    assert said in error.message
    assert error.status == {401: 502, 404: 404, 400: 400}[recording.status]
    assert error.code == {401: "upstream_auth", 404: "model_not_found"}.get(recording.status, error.code)
    if "prompt is too long" in said:
        assert error.code == "context_length_exceeded"


def test_every_recording_of_this_api_is_covered() -> None:
    assert len(WHOLE) + len(STREAMS) + len(REFUSED) == len(ALL) > 200
