"""A whole Converse answer as events.

Odd here: a tool's `input` is an object, kept as the vendor's bytes so that its numbers keep their digits; and a block that is not
of a known shape is stepped over, since families differ and new ones come.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_ResponseSyntax
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from ...chat import NO_RAW, Event, ReasoningDelta, Started, TextDelta, ToolDelta, ToolStarted
from ...target import Target
from ...wire import HttpResponse
from . import blocks
from .failures import refused


class Message(Struct, frozen=True):
    content: list[Raw] = []


class Output(Struct, frozen=True):
    message: Message


class Answer(Struct, frozen=True, rename="camel"):
    output: Output
    stop_reason: str = ""
    usage: Raw = NO_RAW
    additional_model_response_fields: Any = None
    trace: Any = None
    service_tier: Any = None
    performance_config: Any = None


class ReasoningText(Struct, frozen=True):
    text: str | None = None
    signature: str | None = None


class Reasoning(Struct, frozen=True, rename="camel"):
    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class ToolUse(Struct, frozen=True, rename="camel"):
    name: str
    tool_use_id: str | None = None
    input: Raw = NO_RAW
    type: str | None = None


class Said(Struct, frozen=True):
    text: str | None = None


class Cited(Struct, frozen=True):
    content: list[Said] | None = None
    citations: list[Any] | None = None


class Block(Struct, frozen=True, rename="camel"):
    text: str | None = None
    reasoning_content: Reasoning | None = None
    tool_use: ToolUse | None = None
    citations_content: Cited | None = None
    image: Any = None


_KNOWN = ("text", "reasoningContent", "toolUse", "citationsContent", "image")


def decode_response(response: HttpResponse, target: Target) -> list[Event]:
    """A whole answer with a status below 300. UpstreamError where it is none of this API's."""
    try:
        answer = msgspec.json.decode(response.body, type=Answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise refused(response, target) from None
    events: list[Event] = [Started("", target.model)]
    written = calls = 0
    for raw in answer.output.message.content:
        found = _block(raw, written, calls)
        for event in found:
            if isinstance(event, TextDelta):
                written += len(event.text)
            elif isinstance(event, ToolStarted):
                calls += 1
        events += found
    events += blocks.beside(answer.service_tier, answer.trace, answer.performance_config)
    events += blocks.metered(answer.usage)
    events.append(blocks.finished(answer.stop_reason, calls, answer.additional_model_response_fields))
    return events


def _block(raw: Raw, written: int, calls: int) -> list[Event]:
    """The events of one block. `written` characters of content and `calls` tool calls came before it."""
    try:
        block = msgspec.json.decode(raw, type=Block)
    except (msgspec.DecodeError, RecursionError):
        return _strange(raw)
    events: list[Event] = []
    if block.text:
        events.append(TextDelta(block.text))
    if block.reasoning_content is not None:
        events += _reasoning(block.reasoning_content)
    if block.citations_content is not None:
        text = "".join(said.text or "" for said in block.citations_content.content or ())
        events += [TextDelta(text)] if text else []
        events += blocks.cited(_objects(block.citations_content.citations), written, written + len(text))
    if block.tool_use is not None:
        if block.tool_use.type == blocks.SERVER_TOOL:
            return _strange(raw)
        events += _call(block.tool_use, calls)
    if block.image is not None:
        events += blocks.pictured(block.image)
    if not events and not any(name in _members(raw) for name in _KNOWN):
        return _strange(raw)
    return events


def _objects(listed: list[Any] | None) -> list[dict[str, Any]]:
    return [item for item in listed or () if isinstance(item, dict)]


def _reasoning(said: Reasoning) -> list[Event]:
    events: list[Event] = []
    if said.reasoning_text is not None:
        text = said.reasoning_text.text or ""
        if text:
            events.append(ReasoningDelta(text))
        events += blocks.signed(text, said.reasoning_text.signature or "")
    return events + blocks.redacted(said.redacted_content or "")


def _call(use: ToolUse, index: int) -> list[Event]:
    arguments = bytes(use.input).decode()
    return [ToolStarted(index, use.tool_use_id or "", use.name), ToolDelta(index, "{}" if arguments in ("", "null") else arguments)]


def _members(raw: Raw) -> dict[str, Any]:
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return {}


def _strange(raw: Raw) -> list[Event]:
    """A server tool's block, or one yet to be invented: kept whole where it is an object at all."""
    members = _members(raw)
    return [blocks.provider_block(members)] if members else []
