"""Bytes → frames, as they come from the network. The frames never depend on where the reads were cut.

Odd here: what a vendor's content type says is the better guide (a proxy, or a vendor's other door, may frame differently from
what its dialect expects), but several vendors say `application/json` or nothing at all for a stream, so the dialect's own
framing is the default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..wire import Frame
from .aws_eventstream import AwsEventStream
from .json_array import JsonArray
from .jsonlines import JsonLines
from .sse import Sse


class Framer(Protocol):
    """Frames one body; owned by that stream."""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes. UpstreamError (`upstream_protocol`) where the bytes break the framing or its bounds."""
        ...

    def close(self) -> list[Frame]:
        """The body ended: a last frame without its terminator, if it is whole. UpstreamError where the framing shows a cut."""
        ...


FRAMINGS: dict[str, Callable[[], Framer]] = {
    "sse": Sse,
    "aws_eventstream": AwsEventStream,
    "jsonlines": JsonLines,
    "json_array": JsonArray,
}

_BY_TYPE = {
    "text/event-stream": "sse",
    "application/vnd.amazon.eventstream": "aws_eventstream",
    "application/x-ndjson": "jsonlines",
    "application/ndjson": "jsonlines",
    "application/jsonl": "jsonlines",
    "application/stream+json": "jsonlines",
}


def framer(content_type: str, default: str) -> Framer:
    """A fresh framer for a body of that content type (parameters and case do not matter).

    `default` is the dialect's `FRAMING`. `application/json` where a stream was expected as SSE is Google's array of chunks
    (a Gemini stream without `alt=sse`), or a single object; the array framer takes both.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" and default in ("sse", "json_array"):
        return JsonArray()
    return FRAMINGS[_BY_TYPE.get(kind, default)]()
