"""A whole answer, as the events that a stream of it would have given.

Odd here: a block of a type we do not know may appear at any time ("new content block types"), so the blocks are read one by one
and what is not known is kept as it is.

Source: https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from ...chat import Event, ReasoningDelta, ReasoningDetail, Started, TextDelta, ToolDelta, ToolStarted
from ...errors import UpstreamError
from ...target import Target
from ...wire import HttpResponse
from . import blocks
from .failures import refused


class Block(Struct):
    type: str = ""
    text: str = ""
    citations: list[dict[str, Any]] | None = None
    thinking: str = ""
    signature: str = ""
    data: str = ""
    id: str = ""
    name: str = ""
    input: Raw = Raw(b"")


class Message(Struct):
    content: list[Raw]
    type: str = ""
    id: str = ""
    model: str = ""
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Any = None
    usage: Raw = Raw(b"")
    container: Any = None
    context_management: Any = None


_MESSAGE = msgspec.json.Decoder(Message)
_BLOCK = msgspec.json.Decoder(Block)


def decode_response(response: HttpResponse, target: Target) -> list[Event]:
    """The events of a whole answer. UpstreamError where the body is no message of this API."""
    try:
        message = _MESSAGE.decode(response.body)
    except (msgspec.DecodeError, RecursionError):
        raise refused(response, target) from None
    if message.type == "error":
        raise refused(response, target)
    events: list[Event] = [Started(message.id, message.model, extra=_extras(message))]
    chars = tools = 0
    for raw in message.content:
        try:
            block = _BLOCK.decode(raw)
        except msgspec.DecodeError:
            block = Block()
        match block.type:
            case "text":
                if block.text:
                    events.append(TextDelta(block.text))
                events += blocks.cited(block.citations or [], chars, chars + len(block.text))
                chars += len(block.text)
            case "thinking":
                if block.thinking:
                    events.append(ReasoningDelta(block.thinking))
                if block.signature:
                    events.append(ReasoningDetail(blocks.thinking_detail(block.thinking, block.signature)))
            case "redacted_thinking":
                events.append(ReasoningDetail(blocks.redacted_detail(block.data)))
            case "tool_use":
                events.append(ToolStarted(tools, block.id or f"toolu_{message.id}_{tools}", block.name))
                events.append(ToolDelta(tools, arguments(block.input)))
                tools += 1
            case _:
                events.append(blocks.provider_block(msgspec.json.decode(raw)))
    events += blocks.metered(message.usage)
    if message.stop_reason is None:
        raise UpstreamError(f"{target.provider} answered without a stop_reason", code="upstream_protocol")
    return events + blocks.finished(message.stop_reason, message.stop_sequence, message.stop_details, tools, empty=not message.content)


def arguments(input: Raw) -> str:
    """A call's input as OpenAI's text; no input is `{}`. The vendor's own bytes, so that no digit is lost."""
    text = bytes(input).decode()
    return text if text not in ("", "null") else "{}"


def _extras(message: Message) -> dict[str, Any]:
    found = blocks.tier(message.usage)
    for name in ("container", "context_management"):
        value = getattr(message, name)
        if value is not None:
            found[name] = value
    return found
