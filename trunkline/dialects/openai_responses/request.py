"""Our request as a Responses request: the members beside input and tools.

Odd here: the API stores answers unless told not to, where chat completions does not; `text` holds both the format and the
verbosity; and what to send along (encrypted reasoning, log probabilities) is a list, `include`.

Sources: https://platform.openai.com/docs/api-reference/responses/create, https://platform.openai.com/docs/guides/reasoning
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw

from ...chat import ChatRequest
from ...errors import CallerError
from ...providers import responses_url
from ...target import Encoded, Notes, Target
from ...wire import HttpRequest
from ..beside import fan_out, limit_param, name_unsent, own_members
from ..efforts import fitted
from ..flat import flat
from ..refused import refused
from .items import encode_items
from .tooling import encode_choice, encode_tools

OWN = frozenset({
    "instructions", "previous_response_id", "conversation", "truncation", "max_tool_calls", "include", "reasoning", "text", "prompt",
    "context_management", "moderation", "max_output_tokens",
})  # fmt: skip
"""The API's own members: a caller may set them beside OpenAI chat's, and where both say the same thing they win."""
MERGED = frozenset({"include", "reasoning", "text"})
AS_IS = (
    "temperature", "top_p", "parallel_tool_calls", "user", "safety_identifier", "metadata", "service_tier", "prompt_cache_key",
    "prompt_cache_retention", "prompt_cache_options",
)  # fmt: skip
READ = frozenset({
    *AS_IS, "n", "max_tokens", "max_completion_tokens", "response_format", "verbosity", "reasoning_effort", "store", "logprobs",
    "top_logprobs", "web_search_options",
})  # fmt: skip
SAMPLED = frozenset({"temperature", "top_p", "logprobs", "top_logprobs", "reasoning_effort"})
"""What some models refuse, of the members that this API has."""
LEAST_OUTPUT = 16
"""The smallest `max_output_tokens` that the API takes."""
REASONS = re.compile(r"(?:.*/)?(?:openai\.)?(?:o\d|gpt-[5-9](?!-chat|\.?\d*-chat)|codex|grok-[4-9])")
"""Models that reason, so that there is encrypted reasoning to ask for: others refuse the question."""

_JSON = (("content-type", "application/json"),)


def encode_request(request: ChatRequest, target: Target) -> Encoded:
    """The body for `POST /responses`. CallerError for video and for files and audio of a kind that OpenAI does not take."""
    notes = Notes()
    own = own_members(request, OWN)
    body: dict[str, Any] = {"model": target.model, "input": encode_items(flat(request, notes), notes), "stream": bool(request.stream)}
    effort = None if request.reasoning_effort is None else fitted(request.reasoning_effort, target, notes)
    lost = refused(request, target, notes, effort=_effort(own) or effort, among=SAMPLED)
    body |= {name: value for name in AS_IS if name not in lost and (value := _given(request, name)) is not None}
    body["store"] = bool(request.store)
    if tools := encode_tools(request, notes):
        body["tools"] = tools
    else:
        body.pop("parallel_tool_calls", None)
    body |= encode_choice(request, bool(tools))
    body |= _limit(request, notes)
    body |= _text(request, own)
    body |= _reasoning(effort, own, lost)
    body |= _include(request, target, own, lost)
    if request.top_logprobs and not request.logprobs and "top_logprobs" not in lost:
        notes.dropped("top_logprobs", "there is nothing to rank without logprobs true")
    options = request.stream_options
    if request.stream and options is not None and options.include_obfuscation is not None:
        body["stream_options"] = {"include_obfuscation": options.include_obfuscation}
    body |= {name: raw for name, raw in own.items() if name not in MERGED}
    name_unsent(request, notes, read=READ, own=OWN, vendor="OpenAI's Responses API", why={})
    return Encoded(
        http=HttpRequest("POST", responses_url(target), _JSON, msgspec.json.encode(body)),
        fan_out=fan_out(request, notes),
        notes=notes.done(),
    )


def _given(request: ChatRequest, name: str) -> Any:
    """The caller's own bytes where they are there, so that nothing is re-spelled."""
    value = getattr(request, name)
    return None if value is None else request.wire.get(name, value)


def _limit(request: ChatRequest, notes: Notes) -> dict[str, Any]:
    asked = request.token_limit
    if asked is None:
        return {}
    if asked < LEAST_OUTPUT:
        notes.clamped(limit_param(request), f"the least the API takes is {LEAST_OUTPUT}; sent as that")
    return {"max_output_tokens": max(asked, LEAST_OUTPUT)}


def _text(request: ChatRequest, own: dict[str, Raw]) -> dict[str, Any]:
    text: dict[str, Any] = {}
    asked = request.response_format
    if asked is not None and asked.type == "json_schema":
        schema = asked.json_schema
        if schema is None or not bytes(schema.schema):
            raise CallerError("response_format.json_schema.schema is required", param="response_format.json_schema.schema")
        text["format"] = {"type": "json_schema", "name": schema.name, "schema": schema.schema}
        if schema.strict is not None:
            text["format"]["strict"] = schema.strict
        if schema.description is not None:
            text["format"]["description"] = schema.description
    elif asked is not None and asked.type != "text":
        text["format"] = {"type": asked.type}
    if request.verbosity is not None:
        text["verbosity"] = request.verbosity
    text |= _object(own, "text")
    return {"text": text} if text else {}


def _effort(own: dict[str, Raw]) -> str | None:
    """The effort in the API's own `reasoning`, None where it says nothing of it."""
    raw = bytes(_object(own, "reasoning").get("effort", b""))
    return msgspec.json.decode(raw, type=str) if raw[:1] == b'"' else None


def _reasoning(asked: str | None, own: dict[str, Raw], lost: frozenset[str]) -> dict[str, Any]:
    """A summary is asked for only by callers who ask for it: OpenAI refuses it to organizations that are not verified."""
    effort = None if "reasoning_effort" in lost else asked
    reasoning: dict[str, Any] = {} if effort is None else {"effort": effort}
    reasoning |= _object(own, "reasoning")
    return {"reasoning": reasoning} if reasoning else {}


def _include(request: ChatRequest, target: Target, own: dict[str, Raw], lost: frozenset[str]) -> dict[str, Any]:
    include: list[str] = _listed(own)
    effort = None if "reasoning_effort" in lost else request.reasoning_effort
    if not request.store and (REASONS.match(target.model) or effort not in (None, "none")):
        include.append("reasoning.encrypted_content")
    out: dict[str, Any] = {}
    if request.logprobs and "logprobs" not in lost:
        include.append("message.output_text.logprobs")
        if request.top_logprobs is not None:
            out["top_logprobs"] = request.top_logprobs
    return out | ({"include": list(dict.fromkeys(include))} if include else {})


def _listed(own: dict[str, Raw]) -> list[str]:
    try:
        return msgspec.json.decode(own.get("include", Raw(b"[]")), type=list[str])
    except msgspec.DecodeError:
        raise CallerError("include must be a list of texts", param="include") from None


def _object(own: dict[str, Raw], name: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(own.get(name, Raw(b"{}")), type=dict[str, Raw])
    except msgspec.DecodeError:
        raise CallerError(f"{name} must be an object", param=name) from None
