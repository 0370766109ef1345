"""A vendor's refusal as the error a caller reads: whose fault, whether to try the next, how long to wait, and never the vendor's page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dialects.failures import (
    LONGEST_MESSAGE,
    LONGEST_WAIT,
    failure,
    header_seconds,
    json_list,
    json_object,
    passed_on,
    seconds,
    until,
)
from trunkline.errors import UpstreamError
from trunkline.target import Target
from trunkline.wire import HttpResponse

TARGET = Target(provider="acme", kind="openai_compatible", model="m", dialect="openai_chat", base_url="http://h")


def refused(status: int, message: str = "no luck", headers: dict[str, str] | None = None, **said: str | None) -> UpstreamError:
    return failure(TARGET, HttpResponse(status, headers or {}), message, **said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "status", "code", "type", "try_next"),
    [
        (301, 502, "upstream_redirect", "upstream_error", True),
        (400, 400, None, "invalid_request_error", False),
        (401, 502, "upstream_auth", "upstream_error", True),
        (402, 402, "insufficient_quota", "insufficient_quota", True),
        (403, 502, "upstream_auth", "upstream_error", True),
        (404, 404, "model_not_found", "invalid_request_error", True),
        (408, 504, "upstream_timeout", "timeout", True),
        (409, 400, None, "invalid_request_error", False),
        (413, 413, "request_too_large", "invalid_request_error", True),
        (418, 400, None, "invalid_request_error", False),
        (422, 400, None, "invalid_request_error", False),
        (429, 429, "rate_limit_exceeded", "rate_limit_error", True),
        (500, 502, "upstream_error", "upstream_error", True),
        (502, 502, "upstream_error", "upstream_error", True),
        (503, 503, "upstream_overloaded", "overloaded_error", True),
        (504, 504, "upstream_timeout", "timeout", True),
        (524, 504, "upstream_timeout", "timeout", True),
        (529, 503, "upstream_overloaded", "overloaded_error", True),
    ],
)
def test_each_status_means_what_the_caller_can_act_on(said: int, status: int, code: str | None, type: str, try_next: bool) -> None:
    error = refused(said)
    assert (error.status, error.code, error.type, error.try_next) == (status, code, type, try_next)
    assert "no luck" in (error.details or error.message)


def test_an_error_that_came_with_200_is_no_redirect() -> None:
    assert (refused(200).status, refused(200).message) == (502, "no luck")


@pytest.mark.parametrize("status", [400, 402, 429, 500, 503])
def test_the_vendors_own_words_win_over_the_tables(status: int) -> None:
    error = refused(status, code="their_code", type="their_type", param="n")
    assert (error.code, error.type, error.param) == ("their_code", "their_type", "n")


@pytest.mark.parametrize("status", [401, 403])
def test_our_key_refused_is_not_the_callers_key_refused(status: int) -> None:
    error = refused(status, "Incorrect API key provided", code="invalid_api_key")
    assert (error.status, error.code) == (502, "upstream_auth")
    assert error.message == f"acme refused this gateway's key ({status}): Incorrect API key provided"
    assert error.details == "Incorrect API key provided"


@pytest.mark.parametrize(
    "text",
    [
        "This model's maximum context length is 8192 tokens",
        "prompt is too long: 200001 tokens > 200000 maximum",
        "The input token count (1048577) exceeds the maximum number of tokens allowed",
        "Input is too long for requested model.",
        "Please reduce the length of the messages",
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",  # xAI
        "input length and `max_tokens` exceed context limit: 190000 + 21333 > 200000",  # Anthropic
        "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",  # llama.cpp
        "Invalid request: Your request exceeded model token limit: 262144",  # Moonshot
        "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens",  # text-generation-inference
        "Input validation error: `inputs` must have less than 4095 tokens. Given: 5000",
        "Prompt exceeds max length",  # z.ai
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 983616]",  # Alibaba
        "prompt token count of 135000 exceeds the limit of 128000",  # GitHub Copilot
    ],
)
@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_context_that_is_too_long_has_openais_code_whoever_says_it(text: str, status: int) -> None:
    error = refused(status, text)
    assert (error.status, error.code, error.try_next) == (400, "context_length_exceeded", True)


@pytest.mark.parametrize(
    "page", ["<html>busy</html>", "  <!DOCTYPE html><p>x", "Provider error: <html lang=en>x", "", " \n", "<h1>502</h1>"]
)
def test_a_page_or_nothing_is_never_the_message(page: str) -> None:
    error = refused(502, page)
    assert error.message == "acme answered 502 without a readable message"


@pytest.mark.parametrize(
    "text",
    [
        "content must not hold <b>",
        '<400> InternalError.Algo.InvalidParameter: The "function.arguments" must be in JSON format.',
        "< 5 expected",
    ],
)
def test_text_that_only_speaks_of_markup_is_a_message(text: str) -> None:
    assert refused(400, text).message == text


def test_a_message_is_bounded() -> None:
    assert len(refused(400, "x" * 1_000_000).message) == LONGEST_MESSAGE


# ── how long to wait ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("2", 2.0), ("1.5", 1.5), (" 7 ", 7.0), ("48s", 48.0), ("6ms", 0.006), ("1m12.5s", 72.5), ("2h3m4.5s", 7384.5), ("0", 0.0),
        ("", None), ("soon", None), ("-1", None), ("1d", None), ("Thu, 01 Jan 2026 00:00:30 GMT", None), ("9" * 400, LONGEST_WAIT),
        ("9" * 400 + "h", LONGEST_WAIT),
    ],
)  # fmt: skip
def test_a_delay_is_read_in_every_form_vendors_write(text: str, delay: float | None) -> None:
    assert seconds(text) == delay


@pytest.mark.parametrize(
    ("headers", "delay"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "0", "retry-after": "1"}, 1.0),
        ({"retry-after": "Thu, 01 Jan 2026 00:00:30 GMT", "date": "Thu, 01 Jan 2026 00:00:00 GMT"}, 30.0),
        ({"retry-after": "Thu, 01 Jan 2026 00:00:00 GMT", "date": "Thu, 01 Jan 2026 00:00:30 GMT"}, 0.0),
        ({"retry-after": "Thu, 01 Jan 2026 00:00:30 GMT"}, None),
        ({"retry-after": "whenever"}, None),
        ({}, None),
    ],
)
def test_the_header_is_read_in_seconds_milliseconds_or_as_a_date(headers: dict[str, str], delay: float | None) -> None:
    assert header_seconds(headers) == delay
    assert refused(429, headers=headers).retry_after == delay


def test_only_a_failure_that_passes_asks_to_wait() -> None:
    headers = {"retry-after": "3"}
    assert {status: refused(status, headers=headers).retry_after for status in (400, 401, 404, 408, 429, 500, 503, 529)} == {
        400: None, 401: None, 404: None, 408: 3.0, 429: 3.0, 500: 3.0, 503: 3.0, 529: 3.0,
    }  # fmt: skip


def test_a_delay_in_the_body_wins_over_the_header() -> None:
    assert failure(TARGET, HttpResponse(429, {"retry-after": "3"}), "m", retry_after=9.0).retry_after == 9.0


def test_a_time_far_away_is_bounded() -> None:
    assert until(1e12, {"date": "Thu, 01 Jan 2026 00:00:00 GMT"}) == LONGEST_WAIT
    assert until(1e12, {"date": "yesterday"}) is None


@given(st.text(max_size=20))
def test_any_text_is_a_delay_or_none(text: str) -> None:
    for found in (seconds(text), header_seconds({"retry-after": text, "date": text}), header_seconds({"retry-after-ms": text})):
        assert found is None or 0 <= found <= LONGEST_WAIT


# ── what is passed on ────────────────────────────────────────────────────────────────────────────────────


def test_the_vendors_request_id_and_rate_limits_come_under_our_names() -> None:
    headers = {
        "x-request-id": "r", "cf-ray": "c", "x-ratelimit-remaining-tokens": "9", "anthropic-ratelimit-requests-limit": "5",
        "ratelimit-reset": "1", "set-cookie": "secret", "content-type": "x",
    }  # fmt: skip
    shown = dict(passed_on(headers))
    assert shown == {
        "x-trunkline-upstream-request-id": "r",
        "x-trunkline-upstream-ratelimit-remaining-tokens": "9",
        "x-trunkline-upstream-ratelimit-requests-limit": "5",
        "x-trunkline-upstream-ratelimit-reset": "1",
    }
    assert dict(refused(429, headers=headers).headers) == shown


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 100_000, b"\xff", b"1e999", b"null"])
def test_what_is_no_json_is_an_empty_object_and_list(body: bytes) -> None:
    assert json_object(body) == {}
    assert json_list(body) == []


def test_a_message_that_is_no_utf_8_is_still_a_message() -> None:
    assert json_object(b'{"error":{"message":"caf\xe9 is closed"}}') == {"error": {"message": "caf\ufffd is closed"}}
