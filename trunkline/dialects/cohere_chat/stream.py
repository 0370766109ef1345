"""Cohere's stream, decoded: typed events, then `[DONE]`. One typed decode a frame, since this runs for every token.

Odd here: tool calls, content blocks and citations each have an `index` of their own count; a call without arguments may send
none; thinking and text are blocks of one message, so text after thinking is the same choice.

Source: https://docs.cohere.com/reference/chat-stream
"""

from __future__ import annotations

import msgspec

from ...chat import Event, Failed, Logprobs, ReasoningDelta, Started, TextDelta, ToolDelta, ToolStarted
from ...errors import UpstreamError
from ...target import Target
from ...wire import Frame
from ..failures import json_object
from . import answer
from .shapes import EVENT, KIND, Block, Message, StreamEvent

DONE = b"[DONE]"
MEANT = frozenset({
    "message-start", "content-start", "content-delta", "tool-plan-delta", "tool-call-start", "tool-call-delta", "message-end",
})  # fmt: skip
"""The events without which an answer is not whole: an unreadable one of these is a failure, of any other no matter."""


class Stream:
    """Decodes one stream. Remembers which tool call each index became, and where in the text each block begins."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.tool_at: dict[int, int] = {}
        self.unfilled: set[int] = set()
        """Tool calls without any argument text yet"""
        self.starts: dict[int, int] = {}
        self.said = 0
        """Characters of text so far"""

    def feed(self, frame: Frame) -> list[Event]:
        data = frame.data
        try:
            event = EVENT.decode(data)
        except (msgspec.DecodeError, RecursionError):
            return self._unreadable(frame)
        delta = event.delta
        message = delta.message if delta is not None else None
        if event.type == "content-delta" and message is not None and message.content.__class__ is Block:
            events = self._words(message.content)
            if event.logprobs is not None:
                events.append(Logprobs({"content": [answer.logprob(event.logprobs)]}))
            return events
        return self._rare(event, message or Message(), frame)

    def skipped(self, text: str) -> None:
        """This text came in a `content-delta` that was known by its bytes (`known.py`) and not fed."""
        self.said += len(text)

    def close(self) -> list[Event]:
        return []

    def _words(self, block: Block) -> list[Event]:
        if block.text:
            self.said += len(block.text)
            return [TextDelta(block.text)]
        return [ReasoningDelta(block.thinking)] if block.thinking else []

    def _rare(self, event: StreamEvent, message: Message, frame: Frame) -> list[Event]:
        match event.type:
            case "message-start":
                return [Started(event.id or "", self.target.model)]
            case "content-start" | "content-delta":
                self.starts.setdefault(event.index, self.said)
                blocks = answer.content_blocks(message)
                told = [word for block in blocks for word in self._words(block)]
                if any(block.type not in answer.KNOWN for block in blocks):
                    told += answer.kept(json_object(frame.data)["delta"]["message"]["content"])
                return told
            case "tool-plan-delta":
                return [ReasoningDelta(message.tool_plan)] if message.tool_plan else []
            case "tool-call-start":
                return self._begin(event.index, message)
            case "tool-call-delta":
                return self._pieces(event.index, message)
            case "tool-call-end":
                return self._filled(event.index)
            case "citation-start":
                return answer.cited(answer.citation_list(message.citations), self.starts)
            case "message-end":
                return self._end(event)
            case _ if frame.error or (not event.type and event.message):
                return [self._failed(answer.broken_off(None, event.message, self.target))]
            case _:  # the ends of blocks and citations, and what is yet to be invented
                return []

    def _begin(self, index: int, message: Message) -> list[Event]:
        events: list[Event] = []
        for call in answer.listed(message.tool_calls):
            tool = self.tool_at[index] = len(self.tool_at)
            self.unfilled.add(tool)
            events.append(ToolStarted(tool, call.id or "", (call.function.name or "") if call.function else ""))
        return events + self._pieces(index, message)

    def _pieces(self, index: int, message: Message) -> list[Event]:
        tool = self.tool_at.get(index)
        if tool is None:
            return []
        events: list[Event] = []
        for call in answer.listed(message.tool_calls):
            if call.function is not None and call.function.arguments:
                self.unfilled.discard(tool)
                events.append(ToolDelta(tool, call.function.arguments))
        return events

    def _filled(self, index: int) -> list[Event]:
        tool = self.tool_at.get(index, -1)
        if tool not in self.unfilled:
            return []
        self.unfilled.discard(tool)
        return [ToolDelta(tool, "{}")]

    def _end(self, event: StreamEvent) -> list[Event]:
        delta = event.delta
        if delta is None or delta.finish_reason is None:
            return [] if delta is None else answer.metered(delta.usage)
        events: list[Event] = [ToolDelta(tool, "{}") for tool in sorted(self.unfilled)]
        self.unfilled.clear()
        events += answer.metered(delta.usage)
        if delta.finish_reason in answer.FAILURES:
            return [*events, self._failed(answer.broken_off(delta.finish_reason, delta.error, self.target))]
        return [*events, answer.finished(delta.finish_reason, bool(self.tool_at))]

    def _failed(self, error: UpstreamError) -> Failed:
        return Failed(error.message, error.status, error.code or "upstream_error", error.type)

    def _unreadable(self, frame: Frame) -> list[Event]:
        if frame.data == DONE:
            return []
        try:
            kind = KIND.decode(frame.data).type
        except (msgspec.DecodeError, RecursionError):
            kind = "message-start"
        if kind in MEANT or frame.error:
            return [Failed(f"{self.target.provider} sent a stream event that cannot be read", 502, "upstream_protocol")]
        return []


def decode_stream(target: Target) -> Stream:
    return Stream(target)
