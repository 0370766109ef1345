"""Cohere's whole answers and refusals, and what streams share with them: finish, usage, citations, log probabilities.

Odd here: `usage.tokens` is what was processed and `usage.billed_units` what is billed; pictures are counted beside the input, not
in it; and an answer that failed or timed out half-way has status 200.

Source: https://docs.cohere.com/reference/chat
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
    Started,
    TextDelta,
    ToolDelta,
    ToolStarted,
    Usage,
)  # fmt: skip
from ...errors import UpstreamError
from ...target import Target
from ...wire import HttpResponse
from ..failures import failure, json_object
from .shapes import ANSWER, USAGE, Answer, Block, Message, TokenLogprobs

REASONS: dict[str, Reason] = {
    "COMPLETE": "stop", "STOP_SEQUENCE": "stop", "USER_CANCEL": "stop", "MAX_TOKENS": "length", "ERROR_LIMIT": "length",
    "TOOL_CALL": "tool_calls", "ERROR_TOXIC": "content_filter",
}  # fmt: skip
FAILURES = {"ERROR": 502, "TIMEOUT": 504}
"""Finish reasons that are no finish, as HTTP statuses."""
KNOWN = frozenset({"text", "thinking", ""})
"""Types of content blocks whose words are told; a piece in a stream has no type."""


def decode_response(response: HttpResponse, target: Target) -> list[Event]:
    """The events of a whole answer. UpstreamError where it is none, or where its `finish_reason` is ERROR or TIMEOUT."""
    try:
        answer = ANSWER.decode(response.body)
    except (msgspec.DecodeError, RecursionError):
        said = json_object(response.body).get("message")
        if isinstance(said, str) and said:
            raise failure(target, response, said, status=502) from None
        raise UpstreamError(f"{target.provider} answered 200 with a body that is no chat answer", code="upstream_protocol") from None
    if answer.finish_reason in FAILURES:
        raise broken_off(answer.finish_reason, answer.error, target)
    return _events(answer, response.body, target)


def _events(answer: Answer, body: bytes, target: Target) -> list[Event]:
    message = answer.message
    events: list[Event] = [Started(answer.id or "", target.model)]
    starts: dict[int, int] = {}
    said = 0
    if message.tool_plan:
        events.append(ReasoningDelta(message.tool_plan))
    blocks = content_blocks(message)
    for index, block in enumerate(blocks):
        starts[index] = said
        said += len(block.text or "")
        events += words(block)
    if any(block.type not in KNOWN for block in blocks):
        events += kept(json_object(body)["message"]["content"])
    calls = listed(message.tool_calls)
    for tool, call in enumerate(calls):
        name, arguments = (call.function.name, call.function.arguments) if call.function else ("", "")
        events += [ToolStarted(tool, call.id or "", name or ""), ToolDelta(tool, arguments or "{}")]
    events += cited(citation_list(message.citations), starts)
    if answer.logprobs:
        events.append(Logprobs({"content": [logprob(item) for item in answer.logprobs]}))
    events += metered(answer.usage)
    events.append(finished(answer.finish_reason or "", bool(calls)))  # a whole answer has ended, whether it says so or not
    return events


def listed(value: Any) -> list[Any]:
    """One, several or none, as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def content_blocks(message: Message) -> list[Block]:
    """The blocks of a message's content: several, one (in a stream), or a text alone."""
    content = message.content
    return [Block("text", content)] if isinstance(content, str) else listed(content)


def kept(content: Any) -> list[Event]:
    """The blocks of kinds that OpenAI's format has no place for, as they are."""
    blocks = [block for block in listed(content) if isinstance(block, dict) and block.get("type", "") not in KNOWN]
    return [MessageExtra({"provider_blocks": [block]}) for block in blocks]


def words(block: Block) -> list[Event]:
    if block.text:
        return [TextDelta(block.text)]
    return [ReasoningDelta(block.thinking)] if block.thinking else []


def finished(native: str, called: bool) -> Finished:
    reason = REASONS.get(native, "stop")
    return Finished("tool_calls" if called and reason == "stop" else reason, native=native)


def broken_off(native: str | None, said: str | None, target: Target) -> UpstreamError:
    """The error for an answer that ended as ERROR or TIMEOUT."""
    status = FAILURES.get(native or "", 502)
    text = said or f"{target.provider} broke off its answer ({native})"
    return failure(target, HttpResponse(status, {}), text)


def metered(raw: Raw) -> list[Event]:
    """The usage, [] where the vendor gave no counts; what is billed where nothing else is said. Pictures are part of the prompt and
    counted apart."""
    try:
        usage = USAGE.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return []
    tokens = usage.tokens or usage.billed_units
    if tokens is None or (tokens.input_tokens is None and tokens.output_tokens is None):
        return []
    prompt = _whole(tokens.input_tokens)
    if tokens.image_tokens:
        prompt = (prompt or 0) + int(tokens.image_tokens)
    return [
        Metered(
            Usage(
                prompt=prompt,
                completion=_whole(tokens.output_tokens),
                cached=_whole(usage.cached_tokens),
                reasoning=_whole(tokens.reasoning_tokens),
                raw=Raw(bytes(raw)),
            )
        )
    ]


def _whole(count: float | None) -> int | None:
    return None if count is None else int(count)


def citation_list(raw: Raw) -> list[dict[str, Any]]:
    """Citations, one (in a stream) or a list; [] where there are none or they are unreadable."""
    try:
        value = msgspec.json.decode(raw) if bytes(raw) else []
    except (msgspec.DecodeError, RecursionError):
        return []
    return [citation for citation in listed(value) if isinstance(citation, dict)]


def cited(citations: list[dict[str, Any]], starts: dict[int, int]) -> list[Event]:
    """The vendor's citations as they are, and each source with a URL as a url_citation.

    `starts`: where each content block begins in the whole text, since a citation counts from the start of its block.
    """
    if not citations:
        return []
    extra: dict[str, Any] = {"citations": citations}
    annotations = [annotation for citation in citations for annotation in _annotations(citation, starts)]
    if annotations:
        extra["annotations"] = annotations
    return [MessageExtra(extra)]


def _annotations(citation: dict[str, Any], starts: dict[int, int]) -> list[dict[str, Any]]:
    start, end = citation.get("start"), citation.get("end")
    if citation.get("type", "TEXT_CONTENT") != "TEXT_CONTENT" or not isinstance(start, int) or not isinstance(end, int):
        return []  # a place in the plan or the thinking, or none
    index = citation.get("content_index", 0)
    before = starts.get(index, 0) if isinstance(index, int) else 0
    found = []
    for source in listed(citation.get("sources")):
        held = (source.get("document") or source.get("tool_output")) if isinstance(source, dict) else None
        if not isinstance(held, dict):
            continue
        url = held.get("url")
        if isinstance(url, str) and url.startswith(("http://", "https://")):
            title = str(held.get("title") or "")
            place = {"start_index": before + start, "end_index": before + end}
            found.append({"type": "url_citation", "url_citation": {"url": url, "title": title, **place}})
    return found


def logprob(item: TokenLogprobs) -> dict[str, Any]:
    """A chunk of text with the probability of all its tokens together: the vendor does not say where one token ends."""
    return {"token": item.text, "logprob": sum(item.logprobs or ()), "bytes": list(item.text.encode()), "top_logprobs": []}


def decode_error(response: HttpResponse, target: Target) -> UpstreamError:
    """`{"message", "id"}`, at times with `error_type`, e.g. TOO_MANY_TOKENS."""
    body = json_object(response.body)
    said = body.get("message")
    code = "context_length_exceeded" if body.get("error_type") == "TOO_MANY_TOKENS" else None
    return failure(target, response, said if isinstance(said, str) else "", code=code)
