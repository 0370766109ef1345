"""The laws of the relay, over every recorded chat completion of every OpenAI-style host."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.recordings import ABSENT, PRESENT, Recording, recordings
from trunkline.dialects import openai_chat
from trunkline.errors import UpstreamError
from trunkline.fold import completion, fold
from trunkline.framing import framer
from trunkline.stamp import Stamp
from trunkline.target import Target
from trunkline.wire import HttpResponse

STAMP = Stamp("chatcmpl-test", 1)
REASONS = {"stop", "length", "tool_calls", "content_filter", "function_call"}

pytestmark = pytest.mark.skipif(not PRESENT, reason=ABSENT)


def target(recording: Recording) -> Target:
    quirks = {"no_finish_reason"} if recording.provider == "snowflake" else set()
    return Target(provider=recording.provider, kind="openai_compatible", model=recording.model, dialect="openai_chat", base_url="http://h/v1",
                  quirks=frozenset(quirks))  # fmt: skip


def response(recording: Recording) -> HttpResponse:
    return HttpResponse(recording.status, recording.headers, recording.body)


CHAT = list(recordings("chat_completions"))
WHOLE = [r for r in CHAT if not r.stream and r.status < 300]
STREAMS = [r for r in CHAT if r.stream and r.status < 300]
ERRORS = [r for r in CHAT if r.status >= 300]


def relayed(recording: Recording, size: int) -> tuple[list[Any], list[dict[str, Any]], dict[str, Any] | None, openai_chat.Relay]:
    relay, framing = openai_chat.Relay(target(recording), STAMP), framer(recording.headers.get("content-type", ""), "sse")
    events = []
    for start in range(0, len(recording.body), size):
        for frame in framing.feed(recording.body[start : start + size]):
            events += relay.feed(frame)
    for frame in framing.close():
        events += relay.feed(frame)
    events += relay.close()
    usage = msgspec.json.decode(relay.usage_chunk) if relay.usage_chunk else None
    return events, [msgspec.json.decode(payload) for payload in relay.out], usage, relay


@pytest.mark.parametrize("recording", WHOLE, ids=repr)
def test_a_whole_answer_reaches_the_caller_as_openai_would_have_sent_it(recording: Recording) -> None:
    wire, body = openai_chat.relay_response(response(recording), target(recording), STAMP)
    sent, got = msgspec.json.decode(recording.body), msgspec.json.decode(body)
    assert got["object"] == "chat.completion"
    assert got["id"]
    assert got["model"]
    assert isinstance(got["created"], int)
    for before, after in zip(sent["choices"], got["choices"], strict=True):
        message, was = after["message"], before.get("message") or {}
        assert message["role"] == "assistant"
        assert message.get("content") is None or isinstance(message["content"], str)
        if isinstance(was.get("content"), str):
            assert message["content"] == was["content"]
        assert after["finish_reason"] in REASONS
        if before.get("finish_reason") in REASONS:
            assert after["finish_reason"] == before["finish_reason"]
        assert len(message.get("tool_calls") or []) == len(was.get("tool_calls") or [])
        for call, sent_call in zip(message.get("tool_calls") or [], was.get("tool_calls") or [], strict=True):
            assert call["id"]
            if sent_call.get("function"):
                assert call["function"]["name"] == sent_call["function"]["name"]
                assert isinstance(msgspec.json.decode(call["function"]["arguments"]), dict)
        thought = was.get("reasoning_content") or (was.get("reasoning") if isinstance(was.get("reasoning"), str) else None)
        if thought:
            assert message["reasoning_content"] == thought
        for name in was.keys() - {"content", "tool_calls", "refusal", "function_call", "audio", "reasoning"}:
            assert message.get(name) == was[name], name
    if isinstance(sent.get("usage"), dict):
        assert got["usage"] == sent["usage"]
    for name in sent.keys() - {"choices", "id", "object", "created", "model", "usage"}:
        assert got.get(name) == sent[name], name
    events = openai_chat.events_of(wire, body)
    again = completion(fold(events), STAMP)
    assert [c["message"]["content"] or "" for c in again["choices"]] == [c["message"].get("content") or "" for c in got["choices"]]


@pytest.mark.parametrize("recording", STREAMS, ids=repr)
def test_a_stream_reads_the_same_however_it_is_cut(recording: Recording) -> None:
    whole = relayed(recording, 1 << 20)[:3]
    assert relayed(recording, 7)[:3] == whole
    if len(recording.body) < 60_000:
        assert relayed(recording, 1)[:3] == whole


@pytest.mark.parametrize("recording", STREAMS, ids=repr)
def test_a_stream_keeps_openais_promises(recording: Recording) -> None:
    events, chunks, usage, _ = relayed(recording, 1 << 20)
    folded = fold(events)
    seen, finished = set(), set()
    calls: dict[tuple[int, int], str] = {}
    for chunk in chunks:
        assert chunk["object"] == "chat.completion.chunk"
        assert chunk["id"] == chunks[0]["id"]
        assert chunk["choices"], "only the usage chunk has no choices"
        for choice in chunk["choices"]:
            delta = choice["delta"]
            if choice["index"] not in seen:
                assert delta["role"] == "assistant", "the role comes first"
                seen.add(choice["index"])
            assert delta.get("content") is None or isinstance(delta["content"], str)
            if choice.get("finish_reason") is not None:
                assert choice["finish_reason"] in REASONS
                assert choice["index"] not in finished, "one finish chunk a choice"
                finished.add(choice["index"])
            for call in delta.get("tool_calls") or []:
                key = (choice["index"], call["index"])
                if key not in calls:
                    assert call["id"], "the id comes first"
                    assert call["function"]["name"] or call.get("custom"), "and so does the name"
                    calls[key] = ""
                calls[key] += (call.get("function") or {}).get("arguments") or ""
    if folded.failed is None:
        assert finished == seen
        assert seen
    for (choice_index, tool), arguments in calls.items():
        assert isinstance(msgspec.json.decode(arguments), dict)
        assert folded.choices[choice_index].calls[tool].arguments == arguments
    said = [
        msgspec.json.decode(line[5:]) for line in recording.body.splitlines() if line.startswith(b"data:") and line[5:].strip() != b"[DONE]"
    ]
    texts = "".join(
        c["delta"]["content"]
        for s in said
        for c in s.get("choices") or []
        if isinstance((c.get("delta") or {}).get("content"), str) and c.get("index", 0) == 0
    )
    lists = any(isinstance((c.get("delta") or {}).get("content"), list) for s in said for c in s.get("choices") or [])
    if texts and folded.failed is None and not lists:
        assert folded.choices[0].text == texts
    counted = [s["usage"] for s in said if isinstance(s.get("usage"), dict)]
    if counted and folded.failed is None:
        assert usage is not None
        assert usage["usage"] == counted[-1]
        assert usage["choices"] == []


@pytest.mark.parametrize("recording", ERRORS, ids=repr)
def test_a_refusal_becomes_an_openai_error_of_the_right_status(recording: Recording) -> None:
    error = openai_chat.decode_error(response(recording), target(recording))
    assert isinstance(error, UpstreamError)
    assert error.message
    assert "<html" not in error.message.lower()
    expected = {401: 502, 403: 502, 404: 404, 429: 429}.get(recording.status, 400 if recording.status < 500 else 502)
    assert error.status == expected
