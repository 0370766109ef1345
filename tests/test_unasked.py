"""A whole answer that came as a stream is the answer that the stream tells, whatever framed it, and nothing less than a whole one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.scripts import DONE, METER, PARALLEL, ROLE, STOP, USAGE, chunk, completion, said, sse
from tests.recordings import ABSENT, PRESENT
from tests.replay import passing
from tests.replay.laws import STREAMS
from trunkline.chat import ChatRequest, Failed, User
from trunkline.dialects import dialect
from trunkline.errors import UpstreamError
from trunkline.fold import Folded, fold
from trunkline.fold import completion as completed
from trunkline.prepare import Prepared
from trunkline.target import Encoded, Target
from trunkline.unasked import is_stream, whole_of_stream
from trunkline.wire import HttpRequest, HttpResponse

STREAM = "text/event-stream; charset=utf-8"


def prepared(name: str = "openai_chat") -> Prepared:
    target = Target(provider="h", kind="openai_compatible", model="m", dialect=name, base_url="http://h")
    http = HttpRequest("POST", "http://h")
    return Prepared(target, dialect(name), Encoded(http=http), http, False, ChatRequest(model="m", messages=[User("Hi")]))


def answered(body: bytes, kind: str = STREAM) -> HttpResponse:
    return HttpResponse(200, {"content-type": kind}, body)


def told(body: bytes, name: str = "openai_chat") -> Folded:
    return fold(whole_of_stream(answered(body), prepared(name)))


def message(folded: Folded) -> dict[str, Any]:
    (choice,) = completed(folded, passing.STAMP)["choices"]
    assert choice["finish_reason"]
    found: dict[str, Any] = choice["message"]
    return found


def test_the_pieces_of_a_text_are_one_message_with_its_usage_and_its_identity() -> None:
    folded = told(sse(ROLE, chunk({"content": "Grü"}), chunk({"content": "ße"}), STOP, METER) + DONE)
    answer = completed(folded, passing.STAMP)
    assert message(folded) == {"role": "assistant", "content": "Grüße", "refusal": None}
    assert (answer["id"], answer["object"], answer["model"]) == ("chatcmpl-up", "chat.completion", "gpt-4o-mini-2024-07-18")
    assert answer["usage"] == USAGE


def test_the_pieces_of_a_call_are_one_call() -> None:
    folded = told(sse(*PARALLEL) + DONE)
    calls = message(folded)["tool_calls"]
    assert [json.loads(call["function"]["arguments"]) for call in calls]
    assert len({call["id"] for call in calls}) == len(calls) == 2


def test_a_stream_of_another_dialect_is_read_as_its_own() -> None:
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "msg_1", "model": "c", "usage": {"input_tokens": 1, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]
    assert message(told(sse(*events), "anthropic_messages"))["content"] == "Hi"


@pytest.mark.parametrize("body", [
    sse(ROLE, chunk({"content": "half an"})),
    sse(ROLE, chunk({"content": "half an"})) + DONE,
    sse(ROLE, STOP, chunk({"role": "assistant", "content": "the other"}, index=1)),
    DONE,
    b"",
], ids=["cut", "cut but done", "one of two choices", "nothing said", "no body"])  # fmt: skip
def test_what_is_not_finished_is_no_answer(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        told(body)
    assert caught.value.code == "upstream_incomplete"
    assert caught.value.try_next


def test_a_failure_in_it_is_told_as_the_vendor_told_it() -> None:
    events = whole_of_stream(answered(sse(ROLE, {"error": {"message": "Overloaded", "code": 503}})), prepared())
    assert [(event.message, event.status) for event in events if isinstance(event, Failed)] == [("Overloaded", 503)]


def test_a_broken_character_costs_itself() -> None:
    body = sse(ROLE, chunk({"content": "aXb"}), STOP).replace(b"aXb", b"a\xffb")
    assert message(told(body))["content"] == "a\ufffdb"


@pytest.mark.parametrize(
    ("body", "kind", "stream"),
    [
        (sse(ROLE, STOP), STREAM, True), (sse(ROLE, STOP), "Text/Event-Stream", True), (b": waiting\n\n" + sse(ROLE), STREAM, True),
        (said(completion("Hi")), "application/json", False), (said(completion("Hi")), STREAM, False),
        (b"\n  \n" + said(completion("Hi")), STREAM, False), (said(completion("Hi")), "", False),
    ],
)  # fmt: skip
def test_a_stream_is_known_by_its_type_unless_it_is_one_json_value(body: bytes, kind: str, stream: bool) -> None:
    assert is_stream(answered(body, kind)) is stream


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
@pytest.mark.parametrize("recording", [one for one in STREAMS if one.framing == "sse"], ids=repr)
def test_every_recorded_stream_read_whole_is_what_it_is_read_by_read(recording: Any) -> None:
    ready = passing.prepared(recording)
    streamed = passing.streamed(recording, len(recording.body), relay=False)
    try:
        events = whole_of_stream(passing.response(recording), ready)
    except UpstreamError:
        assert streamed.error is not None
        return
    if any(isinstance(event, Failed) for event in events):
        assert streamed.error is not None
        return
    choices = fold(events).choices
    for index, choice in choices.items():
        deltas = [c["delta"] for part in streamed.chunks for c in part["choices"] if c["index"] == index]
        assert choice.text == "".join(delta.get("content") or "" for delta in deltas)
        assert len(choice.calls) == len({call["index"] for delta in deltas for call in delta.get("tool_calls") or ()})
