"""An error's two faces: OpenAI's, and Opik's with its own fields beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import CallerError, ConfigError, GatewayError, OperatorError, UpstreamError
from trunkline.server import refusals


def shown(error: GatewayError, *, opik: bool) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(refusals.to_bytes(error, opik))
    return body


def test_openais_face_is_one_error_object_with_all_four_members() -> None:
    error = CallerError("n is wrong", param="n", code="invalid_value")
    assert shown(error, opik=False) == {
        "error": {"message": "n is wrong", "type": "invalid_request_error", "param": "n", "code": "invalid_value"}
    }
    assert shown(CallerError("x"), opik=False)["error"]["code"] is None
    assert refusals.status_of(error, False) == 400


def test_opiks_face_has_status_and_message_beside_it_and_ends_with_a_newline() -> None:
    error = UpstreamError("no luck", status=429, code="rate_limit_exceeded", details="slow down", errors=["a", "b"])
    body = shown(error, opik=True)
    assert (body["code"], body["message"], body["details"], body["errors"]) == (429, "no luck", "slow down", ["a", "b"])
    assert body["error"] == {
        "message": "no luck",
        "type": "upstream_error",
        "param": None,
        "code": "rate_limit_exceeded",
        "details": "slow down",
    }
    assert refusals.to_bytes(error, True).endswith(b"}\n")
    assert refusals.to_bytes(error, False).endswith(b"}")


@pytest.mark.parametrize("code", sorted(refusals.OPIK_400))
@pytest.mark.parametrize("status", [401, 404])
def test_an_unknown_model_or_a_missing_key_is_400_on_opiks_paths_only(code: str, status: int) -> None:
    error = CallerError("model not supported x", status=status, code=code)
    assert (refusals.status_of(error, True), shown(error, opik=True)["code"]) == (400, 400)
    assert refusals.status_of(error, False) == status


def test_a_vendors_404_and_a_wrong_gateway_key_keep_their_status_everywhere() -> None:
    vendor = UpstreamError("no such model", status=404, code="model_not_found", type="invalid_request_error")
    key = CallerError("missing key", status=401, code="invalid_api_key", type="authentication_error")
    assert [refusals.status_of(error, opik) for error in (vendor, key) for opik in (True, False)] == [404, 404, 401, 401]


def test_opiks_own_words_are_used_where_an_error_has_them() -> None:
    error = CallerError("ours", code="model_not_found")
    error.opik = "model not supported x"  # type: ignore[attr-defined]
    assert shown(error, opik=True)["message"] == "model not supported x"
    assert shown(error, opik=True)["error"]["message"] == "ours"
    assert "model not supported" not in str(shown(error, opik=False))


def test_an_error_event_has_a_code_that_is_a_string_on_opiks_paths() -> None:
    for error, code in ((UpstreamError("m", status=503, code="upstream_overloaded"), "upstream_overloaded"), (CallerError("m"), "400")):
        event = json.loads(refusals.event(error, True))
        assert event["error"]["code"] == code
        assert (event["code"], event["message"]) == (error.status, "m")
        assert json.loads(refusals.event(error, False)) == shown(error, opik=False)
        assert b"\n" not in refusals.event(error, True)


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "0"), (0.2, "1"), (3.0, "3"), (3.01, "4"), (-5.0, "0")])
def test_a_wait_is_told_in_whole_seconds_never_too_few(seconds: float, header: str) -> None:
    assert refusals.headers_of(UpstreamError("m", retry_after=seconds, headers=(("x-a", "b"),))) == [("x-a", "b"), ("retry-after", header)]
    assert refusals.headers_of(UpstreamError("m")) == []


def test_every_problem_of_a_config_is_listed() -> None:
    assert shown(ConfigError(["a: x", "b: y"]), opik=True)["errors"] == ["a: x", "b: y"]
    assert shown(OperatorError("m"), opik=False)["error"]["type"] == "server_error"


@given(st.text(), st.text(), st.booleans())
def test_any_text_is_a_readable_body(message: str, param: str, opik: bool) -> None:
    assert shown(CallerError(message, param=param), opik=opik)["error"]["message"] == message
