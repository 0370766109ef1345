"""JSON of a vendor, decoded so that it can be put right and written again without a digit lost.

Odd here: two readers. msgspec reads what is JSON; what is nearly JSON (half a surrogate pair at the end of a chunk, a logprob of
-Infinity, a bare line end in a string, bytes that are no UTF-8) is read again by the standard library, which is lenient about all of
them. Numbers with a point stay as they were written.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_VALUES = msgspec.json.Decoder(float_hook=float)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPES = re.compile(rf"(\\\\|{_HIGH}{_LOW})|{_HIGH}|{_LOW}")
"""What is to be kept (the group), or half of a surrogate pair."""


def decode(data: bytes) -> Any:
    """The value in `data`, its non-integers as `Decimal`. ValueError where it is no JSON, or nested too deeply."""
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = data.decode("utf-8-sig", "replace")
    except RecursionError:
        raise ValueError("nested too deeply") from None
    whole = _ESCAPES.sub(lambda found: found[1] or "\ufffd", text)  # half a pair is nothing in UTF-8, so it can reach nobody
    try:
        return json.loads(whole, parse_float=Decimal, parse_constant=lambda _: None, strict=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None


encode = _ENCODER.encode
"""A value of `decode` as JSON."""


def values(data: bytes | Raw) -> Any:
    """The value in bytes that are known to be JSON, for events: floats are floats, and one too large is infinite."""
    try:
        return _VALUES.decode(data)
    except UnicodeDecodeError:  # in a member that the types skipped
        return _VALUES.decode(bytes(data).decode("utf-8", "replace"))
