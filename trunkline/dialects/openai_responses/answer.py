"""Whole responses, and failures in each of their forms.

Odd here: a response that failed has status 200 and `status: "failed"`; an unknown model is a 400 here where it is a 404 elsewhere;
and the hosts that offer this API besides OpenAI refuse in forms of their own.

Sources: https://platform.openai.com/docs/api-reference/responses/object, https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from ...chat import Event, Extra, Failed, Started
from ...errors import UpstreamError
from ...target import Target
from ...wire import HttpResponse
from ..failures import failure, json_object
from . import blocks
from .shapes import ITEM, RESPONSE, Item, Response

STATUSES = {
    "server_error": 500, "rate_limit_exceeded": 429, "insufficient_quota": 429, "vector_store_timeout": 504, "invalid_prompt": 400,
    "context_length_exceeded": 400, "bio_policy": 400, "cyber_policy": 400, "data_residency_mismatch": 400, "model_not_found": 404,
    "server_is_overloaded": 503, "slow_down": 503,
}  # fmt: skip
"""Error codes of a response that failed, as HTTP statuses. Faults of a picture are the caller's; the rest is the vendor's."""
ENDED = frozenset({"completed", "incomplete"})


def decode_response(response: HttpResponse, target: Target) -> list[Event]:
    """The events of a whole response. UpstreamError where it failed, was cancelled, or is no response."""
    try:
        whole = RESPONSE.decode(response.body)
    except (msgspec.DecodeError, RecursionError):
        raise _no_response(target) from None
    if whole.output is None:
        error = json_object(response.body).get("error")
        raise _of(error, target) if error else _no_response(target)
    if whole.status is not None and whole.status not in ENDED:
        raise broken_off(whole, target)
    return [started(whole, target), *output(whole, target), *ending(whole, calls_of(whole))]


def _no_response(target: Target) -> UpstreamError:
    return UpstreamError(f"{target.provider} answered 200 with a body that is no response of its API", code="upstream_protocol")


def started(response: Response, target: Target) -> Started:
    extra = {"service_tier": response.service_tier} if response.service_tier else {}
    return Started(response.id or "", response.model or target.model, int(response.created_at or 0), extra)


def output(response: Response, target: Target) -> list[Event]:
    """The events of every item."""
    events: list[Event] = []
    said = tools = 0
    for raw in response.output or ():
        item = read_item(raw)
        if item.type == "message":
            events += [event for part in item.content or () for event in blocks.words(part)]
            events += blocks.cited(item, said) + blocks.phased(item, said)
            said += blocks.length(item)
        elif item.type == "reasoning":
            events += blocks.reasoning(item) + blocks.sealed(item, said, tools)
        elif item.type in blocks.CALLS:
            events += blocks.call(item, tools)
            tools += 1
        else:
            events += blocks.kept(raw)
    return events


def calls_of(response: Response) -> int:
    return sum(read_item(raw).type in blocks.CALLS for raw in response.output or ())


def ending(response: Response, calls: int) -> list[Event]:
    return [*moderated(response), *blocks.metered(response.usage), blocks.finished(response, calls)]


def moderated(response: Response) -> list[Event]:
    """The verdicts on input and output, where they were asked for: one each here, a list of results in chat completions."""
    said = json_object(bytes(response.moderation))
    if not said:
        return []
    chat = {
        name: {"type": "moderation_results", "model": verdict.get("model"), "results": [verdict]}
        if isinstance(verdict, dict) and verdict.get("type") == "moderation_result"
        else verdict
        for name, verdict in said.items()
    }
    return [Extra({"moderation": chat})]


def read_item(raw: Raw) -> Item:
    """The item; where it has a form of its own, no more than that it is one to be kept as it is."""
    try:
        return ITEM.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return Item()


# ── failures ─────────────────────────────────────────────────────────────────────────────────────────────


def broken_off(response: Response, target: Target) -> UpstreamError:
    """The error of a response whose status is neither completed nor incomplete."""
    error = json_object(bytes(response.error))
    return _of(error or {"message": f"{target.provider} broke off its answer ({response.status})"}, target)


def failed(error: UpstreamError) -> Failed:
    return Failed(error.message, error.status, error.code or "upstream_error", error.type)


def error_event(raw: Raw, code: str | None, message: str | None, target: Target) -> Failed:
    """The error of an `error` event, in either of its two forms: members of its own, or an `error` object."""
    error = json_object(bytes(raw))
    return failed(_of(error or {"code": code, "message": message or ""}, target))


def _of(error: Any, target: Target) -> UpstreamError:
    said, code, kind, param = _members(error)
    status = STATUSES.get(code or "", 400 if kind == "invalid_request_error" or "image" in (code or "") else 500)
    return failure(target, HttpResponse(status, {}), said, code=code, type=kind, param=param)


def _members(error: Any) -> tuple[str, str | None, str | None, str | None]:
    """(message, code, type, param) of an error object, or of an error that is a text."""
    if not isinstance(error, dict):
        return error if isinstance(error, str) else "", None, None, None

    def text(name: str) -> str | None:
        value = error.get(name)
        return value if isinstance(value, str) and value else None

    return text("message") or "", text("code"), text("type"), text("param")


def decode_error(response: HttpResponse, target: Target) -> UpstreamError:
    """OpenAI's error object; xAI's `{"code", "error": "text"}`; Bedrock's `{"message"}`; `{"detail"}`."""
    body = json_object(response.body)
    error = body.get("error")
    if not isinstance(error, dict):
        said = error or body.get("message") or body.get("detail")
        error = {"message": said, "code": body.get("code")}
    said, code, kind, param = _members(error)
    status = 404 if response.status == 400 and code == "model_not_found" else None
    return failure(target, response, said, code=code, type=kind, param=param, status=status)
