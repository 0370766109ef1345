"""Laws over every recorded exchange with Cohere's chat API v2: what the vendor sent is what the caller reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.replaying import SIZES, folded, replay, response
from tests.recordings import ABSENT, PRESENT, Recording, recordings
from trunkline.chat import Event, Finished, ReasoningDelta, Started, TextDelta, ToolDelta
from trunkline.dialects import cohere_chat as dialect
from trunkline.target import Target

pytestmark = pytest.mark.skipif(not PRESENT, reason=ABSENT)

TARGET = Target(provider="cohere", kind="cohere", model="command-a", dialect="cohere_chat", base_url="https://api.cohere.com")
ALL = list(recordings("cohere_chat_v2"))
WHOLE = [r for r in ALL if r.status < 300 and not r.stream]
STREAMS = [r for r in ALL if r.status < 300 and r.stream]
REFUSED = [r for r in ALL if r.status >= 300]
FINISHES = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}


def whole_of(recording: Recording) -> dict[str, Any]:
    """The answer that a stream stands for, put together by the simplest means."""
    message: dict[str, Any] = {"content": [], "tool_calls": [], "citations": [], "tool_plan": ""}
    whole: dict[str, Any] = {"message": message}
    for line in recording.body.decode().splitlines():
        if not line.startswith("data:") or line == "data: [DONE]":
            continue
        data = json.loads(line[5:])
        piece = data.get("delta", {}).get("message", {})
        match data["type"]:
            case "message-start":
                whole["id"] = data["id"]
            case "content-start":
                message["content"].append(dict(piece["content"]))
            case "content-delta":
                for name, text in piece["content"].items():
                    block = message["content"][data["index"]]
                    block[name] = block.get(name, "") + text
            case "tool-plan-delta":
                message["tool_plan"] += piece["tool_plan"]
            case "tool-call-start":
                message["tool_calls"].append(json.loads(json.dumps(piece["tool_calls"])))
            case "tool-call-delta":
                message["tool_calls"][data["index"]]["function"]["arguments"] += piece["tool_calls"]["function"]["arguments"]
            case "citation-start":
                message["citations"].append(piece["citations"])
            case "message-end":
                whole |= data["delta"]
    return whole


def agrees(events: list[Event], whole: dict[str, Any]) -> None:
    answer = folded(events)
    choice = answer.choices[0]
    message = whole["message"]
    blocks = message.get("content") or []
    assert list(answer.choices) == [0]
    assert answer.id == whole["id"]
    assert answer.model == TARGET.model
    assert choice.text == "".join(b["text"] for b in blocks if b["type"] == "text")
    assert "".join(choice.thoughts) == (message.get("tool_plan") or "") + "".join(b["thinking"] for b in blocks if b["type"] == "thinking")
    calls = message.get("tool_calls") or []
    assert [(call.id, call.name) for call in choice.calls.values()] == [(c["id"], c["function"]["name"]) for c in calls]
    assert [json.loads(call.arguments) for call in choice.calls.values()] == [json.loads(c["function"]["arguments"] or "{}") for c in calls]
    assert choice.extra.get("citations", []) == (message.get("citations") or [])
    assert choice.finish is not None
    assert choice.finish.reason == FINISHES[whole["finish_reason"]]
    usage = answer.usage
    assert usage is not None
    tokens = whole["usage"]["tokens"]
    assert usage.prompt == tokens["input_tokens"] + tokens.get("image_tokens", 0)
    assert usage.completion == tokens["output_tokens"]
    assert usage.cached == whole["usage"].get("cached_tokens")
    assert usage.reasoning == tokens.get("reasoning_tokens")
    assert json.loads(bytes(usage.raw)) == whole["usage"]


@pytest.mark.parametrize("recording", WHOLE, ids=str)
def test_a_whole_answer_says_what_the_body_says(recording: Recording) -> None:
    agrees(dialect.decode_response(response(recording), TARGET), json.loads(recording.body))


@pytest.mark.parametrize("recording", STREAMS, ids=str)
def test_a_stream_says_what_its_events_say(recording: Recording) -> None:
    events = replay(dialect, TARGET, recording.body, 65536, recording.headers.get("content-type", ""))
    agrees(events, whole_of(recording))
    assert isinstance(events[0], Started)
    assert sum(isinstance(event, Finished) for event in events) == 1


@pytest.mark.parametrize("recording", STREAMS, ids=str)
def test_any_chunking_gives_the_same_events(recording: Recording) -> None:
    kind = recording.headers.get("content-type", "")
    first, *others = (replay(dialect, TARGET, recording.body, size, kind) for size in SIZES)
    assert all(other == first for other in others)


@pytest.mark.parametrize("recording", STREAMS, ids=str)
def test_a_stream_cut_short_is_given_no_finish(recording: Recording) -> None:
    cut = recording.body[: recording.body.index(b"event: message-end")]
    events = replay(dialect, TARGET, cut, 65536)
    assert any(isinstance(event, TextDelta | ToolDelta | ReasoningDelta) for event in events)
    assert not any(isinstance(event, Finished) for event in events)


@pytest.mark.parametrize("recording", REFUSED, ids=str)
def test_a_refusal_keeps_the_vendors_words(recording: Recording) -> None:
    error = dialect.decode_error(response(recording), TARGET)
    body = json.loads(recording.body)
    assert body["message"] in error.message
    assert (error.status, error.code) == (400, "context_length_exceeded")
