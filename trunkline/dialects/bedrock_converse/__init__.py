"""Bedrock Converse and ConverseStream, spoken upstream: one API for Claude, Nova, and every other family that AWS hosts.

Three differences from our vocabulary shape this package: each part is an object with one key that says what it is; what goes
beyond the common request is a family's own and rides in `additionalModelRequestFields`; and a stream is AWS's binary frames, its
usage after its finish. `models` says what each family takes, `request` puts a body together from `content`, `media`, `tooling`,
`reasoning`, `formats` and `params`; `answer` and `stream` read the same `blocks` back.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from .answer import decode_response
from .failures import decode_error
from .media import remote_media
from .request import encode_request
from .stream import decode_stream

FRAMING = "aws_eventstream"

__all__ = ["FRAMING", "decode_error", "decode_response", "decode_stream", "encode_request", "remote_media"]
