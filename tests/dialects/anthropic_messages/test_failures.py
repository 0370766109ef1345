"""Refusals: the vendor's message, the status of who can act, and never its HTML."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.anthropic_messages.asking import target
from trunkline.dialects import anthropic_messages as dialect
from trunkline.errors import UpstreamError
from trunkline.wire import HttpResponse


def refusal(status: int, body: Any, **headers: str) -> UpstreamError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return dialect.decode_error(HttpResponse(status, {k.replace("_", "-"): v for k, v in headers.items()}, raw), target())


def error(message: str, type: str = "invalid_request_error") -> dict[str, Any]:
    return {"type": "error", "error": {"type": type, "message": message}, "request_id": "req_1"}


@pytest.mark.parametrize(
    ("status", "type", "ours", "code", "try_next"),
    [
        (400, "invalid_request_error", 400, None, False),
        (401, "authentication_error", 502, "upstream_auth", True),
        (403, "permission_error", 502, "upstream_auth", True),
        (404, "not_found_error", 404, "model_not_found", True),
        (413, "request_too_large", 413, "request_too_large", True),
        (429, "rate_limit_error", 429, "rate_limit_exceeded", True),
        (500, "api_error", 502, "upstream_error", True),
        (529, "overloaded_error", 503, "upstream_overloaded", True),
    ],
)
def test_each_status_reaches_the_caller_as_what_it_can_act_on(status: int, type: str, ours: int, code: str | None, try_next: bool) -> None:
    refused = refusal(status, error("Because.", type))
    assert (refused.status, refused.code, refused.try_next) == (ours, code, try_next)
    assert "Because." in refused.message


def test_a_rate_limit_keeps_its_wait_its_limits_and_its_request_id() -> None:
    refused = refusal(
        429, error("Slow down", "rate_limit_error"), retry_after="12", anthropic_ratelimit_requests_remaining="0", request_id="req_1"
    )
    assert refused.retry_after == 12
    assert dict(refused.headers) == {"x-trunkline-upstream-request-id": "req_1", "x-trunkline-upstream-ratelimit-requests-remaining": "0"}


def test_the_member_at_fault_is_named_where_the_caller_wrote_it() -> None:
    assert refusal(400, error("max_tokens: 100000 > 64000, which is the maximum")).param == "max_tokens"
    assert refusal(400, error("messages.0.content: Input does not match")).param == "messages"
    assert refusal(400, error("output_config.format.schema: no")).param is None


def test_an_empty_account_is_ours_to_mend_and_another_target_may_do() -> None:
    refused = refusal(400, error("Your credit balance is too low to access the Anthropic API."))
    assert (refused.status, refused.code, refused.try_next) == (402, "insufficient_quota", True)


def test_a_prompt_that_is_too_long_is_said_in_openais_word() -> None:
    assert refusal(400, error("prompt is too long: 3333404 tokens > 200000 maximum")).code == "context_length_exceeded"


@pytest.mark.parametrize(
    "body", [{"error": {"code": 404, "message": "No such model", "status": "NOT_FOUND"}}, [{"error": {"message": "No such model"}}]]
)
def test_vertex_may_refuse_in_googles_form(body: Any) -> None:
    assert "No such model" in refusal(404, body).message


@pytest.mark.parametrize("body", [b"<html><h1>502</h1></html>", b"", b"{", b"[", b'{"error": 5}', b"\xff"])
def test_a_body_of_no_known_shape_never_becomes_the_message(body: bytes) -> None:
    refused = refusal(502, body)
    assert refused.status == 502
    assert refused.message == "anthropic answered 502 without a readable message"
