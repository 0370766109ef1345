"""What an item of the output is in our events, whether it came whole or as the end of a stream's item.

Odd here: only `function_call` and `custom_tool_call` are for the caller to answer; every other call is the vendor's own work and is
kept as it is in `provider_blocks`. A custom call's input is no JSON and may be empty.

Source: https://platform.openai.com/docs/api-reference/responses/object#responses/object-output
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from ...chat import (
    Event,
    Finished,
    Logprobs,
    MessageExtra,
    Metered,
    Reason,
    ReasoningDelta,
    ReasoningDetail,
    RefusalDelta,
    TextDelta,
    ToolDelta,
    ToolStarted,
    Usage,
)
from .answered import FORMAT
from .shapes import USAGE, Item, Part, Response

CALLS = frozenset({"function_call", "custom_tool_call"})
REASONS: dict[str, Reason] = {"max_output_tokens": "length", "max_tokens": "length", "content_filter": "content_filter"}
"""`incomplete_details.reason`"""


def reasoning(item: Item) -> list[Event]:
    """The summary's paragraphs, and open reasoning where a host gives it."""
    summary = "\n\n".join(part.text for part in item.summary or () if part.text)
    thought = "".join(part.text for part in item.content or () if part.text)
    return [ReasoningDelta(text) for text in (summary, thought) if text]


def sealed(item: Item, said: int, calls: int) -> list[Event]:
    """The encrypted reasoning, to be handed back where it stood: after so many characters of text and so many calls."""
    if not item.encrypted_content:
        return []
    detail: dict[str, Any] = {"type": "reasoning.encrypted", "data": item.encrypted_content, "format": FORMAT}
    if item.id:
        detail["id"] = item.id
    detail["summary"] = [{"type": "summary_text", "text": part.text} for part in item.summary or () if part.text]
    return [ReasoningDetail({**detail, "start": said, "calls": calls})]


def phased(item: Item, start: int) -> list[Event]:
    """A part of the text that was said on the way: newer models want to know it from an answer, which goes without saying."""
    if item.phase in (None, "final_answer"):
        return []
    detail = {"type": "message.phase", "phase": item.phase, "format": FORMAT, "start": start, "end": start + length(item)}
    return [ReasoningDetail(detail)]


def words(part: Part) -> list[Event]:
    events: list[Event] = []
    if part.text:
        events.append(TextDelta(part.text))
    if part.refusal:
        events.append(RefusalDelta(part.refusal))
    if part.logprobs:
        events.append(Logprobs({"content": [logprob(entry) for entry in part.logprobs]}))
    return events


def length(item: Item) -> int:
    """Characters of text in a message."""
    return sum(len(part.text or "") for part in item.content or ())


def cited(item: Item, start: int) -> list[Event]:
    """The sources of a message whose text begins at `start` in the whole: web pages as OpenAI chat has them, others as they are."""
    pages: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for part in item.content or ():
        for annotation in part.annotations or ():
            if annotation.get("type") == "url_citation":
                pages.append(_page(annotation, start))
            else:
                others.append(annotation)
        start += len(part.text or "")
    extra = {name: found for name, found in (("annotations", pages), ("citations", others)) if found}
    return [MessageExtra(extra)] if extra else []


def _page(annotation: dict[str, Any], start: int) -> dict[str, Any]:
    page = {name: value for name, value in annotation.items() if name != "type"}
    for name in ("start_index", "end_index"):
        if isinstance(page.get(name), int):
            page[name] += start
    return {"type": "url_citation", "url_citation": page}


def call(item: Item, tool: int) -> list[Event]:
    return [*begun(item, tool), *given(item, tool)]


def begun(item: Item, tool: int) -> list[Event]:
    """A call's beginning."""
    return [ToolStarted(tool, item.call_id or item.id or "", item.name or "", custom=item.type == "custom_tool_call")]


def given(item: Item, tool: int) -> list[Event]:
    """All that a call gives the tool."""
    if item.type == "custom_tool_call":
        return [ToolDelta(tool, item.input)] if item.input else []
    return [ToolDelta(tool, item.arguments or "{}")]


def kept(raw: Raw) -> list[Event]:
    """An item that OpenAI chat has no place for, whole; a picture that was made stands in `images`, as other vendors' do, and not here."""
    item = msgspec.json.decode(raw) if bytes(raw) not in (b"", b"null") else {}
    if not isinstance(item, dict):
        return []
    if item.get("type") == "image_generation_call" and isinstance(picture := item.pop("result", None), str) and picture:
        url = f"data:image/{item.get('output_format') or 'png'};base64,{picture}"
        return [MessageExtra({"provider_blocks": [item], "images": [{"type": "image_url", "image_url": {"url": url}}]})]
    return [MessageExtra({"provider_blocks": [item]})] if item else []


def logprob(entry: dict[str, Any]) -> dict[str, Any]:
    return {"top_logprobs": [], "bytes": list(str(entry.get("token", "")).encode()), **entry}


def finished(response: Response, calls: int) -> Finished:
    details = response.incomplete_details
    if response.status == "incomplete":
        native = (details.reason if details else None) or "incomplete"
        return Finished(REASONS.get(native, "length"), native=native)
    return Finished("tool_calls" if calls else "stop")


def metered(raw: Raw) -> list[Event]:
    try:
        usage = USAGE.decode(raw) if bytes(raw) else None
    except (msgspec.DecodeError, RecursionError):
        return []
    if usage is None or (usage.input_tokens is None and usage.output_tokens is None):
        return []
    read, made = usage.input_tokens_details, usage.output_tokens_details
    return [
        Metered(
            Usage(
                prompt=usage.input_tokens,
                completion=usage.output_tokens,
                total=usage.total_tokens,
                cached=read.cached_tokens if read else None,
                cache_write=read.cache_write_tokens if read else None,
                reasoning=made.reasoning_tokens if made else None,
                raw=Raw(bytes(raw)),
            )
        )
    ]
