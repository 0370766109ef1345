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
    Extra,
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
    Usage,
)  # fmt: skip
from ...stamp import Stamp
from ...target import Target
from ...wire import Frame, HttpResponse
from . import loose, mend
from .answers import decode_error, said
from .calls import StreamedCalls
from .complaints import complaint_of
from .shapes import CHUNK, ONLY_USAGE, PLAIN, WireChunk, WireUsage, is_null, is_readable, usage_of, without_role

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
        self.calls = StreamedCalls(stamp)
        self.carry: dict[str, Any] = {}
        """Members of a chunk that was no chunk (Azure's first), for the next one."""
        self.extras: dict[str, Any] = {}
        """Top-level members beside OpenAI's, as last seen."""
        self.done = False

    def passes(self, frame: Frame) -> str | None:
        """Relay a chunk of plain text in the middle of a stream, for a flow that has no use for its event: its text. None for any other."""
        if self.started is None or self.carry or frame.error or b"\n" in frame.data:
            return None
        try:
            chunk = PLAIN.decode(frame.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        (choice,) = chunk.choices
        if chunk.id != self.started.id or choice.index not in self.roles or choice.index in self.finished:
            return None
        data = frame.data if choice.delta.role is None else without_role(frame.data)
        if data is None:
            return None
        self.out.append(data)
        return choice.delta.content or choice.delta.reasoning_content or ""

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
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass
        return self._odd(frame)

    def close(self) -> list[Event]:
        return self._unfinished() if "no_finish_reason" in self.target.quirks else []

    # ── the usual chunk ──────────────────────────────────────────────────────────────────────────────────

    def _is_clean(self, chunk: WireChunk) -> bool:
        if self.carry or not is_null(chunk.x_groq) or (self.started is not None and chunk.id != self.started.id):
            return False
        if not chunk.choices:
            return chunk.usage is not None
        if chunk.usage is not None:
            return False
        for choice in chunk.choices:
            if choice.index in self.finished or (choice.index in self.roles) is (choice.delta.role is not None):
                return False  # the role comes first and once: OpenAI's own clients join a second one to it
            if choice.delta.reasoning is not None and not is_readable(choice.delta):
                return False
            if choice.delta.tool_calls is not None and not self.calls.are_clean(choice):
                return False
            if choice.finish_reason is not None and self.calls.are_unfilled(choice):
                return False
        return True

    def _clean(self, chunk: WireChunk, data: bytes) -> list[Event]:
        if b"\n" in data:  # JSON over several data lines: its line ends are white space, and ours is one line an event
            data = data.replace(b"\n", b" ")
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
            events.append(Started(said(chunk.id), chunk.model, chunk.created, extra))
        for choice in chunk.choices:
            index, delta = choice.index, choice.delta
            self.roles.add(index)
            if delta.content:
                events.append(TextDelta(delta.content, index))
            if delta.reasoning_content:
                events.append(ReasoningDelta(delta.reasoning_content, index))
            if delta.tool_calls:
                self.calls.events(delta.tool_calls, index, events)
            if delta.function_call is not None:
                self.calls.legacy_events(delta.function_call, index, events)
            if delta.refusal:
                events.append(RefusalDelta(delta.refusal, index))
            if delta.reasoning_details:
                details = map(loose.values, delta.reasoning_details)
                events += [ReasoningDetail(detail, index) for detail in details if isinstance(detail, dict)]
            if delta.annotations:
                events.append(MessageExtra({"annotations": [loose.values(a) for a in delta.annotations]}, index))
            if delta.audio is not None and not is_null(delta.audio):
                events.append(MessageExtra({"audio": loose.values(delta.audio)}, index))
            if choice.logprobs is not None:
                logprobs = loose.values(choice.logprobs)
                if isinstance(logprobs, dict):
                    events.append(Logprobs(logprobs, index))
            if choice.finish_reason is not None:
                self.finished.add(index)
                events.append(Finished(choice.finish_reason, index))
        return events

    # ── the unusual chunk ────────────────────────────────────────────────────────────────────────────────

    def _odd(self, frame: Frame) -> list[Event]:
        try:
            body = loose.decode(frame.data)
        except ValueError:
            return self._unreadable(frame)
        if frame.error and isinstance(body, str):
            return [self._failed({"error": {"message": body}})]
        if (complaint := complaint_of(body)) is not None:
            return [self._failed(complaint)]
        if not isinstance(body, dict):
            return []
        if frame.error:
            return [self._failed({"error": body})]
        if not body.get("choices") and not isinstance(body.get("usage"), dict):
            self.carry.update({name: value for name, value in body.items() if name not in _CARRIED_NOT and value not in (None, "", [], 0)})
            return []
        for choice in body["choices"] if isinstance(body.get("choices"), list) else ():
            if (error := mend.failure_of(choice)) is not None:
                return [self._failed({"error": error})]
        usage = self._take_usage(body)
        mended = mend.mend_chunk(body, self.target, self._identity(), self.roles)
        if self.started is not None:
            mended["id"] = self.started.id
        mended.update({name: value for name, value in self.carry.items() if name not in mended})
        self.carry = {}
        self.extras.update({name: value for name, value in mended.items() if name not in _KNOWN_TOP and value is not None})
        mended["choices"] = [choice for choice in mended["choices"] if self._mend_choice(choice, mended)]
        encoded = loose.encode(mended)
        try:
            chunk = CHUNK.decode(encoded)
        except (msgspec.ValidationError, RecursionError) as error:
            return [Failed(f"{self.target.provider} sent a chunk that is none: {error}", code="upstream_protocol")]
        events: list[Event] = []
        if mended["choices"]:
            self.out.append(encoded)
            events = self._events(chunk)
            if self.extras and any(choice.finish_reason is not None for choice in chunk.choices):
                extras, self.extras = self.extras, {}
                at = next(i for i, event in enumerate(events) if isinstance(event, Finished))
                events.insert(at, Extra(loose.values(loose.encode(extras))))
        if usage is not None:
            self._hold_usage(mended, usage)
            events.append(Metered(_usage(usage)))
        return events

    def _unreadable(self, frame: Frame) -> list[Event]:
        """A frame that is no JSON: an error if it says so or if it may have been a chunk, else a host's way of saying that it is alive."""
        if frame.error:
            return [self._failed({"error": {"message": frame.data.decode(errors="replace")[:500]}})]
        if frame.data[:1] != b"{":
            return []
        return [Failed(f"{self.target.provider} sent a chunk that is not valid JSON", code="upstream_protocol")]

    def _identity(self) -> Stamp:
        """The id and time of the chunks before, so that all of a stream's chunks have the same."""
        return self.stamp if self.started is None else Stamp(self.started.id, self.started.created)

    def _take_usage(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """The usage, taken off a chunk that has choices; Groq keeps it in `x_groq` when nobody asked."""
        groq = body.get("x_groq")
        usage = body.pop("usage", None)
        if not isinstance(usage, dict) and isinstance(groq, dict):
            usage = groq.get("usage")
        return mend.mend_usage(usage) if isinstance(usage, dict) else None

    def _hold_usage(self, chunk: dict[str, Any], usage: dict[str, Any]) -> None:
        """The usage as a chunk of its own, in the place of any before: usage is cumulative and never summed."""
        kept = {name: chunk[name] for name in _KNOWN_TOP if name in chunk} if chunk["choices"] else chunk
        self.usage_chunk = loose.encode({**kept, "choices": [], "usage": usage})

    def _mend_choice(self, choice: dict[str, Any], chunk: dict[str, Any]) -> bool:
        """Role, indexes and finish of one choice; False where nothing is left of it."""
        index, delta = choice["index"], choice["delta"]
        if index not in self.roles:
            delta["role"] = "assistant"
        else:
            delta.pop("role", None)
        self.calls.mend(index, delta)
        if delta.get("function_call"):
            delta["function_call"]["arguments"] = mend.arguments_text(delta["function_call"].get("arguments"))
        if index in self.finished:
            choice["finish_reason"] = None
            return any(value not in (None, "", []) for name, value in delta.items() if name != "role")
        if choice["finish_reason"] is not None:
            self.calls.fill(index, delta)
            sources = mend.url_citations(chunk) if index == 0 else []
            if sources and not delta.get("annotations"):
                delta["annotations"] = sources
        return True

    def _unfinished(self) -> list[Event]:
        """A host that never says why it stopped (Snowflake): its orderly end is a stop."""
        events: list[Event] = []
        for index in sorted(self.roles - self.finished):
            called = self.calls.count(index) > 0
            self.out.append(_encode({
                "id": self._identity().id, "object": "chat.completion.chunk", "created": self._identity().created,
                "model": self.started.model if self.started else self.target.model,
                "choices": [{"index": index, "delta": {}, "finish_reason": "tool_calls" if called else "stop"}],
            }))  # fmt: skip
            self.finished.add(index)
            events.append(Finished("tool_calls" if called else "stop", index))
        return events

    def _failed(self, body: dict[str, Any]) -> Failed:
        error = decode_error(HttpResponse(200, {}, loose.encode(body)), self.target)
        return Failed(error.message, error.status, error.code or "upstream_error", error.type, error.retry_after)


_CARRIED_NOT = frozenset({"id", "object", "created", "model", "choices", "usage", "obfuscation"})


_KNOWN_TOP = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint", "obfuscation", "x_groq"}
)


def _usage(usage: dict[str, Any]) -> Usage:
    raw = Raw(loose.encode(usage))
    try:
        return usage_of(msgspec.json.decode(raw, type=WireUsage, strict=False), raw)
    except (msgspec.ValidationError, RecursionError):
        return Usage(raw=raw)
