"""llama.cpp's refusals as OpenAI's error objects.

Odd here: llama.cpp puts the status into `code`, calls an overlong prompt by a type of its own, and answers 500 where the caller
sent what the model cannot take.

Source: https://platform.openai.com/docs/guides/error-codes; llama.cpp's tools/server (format_error_response)
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

_TEMPLATE = "Unable to generate parser for this template. Automatic parser generation failed: "
_FIELD = re.compile(r"Field '(\w+)'")


def refusal(status: int, body: bytes) -> tuple[int, bytes]:
    """The status and the body to answer with for an error llama.cpp answered."""
    try:
        said = msgspec.json.decode(body, type=dict[str, dict[str, Any]])["error"]
    except (msgspec.DecodeError, KeyError):
        return 500, error_body("the local model's server answered without a readable message", "server_error", None, None)
    message = str(said.get("message") or "the local model's server gave no reason")
    if said.get("type") == "exceed_context_size_error":
        text = (
            f"This model's maximum context length here is {said.get('n_ctx')} tokens; the messages have {said.get('n_prompt_tokens')}. "
            "Shorten them, or raise `context` of the local provider."
        )
        return 400, error_body(text, "invalid_request_error", "messages", "context_length_exceeded")
    if "input is not supported" in message:
        return 400, error_body(
            f"the local model takes text only: {message.partition(' - hint')[0]}", "invalid_request_error", "messages", None
        )
    if message.startswith(_TEMPLATE):
        return 400, error_body(message.removeprefix(_TEMPLATE), "invalid_request_error", "response_format", None)
    field = _FIELD.search(message)
    kind = "invalid_request_error" if status < 500 else "server_error"
    return status, error_body(message, kind, field[1] if field else None, None)


def error_body(message: str, kind: str, param: str | None, code: str | None) -> bytes:
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": param, "code": code}})
