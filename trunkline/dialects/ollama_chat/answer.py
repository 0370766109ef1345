"""Ollama's answers: a stream's lines and a whole answer are the same object, so one function reads both.

Odd here: `done_reason` is `stop` with tool calls too; a call comes whole in one line, its arguments an object and its id often
absent; a count of zero, or of a prompt read from the cache, is left out; and an error in a stream is a line `{"error": "…"}`.

Source: https://docs.ollama.com/api/chat
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct

from ...chat import (
    NO_RAW,
    Event,
    Failed,
    Finished,
    Logprobs,
    MessageExtra,
    Metered,
    Reason,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolDelta,
    ToolStarted,
    Usage,
)
from ...errors import UpstreamError
from ...target import Target
from ...wire import Frame, HttpResponse
from ..failures import failure, json_object

REASONS: dict[str, Reason] = {"stop": "stop", "length": "length"}


class Function(Struct, frozen=True):
    name: str = ""
    arguments: Raw = NO_RAW


class Call(Struct, frozen=True):
    id: str | None = None
    function: Function | None = None


class Message(Struct, frozen=True):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[Call] | None = None
    images: list[str] | None = None


class Counts(Struct, frozen=True, omit_defaults=True):
    """What the last line says of the work done, in tokens and nanoseconds."""

    prompt_eval_count: int | None = None
    eval_count: int | None = None
    total_duration: int | None = None
    load_duration: int | None = None
    prompt_eval_duration: int | None = None
    eval_duration: int | None = None


class Line(Struct, frozen=True):
    model: str = ""
    created_at: str = ""
    message: Message | None = None
    done: bool = False
    done_reason: str | None = None
    logprobs: list[dict[str, Any]] | None = None
    error: Any = None


_LINE = msgspec.json.Decoder(Line)
_COUNTS = msgspec.json.Decoder(Counts)


class Stream:
    """Decodes one stream. Counts the tool calls so far, for their index and their made-up ids."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.started = False
        self.tools = 0

    def feed(self, frame: Frame) -> list[Event]:
        try:
            line = _LINE.decode(frame.data)
        except (msgspec.DecodeError, RecursionError):
            return [Failed(f"{self.target.provider} sent a line that cannot be read", 502, "upstream_protocol")]
        if line.error is not None:
            error = refused(line.error, self.target)
            return [Failed(error.message, error.status, error.code or "upstream_error", error.type)]
        message = line.message
        if self.started and not line.done and message is not None and message.content and not message.thinking and not message.tool_calls:
            events: list[Event] = [TextDelta(message.content)]
        else:
            events = self._start(line) + self._message(message, line.created_at)
        if line.logprobs:
            events.append(Logprobs({"content": [logprob(item) for item in line.logprobs]}))
        return events + self._end(line, frame.data) if line.done else events

    def close(self) -> list[Event]:
        return []

    def _start(self, line: Line) -> list[Event]:
        if self.started:
            return []
        self.started = True
        return [Started(model=line.model or self.target.model, created=unix(line.created_at))]

    def _message(self, message: Message | None, created_at: str) -> list[Event]:
        if message is None:
            return []
        events: list[Event] = []
        if message.thinking:
            events.append(ReasoningDelta(message.thinking))
        if message.content:
            events.append(TextDelta(message.content))
        for call in message.tool_calls or ():
            if call.function is not None:
                arguments = arguments_of(call.function.arguments)
                id = call.id or made_id(created_at, self.tools, call.function.name, arguments)
                events += [ToolStarted(self.tools, id, call.function.name), ToolDelta(self.tools, arguments)]
                self.tools += 1
        if message.images:
            images = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}} for image in message.images]
            events.append(MessageExtra({"images": images}))
        return events

    def _end(self, line: Line, data: bytes) -> list[Event]:
        native = line.done_reason or "stop"
        reason = REASONS.get(native, "stop")
        finished = Finished("tool_calls" if self.tools and reason == "stop" else reason, native=native)
        return [*metered(data), finished]


def arguments_of(raw: Raw) -> str:
    """The bytes of the object as they came; a text (some older models) is what it holds."""
    data = bytes(raw)
    if data[:1] == b'"':
        return str(msgspec.json.decode(data)) or "{}"
    return "{}" if data in (b"", b"null") else data.decode()


def logprob(item: dict[str, Any]) -> dict[str, Any]:
    """OpenAI's entry: `top_logprobs` is a list there also when none were asked for."""
    return {"top_logprobs": [], "bytes": list(str(item.get("token", "")).encode()), **item}


def made_id(created_at: str, index: int, name: str, arguments: str) -> str:
    """An id for a call that came without one. The time makes it unique in a conversation, and the same answer always gives the same."""
    digest = hashlib.sha256(f"{created_at}\n{index}\n{name}\n{arguments}".encode()).hexdigest()
    return f"call_{digest[:24]}"


def unix(created_at: str) -> int:
    """`2026-08-07T06:08:07.590207Z` in seconds; 0 where it is no time."""
    try:
        return int(datetime.fromisoformat(created_at).timestamp())
    except (ValueError, OverflowError):
        return 0


def metered(data: bytes) -> list[Event]:
    """The usage of the last line; [] where neither count is there."""
    try:
        counts = _COUNTS.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return []
    if counts.prompt_eval_count is None and counts.eval_count is None:
        return []
    return [Metered(Usage(counts.prompt_eval_count, counts.eval_count, raw=Raw(msgspec.json.encode(counts))))]


# ── whole answers and refusals ───────────────────────────────────────────────────────────────────────────


def decode_response(response: HttpResponse, target: Target) -> list[Event]:
    """The events of a whole answer. UpstreamError where it is none, or says `error`."""
    body = json_object(response.body)
    if body.get("error") is not None:
        raise refused(body["error"], target)
    if not isinstance(body.get("message"), dict):
        raise UpstreamError(f"{target.provider} answered 200 with a body that is no chat answer", code="upstream_protocol")
    stream = Stream(target)
    events = stream.feed(Frame(response.body))
    if events and isinstance(events[-1], Failed):
        raise UpstreamError(f"{target.provider} sent an answer that cannot be read", code="upstream_protocol")
    if body.get("done") is not True:  # a whole answer has ended, whether it says so or not
        events += [*metered(response.body), Finished("tool_calls" if stream.tools else "stop")]
    return events


def decode_stream(target: Target) -> Stream:
    return Stream(target)


def decode_error(response: HttpResponse, target: Target) -> UpstreamError:
    """`{"error": "text"}`; some proxies before Ollama answer in OpenAI's form."""
    return failure(target, response, _said(json_object(response.body).get("error")))


def refused(error: Any, target: Target) -> UpstreamError:
    """The error of a body or line that came with status 200."""
    return failure(target, HttpResponse(502, {}), _said(error))


def _said(error: Any) -> str:
    if isinstance(error, dict):
        error = error.get("message")
    return error if isinstance(error, str) else ""
