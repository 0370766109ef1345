"""What a host says in place of an answer, under whatever name: a body that came with 200, or a chunk that is none.

Odd here: such a body is known by what it lacks (choices, usage) as much as by what it has, since `message` and `detail` are common words.
Shapes: WIRE_NOTES 2; Cloudflare's `errors` (https://developers.cloudflare.com/fundamentals/api/how-to/make-api-calls/).
"""

from __future__ import annotations

from typing import Any

_WORDS = ("message", "detail", "msg", "error_msg", "error_message", "errorMessage")


def complaint_of(body: Any) -> dict[str, Any] | None:
    """The body as one that `decode_error` reads; None where it is no complaint."""
    if isinstance(body, list):  # Google's OpenAI door: a list of one
        return complaint_of(body[0]) if body and isinstance(body[0], dict) else None
    if not isinstance(body, dict):
        return None
    if body.get("error") or body.get("object") == "error":
        return body
    if body.get("choices") or "usage" in body:
        return None
    errors = body.get("errors")
    if isinstance(errors, list) and errors:
        said = [error.get("message") if isinstance(error, dict) else error for error in errors]
        return {"error": {"message": "; ".join(text for text in said if isinstance(text, str))}}
    if isinstance(body.get("detail"), list) and body["detail"]:
        return body
    for word in _WORDS:
        text = body.get(word)
        if isinstance(text, str) and text:
            return body if word in ("message", "detail") else {"error": {"message": text}}
    return None
