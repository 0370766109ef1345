"""A response's stream, decoded: typed events, one lean decode a frame, since this runs for every token.

Odd here: items are numbered in the output, where OpenAI chat numbers tool calls; a paragraph of a summary ends without a line end;
the last event repeats the whole response, and hosts besides OpenAI may leave out deltas and give an item only when it is done.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from ...chat import Event, Failed, Logprobs, ReasoningDelta, RefusalDelta, TextDelta, ToolDelta
from ...target import Target
from ...wire import Frame
from . import answer, blocks
from .shapes import EVENT, KIND, LOGPROBS, RESPONSE, Item, Response, StreamEvent

DONE = b"[DONE]"
MEANT = frozenset({
    "response.output_text.delta", "response.refusal.delta", "response.function_call_arguments.delta", "response.output_item.done",
    "response.custom_tool_call_input.delta", "response.completed", "response.incomplete", "response.failed", "error",
})  # fmt: skip
"""The events without which an answer is not whole: an unreadable one of these is a failure, of any other no matter."""
_EMPTY = (b"", b"[]", b"null")


class Stream:
    """Decodes one stream. Remembers which tool call each item became, and which items' texts have come."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.started = False
        self.tool_at: dict[int, int] = {}
        self.tools = 0
        self.told: set[int] = set()
        """Output indexes of items of which some text, thought or argument has come"""
        self.done: set[int] = set()
        self.said = 0
        """Characters of text in the messages that are done"""

    def feed(self, frame: Frame) -> list[Event]:
        try:
            event = EVENT.decode(frame.data)
        except (msgspec.DecodeError, RecursionError):
            return self._unreadable(frame)
        match event.type:
            case "response.output_text.delta":
                self.told.add(event.output_index)
                events: list[Event] = [TextDelta(event.delta)] if event.delta else []
                if bytes(event.logprobs) not in _EMPTY:
                    events += self._logprobs(event.logprobs)
                return events
            case "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta":
                return self._arguments(event)
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                self.told.add(event.output_index)
                return [ReasoningDelta(event.delta)] if event.delta else []
            case "response.refusal.delta":
                self.told.add(event.output_index)
                return [RefusalDelta(event.delta)] if event.delta else []
            case _:
                return self._rare(event, frame)

    def close(self) -> list[Event]:
        return []

    def _rare(self, event: StreamEvent, frame: Frame) -> list[Event]:
        match event.type:
            case "response.output_item.added":
                return self._begin(event)
            case "response.output_item.done":
                return self._end(event)
            case "response.reasoning_summary_part.added" if event.summary_index > 0:
                return [ReasoningDelta("\n\n")]
            case "response.created" | "response.in_progress" | "response.queued":
                return self._start(self._response(event.response))
            case "response.completed" | "response.incomplete":
                return self._finish(event.response)
            case "response.failed" | "response.cancelled":
                return self._fail(event.response)
            case "error":
                return [answer.error_event(event.error, event.code, event.message, self.target)]
            case _ if frame.error or (not event.type and bytes(event.error) not in _EMPTY):
                return [answer.error_event(event.error, event.code, event.message, self.target)]
            case _:  # the `done` of texts and parts, server tools at work, and what is yet to be invented
                return []

    def _start(self, response: Response | None) -> list[Event]:
        if self.started or response is None:
            return []
        self.started = True
        return [answer.started(response, self.target)]

    def _begin(self, event: StreamEvent) -> list[Event]:
        item = answer.read_item(event.item)
        return self._call(event.output_index, item) if item.type in blocks.CALLS else []

    def _call(self, index: int, item: Item) -> list[Event]:
        """The call's beginning. Its arguments come as deltas, or with its end."""
        self.tool_at[index] = self.tools
        self.tools += 1
        return blocks.begun(item, self.tool_at[index])

    def _arguments(self, event: StreamEvent) -> list[Event]:
        tool = self.tool_at.get(event.output_index)
        if tool is None or not event.delta:
            return []
        self.told.add(event.output_index)
        return [ToolDelta(tool, event.delta)]

    def _logprobs(self, raw: Raw) -> list[Event]:
        try:
            entries = LOGPROBS.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            return []
        return [Logprobs({"content": [blocks.logprob(entry) for entry in entries or ()]})]

    def _end(self, event: StreamEvent) -> list[Event]:
        """An item is done: what it has beside its deltas, and all of it where no deltas came."""
        index, item = event.output_index, answer.read_item(event.item)
        if index in self.done:
            return []
        self.done.add(index)
        told = index in self.told
        match item.type:
            case "message":
                start, self.said = self.said, self.said + blocks.length(item)
                late = [] if told else [word for part in item.content or () for word in blocks.words(part)]
                return [*late, *blocks.cited(item, start), *blocks.phased(item, start)]
            case "reasoning":
                return [*([] if told else blocks.reasoning(item)), *blocks.sealed(item, self.said, self.tools)]
            case kind if kind in blocks.CALLS:
                opened = [] if index in self.tool_at else self._call(index, item)
                return [*opened, *([] if told else blocks.given(item, self.tool_at[index]))]
            case _:
                return blocks.kept(event.item)

    def _finish(self, raw: Raw) -> list[Event]:
        response = self._response(raw)
        if response is None:
            return [self._protocol()]
        events = self._start(response)
        if not self.done and not self.told:  # a host that sends nothing but the whole
            events += answer.output(response, self.target)
            self.tools = answer.calls_of(response)
        return events + answer.ending(response, self.tools)

    def _fail(self, raw: Raw) -> list[Event]:
        response = self._response(raw) or Response(status="failed")
        return [*self._start(response), *blocks.metered(response.usage), answer.failed(answer.broken_off(response, self.target))]

    def _response(self, raw: Raw) -> Response | None:
        try:
            return RESPONSE.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            return None

    def _unreadable(self, frame: Frame) -> list[Event]:
        if frame.data == DONE:
            return []
        try:
            kind = KIND.decode(frame.data).type
        except (msgspec.DecodeError, RecursionError):
            kind = "error"
        return [self._protocol()] if kind in MEANT or frame.error else []

    def _protocol(self) -> Failed:
        return Failed(f"{self.target.provider} sent a stream event that cannot be read", 502, "upstream_protocol")


def decode_stream(target: Target) -> Stream:
    return Stream(target)
