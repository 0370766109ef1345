"""A vendor's refusal as the error our caller reads, by one table for all dialects.

Odd here: a vendor's 401 is not the caller's 401. The caller's own key was fine; ours was refused, so it is a 502 that
names the provider. And a vendor's HTML, or a body of no known shape, never becomes the message.

Source: TRANSLATION's row "errors"; https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from ..errors import UpstreamError
from ..target import Target
from ..wire import HttpResponse

_CONTEXT = re.compile(
    r"context.?(?:length|window|size|limit)|maximum context|prompt is too long|too many (?:input )?tokens|input is too long|"
    r"exceeds? the (?:maximum|max) (?:number of )?(?:input )?tokens|input token count|reduce the length|maximum prompt length|"
    r"exceeded model token limit|prompt exceeds max length|prompt token count of \d+ exceeds|range of input length should be|"
    r"`inputs` (?:tokens \+ `max_new_tokens` must be <=|must have less than)",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"\A\s*<[!?a-z]|<!doctype html|<html[\s>]", re.IGNORECASE)
"""A page, with or without words before it. Alibaba's `<400> InternalError…` is none."""
LONGEST_MESSAGE = 4000


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
    `status` overrides the response's status where the body knows better; an error that came with 200 is otherwise a 502.
    """
    said = status or (response.status if response.status >= 300 else 502)
    text = message.strip()[:LONGEST_MESSAGE]
    if not text or _MARKUP.search(text):
        text = f"{target.provider} answered {said} without a readable message"
    wait = retry_after if retry_after is not None else header_seconds(response.headers)
    headers = passed_on(response.headers)

    def error(
        status: int, *, code: str | None, type: str | None, try_next: bool, message: str = text, wait: float | None = None
    ) -> UpstreamError:
        made = UpstreamError(
            message, status=status, type=type or "upstream_error", code=code, param=param, try_next=try_next,
            retry_after=wait, headers=headers, details=text if message is not text else None,
        )  # fmt: skip
        made.code = code  # a vendor's 400 may have none, and then it is null as OpenAI's own is
        return made

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
    decoded = _json(body)
    return decoded if isinstance(decoded, dict) else {}


def json_list(body: bytes) -> list[Any]:
    """The body as a JSON list; [] where it is none."""
    decoded = _json(body)
    return decoded if isinstance(decoded, list) else []


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except UnicodeDecodeError:  # a message cut in the middle of a character, or in an old encoding: its words still help
        return _json(body.decode("utf-8", "replace").encode())
    except (msgspec.DecodeError, RecursionError):
        return None


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
LONGEST_WAIT = 7 * 86400.0


def seconds(text: str) -> float | None:
    """A delay as vendors write it: "2", "1.5", "48s", "6ms", "1m12.5s", "2h3m4.5s". None where it is no delay (e.g. a date)."""
    text = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return min(float(text), LONGEST_WAIT)
    if not re.fullmatch(r"(\d+(\.\d+)?(ms|h|m|s))+", text):
        return None
    return min(sum(float(n) * _UNITS[unit] for n, _, unit in re.findall(r"(\d+(\.\d+)?)(ms|h|m|s)", text)), LONGEST_WAIT)


def header_seconds(headers: dict[str, str]) -> float | None:
    """`retry-after-ms` (unless 0) or `retry-after`, in seconds; a date there is taken against the answer's own `date`."""
    exact = seconds(headers.get("retry-after-ms", ""))
    if exact:
        return exact / 1000
    given = headers.get("retry-after", "")
    wait = seconds(given)
    if wait is None and (date := _epoch(given)) is not None:
        return until(date, headers)
    return wait


def until(epoch: float, headers: dict[str, str]) -> float | None:
    """Seconds from when the answer was made (its `date`) to a Unix time; None where it has no date."""
    made = _epoch(headers.get("date", ""))
    return None if made is None else min(max(0.0, epoch - made), LONGEST_WAIT)


def _epoch(date: str) -> float | None:
    """An HTTP date (RFC 9110, 5.6.7) as Unix time."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


_REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id", "x-goog-request-id", "cf-ray")
_RATE = re.compile(r"(?:anthropic-|x-)?ratelimit-(.+)")


def passed_on(headers: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """The vendor's request id and rate limits, under names of ours."""
    found: list[tuple[str, str]] = []
    if not headers.keys().isdisjoint(_REQUEST_IDS):
        found.append(("x-trunkline-upstream-request-id", next(headers[name] for name in _REQUEST_IDS if name in headers)))
    for name in headers:
        if "ratelimit-" in name and (rate := _RATE.fullmatch(name)) is not None:
            found.append((f"x-trunkline-upstream-ratelimit-{rate[1]}", headers[name]))
    return tuple(found)
