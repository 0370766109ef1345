"""A stream of an OpenAI-style host: its events, and the bytes for the caller, chunk by chunk.

Odd here: three promises need a memory. The role comes first in every choice, each choice has one finish chunk, and usage rides on
one chunk of its own, last, and only if it was asked for. A chunk that keeps them goes on as the vendor's own bytes; one that
does not is mended. The end (`[DONE]`) is not relayed: the server writes it when the answer is known to be whole.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from ...chat import (
    Event,
    Failed,
    Finished,
    Logprobs,
    MessageExtra,
    Metered,
    ReasoningDelta,
    ReasoningDetail,
    RefusalDelta,
    Started,
    TextDelta,
    ToolDelta,
    ToolStarted,
    Usage,
)  # fmt: skip
from ...stamp import Stamp
from ...target import Target
from ...wire import Frame, HttpResponse
from . import mend
from .answers import decode_error
from .shapes import CHUNK, ONLY_USAGE, CallPiece, ChunkChoice, WireChunk, WireUsage, is_null, is_readable, usage_of

_encode = msgspec.json.encode


class Relay:
    """Decodes one stream and collects what the caller gets of it in `out`: a list of `data:` payloads, cleared by whoever takes it."""

    def __init__(self, target: Target, stamp: Stamp) -> None:
        self.target = target
        self.stamp = stamp
        self.out: list[bytes] = []
        self.usage_chunk: bytes = b""
        """The chunk with the usage, for the end."""
        self.started: WireChunk | None = None
        self.roles: set[int] = set()
        self.finished: set[int] = set()
        self.tools: dict[tuple[int, int], bool] = {}
        """(choice, tool) → whether any argument text came"""
        self.announced: set[tuple[int, int]] = set()
        """Those of them whose `ToolStarted` was given."""
        self.carry: dict[str, Any] = {}
        """Members of a chunk that was no chunk (Azure's first), for the next one."""
        self.done = False

    def feed(self, frame: Frame) -> list[Event]:
        data = frame.data
        if data == b"[DONE]":
            self.done = True
            return self._unfinished() if "no_finish_reason" in self.target.quirks else []
        if not frame.error:
            try:
                chunk = CHUNK.decode(data)
                if self._is_clean(chunk):
                    return self._clean(chunk, data)
            except (msgspec.DecodeError, RecursionError):
                pass
        return self._odd(frame)

    def close(self) -> list[Event]:
        if "no_finish_reason" in self.target.quirks and not self.finished and self.roles:
            return self._unfinished()
        return []

    # ── the usual chunk ──────────────────────────────────────────────────────────────────────────────────

    def _is_clean(self, chunk: WireChunk) -> bool:
        if self.carry or not is_null(chunk.x_groq) or (self.started is not None and chunk.id != self.started.id):
            return False
        if not chunk.choices:
            return chunk.usage is not None
        if chunk.usage is not None:
            return False
        for choice in chunk.choices:
            if choice.index in self.finished or (choice.index not in self.roles and choice.delta.role is None):
                return False
            if choice.delta.reasoning is not None and not is_readable(choice.delta):
                return False
            if choice.delta.tool_calls is not None and not self._calls_are_clean(choice):
                return False
            if choice.finish_reason is not None and self._without_arguments(choice):
                return False
        return True

    def _calls_are_clean(self, choice: ChunkChoice) -> bool:
        for call in choice.delta.tool_calls or ():
            if (choice.index, call.index) not in self.tools:
                named = call.id and call.type and ((call.function and call.function.name) or call.custom)
                if not named or call.index != sum(1 for c, _ in self.tools if c == choice.index):
                    return False
        return True

    def _without_arguments(self, choice: ChunkChoice) -> list[int]:
        """The tool calls of a choice that would end without any argument text."""
        now = {call.index for call in choice.delta.tool_calls or () if call.function and call.function.arguments}
        return [tool for (index, tool), filled in self.tools.items() if index == choice.index and not filled and tool not in now]

    def _clean(self, chunk: WireChunk, data: bytes) -> list[Event]:
        if not chunk.choices:
            self.usage_chunk = data
            assert chunk.usage is not None
            return [Metered(usage_of(chunk.usage, ONLY_USAGE.decode(data).usage))]
        self.out.append(data)
        return self._events(chunk)

    # ── events ───────────────────────────────────────────────────────────────────────────────────────────

    def _events(self, chunk: WireChunk) -> list[Event]:
        events: list[Event] = []
        if self.started is None:
            self.started = chunk
            extra = {n: v for n, v in (("system_fingerprint", chunk.system_fingerprint), ("service_tier", chunk.service_tier)) if v}
            events.append(Started(chunk.id, chunk.model, chunk.created, extra))
        for choice in chunk.choices:
            index, delta = choice.index, choice.delta
            self.roles.add(index)
            if delta.content:
                events.append(TextDelta(delta.content, index))
            if delta.reasoning_content:
                events.append(ReasoningDelta(delta.reasoning_content, index))
            if delta.tool_calls:
                self._call_events(delta.tool_calls, index, events)
            if delta.refusal:
                events.append(RefusalDelta(delta.refusal, index))
            if delta.reasoning_details:
                events += [ReasoningDetail(msgspec.json.decode(detail), index) for detail in delta.reasoning_details]
            if delta.annotations:
                events.append(MessageExtra({"annotations": [msgspec.json.decode(a) for a in delta.annotations]}, index))
            if delta.audio is not None and not is_null(delta.audio):
                events.append(MessageExtra({"audio": msgspec.json.decode(delta.audio)}, index))
            if choice.logprobs is not None:
                logprobs = msgspec.json.decode(choice.logprobs)
                if isinstance(logprobs, dict):
                    events.append(Logprobs(logprobs, index))
            if choice.finish_reason is not None:
                self.finished.add(index)
                events.append(Finished(choice.finish_reason, index))
        return events

    def _call_events(self, calls: list[CallPiece], index: int, events: list[Event]) -> None:
        for call in calls:
            key = (index, call.index)
            function = call.function
            self.tools.setdefault(key, False)
            if key not in self.announced:
                self.announced.add(key)
                extra = (
                    {"extra_content": msgspec.json.decode(call.extra_content)}
                    if call.extra_content is not None and not is_null(call.extra_content)
                    else {}
                )
                events.append(ToolStarted(call.index, call.id or "", (function and function.name) or "", index, extra))
            if function is not None and function.arguments:
                self.tools[key] = True
                events.append(ToolDelta(call.index, function.arguments, index))
            elif call.custom is not None:
                self.tools[key] = True

    # ── the unusual chunk ────────────────────────────────────────────────────────────────────────────────

    def _odd(self, frame: Frame) -> list[Event]:
        try:
            body = msgspec.json.decode(frame.data)
        except (msgspec.DecodeError, RecursionError):
            return [] if not frame.error else [self._failed({"error": {"message": frame.data.decode(errors="replace")[:500]}})]
        if not isinstance(body, dict):
            return []
        if frame.error or body.get("error"):
            return [self._failed(body if body.get("error") else {"error": body})]
        if not body.get("choices") and not isinstance(body.get("usage"), dict):
            self.carry.update({name: value for name, value in body.items() if name not in _CARRIED_NOT and value not in (None, "", [], 0)})
            return []
        usage = self._take_usage(body)
        mended = mend.mend_chunk(body, self.target, self._identity())
        if self.started is not None:
            mended["id"] = self.started.id
        mended.update({name: value for name, value in self.carry.items() if name not in mended})
        self.carry = {}
        mended["choices"] = [choice for choice in mended["choices"] if self._mend_choice(choice)]
        try:
            chunk = CHUNK.decode(_encode(mended))
        except msgspec.ValidationError as error:
            return [Failed(f"{self.target.provider} sent a chunk that is none: {error}", code="upstream_protocol")]
        events: list[Event] = []
        if mended["choices"]:
            self.out.append(_encode(mended))
            events = self._events(chunk)
        if usage is not None:
            self._hold_usage(mended, usage)
            events.append(Metered(_usage(usage)))
        return events

    def _identity(self) -> Stamp:
        """The id and time of the chunks before, so that all of a stream's chunks have the same."""
        return self.stamp if self.started is None else Stamp(self.started.id, self.started.created)

    def _take_usage(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """The usage, taken off a chunk that has choices; Groq keeps it in `x_groq` when nobody asked."""
        groq = body.get("x_groq")
        usage = body.pop("usage", None)
        if not isinstance(usage, dict) and isinstance(groq, dict):
            usage = groq.get("usage")
        return usage if isinstance(usage, dict) else None

    def _hold_usage(self, chunk: dict[str, Any], usage: dict[str, Any]) -> None:
        kept = {name: chunk[name] for name in ("id", "object", "created", "model", "service_tier", "system_fingerprint") if name in chunk}
        self.usage_chunk = _encode({**kept, "choices": [], "usage": usage})

    def _mend_choice(self, choice: dict[str, Any]) -> bool:
        """Role, indexes and finish of one choice; False where nothing is left of it."""
        index, delta = choice["index"], choice["delta"]
        if index not in self.roles:
            delta["role"] = "assistant"
        calls = delta.get("tool_calls")
        if isinstance(calls, dict):
            calls = delta["tool_calls"] = [calls]
        if not calls:
            delta.pop("tool_calls", None)
        for call in calls or ():
            self._mend_call(index, call)
        if index in self.finished:
            choice["finish_reason"] = None
            return any(value not in (None, "", []) for name, value in delta.items() if name != "role")
        if choice["finish_reason"] is not None:
            self._fill_arguments(index, delta)
        return True

    def _mend_call(self, index: int, call: dict[str, Any]) -> None:
        mine = [tool for c, tool in self.tools if c == index]
        tool = call.get("index")
        function = call.get("function")
        function = call["function"] = function if isinstance(function, dict) else {}
        function["arguments"] = mend.arguments_text(function.get("arguments"))
        if not isinstance(tool, int) or (tool not in mine and tool != len(mine)):
            starts = bool(call.get("id") or function.get("name"))
            tool = call["index"] = len(mine) if starts or not mine else mine[-1]
        if tool not in mine:
            call["id"] = call.get("id") or self.stamp.call_id(index, tool)
            call["type"] = call.get("type") or "function"
            function.setdefault("name", "")
            self.tools[(index, tool)] = bool(function["arguments"])
        elif function.get("name") is None:
            function.pop("name", None)

    def _fill_arguments(self, index: int, delta: dict[str, Any]) -> None:
        """A call without arguments is `{}`: the pieces of every call must join to valid JSON."""
        pieces = {call["index"]: call for call in delta.get("tool_calls") or ()}
        for (choice, tool), filled in self.tools.items():
            if choice == index and not filled:
                piece = pieces.get(tool)
                if piece is None:
                    delta.setdefault("tool_calls", []).append({"index": tool, "function": {"arguments": "{}"}})
                elif not piece["function"]["arguments"]:
                    piece["function"]["arguments"] = "{}"

    def _unfinished(self) -> list[Event]:
        """A host that never says why it stopped (Snowflake): its orderly end is a stop."""
        events: list[Event] = []
        for index in sorted(self.roles - self.finished):
            called = any(choice == index for choice, _ in self.tools)
            self.out.append(_encode({
                "id": self._identity().id, "object": "chat.completion.chunk", "created": self._identity().created,
                "model": self.started.model if self.started else self.target.model,
                "choices": [{"index": index, "delta": {}, "finish_reason": "tool_calls" if called else "stop"}],
            }))  # fmt: skip
            self.finished.add(index)
            events.append(Finished("tool_calls" if called else "stop", index))
        return events

    def _failed(self, body: dict[str, Any]) -> Failed:
        error = decode_error(HttpResponse(200, {}, _encode(body)), self.target)
        return Failed(error.message, error.status, error.code or "upstream_error", error.type, error.retry_after)


_CARRIED_NOT = frozenset({"id", "object", "created", "model", "choices", "usage", "obfuscation"})


def _usage(usage: dict[str, Any]) -> Usage:
    raw = Raw(_encode(usage))
    try:
        return usage_of(msgspec.convert(usage, WireUsage, strict=False), raw)
    except msgspec.ValidationError:
        return Usage(raw=raw)
