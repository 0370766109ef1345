"""Every recorded stream, as the caller gets it, however its bytes were cut, and also where they were cut off."""

from __future__ import annotations

import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from tests.recordings import ABSENT, PRESENT, Recording

from . import passing
from .laws import STREAMS, Report, agree, filed
from .reading import together
from .said import said

pytestmark = pytest.mark.skipif(not PRESENT, reason=ABSENT)


def sizes(body: bytes) -> tuple[int, ...]:
    """Byte by byte where that is soon done, and two sizes that cut lines, characters and frames anywhere."""
    return (1, 7, 1021) if len(body) < 16_000 else (61, 4093)


@pytest.mark.parametrize("recording", STREAMS, ids=repr)
def test_a_stream_says_what_the_vendor_said_however_it_is_cut(recording: Recording, record_property: Report) -> None:
    filed(record_property, recording, "stream")
    got = passing.streamed(recording, len(recording.body))
    for size in sizes(recording.body):
        assert passing.streamed(recording, size).same() == got.same(), f"in reads of {size} bytes"
    meant = said(recording)
    if meant.failed:
        assert got.error is not None
        assert not got.done
        return
    assert got.error is None
    assert got.done
    answer = together(got.chunks)
    agree(answer, meant, recording.api)
    translated = passing.streamed(recording, 4093, relay=False)
    agree(together(translated.chunks), meant, recording.api)


@pytest.mark.parametrize("recording", STREAMS, ids=repr)
def test_a_stream_whose_events_are_known_by_their_bytes_is_the_same(recording: Recording) -> None:
    for relay in (True, False):
        read_whole = passing.streamed(recording, len(recording.body), relay=relay)
        assert passing.event_by_event(recording, relay=relay).same() == read_whole.same()


@pytest.mark.parametrize("provider", ["openai", "azure", "groq", "deepseek", "zai", "xai", "anthropic", "cohere"])
def test_most_texts_of_a_recorded_stream_are_known_by_their_bytes(provider: str) -> None:
    known = texts = 0
    for recording in STREAMS:
        if recording.provider == provider and recording.framing == "sse" and recording.api != "responses":
            got = passing.event_by_event(recording)
            known += got.known
            texts += sum(bool(choice["delta"].get("content")) for chunk in got.chunks for choice in chunk["choices"])
    assert known > texts * 0.6


@pytest.mark.parametrize("recording", STREAMS, ids=repr)
def test_a_stream_that_breaks_off_is_an_error_or_has_lost_nothing(recording: Recording) -> None:
    half = recording.body[: len(recording.body) // 2]
    for breaks in (True, False):
        if recording.provider == "snowflake" and not breaks:
            continue  # its streams never say why they stopped: an end in good order is their finish
        got = passing.streamed(recording, 4093, half, breaks=breaks)
        if got.error is None:
            all_of_it = together(passing.streamed(recording, 4093).chunks)["choices"]
            assert [c["message"]["content"] for c in together(got.chunks)["choices"]] == [c["message"]["content"] for c in all_of_it]
        else:
            assert not got.done


@pytest.mark.parametrize("recording", [r for r in STREAMS if r.api != "chat_completions" and len(r.body) < 30_000], ids=repr)
def test_openais_own_client_can_put_the_chunks_together(recording: Recording) -> None:
    got = passing.streamed(recording, len(recording.body))
    if got.error is not None:
        pytest.skip("an error in a 200 stream, tested above")
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for chunk in got.chunks:
        state.handle_chunk(ChatCompletionChunk.construct(**chunk))
    message = state.current_completion_snapshot.choices[0].message
    assert (message.content or "") == (together(got.chunks)["choices"][0]["message"]["content"] or "")
