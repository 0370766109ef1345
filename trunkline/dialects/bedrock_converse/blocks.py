"""What a whole answer and a stream have in common: usage, the finish, reasoning, citations, and server tools.

Odd here: `inputTokens` leaves out what was read from and written to a cache; a citation's text is the block's own text; and a tool
that the vendor runs itself comes as `toolUse` of type `server_tool_use`, which is nobody's to answer.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html, …_CitationsContentBlock.html
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from ...chat import Event, Extra, Finished, MessageExtra, Metered, Reason, ReasoningDetail, Usage

REASONS: dict[str, Reason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "refusal": "content_filter",
}
PLAIN = frozenset({"end_turn", "max_tokens", "tool_use"})
"""The words that OpenAI's say whole; the others are kept as `native`."""
TIERS = frozenset({"default", "flex", "priority"})
"""The service tiers that OpenAI has a word for too."""
SERVER_TOOL = "server_tool_use"


class Counts(Struct, frozen=True, rename="camel"):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None


def metered(raw: Raw) -> list[Event]:
    """`usage`, in OpenAI's sense; nothing where it is absent or unreadable."""
    if not bytes(raw):
        return []
    try:
        counts = msgspec.json.decode(raw, type=Counts)
    except msgspec.DecodeError:
        return []
    prompt, completion = counts.input_tokens, counts.output_tokens
    if prompt is not None:
        prompt += (counts.cache_read_input_tokens or 0) + (counts.cache_write_input_tokens or 0)
    usage = Usage(
        prompt=prompt,
        completion=completion,
        total=prompt + completion if prompt is not None and completion is not None else None,
        cached=counts.cache_read_input_tokens,
        cache_write=counts.cache_write_input_tokens,
        raw=Raw(bytes(raw)),
    )
    return [Metered(usage)]


def finished(word: str, calls: int, fields: Any) -> Finished:
    """The end. `calls` counts the caller's calls in the answer; `fields` are `additionalModelResponseFields`."""
    reason = REASONS.get(word, "stop")
    if reason == "stop" and calls:
        reason = "tool_calls"
    elif reason == "tool_calls" and not calls:
        reason = "stop"  # a server tool's call is not the caller's to answer
    extra = {"additional_model_response_fields": fields} if fields else {}
    return Finished(reason, native="" if word in PLAIN else word, extra=extra)


def beside(tier: Any, trace: Any, performance: Any) -> list[Event]:
    """Top-level members: the tier that served, the guardrail's trace, the latency mode."""
    extra: dict[str, Any] = {}
    if isinstance(tier, dict) and isinstance(tier.get("type"), str):
        extra["service_tier" if tier["type"] in TIERS else "native_service_tier"] = tier["type"]
    if trace:
        extra["trace"] = trace
    if performance:
        extra["performance_config"] = performance
    return [Extra(extra)] if extra else []


def signed(text: str, signature: str) -> list[Event]:
    """Reasoning that can be handed back; what no one signed cannot, and is in `reasoning_content` alone."""
    if not signature:
        return []
    return [ReasoningDetail({"type": "reasoning.text", "text": text, "signature": signature, "format": "bedrock"})]


def redacted(data: str) -> list[Event]:
    return [ReasoningDetail({"type": "reasoning.encrypted", "data": data, "format": "bedrock"})] if data else []


def cited(citations: list[dict[str, Any]], start: int, end: int) -> list[Event]:
    """The sources of the text between two positions of the content (in characters), in OpenAI's form and the vendor's."""
    if not citations:
        return []
    extra: dict[str, Any] = {"citations": citations}
    annotations = []
    for citation in citations:
        url = _web(citation)
        if url:
            title = citation.get("title")
            place = {"url": url, "title": title if isinstance(title, str) else "", "start_index": start, "end_index": end}
            annotations.append({"type": "url_citation", "url_citation": place})
    if annotations:
        extra["annotations"] = annotations
    return [MessageExtra(extra)]


def _web(citation: dict[str, Any]) -> str:
    location = citation.get("location")
    web = location.get("web") if isinstance(location, dict) else None
    found = web.get("url") if isinstance(web, dict) else citation.get("source")
    return found if isinstance(found, str) and found.startswith(("http://", "https://")) else ""


def provider_block(block: dict[str, Any]) -> Event:
    """A block that OpenAI's message has no place for, whole."""
    return MessageExtra({"provider_blocks": [block]})


def pictured(image: Any) -> list[Event]:
    """An image that the model made, as a data URL; one that lies elsewhere, or failed, as the vendor's block."""
    match image:
        case {"format": str(word), "source": {"bytes": str(data)}}:
            return [MessageExtra({"images": [{"type": "image_url", "image_url": {"url": f"data:image/{word};base64,{data}"}}]})]
        case _:
            return [provider_block({"image": image})]
