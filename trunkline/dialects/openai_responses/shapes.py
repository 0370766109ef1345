"""Responses as types, for one lean decode a frame.

Source: https://platform.openai.com/docs/api-reference/responses/object, …/responses-streaming
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from ...chat import NO_RAW


class StreamEvent(Struct, frozen=True):
    """Any event. `item`, `response` and `error` are decoded only where they are needed."""

    type: str = ""
    delta: str = ""
    output_index: int = -1
    summary_index: int = 0
    logprobs: Raw = NO_RAW
    item: Raw = NO_RAW
    response: Raw = NO_RAW
    error: Raw = NO_RAW
    code: str | None = None
    """of an `error` event, beside its message"""
    message: str | None = None
    part: Raw = NO_RAW


class Kind(Struct, frozen=True):
    """An event of which no more than its type can be read."""

    type: str = ""


class Part(Struct, frozen=True):
    """A part of a message, of a summary, or of reasoning."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    annotations: list[dict[str, Any]] | None = None
    logprobs: list[dict[str, Any]] | None = None


class Item(Struct, frozen=True):
    type: str = ""
    id: str | None = None
    content: list[Part] | None = None
    summary: list[Part] | None = None
    encrypted_content: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    phase: str | None = None
    """of a message: commentary or final_answer"""


class Incomplete(Struct, frozen=True):
    reason: str | None = None


class Response(Struct, frozen=True):
    id: str | None = None
    model: str | None = None
    created_at: float | None = None
    status: str | None = None
    output: list[Raw] | None = None
    usage: Raw = NO_RAW
    incomplete_details: Incomplete | None = None
    error: Raw = NO_RAW
    service_tier: str | None = None
    moderation: Raw = NO_RAW
    """where the caller asked for it"""


class InputDetails(Struct, frozen=True):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class OutputDetails(Struct, frozen=True):
    reasoning_tokens: int | None = None


class UsageBody(Struct, frozen=True):
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


EVENT = msgspec.json.Decoder(StreamEvent)
KIND = msgspec.json.Decoder(Kind)
ITEM = msgspec.json.Decoder(Item)
RESPONSE = msgspec.json.Decoder(Response)
USAGE = msgspec.json.Decoder(UsageBody | None)
LOGPROBS = msgspec.json.Decoder(list[dict[str, Any]] | None)
