"""A stream of blocks, decoded. One typed decode a frame, since this runs for every token.

Odd here: the stream numbers content blocks where OpenAI numbers tool calls; a call's arguments come as pieces of JSON, and for
a call without arguments not at all; the signature of a thinking block comes last, sometimes without any text before it; the
usage comes twice, the later one being right; and where running code goes on to its next call, `message_start` has the blocks and
the stop reason already, and nothing but `message_stop` follows.

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
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None
    citation: Raw = NOTHING
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
    input_transformations: Any = None
    error: Raw = NOTHING


class Head(Struct):
    """The message of `message_start`."""

    id: str = ""
    model: str = ""
    content: list[Raw] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Any = None
    usage: Raw = NOTHING
    container: Any = None
    context_management: Any = None
    diagnostics: Any = None
    input_transformations: Any = None


class Open:
    """A block under way. What must be whole before it can be told gathers here."""

    def __init__(self, block: answer.Block, raw: Raw, start: int) -> None:
        self.kind = block.type
        self.raw = raw
        self.start = start
        """the length of the content before it, in characters"""
        self.text = [block.thinking or ""]
        self.signature = block.signature or ""
        self.pieces: list[str] = []
        self.citations: list[dict[str, Any]] = list(block.citations or ())
        self.input = block.input
        self.tool = -1
        self.more: dict[str, Any] = {}
        """what deltas of a kind that we do not know said, put together"""


_ITEM = msgspec.json.Decoder(Item)
_HEAD = msgspec.json.Decoder(Head)
_OBJECT = msgspec.json.Decoder(dict[str, Any])


class Stream:
    """Decodes one stream. Remembers the open blocks, the calls so far, and the usage as it grows."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.id = ""
        self.open: dict[int, Open] = {}
        self.tools = 0
        self.details = 0
        self.chars = 0
        self.ended = False
        self.end: Head | None = None
        """what `message_start` said of the end, to be told at `message_stop`"""
        self.usage: dict[str, Raw] = {}

    def feed(self, frame: Frame) -> list[Event]:
        try:
            item = _ITEM.decode(frame.data)
        except (msgspec.DecodeError, RecursionError):
            return self._strange(frame)
        delta = item.delta
        if delta is not None and item.type == "content_block_delta":
            kind = delta.type
            if kind == "text_delta":
                if not delta.text:
                    return []
                self.chars += len(delta.text)
                return [TextDelta(delta.text)]
            return self._piece(kind, delta, self.open.get(item.index), frame)
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
            case "message_stop" if self.end is not None:
                return self._stop(self.end.stop_reason, self.end.stop_sequence, self.end.stop_details)
            case "error":
                return [failed(frame.data, self.target)]
            case _:  # ping, message_stop, what is yet to be invented, and Google's errors (Vertex), which have no type
                bare = not item.type and bytes(item.error)
                return [failed(frame.data, self.target)] if frame.error or bare else []

    def skipped(self, text: str) -> None:
        """This text came in a `text_delta` that was known by its bytes (`known.py`) and not fed."""
        self.chars += len(text)

    def _strange(self, frame: Frame) -> list[Event]:
        """An event whose members are of other types than ours; if it is a delta of the vendor's own block, that block keeps it."""
        try:
            whole = _OBJECT.decode(frame.data)
        except (msgspec.DecodeError, RecursionError):
            whole = {}
        if frame.error or whole.get("type") == "error":
            return [failed(frame.data, self.target)]
        index = whole.get("index")
        block = self.open.get(index) if isinstance(index, int) and whole.get("type") == "content_block_delta" else None
        if block is not None:
            _gather(block, whole.get("delta"))
        return []

    def close(self) -> list[Event]:
        return []

    def _start(self, item: Item) -> list[Event]:
        try:
            head = _HEAD.decode(item.message)
        except msgspec.DecodeError:
            return []
        self.id = head.id
        events: list[Event] = [Started(head.id, head.model, extra=blocks.tier(head.usage)), *_said(head), *self._metered(head.usage)]
        self.end = head if head.stop_reason is not None else None
        for index, block in enumerate(head.content or ()):
            events += self._begin(Item(index=index, content_block=block)) + self._end(self.open.pop(index))
        return events

    def _begin(self, item: Item) -> list[Event]:
        block = answer.read_block(item.content_block)
        opened = self.open[item.index] = Open(block, item.content_block, self.chars)
        match block.type:
            case "text" if block.text:
                self.chars += len(block.text)
                return [TextDelta(block.text)]
            case "thinking" if block.thinking:
                return [ReasoningDelta(block.thinking)]
            case "redacted_thinking":
                self.details += 1
                return [ReasoningDetail(blocks.redacted_detail(block.data))]
            case "tool_use":
                opened.tool, self.tools = self.tools, self.tools + 1
                extra = blocks.call_extra(block.caller, block.toolset_name)
                return [ToolStarted(opened.tool, block.id or f"toolu_{self.id}_{opened.tool}", block.name, extra=extra)]
            case _:
                return []

    def _piece(self, kind: str, delta: Delta, block: Open | None, frame: Frame) -> list[Event]:
        if block is None:
            return []
        match kind:
            case "thinking_delta":
                if not delta.thinking:
                    return []
                block.text.append(delta.thinking)
                return [ReasoningDelta(delta.thinking)]
            case "input_json_delta":
                if not delta.partial_json:
                    return []
                block.pieces.append(delta.partial_json)
                return [ToolDelta(block.tool, delta.partial_json)] if block.tool >= 0 else []
            case "signature_delta" if block.kind == "thinking":
                block.signature += delta.signature or ""
            case "citations_delta" if block.kind == "text":
                if bytes(delta.citation)[:1] == b"{":
                    block.citations.append(_OBJECT.decode(delta.citation))
            case _:  # compaction_delta, and what is yet to be invented
                _gather(block, _OBJECT.decode(frame.data).get("delta"))
        return []

    def _end(self, block: Open) -> list[Event]:
        match block.kind:
            case "text":
                return blocks.cited(block.citations, block.start, self.chars)
            case "thinking":
                self.details += bool(block.signature)
                return [ReasoningDetail(blocks.thinking_detail("".join(block.text), block.signature))] if block.signature else []
            case "redacted_thinking":
                return []
            case "tool_use":
                return [] if block.pieces else [ToolDelta(block.tool, answer.arguments(block.input))]
            case _:
                return [blocks.provider_block(_whole(block), self.chars, self.details, self.tools)]

    def _finish(self, item: Item) -> list[Event]:
        delta = item.delta or Delta()
        events = [*_said(item, delta), *self._metered(item.usage)]
        return events + self._stop(delta.stop_reason, delta.stop_sequence, delta.stop_details)

    def _stop(self, reason: str | None, sequence: str | None, details: Any) -> list[Event]:
        if reason is None or self.ended:
            return []
        self.ended = True  # a choice ends once
        events: list[Event] = []
        for index in sorted(self.open):  # hosts that speak this API but end no block
            events += self._end(self.open.pop(index))
        return events + blocks.finished(reason, sequence, details, self.tools, silent=not self.chars)

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


def _said(*places: Item | Head | Delta) -> list[Event]:
    """What the vendor says about the request beside its answer."""
    found = {name: value for name in blocks.BESIDE for of in places if (value := getattr(of, name, None)) not in (None, [])}
    return [Extra(found)] if found else []


def _gather(block: Open, delta: Any) -> None:
    """Pieces of one member joined: texts and lists grow, anything else is replaced."""
    if not isinstance(delta, dict):
        return
    for name, value in delta.items():
        held = block.more.get(name)
        if name == "type" or (value is None and held is not None):
            continue
        grows = (isinstance(held, str) and isinstance(value, str)) or (isinstance(held, list) and isinstance(value, list))
        block.more[name] = held + value if grows else value


def _whole(block: Open) -> dict[str, Any]:
    """A block of the vendor's own, put together from its start and its pieces."""
    try:
        whole = _OBJECT.decode(block.raw)
    except (msgspec.DecodeError, RecursionError):
        whole = {"type": block.kind}
    if block.pieces:
        written = "".join(block.pieces)
        try:
            whole["input"] = msgspec.json.decode(written)
        except (msgspec.DecodeError, RecursionError):
            whole["partial"] = written  # cut off by the token limit
    return whole | {name: value for name, value in block.more.items() if value is not None or name not in whole}


def decode_stream(target: Target) -> Stream:
    return Stream(target)
