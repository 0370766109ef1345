"""The laws over every recorded answer: any cutting gives the same events, and they say what the vendor's body says.

The vendor's body is read here a second time, naively, so that the decoder is checked by something that shares none of its code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests import recordings
from tests.recordings import Recording
from tests.strategies import decoded
from trunkline.chat import Event, Failed, Finished, Metered, Started
from trunkline.dialects import gemini_generate
from trunkline.errors import UpstreamError
from trunkline.fold import Folded, fold
from trunkline.framing import framer
from trunkline.target import Target
from trunkline.wire import HttpResponse

pytestmark = pytest.mark.skipif(not recordings.PRESENT, reason=recordings.ABSENT)

Json = dict[str, Any]


def target(recording: Recording) -> Target:
    return Target(
        provider=recording.provider, kind=recording.provider, model=recording.model, dialect="gemini_generate",
        base_url="https://x.example", options={"project": "p", "location": "global"},
    )  # fmt: skip


ALL = [r for name in ("gemini", "vertex") for r in recordings.recordings("generate_content", "stream_generate_content", provider=name)]
GOOD = [r for r in ALL if r.status < 300]
BAD = [r for r in ALL if r.status >= 300]


def replay(recording: Recording, cut: int) -> list[Event]:
    decoder = gemini_generate.decode_stream(target(recording))
    frames = framer(recording.headers.get("content-type", ""), gemini_generate.FRAMING)
    events: list[Event] = []
    body = recording.body
    for at in range(0, len(body), cut):
        for frame in frames.feed(body[at : at + cut]):
            events += decoder.feed(frame)
    for frame in frames.close():
        events += decoder.feed(frame)
    return events + decoder.close()


def answer(recording: Recording) -> list[Event]:
    if recording.stream:
        return replay(recording, 1 << 20)
    return gemini_generate.decode_response(HttpResponse(200, recording.headers, recording.body), target(recording))


def vendor_chunks(recording: Recording) -> Iterator[Json]:
    text = recording.body.decode()
    if recording.framing == "sse":
        for block in text.replace("\r\n", "\n").split("\n\n"):
            data = "\n".join(line[5:] for line in block.split("\n") if line.startswith("data:"))
            if data.strip():
                yield json.loads(data)
    else:
        decoded = json.loads(text)
        yield from decoded if isinstance(decoded, list) else [decoded]


def vendor_parts(recording: Recording) -> list[Json]:
    found = []
    for chunk in vendor_chunks(recording):
        for candidate in chunk.get("candidates") or []:
            found += (candidate.get("content") or {}).get("parts") or []
    return found


@pytest.mark.parametrize("recording", [r for r in GOOD if r.stream], ids=repr)
def test_any_cutting_gives_the_same_events(recording: Recording) -> None:
    whole = replay(recording, 1 << 20)
    assert whole == replay(recording, 7)
    assert whole == replay(recording, 1)


@pytest.mark.parametrize("recording", GOOD, ids=repr)
def test_text_thoughts_calls_and_usage_are_the_vendors(recording: Recording) -> None:
    folded = fold(answer(recording))
    parts = vendor_parts(recording)
    choice = folded.choice(0)
    assert choice.text == "".join(p["text"] for p in parts if "text" in p and not p.get("thought"))
    assert "".join(choice.thoughts) == "".join(p["text"] for p in parts if "text" in p and p.get("thought"))
    check_calls(folded, [p for p in parts if "functionCall" in p])
    check_signatures(folded, parts)
    check_usage(folded, recording)
    check_finish(folded, recording)
    assert folded.failed is None


def check_calls(folded: Folded, parts: list[Json]) -> None:
    calls = [folded.choice(0).calls[index] for index in range(len(folded.choice(0).calls))]
    assert [call.name for call in calls] == [p["functionCall"]["name"] for p in parts]
    for call, part in zip(calls, parts, strict=True):
        assert json.loads(call.arguments) == part["functionCall"].get("args", {})
        assert call.id == part["functionCall"].get("id", call.id) != ""
        google = call.extra.get("extra_content", {}).get("google", {})
        assert google.get("thought_signature") == part.get("thoughtSignature")
    assert len({call.id for call in calls}) == len(calls)


def check_signatures(folded: Folded, parts: list[Json]) -> None:
    every = folded.choice(0).details
    details = [detail for detail in every if detail["data"]]
    assert all("codeExecutionResult" in d["part"] for d in every if not d["data"])  # goes back with the signed call it answers
    assert [d["data"] for d in details] == [p["thoughtSignature"] for p in parts if p.get("thoughtSignature")]
    for detail, part in zip(details, [p for p in parts if p.get("thoughtSignature")], strict=True):
        assert ("id" in detail) == ("functionCall" in part)
        assert ("part" in detail) == (not {"functionCall", "text"} & part.keys())


def check_usage(folded: Folded, recording: Recording) -> None:
    said = [chunk["usageMetadata"] for chunk in vendor_chunks(recording) if chunk.get("usageMetadata")]
    counts = {name: value for name, value in said[-1].items() if name.endswith("TokenCount")} if said else {}
    if not counts:
        assert folded.usage is None
        return
    usage = folded.usage
    assert usage is not None
    prompt = [counts[n] for n in ("promptTokenCount", "toolUsePromptTokenCount") if n in counts]
    output = [counts[n] for n in ("candidatesTokenCount", "thoughtsTokenCount") if n in counts]
    assert usage.prompt == (sum(prompt) if prompt else None)
    assert usage.completion == (sum(output) if output else None)
    assert usage.total == counts.get("totalTokenCount")
    assert usage.reasoning == counts.get("thoughtsTokenCount")
    assert usage.cached == counts.get("cachedContentTokenCount")
    assert json.loads(bytes(usage.raw)) == said[-1]


EXPECTED = {"STOP": "stop", 1: "stop", "MAX_TOKENS": "length", "MODEL_ARMOR": "content_filter", "UNEXPECTED_TOOL_CALL": "stop"}


def check_finish(folded: Folded, recording: Recording) -> None:
    words = [c["finishReason"] for chunk in vendor_chunks(recording) for c in chunk.get("candidates") or [] if "finishReason" in c]
    finish = folded.choice(0).finish
    assert finish is not None
    assert finish.reason == ("tool_calls" if folded.choice(0).calls else EXPECTED[words[-1]])
    assert finish.native == ("" if words[-1] in ("STOP", 1, "MAX_TOKENS") else words[-1])


@pytest.mark.parametrize("recording", GOOD, ids=repr)
def test_an_answer_starts_once_and_finishes_once_at_its_end(recording: Recording) -> None:
    events = answer(recording)
    first = next(vendor_chunks(recording))
    assert isinstance(events[0], Started)
    assert (events[0].id, events[0].model) == (first.get("responseId", ""), first["modelVersion"])
    assert sum(isinstance(event, Started) for event in events) == 1
    assert [type(event) for event in events if isinstance(event, Finished | Metered)][-1] is Finished
    assert sum(isinstance(event, Finished) for event in events) == 1
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize("recording", [r for r in GOOD if r.stream], ids=repr)
def test_a_stream_cut_before_its_last_frame_has_no_finish(recording: Recording) -> None:
    chunks = list(vendor_chunks(recording))
    decoder = gemini_generate.decode_stream(target(recording))
    frames = framer("text/event-stream", "sse")
    events: list[Event] = []
    for chunk in chunks[:-1]:
        for frame in frames.feed(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n"):
            events += decoder.feed(frame)
    events += decoder.close()
    assert not any(isinstance(event, Finished) for event in events)


def test_server_side_code_and_searches_are_kept_and_never_shown_as_calls() -> None:
    seen = 0
    for recording in GOOD:
        parts = [p for p in vendor_parts(recording) if p.keys() & {"executableCode", "codeExecutionResult", "toolCall", "toolResponse"}]
        if parts:
            seen += 1
            blocks = fold(answer(recording)).choice(0).extra["provider_blocks"]
            assert blocks == [{k: v for k, v in p.items() if k != "thoughtSignature"} for p in parts]
    assert seen >= 5


def test_grounded_answers_cite_their_sources_by_characters() -> None:
    seen = 0
    for recording in GOOD:
        folded = fold(answer(recording))
        extra = folded.choice(0).extra
        grounding = extra.get("grounding_metadata")
        if not grounding:
            continue
        uris = {chunk["web"]["uri"] for chunk in grounding.get("groundingChunks", []) if "web" in chunk}
        cited = [a["url_citation"] for a in extra.get("annotations", [])]
        assert uris <= {c["url"] for c in cited}
        text = folded.choice(0).text
        for support in grounding.get("groundingSupports", []):
            words = support["segment"].get("text", "")
            sources = [grounding["groundingChunks"][i] for i in support.get("groundingChunkIndices", [])]
            if words in text and any("uri" in source.get("web", {}) for source in sources):
                seen += 1
                assert any(text[c["start_index"] : c["end_index"]] == words for c in cited)
    assert seen >= 5


@pytest.mark.parametrize("recording", [r for r in GOOD if "tool_call" in r.features or "parallel_tools" in r.features], ids=repr)
@pytest.mark.parametrize("keeps", ["extra_content", "reasoning_details"])
def test_calls_handed_back_are_the_parts_that_came(recording: Recording, keeps: str) -> None:
    choice = fold(answer(recording)).choice(0)
    calls: list[Json] = []
    for made in choice.calls.values():
        extra = made.extra if keeps == "extra_content" else {}
        calls.append({"id": made.id, "type": "function", "function": {"name": made.name, "arguments": made.arguments}, **extra})
    assistant: Json = {"role": "assistant", "content": choice.text or None, "tool_calls": calls}
    if keeps == "reasoning_details":
        assistant["reasoning_details"] = choice.details
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "done"} for call in calls]
    request = decoded({"model": "m", "messages": [{"role": "user", "content": "Go."}, assistant, *results]})
    said = msgspec.structs.replace(target(recording), model="gemini-2.5-flash")
    written = json.loads(gemini_generate.encode_request(request, said).http.body)["contents"]
    came = [part for part in vendor_parts(recording) if "functionCall" in part]
    back = [part for part in written[1]["parts"] if "functionCall" in part]
    assert [without_ids(part) for part in back] == [without_ids(part) for part in came]
    assert [p["functionResponse"]["name"] for p in written[2]["parts"]] == [p["functionCall"]["name"] for p in came]
    if recording.provider == "gemini":
        own = [part["functionCall"].get("id") for part in came]
        assert [part["functionCall"].get("id") for part in back] == own
        assert [part["functionResponse"].get("id") for part in written[2]["parts"]] == own


def without_ids(part: Json) -> Json:
    call = {"args": {}, **{key: value for key, value in part["functionCall"].items() if key != "id"}}
    return {**part, "functionCall": call}


@pytest.mark.parametrize("recording", BAD, ids=repr)
def test_a_refusal_maps_to_its_error(recording: Recording) -> None:
    error = gemini_generate.decode_error(HttpResponse(recording.status, recording.headers, recording.body), target(recording))
    said = json.loads(recording.body)["error"]["message"]
    expected = {400: 400, 403: 502, 404: 404, 429: 429}[recording.status]
    if "API key not valid" in said:
        expected = 502
    assert isinstance(error, UpstreamError)
    assert error.status == expected
    assert said in error.message
    if "input token count" in said:
        assert error.code == "context_length_exceeded"
    if expected == 502:
        assert error.code == "upstream_auth"


def test_the_delay_of_a_quota_is_read_from_the_body() -> None:
    recording = recordings.one("gemini-generate_content-8056f6bc029e")
    error = gemini_generate.decode_error(HttpResponse(429, recording.headers, recording.body), target(recording))
    assert error.retry_after == pytest.approx(48, abs=1)


def test_a_refusal_inside_a_good_stream_fails_it() -> None:
    recording = recordings.one("gemini-generate_content-8056f6bc029e")
    decoder = gemini_generate.decode_stream(target(recording))
    frames = framer("text/event-stream", "sse")
    compact = json.dumps(json.loads(recording.body)).encode()
    events = [event for frame in frames.feed(b"data: " + compact + b"\n\n") for event in decoder.feed(frame)]
    assert [type(event) for event in events] == [Failed]
    assert isinstance(events[0], Failed)
    assert (events[0].status, events[0].retry_after) == (429, pytest.approx(48, abs=1))
    assert decoder.close() == []
