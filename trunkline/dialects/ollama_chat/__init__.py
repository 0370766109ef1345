"""Ollama's own chat API, spoken upstream: `{base_url}/api/chat`, `base_url` being the host.

Odd here: sampling lives under `options`, arguments are objects both ways, pictures are a list of bare base64 beside the text, a
stream is JSON lines, and a server never fails for an option it does not know: it ignores it without a word, so we may not.

Sources: https://docs.ollama.com/api/chat, https://github.com/ollama/ollama/blob/main/docs/api.md
"""

from __future__ import annotations

from .answer import decode_error, decode_response, decode_stream
from .request import encode_request, remote_media

FRAMING = "jsonlines"

__all__ = ["FRAMING", "decode_error", "decode_response", "decode_stream", "encode_request", "remote_media"]
