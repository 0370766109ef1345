"""Answers newer than the recordings, through the whole gateway, as the published `openai` client and OpenAI's own types read them.

Odd here: the bodies are Bedrock's binary frames and Anthropic's events, sent in pieces of seven bytes, so no event comes whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from tests.framing.oracles import aws_frame
from tests.serving import Asked, Connection, Upstream, gateway

from .scripts import sse
from .vendors import CONFIG, claude_stream

CLAUDE = "anthropic/claude-opus-5"
NOVA = "bedrock/us.amazon.nova-2-lite-v1:0"
Json = dict[str, Any]


class Vendor:
    """Answers every request with `body` of `content_type`."""

    def __init__(self) -> None:
        self.body, self.content_type = b"", ""

    async def script(self, connection: Connection, asked: Asked) -> None:
        await connection.begin(self.content_type)
        for at in range(0, len(self.body), 7):
            await connection.chunk(self.body[at : at + 7])
        await connection.end()

    def frames(self, *events: tuple[str, Json]) -> None:
        self.content_type = "application/vnd.amazon.eventstream"
        self.body = b"".join(aws_frame(json.dumps(data).encode(), event_type=name, message_type="event") for name, data in events)

    def events(self, *events: Json) -> None:
        self.content_type = "text/event-stream"
        self.body = b"".join(b"event: " + event.get("type", "x").encode() + b"\n" + sse(event) for event in events)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Vendor, openai.OpenAI]]:
    vendor = Vendor()
    folder: Path = tmp_path_factory.mktemp("newest")
    with Upstream(vendor.script) as upstream, gateway(folder, CONFIG.replace("URL", upstream.url)) as running:
        yield vendor, openai.OpenAI(base_url=f"{running.url}/v1", api_key="x", max_retries=0, timeout=20)
        assert "Traceback" not in running.log


def streamed(client: openai.OpenAI, model: str) -> list[ChatCompletionChunk]:
    """The chunks, each held against OpenAI's type with nothing taken out."""
    with client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi"}], stream=True) as chunks:
        return [ChatCompletionChunk.model_validate(chunk.model_dump(exclude_unset=True)) for chunk in chunks]


def test_what_bedrock_says_after_its_end_reaches_a_caller_who_did_not_ask_for_usage(stage: tuple[Vendor, openai.OpenAI]) -> None:
    vendor, client = stage
    trace = {"guardrail": {"actionReason": "blocked"}}
    vendor.frames(
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hi"}}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "guardrail_intervened"}),
        ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 1}, "serviceTier": {"type": "reserved"}, "trace": trace}),
    )
    last = streamed(client, NOVA)[-1]
    assert last.choices[0].finish_reason == "content_filter"
    assert last.model_extra == {"native_service_tier": "reserved", "trace": trace}


def test_a_refusal_after_thinking_is_read_as_a_refusal(stage: tuple[Vendor, openai.OpenAI]) -> None:
    vendor, client = stage
    start, *_ = claude_stream("")
    details = {"type": "refusal", "category": "cyber", "explanation": "No."}
    vendor.events(
        start,
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "S"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": details}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    )
    chunks = streamed(client, CLAUDE)
    assert "".join(chunk.choices[0].delta.refusal or "" for chunk in chunks) == "No."
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["content_filter"]


def test_googles_error_in_a_claude_stream_is_told_in_its_words(stage: tuple[Vendor, openai.OpenAI]) -> None:
    vendor, client = stage
    vendor.events(*claude_stream("half", stop=None), {"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}})
    with pytest.raises(openai.APIError, match="Quota exceeded") as raised:
        streamed(client, CLAUDE)
    assert raised.value.code == "rate_limit_exceeded"
