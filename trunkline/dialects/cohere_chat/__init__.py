"""Cohere's chat API, version 2, spoken upstream: `{base_url}/v2/chat`, `base_url` being the host.

Odd here: it looks like OpenAI's API and differs where it hurts. An assistant message has words or tool calls, never both (words
beside calls are its `tool_plan`); a stream has OpenAI's lists as single objects; JSON mode and tools exclude each other; and a
failure ends a stream in good order, with `finish_reason` ERROR.

Version 1 (`/v1/chat`, `chat_history`, `application/stream+json`) is another API and is not spoken.

Source: https://docs.cohere.com/reference/chat
"""

from __future__ import annotations

from ...chat import ChatRequest
from ...target import Target
from .answer import decode_error, decode_response
from .request import encode_request
from .stream import decode_stream

FRAMING = "sse"


def remote_media(request: ChatRequest, target: Target) -> list[str]:
    """Cohere fetches pictures itself."""
    return []


__all__ = ["FRAMING", "decode_error", "decode_response", "decode_stream", "encode_request", "remote_media"]
