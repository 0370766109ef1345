"""Google's error envelope as the error our caller reads.

Odd here: a wrong key is a 400 (reason API_KEY_INVALID), a quota's delay stands in the body (RetryInfo) and not in a header, and a
stream that is no SSE wraps the envelope in a list.

Source: https://cloud.google.com/apis/design/errors#error_model
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ...chat import Failed
from ...errors import UpstreamError
from ...target import Target
from ...wire import HttpResponse
from ..failures import failure, seconds

_STATUSES = {
    "CANCELLED": 499, "INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "OUT_OF_RANGE": 400, "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403, "NOT_FOUND": 404, "ALREADY_EXISTS": 409, "ABORTED": 409, "RESOURCE_EXHAUSTED": 429, "INTERNAL": 500,
    "UNKNOWN": 500, "DATA_LOSS": 500, "UNIMPLEMENTED": 501, "UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 504,
}  # fmt: skip
_BAD_KEY = re.compile(r"api key (?:not valid|expired|not found)", re.IGNORECASE)


def decode_error(response: HttpResponse, target: Target) -> UpstreamError:
    """The error of an answer with a status of 300 and above."""
    return _error(response, envelope(response.body), target, status=None)


def failed(error: dict[str, Any], target: Target) -> Failed:
    """The event for an error inside a stream that had begun with 200."""
    found = as_error(HttpResponse(200, {}), error, target)
    return Failed(
        found.message, found.status, found.code or "upstream_error", found.type or "upstream_error", retry_after=found.retry_after
    )


def as_error(response: HttpResponse, error: dict[str, Any], target: Target) -> UpstreamError:
    """The error for an envelope that came with a good status: the envelope says what it should have been."""
    code, word = error.get("code"), error.get("status")
    status = code if isinstance(code, int) and 400 <= code < 600 else _STATUSES.get(word if isinstance(word, str) else "", 500)
    return _error(response, error, target, status=status)


def envelope(body: bytes) -> dict[str, Any]:
    """The `error` object of a body, alone or in a list; {} where there is none."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return {}
    if isinstance(decoded, list):
        decoded = next((item for item in decoded if isinstance(item, dict) and "error" in item), {})
    error = decoded.get("error") if isinstance(decoded, dict) else None
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else {}


def _error(response: HttpResponse, error: dict[str, Any], target: Target, *, status: int | None) -> UpstreamError:
    said = status or response.status
    message = error.get("message")
    text = message if isinstance(message, str) else ""
    word = error.get("status")
    listed = error.get("details")
    details = [detail for detail in listed if isinstance(detail, dict)] if isinstance(listed, list) else []
    if said == 400 and (any(detail.get("reason") == "API_KEY_INVALID" for detail in details) or _BAD_KEY.match(text)):
        said = 401
    code = word.lower() if said in (400, 409) and isinstance(word, str) else None
    return failure(target, response, text, status=said, code=code, param=_field(details), retry_after=_delay(details))


def _delay(details: list[dict[str, Any]]) -> float | None:
    """`google.rpc.RetryInfo`: `"retryDelay": "48s"`."""
    for detail in details:
        delay = detail.get("retryDelay")
        if isinstance(delay, str):
            return seconds(delay)
    return None


def _field(details: list[dict[str, Any]]) -> str | None:
    """`google.rpc.BadRequest`: the first field that was refused, in the vendor's spelling."""
    for detail in details:
        violations = detail.get("fieldViolations")
        if isinstance(violations, list) and violations and isinstance(violations[0], dict):
            field = violations[0].get("field")
            return field if isinstance(field, str) and field else None
    return None
