"""Bodies as callers write them, and what the door says of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trunkline.chat import ChatRequest
from trunkline.dialects.openai_chat import decode_request
from trunkline.errors import CallerError

HI = [{"role": "user", "content": "hi"}]


def decode(**members: Any) -> ChatRequest:
    return decode_request(json.dumps({"model": "m", "messages": HI, **members}).encode())


def raw(members: bytes) -> bytes:
    """A valid body with more members, as they are."""
    return b'{"model":"m","messages":[{"role":"user","content":"hi"}],' + members + b"}"


def refused(body: bytes) -> CallerError:
    with pytest.raises(CallerError) as caught:
        decode_request(body)
    assert caught.value.status == 400
    return caught.value


def survives(body: bytes) -> None:
    """Decoded, or refused as the caller's fault; nothing else may happen."""
    error: CallerError | None = None
    try:
        assert decode_request(body).wire
    except CallerError as caught:
        error = caught
    if error is not None:
        assert error.status == 400
        assert error.message
