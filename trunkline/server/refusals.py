"""An error as the bytes a caller reads.

Odd here: the same error has two faces. At OpenAI's paths it is `{"error": {…}}`; at Opik's, `code` (the HTTP status), `message`, `details`
and `errors` stand beside it, an unknown model and a missing provider key are 400 with Opik's own texts, and the body ends with a
newline, without which Opik's web client never parses it (OPIK.md 1.5 and 7).
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from ..errors import CallerError, GatewayError

OPIK_400 = {"model_not_found", "provider_key_missing", "model_ambiguous"}
"""Codes that are 404 or 401 elsewhere, and 400 on Opik's paths where the gateway itself says so (not a vendor)."""


def status_of(error: GatewayError, opik: bool) -> int:
    return 400 if opik and error.code in OPIK_400 and isinstance(error, CallerError) else error.status


def body_of(error: GatewayError, opik: bool) -> dict[str, Any]:
    inner: dict[str, Any] = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    if error.details:
        inner["details"] = error.details
    if not opik:
        return {"error": inner}
    out: dict[str, Any] = {"code": status_of(error, True), "message": opik_text(error), "error": inner}
    if error.details:
        out["details"] = error.details
    if error.errors:
        out["errors"] = error.errors
    return out


def opik_text(error: GatewayError) -> str:
    """Opik's own words where it has them, since its clients show and match them."""
    text = getattr(error, "opik", None)
    return text if isinstance(text, str) and text else error.message


def to_bytes(error: GatewayError, opik: bool) -> bytes:
    encoded = msgspec.json.encode(body_of(error, opik))
    return encoded + b"\n" if opik else encoded


def event(error: GatewayError, opik: bool) -> bytes:
    """The payload of an error event in a stream that has begun."""
    body = body_of(error, opik)
    if opik:
        body["error"]["code"] = str(body["error"]["code"] or error.status)
    return msgspec.json.encode(body)


def headers_of(error: GatewayError) -> list[tuple[str, str]]:
    """`retry-after` in whole seconds, and what else the error carries."""
    headers = list(error.headers)
    if error.retry_after is not None:
        headers.append(("retry-after", str(max(0, math.ceil(error.retry_after)))))
    return headers
