"""What an error must look like at the path it was asked at."""

from __future__ import annotations

from typing import Any

import pytest

from .raw import Answer

OPENAI, OPIK = "/v1/chat/completions", "/v1/private/chat/completions"
both = pytest.mark.parametrize("path", [OPENAI, OPIK])


def refused(answer: Answer, path: str, status: int, code: str | None = None, said: str = "") -> dict[str, Any]:
    """The error, after a look at its shape."""
    assert answer.status == status, answer.body
    assert answer.headers["x-request-id"]
    assert answer.headers["content-type"] == "application/json"
    error = answer.error
    assert set(error) >= {"message", "type", "param", "code"}
    if "/private/" in path:
        assert answer.body.endswith(b"\n")
        assert (answer.json["code"], answer.json["message"]) == (status, error["message"])
    else:
        assert set(answer.json) == {"error"}
    if code is not None:
        assert error["code"] == code, error
    assert said in error["message"], error
    return error
