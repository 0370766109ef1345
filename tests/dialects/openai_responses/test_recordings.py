"""Laws over every recorded exchange with a Responses API, OpenAI's and those of other hosts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.replaying import SIZES, folded, replay, response
from tests.recordings import ABSENT, PRESENT, Recording, recordings
from trunkline.chat import Event, Finished, Started
from trunkline.dialects import openai_responses as dialect
from trunkline.target import Target

pytestmark = pytest.mark.skipif(not PRESENT, reason=ABSENT)

TARGET = Target(provider="openai", kind="openai", model="gpt-5", dialect="openai_responses", base_url="https://api.openai.com/v1")
ALL = list(recordings("responses"))
WHOLE = [r for r in ALL if r.status < 300 and not r.stream]
STREAMS = [r for r in ALL if r.status < 300 and r.stream]
REFUSED = [r for r in ALL if r.status >= 300]


def last_of(recording: Recording) -> dict[str, Any]:
    """The whole response that a stream ends with, its items as they were when done: reasoning is encrypted anew in each event."""
    lines = [line[5:] for line in recording.body.decode().splitlines() if line.startswith("data:") and "[DONE]" not in line]
    payloads: list[dict[str, Any]] = [json.loads(line) for line in lines]
    ends = [payload for payload in payloads if payload["type"] == "response.output_item.done"]
    done = [payload["item"] for payload in sorted(ends, key=lambda payload: int(payload["output_index"]))]
    whole: dict[str, Any] = payloads[-1]["response"]
    assert [item["type"] for item in done] == [item["type"] for item in whole["output"]]
    return {**whole, "output": done}


def agrees(events: list[Event], whole: dict[str, Any]) -> None:
    answer = folded(events)
    choice = answer.choices[0]
    items = whole["output"]
    messages = [part for item in items if item["type"] == "message" for part in item["content"]]
    assert (answer.id, answer.model, answer.created) == (whole["id"], whole["model"], int(whole["created_at"]))
    assert choice.text == "".join(part["text"] for part in messages)
    reasoning = [item for item in items if item["type"] == "reasoning"]
    thoughts = ["\n\n".join(part["text"] for part in r["summary"]) + "".join(p["text"] for p in r.get("content") or ()) for r in reasoning]
    assert "".join(choice.thoughts) == "".join(thoughts)
    sealed = [(r["id"], r["encrypted_content"]) for r in reasoning if r.get("encrypted_content")]
    assert [(detail["id"], detail["data"]) for detail in choice.details] == sealed
    calls = [item for item in items if item["type"] == "function_call"]
    assert [(call.id, call.name) for call in choice.calls.values()] == [(item["call_id"], item["name"]) for item in calls]
    assert [json.loads(call.arguments) for call in choice.calls.values()] == [json.loads(item["arguments"]) for item in calls]
    others = [item for item in items if item["type"] not in ("message", "reasoning", "function_call")]
    assert choice.extra.get("provider_blocks", []) == others
    cited = [note for part in messages for note in part.get("annotations") or () if note["type"] == "url_citation"]
    assert [note["url_citation"]["url"] for note in choice.extra.get("annotations", [])] == [note["url"] for note in cited]
    tokens = [entry["token"] for part in messages for entry in part.get("logprobs") or ()]
    assert [entry["token"] for entry in (choice.logprobs or {}).get("content", [])] == tokens
    assert choice.finish is not None
    assert choice.finish.reason == ("tool_calls" if calls else "stop")
    usage, given = answer.usage, whole["usage"]
    assert usage is not None
    assert (usage.prompt, usage.completion, usage.total) == (given["input_tokens"], given["output_tokens"], given["total_tokens"])
    assert usage.cached == given["input_tokens_details"]["cached_tokens"]
    assert usage.reasoning == given["output_tokens_details"]["reasoning_tokens"]
    assert json.loads(bytes(usage.raw)) == given


@pytest.mark.parametrize("recording", WHOLE, ids=str)
def test_a_whole_response_says_what_the_body_says(recording: Recording) -> None:
    agrees(dialect.decode_response(response(recording), TARGET), json.loads(recording.body))


@pytest.mark.parametrize("recording", STREAMS, ids=str)
def test_a_stream_says_what_its_last_event_says(recording: Recording) -> None:
    events = replay(dialect, TARGET, recording.body, 65536, recording.headers.get("content-type", ""))
    agrees(events, last_of(recording))
    assert isinstance(events[0], Started)
    assert sum(isinstance(event, Started) for event in events) == 1
    assert sum(isinstance(event, Finished) for event in events) == 1


@pytest.mark.parametrize("recording", STREAMS, ids=str)
def test_any_chunking_gives_the_same_events(recording: Recording) -> None:
    kind = recording.headers.get("content-type", "")
    first, *others = (replay(dialect, TARGET, recording.body, size, kind) for size in SIZES)
    assert all(other == first for other in others)


@pytest.mark.parametrize("recording", STREAMS, ids=str)
def test_a_stream_cut_short_is_given_no_finish(recording: Recording) -> None:
    cut = recording.body[: recording.body.rindex(b"response.completed") - 20]
    events = replay(dialect, TARGET, cut[: cut.rindex(b"\n\n") + 2], 65536)
    assert events
    assert not any(isinstance(event, Finished) for event in events)


@pytest.mark.parametrize("recording", REFUSED, ids=str)
def test_a_refusal_keeps_the_vendors_words(recording: Recording) -> None:
    error = dialect.decode_error(response(recording), TARGET)
    said = json.loads(recording.body)["error"]
    assert (said if isinstance(said, str) else said["message"]) in error.message
    assert error.status == {401: 502, 400: 400}[recording.status]
