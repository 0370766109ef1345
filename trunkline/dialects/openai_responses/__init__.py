"""OpenAI's Responses API, spoken upstream for the models that are served only there: `{base_url}/responses`, `base_url` ending in /v1.

Odd here: a conversation is a list of items in which reasoning, calls, results and words stand side by side; the vendor keeps
answers unless told not to, so it is told not to, and then reasoning comes back to us encrypted, to be handed back next turn.

Source: https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

from ...chat import ChatRequest
from ...target import Target
from .answer import decode_error, decode_response
from .request import encode_request
from .stream import decode_stream

FRAMING = "sse"


def remote_media(request: ChatRequest, target: Target) -> list[str]:
    """OpenAI fetches pictures itself."""
    return []


__all__ = ["FRAMING", "decode_error", "decode_response", "decode_stream", "encode_request", "remote_media"]
