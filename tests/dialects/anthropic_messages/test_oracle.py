"""Whatever a caller may ask, the body is one that the vendor's own types know, and what is missing from it has been named."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dialects.anthropic_messages.oracle import judge
from tests.strategies import chat_requests, decoded
from trunkline.chat import ChatRequest
from trunkline.dialects import anthropic_messages as dialect
from trunkline.dialects.anthropic_messages.models import facts
from trunkline.target import Target

MODELS = [
    "claude-3-opus-20240229", "claude-3-5-haiku-20241022", "claude-3-7-sonnet-20250219", "claude-sonnet-4-20250514", "claude-opus-4-1",
    "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-8", "claude-sonnet-5", "claude-opus-5", "claude-opus-5-5", "claude-sonnet-5-5",
    "claude-haiku-5-5", "claude-fable-5-2", "kimi-k2",
]  # fmt: skip


def target(model: str) -> Target:
    return Target(provider="anthropic", kind="anthropic", model=model, dialect="anthropic_messages", base_url="https://api.anthropic.com")


def body_of(request: ChatRequest, model: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(dialect.encode_request(request, target(model)).http.body)
    return body


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(request=chat_requests(media=frozenset({"image", "file"}), unanswered=True), model=st.sampled_from(MODELS))
def test_every_body_is_one_the_vendor_knows(request: ChatRequest, model: str) -> None:
    encoded = dialect.encode_request(request, target(model))
    body = json.loads(encoded.http.body)
    judge(body)
    row = facts(model)
    assert body["messages"][0]["role"] == "user"
    roles = [message["role"] for message in body["messages"]]
    assert all(a != b for a, b in pairwise(roles))
    assert row.prefill or roles[-1] == "user"
    assert body["max_tokens"] <= (row.max_output or body["max_tokens"])
    thinking = body.get("thinking", {})
    if thinking.get("type") == "enabled":
        assert 1024 <= thinking["budget_tokens"] < body["max_tokens"]
        assert "temperature" not in body
        assert "top_k" not in body
        assert body.get("tool_choice", {}).get("type") in (None, "auto", "none")
    if row.sampling != "both":
        assert not {"temperature", "top_p"} <= body.keys()
    if row.sampling == "none":
        assert not {"temperature", "top_p", "top_k"} & body.keys()
    if not row.forced_tools:
        assert body.get("tool_choice", {}).get("type") not in ("any", "tool")
    names = [tool["name"] for tool in body.get("tools", [])]
    assert len(names) == len(set(names))
    assert "tool_choice" not in body or names


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(request=chat_requests(media=frozenset({"image", "file"})), model=st.sampled_from(MODELS))
def test_calls_and_results_meet_under_one_id_in_call_order(request: ChatRequest, model: str) -> None:
    body = body_of(request, model)
    for asked, answered in pairwise(body["messages"]):
        calls = [block["id"] for block in asked["content"] if block["type"] == "tool_use"]
        head = [block.get("tool_use_id") for block in answered["content"][: len(calls)]]
        assert head == calls
    texts = json.dumps(body, ensure_ascii=False)
    for message in request.messages:
        if isinstance(message.content, str) and message.content.strip():
            assert json.dumps(message.content, ensure_ascii=False)[1:-1] in texts


MEANT = {
    "seed": 7, "logprobs": True, "logit_bias": {"5": 1}, "presence_penalty": 1, "frequency_penalty": 1, "verbosity": "low", "store": True,
    "prediction": {"type": "content", "content": "x"}, "prompt_cache_key": "k", "metadata": {"a": "b"}, "service_tier": "flex",
    "modalities": ["text", "audio"], "made_up": {"x": 1},
}  # fmt: skip


@pytest.mark.parametrize(("member", "value"), MEANT.items())
def test_a_member_the_vendor_has_no_like_for_is_named_and_not_sent(member: str, value: Any) -> None:
    request = decoded({"model": "m", "messages": [{"role": "user", "content": "hi"}], member: value})
    encoded = dialect.encode_request(request, target("claude-sonnet-4-5"))
    assert [(note.kind, note.param) for note in encoded.notes] == [("dropped", member)]
    assert member not in json.loads(encoded.http.body)


NEUTRAL = {
    "n": 1, "logprobs": False, "presence_penalty": 0, "frequency_penalty": 0.0, "store": False, "logit_bias": {}, "modalities": ["text"],
    "metadata": {}, "top_logprobs": 0, "response_format": {"type": "text"}, "tools": [],
}  # fmt: skip


@pytest.mark.parametrize(("member", "value"), NEUTRAL.items())
def test_a_value_that_means_nothing_is_no_loss(member: str, value: Any) -> None:
    request = decoded({"model": "m", "messages": [{"role": "user", "content": "hi"}], member: value})
    encoded = dialect.encode_request(request, target("claude-sonnet-4-5"))
    assert encoded.notes == ()
    assert json.loads(encoded.http.body).keys() == {"model", "max_tokens", "messages"}


def test_the_judge_refuses_what_the_vendor_would_refuse() -> None:
    good = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}
    judge(good)
    for bad in (
        {**good, "seed": 1},
        {**good, "temperature": 1.5},
        {**good, "messages": [{"role": "user", "content": [{"type": "text", "text": "hi", "colour": "red"}]}]},
        {**good, "tools": [{"name": "f", "input_schema": {"type": "object"}, "parameters": {}}]},
    ):
        with pytest.raises((AssertionError, pydantic.ValidationError)):
            judge(bad)
