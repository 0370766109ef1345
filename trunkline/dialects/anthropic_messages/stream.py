"""A stream of blocks, decoded. One typed decode a frame, since this runs for every token.

Odd here: the stream numbers content blocks where OpenAI numbers tool calls; a call's arguments come as pieces of JSON, and for
a call without arguments not at all; the signature of a thinking block comes last, sometimes without any text before it; and
the usage comes twice, the later one being right.

Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from ...chat import Event, Extra, ReasoningDelta, ReasoningDetail, Started, TextDelta, ToolDelta, ToolStarted
from ...target import Target
from ...wire import Frame
from . import answer, blocks
from .failures import failed

NOTHING = Raw(b"")


class Delta(Struct):
    """The delta of a block, or of the message."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    partial_json: str = ""
    signature: str = ""
    citation: Raw = NOTHING
    content: Any = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Any = None
    container: Any = None


class Item(Struct):
    """Any event of the stream."""

    type: str = ""
    index: int = 0
    delta: Delta | None = None
    content_block: Raw = NOTHING
    message: Raw = NOTHING
    usage: Raw = NOTHING
    context_management: Any = None


class Head(Struct):
    """The message of `message_start`."""

    id: str = ""
    model: str = ""
    usage: Raw = NOTHING
    container: Any = None


class Open:
    """A block under way. What must be whole before it can be told gathers here."""

    def __init__(self, block: answer.Block, raw: Raw, start: int) -> None:
        self.kind = block.type
        self.raw = raw
        self.start = start
        """the length of the content before it, in characters"""
        self.text = [block.thinking]
        self.signature = block.signature
        self.pieces: list[str] = []
        self.citations: list[dict[str, Any]] = list(block.citations or ())
        self.input = block.input
        self.tool = -1
        self.content: Any = None


_ITEM = msgspec.json.Decoder(Item)
_HEAD = msgspec.json.Decoder(Head)
_BLOCK = msgspec.json.Decoder(answer.Block)
_CITATION = msgspec.json.Decoder(dict[str, Any])


class Stream:
    """Decodes one stream. Remembers the open blocks, the calls so far, and the usage as it grows."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.id = ""
        self.open: dict[int, Open] = {}
        self.tools = 0
        self.chars = 0
        self.blocks = 0
        self.usage: dict[str, Raw] = {}

    def feed(self, frame: Frame) -> list[Event]:
        try:
            item = _ITEM.decode(frame.data)
        except (msgspec.DecodeError, RecursionError):
            return [failed(frame.data, self.target)] if frame.error else []
        delta = item.delta
        if delta is not None and item.type == "content_block_delta":
            kind = delta.type
            if kind == "text_delta":
                self.chars += len(delta.text)
                return [TextDelta(delta.text)] if delta.text else []
            return self._piece(kind, delta, self.open.get(item.index))
        match item.type:
            case "content_block_start":
                return self._begin(item)
            case "content_block_stop":
                ended = self.open.pop(item.index, None)
                return self._end(ended) if ended is not None else []
            case "message_start":
                return self._start(item)
            case "message_delta":
                return self._finish(item)
            case "error":
                return [failed(frame.data, self.target)]
            case _:  # ping, message_stop, and what is yet to be invented
                return [failed(frame.data, self.target)] if frame.error else []

    def close(self) -> list[Event]:
        return []

    def _start(self, item: Item) -> list[Event]:
        try:
            head = _HEAD.decode(item.message)
        except msgspec.DecodeError:
            return []
        self.id = head.id
        extra = blocks.tier(head.usage)
        if head.container is not None:
            extra["container"] = head.container
        return [Started(head.id, head.model, extra=extra), *self._metered(head.usage)]

    def _begin(self, item: Item) -> list[Event]:
        try:
            block = _BLOCK.decode(item.content_block)
        except msgspec.DecodeError:
            block = answer.Block(type="unknown")
        opened = self.open[item.index] = Open(block, item.content_block, self.chars)
        self.blocks += 1
        match block.type:
            case "text" if block.text:
                self.chars += len(block.text)
                return [TextDelta(block.text)]
            case "thinking" if block.thinking:
                return [ReasoningDelta(block.thinking)]
            case "redacted_thinking":
                return [ReasoningDetail(blocks.redacted_detail(block.data))]
            case "tool_use":
                opened.tool, self.tools = self.tools, self.tools + 1
                return [ToolStarted(opened.tool, block.id or f"toolu_{self.id}_{opened.tool}", block.name)]
            case _:
                return []

    def _piece(self, kind: str, delta: Delta, block: Open | None) -> list[Event]:
        if block is None:
            return []
        match kind:
            case "thinking_delta":
                block.text.append(delta.thinking)
                return [ReasoningDelta(delta.thinking)] if delta.thinking else []
            case "input_json_delta":
                if not delta.partial_json:
                    return []
                block.pieces.append(delta.partial_json)
                return [ToolDelta(block.tool, delta.partial_json)] if block.tool >= 0 else []
            case "signature_delta":
                block.signature += delta.signature
            case "citations_delta":
                if bytes(delta.citation)[:1] == b"{":
                    block.citations.append(_CITATION.decode(delta.citation))
            case _ if delta.content is not None:  # compaction_delta
                block.content = delta.content
        return []

    def _end(self, block: Open) -> list[Event]:
        match block.kind:
            case "text":
                return blocks.cited(block.citations, block.start, self.chars)
            case "thinking":
                return [ReasoningDetail(blocks.thinking_detail("".join(block.text), block.signature))] if block.signature else []
            case "redacted_thinking":
                return []
            case "tool_use":
                return [] if block.pieces else [ToolDelta(block.tool, answer.arguments(block.input))]
            case _:
                return [blocks.provider_block(_whole(block))]

    def _finish(self, item: Item) -> list[Event]:
        delta = item.delta or Delta()
        late = {"container": delta.container, "context_management": item.context_management}
        extra = {name: value for name, value in late.items() if value is not None}
        events: list[Event] = [Extra(extra)] if extra else []
        events += self._metered(item.usage)
        if delta.stop_reason is not None:
            events += blocks.finished(delta.stop_reason, delta.stop_sequence, delta.stop_details, self.tools, self.blocks == 0)
        return events

    def _metered(self, raw: Raw) -> list[Event]:
        """Each usage repeats or replaces what the one before said: "cumulative", never to be added."""
        try:
            later = msgspec.json.decode(raw, type=dict[str, Raw]) if bytes(raw) else {}
        except msgspec.DecodeError:
            return []
        if not later:
            return []
        self.usage |= {name: value for name, value in later.items() if bytes(value) != b"null"}
        return blocks.metered(Raw(msgspec.json.encode(self.usage)))


def _whole(block: Open) -> dict[str, Any]:
    """A block of the vendor's own, put together from its start and its pieces."""
    try:
        whole: dict[str, Any] = msgspec.json.decode(block.raw)
        if block.pieces:
            whole["input"] = msgspec.json.decode("".join(block.pieces))
    except msgspec.DecodeError:
        whole = {"type": block.kind, "partial": "".join(block.pieces)}
    if block.content is not None:
        whole["content"] = block.content
    return whole


def decode_stream(target: Target) -> Stream:
    return Stream(target)
