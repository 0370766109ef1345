"""What every framing shares: how much it will hold, how it says that a stream is broken, and when a cut-off end still counts.

Odd here: an end without its terminator is common and harmless (a server that forgets the last blank line), so a whole JSON
value or `[DONE]` at the end is still given; half of one is not, and the missing finish is then for the pipeline to report.
"""

from __future__ import annotations

import msgspec

from ..errors import UpstreamError

MAX_EVENT = 16 * 1024 * 1024
"""Bytes one line or event may have. Far above any real one; what exceeds it is no event stream."""


def broken(why: str) -> UpstreamError:
    """The error for a stream that does not keep to its framing; another target may do better."""
    return UpstreamError(f"the upstream's stream is broken: {why}", code="upstream_protocol")


def too_long() -> UpstreamError:
    return broken(f"one event exceeds {MAX_EVENT} bytes")


def whole(data: bytes) -> bool:
    """Whether data is a complete JSON value or `[DONE]`."""
    if data.strip() == b"[DONE]":
        return True
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return True
