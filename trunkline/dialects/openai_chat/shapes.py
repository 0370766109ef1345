"""An answer as OpenAI would have written it, as types. What decodes into these is relayed byte for byte; what does not is mended.

Odd here: the types are strict on purpose, and their only use is to be refused. `error: None` says that an answer which
carries an `error` beside its choices, or a chunk a whole `message`, is not yet one our caller can read, and so for each host's habit.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from ...chat import NO_RAW, MaybeRaw, Reason, Usage

Filled = Annotated[str, Meta(min_length=1)]


class TokenDetails(Struct, frozen=True):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_write_tokens: int | None = None


class WireUsage(Struct, frozen=True):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: TokenDetails | None = None
    completion_tokens_details: TokenDetails | None = None
    prompt_cache_hit_tokens: int | None = None
    """DeepSeek's older name for cached tokens"""
    cached_tokens: int | None = None
    """Moonshot's place for them"""
    reasoning_tokens: int | None = None
    """a few hosts' place for them"""


def usage_of(wire: WireUsage, raw: Raw = NO_RAW) -> Usage:
    prompt, completion = wire.prompt_tokens_details, wire.completion_tokens_details
    cached = prompt.cached_tokens if prompt else None
    if cached is None:
        cached = wire.prompt_cache_hit_tokens if wire.prompt_cache_hit_tokens is not None else wire.cached_tokens
    reasoning = completion.reasoning_tokens if completion else None
    return Usage(
        wire.prompt_tokens,
        wire.completion_tokens,
        wire.total_tokens,
        cached,
        prompt.cache_write_tokens if prompt else None,
        wire.reasoning_tokens if reasoning is None else reasoning,
        raw,
    )


# ── a whole completion ───────────────────────────────────────────────────────────────────────────────────


class WireFunction(Struct, frozen=True):
    name: Filled
    arguments: Filled


class WireCall(Struct, frozen=True):
    id: Filled
    type: Literal["function", "custom"]
    function: WireFunction | None = None
    custom: MaybeRaw = None
    extra_content: MaybeRaw = None


class WireMessage(Struct, frozen=True):
    role: Literal["assistant"]
    content: str | None = None
    refusal: Filled | None = None
    tool_calls: Annotated[list[WireCall], Meta(min_length=1)] | None = None
    function_call: WireFunction | None = None
    reasoning_content: str | None = None
    reasoning_details: list[Raw] | None = None
    annotations: list[Raw] | None = None
    audio: MaybeRaw = None
    reasoning: MaybeRaw = None
    """another name of `reasoning_content`, which must then be there too"""


class WireChoice(Struct, frozen=True):
    message: WireMessage
    finish_reason: Reason
    index: int
    logprobs: MaybeRaw = None
    delta: None = None


class WireCompletion(Struct, frozen=True):
    id: Filled
    object: Literal["chat.completion"]
    created: int
    model: Filled
    choices: Annotated[list[WireChoice], Meta(min_length=1)]
    usage: WireUsage | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    error: None = None


# ── a chunk ──────────────────────────────────────────────────────────────────────────────────────────────


class FunctionPiece(Struct, frozen=True):
    name: str | None = None
    arguments: str = ""


class CallPiece(Struct, frozen=True):
    index: int
    id: str | None = None
    type: str | None = None
    function: FunctionPiece | None = None
    custom: MaybeRaw = None
    extra_content: MaybeRaw = None


class Delta(Struct, frozen=True):
    role: Literal["assistant"] | None = None
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[CallPiece] | None = None
    function_call: FunctionPiece | None = None
    reasoning_content: str | None = None
    reasoning_details: list[Raw] | None = None
    annotations: list[Raw] | None = None
    audio: MaybeRaw = None
    reasoning: MaybeRaw = None
    """another name of `reasoning_content`, which must then be there too"""


class ChunkChoice(Struct, frozen=True):
    index: int
    delta: Delta
    finish_reason: Reason | None = None
    logprobs: MaybeRaw = None
    message: None = None


class WireChunk(Struct, frozen=True):
    id: Filled
    object: Literal["chat.completion.chunk"]
    created: int
    model: Filled
    choices: list[ChunkChoice]
    usage: WireUsage | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    error: None = None
    x_groq: MaybeRaw = None


class PlainDelta(Struct, frozen=True):
    content: str | None = None
    reasoning_content: str | None = None
    role: Literal["assistant"] | None = None
    refusal: None = None
    tool_calls: None = None
    function_call: None = None
    reasoning: None = None
    reasoning_details: None = None
    annotations: None = None
    audio: None = None


class PlainChoice(Struct, frozen=True):
    index: int
    delta: PlainDelta
    finish_reason: None = None
    logprobs: None = None
    message: None = None


class PlainChunk(Struct, frozen=True):
    """A chunk that brings text or thinking to one choice and nothing else: nearly all of them. That it decodes is all there is to check."""

    id: Filled
    object: Literal["chat.completion.chunk"]
    created: int
    model: Filled
    choices: tuple[PlainChoice]
    usage: None = None
    error: None = None
    x_groq: None = None
    service_tier: str | None = None
    system_fingerprint: str | None = None


PLAIN = msgspec.json.Decoder(PlainChunk)
COMPLETION = msgspec.json.Decoder(WireCompletion)
CHUNK = msgspec.json.Decoder(WireChunk)


_ROLES = (b'"role":"assistant",', b'"role": "assistant", ', b',"role":"assistant"', b', "role": "assistant"')


def without_role(data: bytes) -> bytes | None:
    """A chunk without its role; None where that is not written in a usual way. No text can hold these bytes: its quotes are escaped."""
    for role in _ROLES:
        if data.count(role) == 1:
            return data.replace(role, b"")
    return None


class _OnlyUsage(Struct, frozen=True):
    usage: Raw = NO_RAW


ONLY_USAGE = msgspec.json.Decoder(_OnlyUsage)
"""The vendor's own usage object, as bytes."""


def is_readable(message: WireMessage | Delta) -> bool:
    """Whether thinking that stands under `reasoning` stands under `reasoning_content` too, and whole calls have ids of their own."""
    if isinstance(message, WireMessage) and message.tool_calls is not None:
        calls = message.tool_calls
        if len({call.id for call in calls}) < len(calls) or any(call.type == "function" and call.function is None for call in calls):
            return False
    return is_null(message.reasoning) or message.reasoning_content is not None or message.reasoning == Raw(b'""')


def is_null(raw: Raw | None) -> bool:
    """Whether a member is absent or null."""
    return raw is None or raw == _NULL


_NULL = Raw(b"null")
