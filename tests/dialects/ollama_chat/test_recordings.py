"""Laws over every recorded exchange with Ollama's own chat API: what the server sent is what the caller reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.replaying import SIZES, folded, replay, response
from tests.recordings import ABSENT, PRESENT, Recording, recordings
from trunkline.chat import Event, Finished, Started
from trunkline.dialects import ollama_chat as dialect
from trunkline.target import Target

pytestmark = pytest.mark.skipif(not PRESENT, reason=ABSENT)

TARGET = Target(provider="ollama", kind="ollama", model="qwen3", dialect="ollama_chat", base_url="http://localhost:11434")
ALL = list(recordings("ollama_chat"))
WHOLE = [r for r in ALL if r.status < 300 and not r.stream]
STREAMS = [r for r in ALL if r.status < 300 and r.stream]
REFUSED = [r for r in ALL if r.status >= 300]


def agrees(events: list[Event], lines: list[dict[str, Any]]) -> None:
    answer = folded(events)
    choice, last = answer.choices[0], lines[-1]
    assert isinstance(events[0], Started)
    assert sum(isinstance(event, Finished) for event in events) == 1
    assert answer.model == last["model"]
    assert answer.created > 1_700_000_000
    assert choice.text == "".join(line["message"].get("content", "") for line in lines)
    assert "".join(choice.thoughts) == "".join(line["message"].get("thinking", "") for line in lines)
    calls = [call for line in lines for call in line["message"].get("tool_calls", ())]
    assert [call.name for call in choice.calls.values()] == [call["function"]["name"] for call in calls]
    assert [json.loads(call.arguments) for call in choice.calls.values()] == [call["function"]["arguments"] for call in calls]
    assert all(call.id for call in choice.calls.values())
    assert choice.finish is not None
    assert choice.finish.reason == ("tool_calls" if calls else last["done_reason"])
    assert answer.usage is not None
    assert answer.usage.prompt == last.get("prompt_eval_count")
    assert answer.usage.completion == last.get("eval_count")
    assert answer.usage.total is None
    assert json.loads(bytes(answer.usage.raw)).items() <= last.items()


@pytest.mark.parametrize("recording", WHOLE, ids=str)
def test_a_whole_answer_says_what_the_body_says(recording: Recording) -> None:
    agrees(dialect.decode_response(response(recording), TARGET), [json.loads(recording.body)])


@pytest.mark.parametrize("recording", STREAMS, ids=str)
def test_a_stream_says_what_its_lines_say(recording: Recording) -> None:
    events = replay(dialect, TARGET, recording.body, 65536, recording.headers.get("content-type", ""))
    agrees(events, [json.loads(line) for line in recording.body.splitlines()])


@pytest.mark.parametrize("recording", STREAMS, ids=str)
def test_any_chunking_gives_the_same_events(recording: Recording) -> None:
    first, *others = (replay(dialect, TARGET, recording.body, size) for size in SIZES)
    assert all(other == first for other in others)


@pytest.mark.parametrize("recording", STREAMS, ids=str)
def test_a_stream_cut_short_is_given_no_finish(recording: Recording) -> None:
    lines = recording.body.splitlines(keepends=True)
    events = replay(dialect, TARGET, b"".join(lines[:-1]), 65536)
    assert events
    assert not any(isinstance(event, Finished) for event in events)


@pytest.mark.parametrize("recording", REFUSED, ids=str)
def test_a_refusal_keeps_the_servers_words(recording: Recording) -> None:
    error = dialect.decode_error(response(recording), TARGET)
    assert error.message == json.loads(recording.body)["error"]
    assert (error.status, error.code) == (404, "model_not_found")
