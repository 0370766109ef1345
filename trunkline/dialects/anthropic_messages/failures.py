"""The vendor's errors: `{"type": "error", "error": {"type", "message"}}`, as a refusal, and in the midst of a stream.

Odd here: an empty account is a 400 ("Your credit balance is too low"), which is ours to mend and not the caller's; Claude on
Vertex may fail in Google's form; and inside a stream there is no status, so the error's type gives it.

Source: https://docs.anthropic.com/en/api/errors
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ...chat import KNOWN_FIELDS, Failed
from ...errors import UpstreamError
from ...target import Target
from ...wire import HttpResponse
from ..failures import failure, json_object

STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_PATH = re.compile(r"([a-z_]+)(?:\.[\w.]+)?:")
_OVERFLOW = re.compile(r"exceeds? (?:the )?context limit", re.IGNORECASE)
"""`input length and `max_tokens` exceed context limit: 199000 + 21333 > 200000` (https://platform.claude.com/docs/en/build-with-claude/context-windows)"""
_UNPAID = re.compile(r"credit balance is too low|reached your specified .*usage limits", re.IGNORECASE)


def decode_error(response: HttpResponse, target: Target) -> UpstreamError:
    """The error for an answer with a status of 300 and above."""
    said = _said(response.body)
    message = said.get("message")
    text = message if isinstance(message, str) else ""
    status = 402 if response.status == 400 and _UNPAID.search(text) else None
    return failure(target, response, text, code=_code(text), param=_param(text), status=status)


def refused(response: HttpResponse, target: Target) -> UpstreamError:
    """The error for a body that came with a good status and is no message: an error after all, or something else entirely."""
    said = _said(response.body)
    if said:
        return _of_type(said, target)
    return UpstreamError(f"{target.provider} answered with something that is no message of its API", code="upstream_protocol")


def failed(body: bytes, target: Target) -> Failed:
    """The error event of a stream."""
    error = _of_type(_said(body), target)
    return Failed(error.message, error.status, error.code or "upstream_error", error.type)


def _of_type(said: dict[str, Any], target: Target) -> UpstreamError:
    kind, message, code = said.get("type"), said.get("message"), said.get("code")
    google = code if isinstance(code, int) and 400 <= code < 600 else 500  # Google's form has the status as a number
    status = STATUSES.get(kind, 500) if isinstance(kind, str) else google
    text = message if isinstance(message, str) else ""
    return failure(target, HttpResponse(status, {}, b""), text, code=_code(text), param=_param(text))


def _said(body: bytes) -> dict[str, Any]:
    """The `error` object; {} where there is none. Google wraps it in a list at times."""
    whole = json_object(body)
    if not whole and body.lstrip()[:1] == b"[":
        try:
            listed = msgspec.json.decode(body, type=list[dict[str, Any]])
        except msgspec.DecodeError:
            listed = []
        whole = listed[0] if listed else {}
    error = whole.get("error")
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else {}


def _code(message: str) -> str | None:
    return "context_length_exceeded" if _OVERFLOW.search(message) else None


def _param(message: str) -> str | None:
    """The member that a message begins with ("max_tokens: 100000 > 64000"), where the caller wrote it under the same name."""
    found = _PATH.match(message)
    return found[1] if found is not None and found[1] in KNOWN_FIELDS else None
