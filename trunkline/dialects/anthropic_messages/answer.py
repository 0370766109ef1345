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
    text: str | None = None
    citations: list[dict[str, Any]] | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str = ""
    id: str = ""
    name: str = ""
    input: Raw = Raw(b"")
    caller: Any = None
    toolset_name: str | None = None


class Message(Struct):
    content: list[Raw] | None
    type: str = ""
    id: str = ""
    model: str = ""
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Any = None
    usage: Raw = Raw(b"")
    container: Any = None
    context_management: Any = None
    diagnostics: Any = None
    input_transformations: Any = None


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
    chars = details = tools = 0
    for raw in message.content or ():
        block = read_block(raw)
        match block.type:
            case "text":
                if block.text:
                    events.append(TextDelta(block.text))
                length = len(block.text or "")
                events += blocks.cited(block.citations or [], chars, chars + length)
                chars += length
            case "thinking":
                if block.thinking:
                    events.append(ReasoningDelta(block.thinking))
                if block.signature:
                    events.append(ReasoningDetail(blocks.thinking_detail(block.thinking or "", block.signature)))
                    details += 1
            case "redacted_thinking":
                events.append(ReasoningDetail(blocks.redacted_detail(block.data)))
                details += 1
            case "tool_use":
                extra = blocks.call_extra(block.caller, block.toolset_name)
                events.append(ToolStarted(tools, block.id or f"toolu_{message.id}_{tools}", block.name, extra=extra))
                events.append(ToolDelta(tools, arguments(block.input)))
                tools += 1
            case _:
                events += blocks.strange(raw, chars, details, tools)
    events += blocks.metered(message.usage)
    if message.stop_reason is None:
        raise UpstreamError(f"{target.provider} answered without a stop_reason", code="upstream_protocol")
    return events + blocks.finished(message.stop_reason, message.stop_sequence, message.stop_details, tools, silent=not chars)


_TEXTS = ("type", "text", "thinking", "signature", "data", "id", "name")


def read_block(raw: Raw) -> Block:
    """A block; of one with a member of another type than ours, the members that are as they should be."""
    try:
        return _BLOCK.decode(raw)
    except msgspec.DecodeError:
        pass
    try:
        members = msgspec.json.decode(raw, type=dict[str, Raw])
    except (msgspec.DecodeError, RecursionError):
        return Block()
    texts = {name: msgspec.json.decode(members[name]) for name in _TEXTS if bytes(members.get(name, b""))[:1] == b'"'}
    return Block(**texts, input=members.get("input", Raw(b"")))


def arguments(input: Raw) -> str:
    """A call's input as OpenAI's text; no input is `{}`. The vendor's own bytes, so that no digit is lost."""
    text = bytes(input).decode()
    return text if text not in ("", "null") else "{}"


def _extras(message: Message) -> dict[str, Any]:
    return blocks.tier(message.usage) | {name: value for name in blocks.BESIDE if (value := getattr(message, name)) not in (None, [])}
