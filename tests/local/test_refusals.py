"""llama.cpp's own error bodies, and what the caller reads instead."""

from __future__ import annotations

import json

import pytest

from trunkline.local.refusals import refusal

OVERLONG = {"code": 400, "message": "request (9031 tokens) exceeds the available context size (8192 tokens), try increasing it"}
OVERLONG |= {"type": "exceed_context_size_error", "n_prompt_tokens": 9031, "n_ctx": 8192}


def test_an_overlong_prompt_has_openais_code_and_both_numbers() -> None:
    status, body = refusal(400, json.dumps({"error": OVERLONG}).encode())
    error = json.loads(body)["error"]
    assert (status, error["code"], error["param"]) == (400, "context_length_exceeded", "messages")
    assert "8192" in error["message"]
    assert "9031" in error["message"]


@pytest.mark.parametrize(
    ("status", "message", "seen", "param"),
    [
        (500, "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj", 400, "messages"),
        (400, "Field 'n': Value must be between 1 <= value <= 4, but got 5", 400, "n"),
        (503, "Loading model", 503, None),
    ],
)
def test_a_refusal_keeps_its_text_and_gets_its_field(status: int, message: str, seen: int, param: str | None) -> None:
    told, body = refusal(status, json.dumps({"error": {"code": status, "message": message, "type": "x"}}).encode())
    error = json.loads(body)["error"]
    assert (told, error["param"], error["code"]) == (seen, param, None)
    assert "hint" not in error["message"]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error":"text"}'])
def test_an_unreadable_refusal_is_a_server_error(body: bytes) -> None:
    assert refusal(400, body)[0] == 500
