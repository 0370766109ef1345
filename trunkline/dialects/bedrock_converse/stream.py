"""A Converse stream as events.

Odd here: only tool blocks are announced by a `contentBlockStart`, the first delta opens any other; what belongs to a whole block
(a signature, redacted bytes in pieces, citations that come before their text) waits for its `contentBlockStop`; and usage follows
`messageStop` in `metadata`. Every event carries a padding `p`, and exceptions are frames of their own.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html#API_runtime_ConverseStream_ResponseSyntax
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec
from msgspec import Raw, Struct

from ...chat import NO_RAW, Event, Finished, ReasoningDelta, Started, TextDelta, ToolDelta, ToolStarted
from ...target import Target
from ...wire import Frame
from . import blocks
from .failures import failed


class ToolStart(Struct, frozen=True, rename="camel"):
    name: str
    tool_use_id: str = ""
    type: str | None = None


class Start(Struct, frozen=True, rename="camel"):
    tool_use: ToolStart | None = None
    tool_result: dict[str, Any] | None = None


class BlockStart(Struct, frozen=True, rename="camel"):
    start: Start
    content_block_index: int = 0


class ToolInput(Struct, frozen=True):
    input: str = ""


class Thought(Struct, frozen=True, rename="camel"):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class Delta(Struct, frozen=True, rename="camel"):
    text: str | None = None
    tool_use: ToolInput | None = None
    reasoning_content: Thought | None = None
    citation: dict[str, Any] | None = None
    tool_result: list[Any] | None = None


class BlockDelta(Struct, frozen=True, rename="camel"):
    delta: Delta
    content_block_index: int = 0


class BlockStop(Struct, frozen=True, rename="camel"):
    content_block_index: int = 0


class MessageStop(Struct, frozen=True, rename="camel"):
    stop_reason: str = ""
    additional_model_response_fields: Any = None


class Metadata(Struct, frozen=True, rename="camel"):
    usage: Raw = NO_RAW
    trace: Any = None
    service_tier: Any = None
    performance_config: Any = None


_START = msgspec.json.Decoder(BlockStart)
_DELTA = msgspec.json.Decoder(BlockDelta)
_STOP = msgspec.json.Decoder(BlockStop)
_MESSAGE_STOP = msgspec.json.Decoder(MessageStop)
_METADATA = msgspec.json.Decoder(Metadata)


class Open(Struct):
    """A block that has begun. `tool` is the caller's call in it, -1 where it is none."""

    begins: int
    """where its text begins in the content, in characters"""
    tool: int = -1
    written: bool = False
    """some of the call's arguments came"""
    server: dict[str, Any] | None = None
    """the block of a server tool, an image, or what is yet to be invented, so far, as the unary answer has it"""
    pieces: list[str] = []
    """of a server tool's input"""
    reasoning: list[str] = []
    signature: str = ""
    hidden: list[str] = []
    citations: list[dict[str, Any]] = []


class Converse:
    """Decodes one stream. Remembers the blocks that are open, and how much of the content was written."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._started = False
        self._open: dict[int, Open] = {}
        self._written = 0
        self._calls = 0
        self._last: Finished | None = None
        """held back until `metadata`, so that what stands there reaches a caller who did not ask for usage"""

    def feed(self, frame: Frame) -> list[Event]:
        if frame.error:
            return [failed(frame, self._target)]
        try:
            events = self._read(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return []  # an event of a shape yet to be invented
        if events and not self._started:
            self._started = True
            events.insert(0, Started("", self._target.model))
        return events

    def close(self) -> list[Event]:
        return self._finish()  # what was open at `messageStop` was ended there; what is open without one was cut off

    def _finish(self) -> list[Event]:
        last, self._last = self._last, None
        return [last] if last is not None else []

    def _read(self, frame: Frame) -> list[Event]:
        match frame.event:
            case "contentBlockDelta":
                read = _DELTA.decode(frame.data)
                return self._delta(read.content_block_index, read.delta, frame)
            case "contentBlockStart":
                begun = _START.decode(frame.data)
                return self._begin(begun.content_block_index, begun.start, frame)
            case "contentBlockStop":
                return self._end(_STOP.decode(frame.data).content_block_index)
            case "messageStart":
                self._started = True
                return [Started("", self._target.model)]
            case "messageStop":
                stop = _MESSAGE_STOP.decode(frame.data)
                self._last = blocks.finished(stop.stop_reason, self._calls, stop.additional_model_response_fields)
                return self._end_all()
            case "metadata":
                late = _METADATA.decode(frame.data)
                beside = blocks.beside(late.service_tier, late.trace, late.performance_config)
                return [*beside, *self._finish(), *blocks.metered(late.usage)]
            case _:
                return []

    def _begin(self, index: int, start: Start, frame: Frame) -> list[Event]:
        block = self._open[index] = Open(self._written)
        if start.tool_use is not None:
            use = start.tool_use
            if use.type == blocks.SERVER_TOOL:
                block.server = {"toolUse": {"toolUseId": use.tool_use_id, "name": use.name, "type": use.type}}
                return []
            block.tool = self._calls
            self._calls += 1
            return [ToolStarted(block.tool, use.tool_use_id, use.name)]
        if start.tool_result is not None:
            block.server = {"toolResult": {**start.tool_result, "content": []}}
        else:
            block.server = _strange(frame, "start") or None
        return []

    def _delta(self, index: int, delta: Delta, frame: Frame) -> list[Event]:
        block = self._open.get(index)
        if block is None:
            block = self._open[index] = Open(self._written)
        if delta.text:
            self._written += len(delta.text)
            return [TextDelta(delta.text)]
        if delta.tool_use is not None:
            return self._input(block, delta.tool_use.input)
        if delta.reasoning_content is not None:
            return _thought(block, delta.reasoning_content)
        if delta.citation is not None:
            block.citations.append(delta.citation)
        elif delta.tool_result is not None:
            if block.server is not None and "toolResult" in block.server:
                block.server["toolResult"]["content"] += delta.tool_result
        elif delta.text is None:
            block.server = _grown(block.server, _strange(frame, "delta")) or None
        return []

    def _input(self, block: Open, piece: str) -> list[Event]:
        if block.tool < 0:
            block.pieces.append(piece)
            return []
        if not piece:
            return []
        block.written = True
        return [ToolDelta(block.tool, piece)]

    def _end(self, index: int) -> list[Event]:
        block = self._open.pop(index, None)
        if block is None:
            return []
        if block.tool >= 0:
            return [] if block.written else [ToolDelta(block.tool, "{}")]
        if block.server is not None:
            return _served(block.server, "".join(block.pieces))
        events = blocks.signed("".join(block.reasoning), block.signature)
        events += blocks.redacted(_joined(block.hidden))
        return events + blocks.cited(block.citations, block.begins, self._written)

    def _end_all(self) -> list[Event]:
        return [event for index in sorted(self._open) for event in self._end(index)]


def decode_stream(target: Target) -> Converse:
    return Converse(target)


def _thought(block: Open, thought: Thought) -> list[Event]:
    if thought.signature:
        block.signature += thought.signature
    if thought.redacted_content:
        block.hidden.append(thought.redacted_content)
    if not thought.text:
        return []
    block.reasoning.append(thought.text)
    return [ReasoningDelta(thought.text)]


def _served(server: dict[str, Any], written: str) -> list[Event]:
    if "image" in server:
        return blocks.pictured(server["image"])
    if "toolUse" in server:
        try:
            server["toolUse"]["input"] = msgspec.json.decode(written or "{}")
        except msgspec.DecodeError:
            server["toolUse"]["input"] = written
    return [blocks.provider_block(server)]


def _strange(frame: Frame, member: str) -> dict[str, Any]:
    """A start or delta of no kind that is read here, as it came."""
    found = msgspec.json.decode(frame.data, type=dict[str, Any]).get(member)
    return {name: value for name, value in found.items() if value is not None} if isinstance(found, dict) else {}


def _grown(held: Any, more: Any, name: str = "") -> Any:
    """Two pieces of one thing as one: members are joined by name, lists and texts grow, bytes are joined as bytes."""
    match held, more:
        case dict(), dict():
            return held | {key: _grown(held.get(key), value, key) for key, value in more.items()}
        case list(), list():
            return held + more
        case str(), str() if held:
            return _joined([held, more]) if name == "bytes" else held + more
        case _:
            return held if more is None else more


def _joined(pieces: list[str]) -> str:
    """Base64 in pieces, each padded by itself, as one."""
    if len(pieces) < 2:
        return "".join(pieces)
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece) for piece in pieces)).decode()
    except binascii.Error:
        return ""
