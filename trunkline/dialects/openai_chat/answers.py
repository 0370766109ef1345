"""A whole answer of an OpenAI-style host: its events, and the bytes the caller gets.

Odd here: an answer that is already OpenAI's is never re-encoded. It is decoded once, strictly, to prove that it is one and to
read its usage, and then the vendor's bytes go on as they came; only what fails that proof is mended.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...chat import (
    Event,
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
)  # fmt: skip
from ...errors import UpstreamError
from ...stamp import Stamp
from ...target import Target
from ...wire import HttpResponse
from ..failures import failure, json_object
from .mend import mend_completion
from .shapes import COMPLETION, ONLY_USAGE, WireCompletion, is_null, is_readable, usage_of

_encode = msgspec.json.encode
_KNOWN_TOP = frozenset({"id", "object", "created", "model", "choices", "usage"})


def relay_response(response: HttpResponse, target: Target, stamp: Stamp) -> tuple[WireCompletion, bytes]:
    """The answer as types, and the bytes for the caller: the vendor's own where they are OpenAI's. UpstreamError where it is no answer."""
    body = response.body
    try:
        wire = COMPLETION.decode(body)
        if all(is_readable(choice.message) for choice in wire.choices):
            return wire, body if body[:1] == b"{" else body.strip()
    except (msgspec.DecodeError, RecursionError):
        pass
    decoded = json_object(body)
    choices = decoded.get("choices")
    if not isinstance(choices, list) or not choices:
        raise _no_answer(response, decoded, target)
    mended = _encode(mend_completion(decoded, target, stamp))
    try:
        return COMPLETION.decode(mended), mended
    except (msgspec.ValidationError, RecursionError) as error:
        raise UpstreamError(f"{target.provider} sent an answer that is no chat completion: {error}", code="upstream_protocol") from None


def _no_answer(response: HttpResponse, decoded: dict[str, Any], target: Target) -> UpstreamError:
    if decoded.get("error"):
        return decode_error(response, target)
    if decoded.get("choices") == []:
        return UpstreamError(f"{target.provider} answered without a choice", code="upstream_protocol")
    return UpstreamError(f"{target.provider} answered 200 with a body that is no chat completion", code="upstream_protocol")


def decode_response(response: HttpResponse, target: Target) -> list[Event]:
    """The events of a whole answer."""
    stamp = Stamp("", 0)
    wire, body = relay_response(response, target, stamp)
    return events_of(wire, body)


def events_of(wire: WireCompletion, body: bytes) -> list[Event]:
    """The events of a completion, with the vendor's extra members read from `body`."""
    decoded: dict[str, Any] = msgspec.json.decode(body)
    top = {name: value for name, value in decoded.items() if name not in _KNOWN_TOP and value is not None}
    events: list[Event] = [Started(wire.id, wire.model, wire.created, top)]
    for choice, raw in zip(wire.choices, decoded["choices"], strict=True):
        index, message = choice.index, choice.message
        if message.reasoning_content:
            events.append(ReasoningDelta(message.reasoning_content, index))
        events += [ReasoningDetail(msgspec.json.decode(detail), index) for detail in message.reasoning_details or ()]
        if message.content:
            events.append(TextDelta(message.content, index))
        if message.refusal:
            events.append(RefusalDelta(message.refusal, index))
        for tool, call in enumerate(message.tool_calls or ()):
            if call.function is not None:
                extra = (
                    {"extra_content": msgspec.json.decode(call.extra_content)}
                    if call.extra_content is not None and not is_null(call.extra_content)
                    else {}
                )
                events.append(ToolStarted(tool, call.id, call.function.name, index, extra))
                events.append(ToolDelta(tool, call.function.arguments, index))
        more = {name: value for name, value in raw["message"].items() if name not in _MESSAGE and value not in (None, [])}
        if more:
            events.append(MessageExtra(more, index))
        if isinstance(raw.get("logprobs"), dict):
            events.append(Logprobs(raw["logprobs"], index))
        rest = {name: value for name, value in raw.items() if name not in _CHOICE and value is not None}
        events.append(Finished(choice.finish_reason, index, str(rest.pop("native_finish_reason", "")), rest))
    if wire.usage is not None:
        events.append(Metered(usage_of(wire.usage, ONLY_USAGE.decode(body).usage)))
    return events


_MESSAGE = frozenset({"role", "content", "refusal", "tool_calls", "reasoning", "reasoning_content", "reasoning_details"})
_CHOICE = frozenset({"index", "message", "finish_reason", "logprobs"})


def decode_error(response: HttpResponse, target: Target) -> UpstreamError:
    """Any of the ten shapes in which OpenAI-style hosts refuse (WIRE_NOTES 2)."""
    body = json_object(response.body)
    if not body and response.body[:1] == b"[":  # Google's OpenAI door: a list of one
        listed = msgspec.json.decode(response.body)
        body = listed[0] if listed and isinstance(listed[0], dict) else {}
    error = body.get("error")
    if not isinstance(error, dict):
        said = error if isinstance(error, str) else body.get("message") or body.get("detail") or body.get("title") or ""
        code = body.get("code") if isinstance(body.get("code"), str) else None
        if not isinstance(said, str):
            said = _detail(said)
        return failure(target, response, said, code=code, type=_text(body.get("type")))
    message = error.get("message") or error.get("detail") or ""
    code = error.get("code")
    status = None
    if isinstance(code, int) or (isinstance(code, str) and code.isdigit()):
        if response.status < 300 and 400 <= int(code) < 600:
            status = int(code)
        code = None
    if response.status < 300 and status is None:
        status = 502
    metadata = error.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("raw"), str) and metadata["raw"]:
        message = f"{message}: {metadata['raw'][:500]}"  # OpenRouter: what the provider behind it said
    return failure(
        target, response, str(message), code=_text(code), type=_text(error.get("type")), param=_text(error.get("param")), status=status
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _detail(value: Any) -> str:
    """FastAPI's `detail`: a list of {loc, msg}."""
    if isinstance(value, list):
        return "; ".join(
            f"{'.'.join(str(x) for x in item.get('loc', ()))}: {item.get('msg')}" if isinstance(item, dict) else str(item) for item in value
        )
    return str(value)
