"""A whole answer of an OpenAI-style host: its events, and the bytes the caller gets.

Odd here: an answer that is already OpenAI's is never re-encoded. It is decoded once, strictly, to prove that it is one and to
read its usage, and then the vendor's bytes go on as they came; only what fails that proof is mended.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

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
from ..failures import failure, json_list, json_object, until
from . import loose
from .complaints import complaint_of
from .mend import failure_of, mend_completion
from .shapes import COMPLETION, ONLY_USAGE, WireCompletion, is_null, is_readable, usage_of

_KNOWN_TOP = frozenset({"id", "object", "created", "model", "choices", "usage"})


def relay_response(response: HttpResponse, target: Target, stamp: Stamp) -> tuple[WireCompletion, bytes]:
    """The answer as types, and the bytes for the caller: the vendor's own where they are OpenAI's. UpstreamError where it is no answer."""
    body = response.body
    try:
        wire = COMPLETION.decode(body)
        if _is_openais(wire):
            return wire, body if body[:1] == b"{" else body.strip()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        decoded = loose.decode(body)
    except ValueError:
        decoded = None
    choices = decoded.get("choices") if isinstance(decoded, dict) else None
    if not isinstance(decoded, dict) or not isinstance(choices, list) or not choices or decoded.get("error"):
        raise _no_answer(response, decoded, target)
    for choice in choices:
        if (error := failure_of(choice)) is not None:
            raise decode_error(HttpResponse(response.status, response.headers, loose.encode({"error": error})), target)
    mended = loose.encode(mend_completion(decoded, target, stamp))
    try:
        return COMPLETION.decode(mended), mended
    except (msgspec.ValidationError, RecursionError) as error:
        raise UpstreamError(f"{target.provider} sent an answer that is no chat completion: {error}", code="upstream_protocol") from None


def _is_openais(wire: WireCompletion) -> bool:
    """What the types cannot say: choices have indexes of their own, and thinking stands where it is looked for."""
    choices = wire.choices
    if len(choices) == 1:
        message = choices[0].message
        return (message.reasoning is None and message.tool_calls is None) or is_readable(message)
    return len({choice.index for choice in choices}) == len(choices) and all(is_readable(choice.message) for choice in choices)


def _no_answer(response: HttpResponse, decoded: Any, target: Target) -> UpstreamError:
    if (complaint := complaint_of(decoded)) is not None:
        return decode_error(HttpResponse(200, response.headers, loose.encode(complaint)), target)
    if isinstance(decoded, dict) and decoded.get("choices") == []:
        return UpstreamError(f"{target.provider} answered without a choice", code="upstream_protocol")
    return UpstreamError(f"{target.provider} answered 200 with a body that is no chat completion", code="upstream_protocol")


UNSAID = Stamp("chatcmpl-unsaid", 0)
"""Stands for what the vendor did not say, where an answer is decoded only for its events; in those it is empty again."""


def said(id: str) -> str:
    """An id of the vendor's; "" for one made of `UNSAID`."""
    return "" if id.startswith(("chatcmpl-unsaid", "call_unsaid_")) else id


def decode_response(response: HttpResponse, target: Target) -> list[Event]:
    """The events of a whole answer."""
    wire, body = relay_response(response, target, UNSAID)
    return events_of(wire, body)


def events_of(wire: WireCompletion, body: bytes) -> list[Event]:
    """The events of a completion, with the vendor's extra members read from `body`."""
    decoded: dict[str, Any] = loose.values(body)
    top = {name: value for name, value in decoded.items() if name not in _KNOWN_TOP and value is not None}
    events: list[Event] = [Started(said(wire.id), wire.model, wire.created, top)]
    for choice, raw in zip(wire.choices, decoded["choices"], strict=True):
        index, message = choice.index, choice.message
        if message.reasoning_content:
            events.append(ReasoningDelta(message.reasoning_content, index))
        events += [ReasoningDetail(detail, index) for detail in raw["message"].get("reasoning_details") or () if isinstance(detail, dict)]
        if message.content:
            events.append(TextDelta(message.content, index))
        if message.refusal:
            events.append(RefusalDelta(message.refusal, index))
        tools = 0
        for call in message.tool_calls or ():
            if call.function is not None:
                events.append(ToolStarted(tools, said(call.id), call.function.name, index, extra_of(call.extra_content)))
                events.append(ToolDelta(tools, call.function.arguments, index))
                tools += 1
            elif call.custom is not None:
                name, text = custom_of(call.custom)
                events.append(ToolStarted(tools, said(call.id), name, index, extra_of(call.extra_content), custom=True))
                events.append(ToolDelta(tools, text, index))
                tools += 1
        if message.function_call is not None:
            events.append(ToolStarted(tools, "", message.function_call.name, index))
            events.append(ToolDelta(tools, message.function_call.arguments, index))
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


def custom_of(custom: Raw) -> tuple[str, str]:
    """Name and input of a custom tool's call, or of a piece of one; empty where it does not say."""
    try:
        call = loose.values(custom)
    except ValueError:
        return "", ""
    name, text = (call.get("name"), call.get("input")) if isinstance(call, dict) else ("", "")
    return name if isinstance(name, str) else "", text if isinstance(text, str) else ""


def extra_of(extra_content: Raw | None) -> dict[str, Any]:
    """The members of a call beside its function."""
    return {} if is_null(extra_content) else {"extra_content": loose.values(extra_content or b"null")}


_MESSAGE = frozenset({"role", "content", "refusal", "tool_calls", "function_call", "reasoning", "reasoning_content", "reasoning_details"})
_CHOICE = frozenset({"index", "message", "finish_reason", "logprobs"})


def decode_error(response: HttpResponse, target: Target) -> UpstreamError:
    """Any of the shapes in which OpenAI-style hosts refuse (WIRE_NOTES 2), also one that came with 200."""
    body = json_object(response.body)
    if not body and response.headers.get("content-type", "").startswith("text/plain"):  # xAI, where JSON of a wrong shape meets its server
        return failure(target, response, response.body.decode(errors="replace"))
    if not body and response.body[:1] == b"[":  # Google's OpenAI door: a list of one
        listed = json_list(response.body)
        body = listed[0] if listed and isinstance(listed[0], dict) else {}
    error = body.get("error")
    if not isinstance(error, dict):
        text = error or body.get("message") or body.get("detail") or body.get("title")
        if not text and isinstance(complaint := (complaint_of(body) or {}).get("error"), dict):  # `errors`, `msg`, …
            text = complaint.get("message")
        code = body.get("code")
        return failure(
            target, response, _detail(text), code=_text(code) if _number(code) is None else None,
            type=_text(body.get("type")), status=_status(response, code),
        )  # fmt: skip
    message = _detail(error.get("message") or error.get("detail"))
    code = error.get("code")
    metadata = error.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("raw"), str) and metadata["raw"]:
        message = f"{message}: {metadata['raw'][:500]}"  # OpenRouter: what the provider behind it said
    return failure(
        target, response, message, code=_text(code) if _number(code) is None else None,
        type=_text(error.get("type")), param=_text(error.get("param")), status=_status(response, code),
        retry_after=_reset(metadata, response.headers),
    )  # fmt: skip


def _number(code: Any) -> int | None:
    """The HTTP status that some hosts write as `code`, as a number or its digits."""
    if isinstance(code, str) and len(code) == 3 and code.isascii() and code.isdecimal():
        return int(code)
    return code if isinstance(code, int) else None


def _status(response: HttpResponse, code: Any) -> int | None:
    """The status where the response's own says nothing: an error that came with 200."""
    if response.status >= 300:
        return None
    number = _number(code)
    return number if number is not None and 400 <= number < 600 else 502


def _reset(metadata: Any, headers: dict[str, str]) -> float | None:
    """OpenRouter's 429 has no `retry-after`: the reset stands in the body, as epoch milliseconds (WIRE_NOTES 35)."""
    match metadata:
        case {"headers": {"X-RateLimit-Reset": str(reset)}} if reset.isdecimal() and len(reset) < 16:
            return until(int(reset) / 1000, headers)
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _detail(value: Any) -> str:
    """What a message that is no text says: FastAPI's list of {loc, msg}, a list of texts, or an object around one of these (Mistral)."""
    if not value:
        return ""
    match value:
        case str(text):
            return text
        case list(items):
            return "; ".join(
                f"{'.'.join(map(str, item['loc']))}: {item.get('msg')}" if isinstance(item, dict) and isinstance(item.get("loc"), list)
                else _detail(item)
                for item in items
            )  # fmt: skip
        case {"detail": said} | {"error": said} | {"message": said} | {"msg": said}:
            return _detail(said)
        case _:
            return msgspec.json.encode(value).decode()
