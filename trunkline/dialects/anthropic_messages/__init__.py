"""Anthropic Messages, spoken upstream: Claude at its maker's, and on Vertex.

Three differences from our vocabulary shape this package: system text is a top-level field, a tool result is a user turn, and a
stream numbers content blocks where we number tool calls. `models` says what each Claude takes, `request` puts a body together
from `content`, `tooling`, `schemas`, `thinking` and `params`; `answer` and `stream` read the same `blocks` back.

Source: https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

from .answer import decode_response
from .failures import decode_error
from .request import encode_request, remote_media
from .stream import decode_stream

FRAMING = "sse"

__all__ = ["FRAMING", "decode_error", "decode_response", "decode_stream", "encode_request", "remote_media"]
