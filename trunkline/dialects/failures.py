"""A vendor's refusal as the error our caller reads, by one table for all dialects.

Odd here: a vendor's 401 is not the caller's 401. The caller's own key was fine; ours was refused, so it is a 502 that
names the provider. And a vendor's HTML, or a body of no known shape, never becomes the message.

Source: TRANSLATION's row "errors"; https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ..errors import UpstreamError
from ..target import Target
from ..wire import HttpResponse

_CONTEXT = re.compile(
    r"context.?length|context.?window|maximum context|prompt is too long|too many (?:input )?tokens|input is too long|"
    r"exceeds? the (?:maximum|max) (?:number of )?(?:input )?tokens|input token count|reduce the length",
    re.IGNORECASE,
)


def failure(
    target: Target,
    response: HttpResponse,
    message: str,
    *,
    code: str | None = None,
    type: str | None = None,
    param: str | None = None,
    retry_after: float | None = None,
    status: int | None = None,
) -> UpstreamError:
    """The error for `response`. `message`, `code`, `type`, `param` are what the vendor said; "" where it said nothing readable.

    `retry_after` is the vendor's own (seconds) where it stands in the body; the header is read here.
    `status` overrides the response's status where the body knows better.
    """
    said = status or response.status
    text = message.strip()
    if not text or text[:1] == "<":
        text = f"{target.provider} answered {said} without a readable message"
    wait = retry_after if retry_after is not None else header_seconds(response.headers)
    headers = passed_on(response.headers)

    def error(
        status: int, *, code: str | None, type: str | None, try_next: bool, message: str = text, wait: float | None = None
    ) -> UpstreamError:
        return UpstreamError(
            message, status=status, type=type or "upstream_error", code=code, param=param, try_next=try_next,
            retry_after=wait, headers=headers, details=text if message is not text else None,
        )  # fmt: skip

    if said in (400, 409, 422, 413) and (code == "context_length_exceeded" or _CONTEXT.search(text)):
        return error(400, code="context_length_exceeded", type="invalid_request_error", try_next=True)
    match said:
        case 401 | 403:
            shown = f"{target.provider} refused this gateway's key ({said}): {text}"
            return error(502, code="upstream_auth", type="upstream_error", try_next=True, message=shown)
        case 402:
            return error(402, code=code or "insufficient_quota", type=type or "insufficient_quota", try_next=True)
        case 404:
            return error(404, code="model_not_found", type=type or "invalid_request_error", try_next=True)
        case 408 | 504 | 524:
            return error(504, code=code or "upstream_timeout", type=type or "timeout", try_next=True, wait=wait)
        case 413:
            return error(413, code=code or "request_too_large", type=type or "invalid_request_error", try_next=True)
        case 429:
            return error(429, code=code or "rate_limit_exceeded", type=type or "rate_limit_error", try_next=True, wait=wait)
        case 503 | 529:
            return error(503, code=code or "upstream_overloaded", type=type or "overloaded_error", try_next=True, wait=wait)
        case _ if said >= 500:
            return error(502, code=code or "upstream_error", type=type or "upstream_error", try_next=True, wait=wait)
        case _ if said < 400:
            shown = f"{target.provider} answered with a redirect ({said}), which is not followed; check its base_url"
            return error(502, code="upstream_redirect", type="upstream_error", try_next=True, message=shown)
        case _:
            return error(400, code=code, type=type or "invalid_request_error", try_next=False)


def json_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object; {} where it is none."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float | None:
    """A delay as vendors write it: "2", "1.5", "48s", "6ms", "1m12.5s", "2h3m4.5s". None where it is no delay (e.g. a date)."""
    text = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if not re.fullmatch(r"(\d+(\.\d+)?(ms|h|m|s))+", text):
        return None
    return sum(float(n) * _UNITS[unit] for n, _, unit in re.findall(r"(\d+(\.\d+)?)(ms|h|m|s)", text))


def header_seconds(headers: dict[str, str]) -> float | None:
    """`retry-after-ms` (unless 0) or `retry-after`, in seconds."""
    exact = seconds(headers.get("retry-after-ms", ""))
    return exact / 1000 if exact else seconds(headers.get("retry-after", ""))


_REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id", "x-goog-request-id", "cf-ray")
_RATE = re.compile(r"(?:anthropic-|x-)?ratelimit-(.+)")


def passed_on(headers: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """The vendor's request id and rate limits, under names of ours."""
    found = [("x-trunkline-upstream-request-id", headers[name]) for name in _REQUEST_IDS if name in headers][:1]
    for name, value in headers.items():
        rate = _RATE.fullmatch(name)
        if rate is not None:
            found.append((f"x-trunkline-upstream-ratelimit-{rate[1]}", value))
    return tuple(found)
