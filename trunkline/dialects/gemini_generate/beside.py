"""What an answer holds beside its words: usage, sources, log probabilities, pictures and sound.

Odd here: a source points into the text by bytes of UTF-8 where OpenAI counts characters, and input that a tool of the vendor's own
read is counted apart from the prompt.

Sources: https://ai.google.dev/api/generate-content#UsageMetadata, https://ai.google.dev/gemini-api/docs/google-search
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec
from msgspec import Raw

from ...chat import Usage
from .shapes import (
    NO_CITATIONS,
    NO_GROUNDING,
    NO_LOGPROBS,
    NO_USAGE,
    CitationSource,
    GroundingChunk,
    Segment,
    Token,
    Web,
    decode_citations,
    decode_grounding,
    decode_logprobs,
    decode_usage,
    lenient,
)  # fmt: skip

_TIERS = {"standard": "default"}


def usage_of(raw: Raw) -> Usage | None:
    """In OpenAI's sense; None where the vendor counted nothing yet. What was not said stays None."""
    said = lenient(decode_usage, raw, NO_USAGE)
    prompt = _sum(said.prompt_token_count, said.tool_use_prompt_token_count)
    completion = _sum(said.candidates_token_count, said.thoughts_token_count)
    if prompt is None and completion is None and said.total_token_count is None:
        return None
    return Usage(
        prompt=prompt,
        completion=completion,
        total=said.total_token_count,
        cached=said.cached_content_token_count,
        reasoning=said.thoughts_token_count,
        raw=raw,
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)


def tier_of(raw: Raw) -> str:
    """OpenAI's word for the tier that served; empty where the vendor did not say."""
    tier = lenient(decode_usage, raw, NO_USAGE).service_tier
    return _TIERS.get(tier, tier) if isinstance(tier, str) else ""


# ── sources ──────────────────────────────────────────────────────────────────────────────────────────────


def grounding_annotations(raw: Raw, text: str) -> list[dict[str, Any]]:
    """One url_citation for each source of each supported passage; those that support none in particular cover nothing."""
    grounding = lenient(decode_grounding, raw, NO_GROUNDING)
    sources = [_source(chunk) for chunk in grounding.grounding_chunks or ()]
    whole = text.encode()
    out: list[dict[str, Any]] = []
    cited: set[int] = set()
    for support in grounding.grounding_supports or ():
        start, end = _characters(support.segment or Segment(), whole, text)
        for index in support.grounding_chunk_indices or ():
            source = sources[index] if 0 <= index < len(sources) else None
            if source is not None and source.uri:
                cited.add(index)
                out.append(_url_citation(source.uri, source.title, start, end))
    for index, source in enumerate(sources):
        if index not in cited and source is not None and source.uri:
            out.append(_url_citation(source.uri, source.title, 0, 0))
    return out


def _source(chunk: GroundingChunk) -> Web | None:
    if chunk.image is not None:
        return Web(chunk.image.source_uri, chunk.image.title)
    return chunk.web or chunk.retrieved_context or chunk.maps


def citation_annotations(raw: Raw, text: str) -> list[dict[str, Any]]:
    """Sources that the answer recites."""
    said = lenient(decode_citations, raw, NO_CITATIONS)
    whole = text.encode()
    found: list[CitationSource] = [*(said.citation_sources or ()), *(said.citations or ())]
    return [
        _url_citation(source.uri, source.title, *_characters(Segment(source.start_index, source.end_index), whole, text))
        for source in found
        if source.uri
    ]


def _url_citation(url: str, title: str | None, start: int, end: int) -> dict[str, Any]:
    return {"type": "url_citation", "url_citation": {"start_index": start, "end_index": end, "title": title or "", "url": url}}


def _characters(segment: Segment, whole: bytes, text: str) -> tuple[int, int]:
    """Bytes → characters. A segment counts from its own part, so where its text stands elsewhere it is looked up."""
    start, end = segment.start_index or 0, segment.end_index or 0
    wanted = (segment.text or "").encode()
    if wanted and whole[start:end] != wanted:
        at = whole.find(wanted)
        if at >= 0:
            start, end = at, at + len(wanted)
    before = len(whole[:start].decode(errors="ignore"))
    return before, max(before, min(len(text), len(whole[:end].decode(errors="ignore"))))


# ── log probabilities ────────────────────────────────────────────────────────────────────────────────────


def logprobs_of(raw: Raw) -> dict[str, Any]:
    """OpenAI's `logprobs` object."""
    said = lenient(decode_logprobs, raw, NO_LOGPROBS)
    tops = said.top_candidates or []
    content = []
    for index, token in enumerate(said.chosen_candidates or ()):
        top = tops[index].candidates or [] if index < len(tops) else []
        content.append({**_token(token), "top_logprobs": [_token(other) for other in top]})
    return {"content": content}


def _token(token: Token) -> dict[str, Any]:
    return {"token": token.token, "logprob": token.log_probability, "bytes": list(token.token.encode())}


# ── sound ────────────────────────────────────────────────────────────────────────────────────────────────


def audio_of(id: str, mime: str, pieces: list[str]) -> dict[str, Any]:
    """OpenAI's `message.audio` of all the pieces of a sound (base64 each), with the vendor's MIME type beside."""
    data = pieces[0] if len(pieces) == 1 else base64.b64encode(b"".join(base64.b64decode(piece) for piece in pieces)).decode()
    return {"id": f"audio_{id}", "data": data, "expires_at": 0, "transcript": "", "mime_type": mime}


def plain(raw: Raw) -> Any:
    """The vendor's own JSON as a value, for an extra."""
    return msgspec.json.decode(raw)
