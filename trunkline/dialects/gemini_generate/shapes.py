"""What generateContent answers, typed for one quick decode a frame.

Odd here: most of a frame is seldom wanted (safety ratings, counts by modality), so it stays `Raw` or is not named at all; enums may be
integers (`$alt=json;enum-encoding=int`); and any member may be null or absent.

Source: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

NO_RAW = Raw(b"")


class PartialArg(Struct, rename="camel"):
    """A piece of a call's arguments, where they are streamed (Vertex, only if asked for)."""

    json_path: str = ""
    string_value: str | None = None
    number_value: Raw = NO_RAW
    bool_value: bool | None = None
    null_value: Raw = NO_RAW


class FunctionCall(Struct, rename="camel"):
    name: str | None = None
    args: Raw = NO_RAW
    """a JSON object; empty or null for none"""
    id: str | None = None
    partial_args: list[PartialArg] | None = None
    will_continue: bool | None = None


class Part(Struct, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: Raw = NO_RAW
    file_data: Raw = NO_RAW
    executable_code: Raw = NO_RAW
    code_execution_result: Raw = NO_RAW
    tool_call: Raw = NO_RAW
    """a call that Google's own server answers"""
    tool_response: Raw = NO_RAW
    audio_transcription: Raw = NO_RAW
    function_response: Raw = NO_RAW


class Content(Struct):
    parts: list[Part] | None = None


class Candidate(Struct, rename="camel"):
    content: Content | None = None
    finish_reason: str | int | None = None
    index: int | None = None
    finish_message: str | None = None
    safety_ratings: Raw = NO_RAW
    citation_metadata: Raw = NO_RAW
    grounding_metadata: Raw = NO_RAW
    url_context_metadata: Raw = NO_RAW
    logprobs_result: Raw = NO_RAW
    continuation_token: str | None = None


class Chunk(Struct, rename="camel"):
    """One frame of a stream, and a whole answer alike."""

    candidates: list[Candidate] | None = None
    usage_metadata: Raw = NO_RAW
    model_version: str | None = None
    response_id: str | None = None
    create_time: str | None = None
    prompt_feedback: Raw = NO_RAW
    model_status: Raw = NO_RAW
    """of a model that is about to be retired"""
    error: Raw = NO_RAW


class UsageMetadata(Struct, rename="camel"):
    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    total_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    service_tier: str | int | None = None


class PromptFeedback(Struct, rename="camel"):
    block_reason: str | int | None = None


class InlineData(Struct, rename="camel"):
    mime_type: str = ""
    data: str = ""


class Segment(Struct, rename="camel"):
    start_index: int | None = None
    """bytes of UTF-8, as the end"""
    end_index: int | None = None
    text: str | None = None


class Support(Struct, rename="camel"):
    segment: Segment | None = None
    grounding_chunk_indices: list[int] | None = None


class Web(Struct):
    uri: str | None = None
    title: str | None = None


class ImageSource(Struct, rename="camel"):
    source_uri: str | None = None
    """the page the picture stands on"""
    title: str | None = None


class GroundingChunk(Struct, rename="camel"):
    web: Web | None = None
    retrieved_context: Web | None = None
    maps: Web | None = None
    image: ImageSource | None = None


class Grounding(Struct, rename="camel"):
    grounding_chunks: list[GroundingChunk] | None = None
    grounding_supports: list[Support] | None = None


class CitationSource(Struct, rename="camel"):
    start_index: int | None = None
    end_index: int | None = None
    uri: str | None = None
    title: str | None = None


class Citations(Struct, rename="camel"):
    """`citationSources` on AI Studio, `citations` on Vertex."""

    citation_sources: list[CitationSource] | None = None
    citations: list[CitationSource] | None = None


class Token(Struct, rename="camel"):
    token: str = ""
    log_probability: float = 0.0


class TopTokens(Struct):
    candidates: list[Token] | None = None


class LogprobsResult(Struct, rename="camel"):
    chosen_candidates: list[Token] | None = None
    top_candidates: list[TopTokens] | None = None


_BESIDE = frozenset({"thought", "thoughtSignature", "partMetadata"})
"""Members of a part that say something of its content."""


def whole_part(part: Part, candidate: Candidate, chunk: Chunk, data: bytes) -> dict[str, Any]:
    """The vendor's own object for a part, without what is said beside its content; {} where there is nothing else, or no finding it."""
    parts = candidate.content.parts if candidate.content is not None else None
    at = next((i for i, one in enumerate(parts or ()) if one is part), 0)
    of = next((i for i, one in enumerate(chunk.candidates or ()) if one is candidate), 0)
    try:
        found = msgspec.json.decode(data)["candidates"][of]["content"]["parts"][at]
    except (msgspec.DecodeError, LookupError, TypeError):  # a list of chunks
        return {}
    return {name: value for name, value in found.items() if name not in _BESIDE and value is not None}


def present(raw: Raw) -> bool:
    return bytes(raw) not in (b"", b"null")


T = TypeVar("T")


def lenient(decode: Callable[[Raw], T], raw: Raw, empty: T) -> T:
    """What stands beside the answer's words must not cost the answer: `empty` where it has another shape than documented."""
    try:
        return decode(raw)
    except msgspec.DecodeError:
        return empty


decode_chunk = msgspec.json.Decoder(Chunk).decode
decode_chunks = msgspec.json.Decoder(list[Chunk]).decode
decode_usage = msgspec.json.Decoder(UsageMetadata).decode
decode_feedback = msgspec.json.Decoder(PromptFeedback).decode
decode_inline = msgspec.json.Decoder(InlineData).decode
decode_grounding = msgspec.json.Decoder(Grounding).decode
decode_citations = msgspec.json.Decoder(Citations).decode
decode_logprobs = msgspec.json.Decoder(LogprobsResult).decode

NO_FEEDBACK, NO_INLINE, NO_USAGE = PromptFeedback(), InlineData(), UsageMetadata()
NO_GROUNDING, NO_CITATIONS, NO_LOGPROBS = Grounding(), Citations(), LogprobsResult()
