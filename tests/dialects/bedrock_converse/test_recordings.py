"""The laws over every recorded Converse exchange."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.framing.oracles import cut
from tests.recordings import ABSENT, PRESENT, Recording, recordings
from trunkline.chat import Event, Failed
from trunkline.dialects import bedrock_converse
from trunkline.framing import framer
from trunkline.wire import HttpResponse

from .oracle import calls, faults, finish, reasoning, target, text, usage

pytestmark = pytest.mark.skipif(not PRESENT, reason=ABSENT)


def streamed(recording: Recording, size: int) -> list[Event]:
    frames = framer(recording.headers.get("content-type", ""), bedrock_converse.FRAMING)
    decoder = bedrock_converse.decode_stream(target(recording.model))
    events: list[Event] = []
    for piece in cut(recording.body, size):
        for frame in frames.feed(piece):
            events += decoder.feed(frame)
    for frame in frames.close():
        events += decoder.feed(frame)
    return events + decoder.close()


def said(payloads: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """What a recorded stream says, by the plainest reading of it."""
    deltas = [data["delta"] for event, data in payloads if event == "contentBlockDelta"]
    starts = [data["start"].get("toolUse", {}) for event, data in payloads if event == "contentBlockStart"]
    return {
        "text": "".join(d.get("text", "") for d in deltas),
        "reasoning": "".join(d.get("reasoningContent", {}).get("text", "") for d in deltas),
        "names": [s["name"] for s in starts if s and s.get("type") != "server_tool_use"],
    }


def test_every_stream_gives_the_same_sane_events_however_it_is_cut() -> None:
    seen = 0
    for recording in recordings("converse_stream", provider="bedrock"):
        if recording.status >= 300:
            continue
        events = streamed(recording, 1 << 20)
        for size in (1, 7, 65536):
            assert streamed(recording, size) == events, recording
        payloads = [(f.event, json.loads(f.data)) for f in framer("", "aws_eventstream").feed(recording.body)]
        plain = said(payloads)
        assert text(events) == plain["text"], recording
        assert reasoning(events) == plain["reasoning"], recording
        assert [name for _, name, _ in calls(events)] == plain["names"], recording
        assert all(id for id, _, _ in calls(events))
        reason, counted = finish(events).reason, usage(events)
        assert (reason == "tool_calls") == bool(plain["names"]), recording
        sent = payloads[-1][1]["usage"]
        assert counted is not None
        assert counted.completion == sent["outputTokens"]
        assert counted.prompt == sent["inputTokens"] + sent.get("cacheReadInputTokens", 0) + sent.get("cacheWriteInputTokens", 0)
        assert counted.total == sent["totalTokens"], recording
        assert not any(isinstance(e, Failed) for e in events)
        seen += 1
    assert seen >= 25


def test_every_answer_keeps_its_text_its_calls_and_its_usage() -> None:
    seen = 0
    for recording in recordings("converse", provider="bedrock"):
        if recording.status >= 300:
            continue
        events = bedrock_converse.decode_response(HttpResponse(200, recording.headers, recording.body), target(recording.model))
        answer = json.loads(recording.body)
        content = answer["output"]["message"]["content"]
        cited = ["".join(c["text"] for c in b.get("citationsContent", {}).get("content", [])) for b in content]
        assert text(events) == "".join(b.get("text", "") + c for b, c in zip(content, cited, strict=True)), recording
        thoughts = [b["reasoningContent"].get("reasoningText", {}).get("text", "") for b in content if "reasoningContent" in b]
        assert reasoning(events) == "".join(thoughts), recording
        uses = [b["toolUse"] for b in content if "toolUse" in b and b["toolUse"].get("type") != "server_tool_use"]
        assert calls(events) == [(u["toolUseId"], u["name"], u["input"]) for u in uses], recording
        counted = usage(events)
        assert counted is not None
        assert counted.total == answer["usage"]["totalTokens"], recording
        assert (finish(events).reason == "tool_calls") == bool(uses), recording
        seen += 1
    assert seen >= 110


def test_every_refusal_keeps_the_vendors_message_and_maps_to_its_status() -> None:
    found: list[tuple[int, str | None]] = []
    for recording in recordings("converse", "converse_stream", provider="bedrock"):
        if recording.status < 300:
            continue
        error = bedrock_converse.decode_error(HttpResponse(recording.status, recording.headers, recording.body), target())
        assert json.loads(recording.body)["message"].strip() in error.message, recording
        expected: tuple[int, str | None] = (502, "upstream_auth") if recording.status == 403 else (400, None)
        if "model identifier" in error.message:
            expected = (404, "model_not_found")
        elif "Input Tokens Exceeded" in error.message:
            expected = (400, "context_length_exceeded")
        assert error.status == expected[0], recording
        assert expected[1] is None or error.code == expected[1], recording
        found.append(expected)
    assert len(found) >= 9
    assert len(set(found)) == 4


def test_the_oracle_accepts_what_the_vendor_accepted() -> None:
    """The recorded requests pass it, so that it does not refuse ours for its own reasons."""
    strange = [
        (recording, found)
        for recording in recordings("converse", "converse_stream", provider="bedrock")
        if recording.status < 300 and isinstance(recording.request["body"], dict) and (found := faults(recording.request["body"]))
    ]
    assert strange == []
