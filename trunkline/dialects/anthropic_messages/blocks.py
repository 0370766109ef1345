"""What a whole answer and a stream have in common: stop reasons, usage, citations, and the blocks of the vendor's own tools.

Odd here: `input_tokens` leaves out what came from or went to the cache, while OpenAI's prompt tokens count all input; and
a call of a server tool looks just like one for the caller to answer but for its type.

Source: https://docs.anthropic.com/en/api/messages, …/build-with-claude/handling-stop-reasons, …/citations
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from ...chat import Event, Finished, MessageExtra, Metered, Reason, RefusalDelta, Usage
from ..handed_back import placed

REASONS: dict[str, Reason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "compaction": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
PLAIN = frozenset({"end_turn", "max_tokens", "tool_use"})
"""The words that OpenAI's say whole; the others are kept as `native`."""

BESIDE = ("container", "context_management", "diagnostics", "input_transformations")
"""What the vendor says about the request beside its answer; kept under the vendor's names."""
TIERS = {"standard": "default", "priority": "priority"}


class Details(Struct):
    thinking_tokens: int | None = None


class Counts(Struct):
    """The vendor's usage object."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: Details | None = None
    service_tier: str | None = None


def metered(raw: Raw) -> list[Event]:
    """Usage in OpenAI's sense; nothing where the vendor sent none that can be read."""
    if bytes(raw) in (b"", b"null", b"{}"):
        return []
    try:
        counts = msgspec.json.decode(raw, type=Counts)
    except msgspec.DecodeError:
        return []
    prompt = counts.input_tokens
    if prompt is not None:
        prompt += (counts.cache_read_input_tokens or 0) + (counts.cache_creation_input_tokens or 0)
    completion = counts.output_tokens
    total = prompt + completion if prompt is not None and completion is not None else None
    details = counts.output_tokens_details
    usage = Usage(
        prompt=prompt,
        completion=completion,
        total=total,
        cached=counts.cache_read_input_tokens,
        cache_write=counts.cache_creation_input_tokens,
        reasoning=details.thinking_tokens if details else None,
        raw=raw,
    )
    return [Metered(usage)]


def tier(raw: Raw) -> dict[str, Any]:
    """`service_tier` in OpenAI's words, as an extra; {} where the vendor did not say or OpenAI has no word for it."""
    try:
        word = msgspec.json.decode(raw, type=Counts).service_tier if bytes(raw) else None
    except msgspec.DecodeError:
        return {}
    return {"service_tier": TIERS[word]} if word in TIERS else {}


def finished(stop_reason: str, stop_sequence: str | None, stop_details: Any, tools: int, silent: bool) -> list[Event]:
    """The end. `tools` counts the caller's calls in the answer; `silent`: it has no text, so a refusal may explain itself."""
    reason = REASONS.get(stop_reason, "stop")
    if reason == "stop" and tools:
        reason = "tool_calls"
    elif reason == "tool_calls" and not tools:
        reason = "stop"  # a server tool's call is not the caller's to answer
    extra: dict[str, Any] = {}
    if stop_sequence is not None:
        extra["stop_sequence"] = stop_sequence
    if stop_details is not None:
        extra["stop_details"] = stop_details
    explained: list[Event] = []
    if (
        stop_reason == "refusal"
        and silent
        and not tools
        and isinstance(stop_details, dict)
        and isinstance(stop_details.get("explanation"), str)
    ):
        explained = [RefusalDelta(stop_details["explanation"])]
    return [*explained, Finished(reason, native="" if stop_reason in PLAIN else stop_reason, extra=extra)]


def call_extra(caller: Any, toolset: str | None) -> dict[str, Any]:
    """Members beside a call's function: whose code asked for it, where it was not the model itself, and the toolset it is of."""
    direct = not isinstance(caller, dict) or caller.get("type") == "direct"
    return {**({} if direct else {"caller": caller}), **({"toolset_name": toolset} if toolset else {})}


def provider_block(block: dict[str, Any], chars: int, details: int, tools: int) -> Event:
    """A block that OpenAI's message has no place for, whole, and how much text, signed thinking and calls came before it."""
    return MessageExtra({"provider_blocks": [block], "provider_places": [placed("anthropic", chars, details, tools)]})


def strange(raw: Raw, chars: int, details: int, tools: int) -> list[Event]:
    """A block of a type that is not read here, whole; what is no object is no block."""
    try:
        return [provider_block(msgspec.json.decode(raw, type=dict[str, Any]), chars, details, tools)]
    except (msgspec.DecodeError, RecursionError):
        return []


def cited(citations: list[dict[str, Any]], start: int, end: int) -> list[Event]:
    """The sources of the text between two positions of the content (in characters), in OpenAI's form and the vendor's."""
    if not citations:
        return []
    extra: dict[str, Any] = {"citations": citations}
    annotations = []
    for citation in citations:
        url = citation.get("url") or citation.get("source")
        if isinstance(url, str) and url.startswith(("http://", "https://")):
            title = citation.get("title") or ""
            annotations.append(
                {"type": "url_citation", "url_citation": {"url": url, "title": title, "start_index": start, "end_index": end}}
            )
    if annotations:
        extra["annotations"] = annotations
    return [MessageExtra(extra)]


def thinking_detail(text: str, signature: str) -> dict[str, Any]:
    """One signed piece of thinking, to be handed back as it is. The text may be empty; the signature counts."""
    return {"type": "reasoning.text", "text": text, "signature": signature, "format": "anthropic"}


def redacted_detail(data: str) -> dict[str, Any]:
    return {"type": "reasoning.encrypted", "data": data, "format": "anthropic"}
