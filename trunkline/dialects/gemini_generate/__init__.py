"""Gemini's generateContent, on AI Studio (kind "gemini") and on Vertex AI (kind "vertex").

Odd about it: a function call and its result are matched by name and order, the model's signed thoughts must come back on the very
part they came on, a call finishes with STOP, and what a request may hold depends on the model's generation (see `models`).

Sources: https://ai.google.dev/api/generate-content,
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
"""

from .answers import FRAMING, decode_response, decode_stream
from .failures import decode_error
from .media import remote_media
from .request import encode_request

__all__ = ["FRAMING", "decode_error", "decode_response", "decode_stream", "encode_request", "remote_media"]
