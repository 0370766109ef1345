"""Our request as Cohere's: the members beside the messages, and the tools.

Odd here: `strict` is one switch for all tools, a tool cannot be named in `tool_choice` (so only that one is offered), and several
ranges are narrower than OpenAI's.

Source: https://docs.cohere.com/reference/chat
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ...chat import ChatRequest
from ...errors import CallerError
from ...target import Encoded, Notes, Target
from ...wire import HttpRequest
from ..beside import clamped, fan_out, name_unsent, own_members, stop_list
from ..flat import Answered, flat
from ..tools import Choice, Offer, choice, customs, offered, renamed, wire_names
from .messages import encode_messages

OWN = frozenset({"documents", "citation_options", "safety_mode", "priority", "strict_tools", "thinking", "k", "p", "stop_sequences"})
"""Cohere's own members: a caller may set them beside OpenAI's, and where both say the same thing Cohere's name wins."""
READ = frozenset({
    "temperature", "top_p", "top_k", "max_tokens", "max_completion_tokens", "stop", "seed", "presence_penalty", "frequency_penalty",
    "logprobs", "response_format", "reasoning_effort", "n",
})  # fmt: skip
WHY = {
    "top_logprobs": "Cohere gives the log probability of the chosen tokens only",
    "parallel_tool_calls": "Cohere decides itself whether to call several tools",
    "user": "Cohere takes no user",
    "safety_identifier": "Cohere takes no user",
    "store": "Cohere stores no completions",
    "metadata": "Cohere stores no completions",
    "prompt_cache_key": "Cohere caches by itself",
    "prompt_cache_retention": "Cohere caches by itself",
    "prompt_cache_options": "Cohere caches by itself",
    "web_search_options": "Cohere has no web search in chat; give it `documents`",
    "service_tier": "Cohere has no tiers; its own `priority` is passed on",
}
BUDGETS = {"minimal": 512, "low": 2_048, "medium": 8_192, "high": None, "xhigh": None, "max": None}
"""`thinking.token_budget`; None leaves it to the model, which then thinks as long as it needs."""
NEVER_THINKS = re.compile(r"c4ai-|aya|command$|command-(r|light|nightly|a-03-2025|a-vision|a-translate)")
"""The models from before thinking, which refuse `thinking`."""
NAME_ALPHABET, NAME_LENGTH = "a-zA-Z0-9_", 64
MOST_STOPS = 5

_JSON = (("content-type", "application/json"),)


def encode_request(request: ChatRequest, target: Target) -> Encoded:
    """The body for `POST /v2/chat`. CallerError for audio, video and files, for JSON mode with tools, and for a sixth stop sequence."""
    notes = Notes()
    steps = flat(request, notes)
    picked = choice(request)
    offers = _offers(request, picked, notes)
    called = [call.name for step in steps if isinstance(step, Answered) for call in step.calls]
    names = wire_names(dict.fromkeys([*(offer.function.name for offer in offers), *called]), NAME_ALPHABET, NAME_LENGTH)
    body: dict[str, Any] = {"model": target.model, "messages": encode_messages(steps, names, notes), "stream": bool(request.stream)}
    body |= _response_format(request, picked, offers, notes)
    if offers and "response_format" not in body:
        body |= _tools(offers, picked, names, notes)
    body |= _sampling(request, notes)
    body |= _thinking(request, target, notes)
    body |= own_members(request, OWN)
    name_unsent(request, notes, read=READ, own=OWN, vendor="Cohere", why=WHY)
    return Encoded(
        http=HttpRequest("POST", f"{target.base_url}/v2/chat", _JSON, msgspec.json.encode(body)),
        names=renamed(names),
        customs=customs(request),
        fan_out=fan_out(request, notes),
        notes=notes.done(),
    )


# ── tools ────────────────────────────────────────────────────────────────────────────────────────────────


def _offers(request: ChatRequest, picked: Choice, notes: Notes) -> list[Offer]:
    """The tools that may be called: all, or those that the caller's choice leaves."""
    offers = offered(request, notes)
    param = "function_call" if request.tool_choice is None else "tool_choice"
    allowed = (picked.name,) if picked.mode == "named" else picked.allowed
    if allowed and offers:
        kept = [offer for offer in offers if offer.function.name in allowed]
        if len(kept) < len(offers):
            notes.emulated(param, "Cohere cannot be told which tools are allowed, so only those are offered")
        offers = kept
    if picked.mode in ("required", "named") and not offers:
        raise CallerError(f"{param} demands a tool call, but no such tool is offered; add it to tools", param=param)
    return offers


def _tools(offers: list[Offer], picked: Choice, names: dict[str, str], notes: Notes) -> dict[str, Any]:
    tools = []
    for offer in offers:
        function: dict[str, Any] = {"name": names[offer.function.name], "parameters": offer.schema}
        if offer.function.description:
            function["description"] = offer.function.description
        if offer.cache_control is not None:
            notes.dropped(f"{offer.param}.cache_control", "Cohere caches by itself")
        tools.append({"type": "function", "function": function})
    out: dict[str, Any] = {"tools": tools}
    strict = [offer for offer in offers if offer.function.strict]
    if strict:
        out["strict_tools"] = True
        if len(strict) < len(offers):
            notes.approximated(f"{strict[0].param}.function.strict", "Cohere has one switch for all tools: all of them are strict now")
    if picked.mode == "none":
        out["tool_choice"] = "NONE"
    elif picked.mode != "auto":
        out["tool_choice"] = "REQUIRED"
    return out


def _response_format(request: ChatRequest, picked: Choice, offers: list[Offer], notes: Notes) -> dict[str, Any]:
    """JSON mode. "This parameter is not supported when used in combination with the documents or tools parameters." """
    asked = request.response_format
    if asked is None or asked.type == "text":
        return {}
    if asked.type not in ("json_object", "json_schema"):
        raise CallerError(
            f"response_format.type is {asked.type!r}; Cohere knows text, json_object and json_schema", param="response_format.type"
        )
    if offers and picked.mode != "none":
        raise CallerError(
            f"response_format {asked.type} cannot be used together with tools on Cohere; leave out one of them", param="response_format"
        )
    if offers:
        notes.emulated("tool_choice", "the tools are left out: Cohere takes no tools beside response_format")
    schema = asked.json_schema
    if schema is None or not bytes(schema.schema):
        return {"response_format": {"type": "json_object"}}
    if schema.description:
        notes.dropped("response_format.json_schema.description", "Cohere takes a schema without a description beside it")
    return {"response_format": {"type": "json_object", "json_schema": schema.schema}}


# ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────


def _sampling(request: ChatRequest, notes: Notes) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if request.temperature is not None:
        out["temperature"] = clamped(request.temperature, 0, 1, "temperature", notes)
    if request.top_p is not None:
        out["p"] = clamped(request.top_p, 0.01, 0.99, "top_p", notes)
    if request.top_k is not None:
        out["k"] = int(clamped(request.top_k, 0, 500, "top_k", notes))
    if request.frequency_penalty is not None:
        out["frequency_penalty"] = clamped(request.frequency_penalty, 0, 1, "frequency_penalty", notes)
    if request.presence_penalty is not None:
        out["presence_penalty"] = clamped(request.presence_penalty, 0, 1, "presence_penalty", notes)
    if request.token_limit is not None:
        out["max_tokens"] = request.token_limit
    if stops := stop_list(request, MOST_STOPS, notes):
        out["stop_sequences"] = stops
    if request.seed is not None and request.seed < 0:
        notes.dropped("seed", "Cohere takes no seed below 0")
    elif request.seed is not None:
        out["seed"] = request.seed
    if request.logprobs:
        out["logprobs"] = True
    return out


def _thinking(request: ChatRequest, target: Target, notes: Notes) -> dict[str, Any]:
    effort = request.reasoning_effort
    if effort is None or "thinking" in own_members(request, OWN):
        return {}
    if effort != "none" and effort not in BUDGETS:
        raise CallerError(f"reasoning_effort is {effort!r}; it may be none, {', '.join(BUDGETS)}", param="reasoning_effort")
    if NEVER_THINKS.match(target.model):
        if effort != "none":
            notes.dropped("reasoning_effort", "this model does not think")
        return {}
    if effort == "none":
        return {"thinking": {"type": "disabled"}}
    budget = BUDGETS[effort]
    return {"thinking": {"type": "enabled"} if budget is None else {"type": "enabled", "token_budget": budget}}
