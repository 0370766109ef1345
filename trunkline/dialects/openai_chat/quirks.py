"""What a host that calls itself OpenAI-compatible needs changed in a request: one small function a quirk.

Odd here: hosts disagree about refusing. Some answer 422 to a field they do not know, some ignore it in silence; a field goes away here
only where the host's row in `providers.KINDS` says so, and then it is named.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from ...chat import KNOWN_FIELDS, ChatRequest
from ...target import Notes, Target
from ..tools import choice

_encode = msgspec.json.encode
_decode = msgspec.json.decode
Fields = dict[str, Raw]
Undo = dict[str, Any]
"""Keyword arguments of `Encoded` that the answer will need."""

GATEWAY_FIELDS = frozenset({"custom_parameters", "extra_body"})
OPENAI_ONLY = frozenset({
    "store", "metadata", "service_tier", "verbosity", "prediction", "web_search_options", "safety_identifier", "prompt_cache_key",
    "prompt_cache_retention", "prompt_cache_options", "modalities", "audio",
})  # fmt: skip
CORE = frozenset({
    "model", "messages", "stream", "stream_options", "temperature", "top_p", "stop", "max_tokens", "max_completion_tokens", "n", "seed",
    "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "response_format", "tools", "tool_choice",
    "parallel_tool_calls", "user", "reasoning_effort",
})  # fmt: skip


def drop(fields: Fields, name: str, notes: Notes, why: str) -> bool:
    """Remove a member and name it, if the caller had set it."""
    raw = fields.pop(name, None)
    if raw is None or bytes(raw) == b"null":
        return False
    notes.dropped(name, why)
    return True


def _dropper(*names: str, why: str) -> Callable[[ChatRequest, Target, Fields, Notes], Undo | None]:
    def apply(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> None:
        for name in names:
            drop(fields, name, notes, why)

    return apply


def _no_n(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> Undo | None:
    if "n" in fields:
        del fields["n"]
    if request.n is None or request.n == 1:
        return None
    notes.emulated("n", "this host answers once a call, so it is called that many times at once")
    return {"fan_out": request.n}


def _openai_only(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> None:
    for name in sorted(OPENAI_ONLY & fields.keys()):
        drop(fields, name, notes, "only OpenAI knows it")


def _strict_fields(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> None:
    """A host that refuses unknown fields still knows its own; of those nobody lists, the caller's stay: the refusal would name them."""
    for name in sorted((KNOWN_FIELDS - CORE - {"functions", "function_call", "top_k"}) & fields.keys()):
        drop(fields, name, notes, "this host refuses fields it does not know")
    for name in [name for name, raw in fields.items() if bytes(raw) == b"null"]:
        del fields[name]


def _tool_choice_any(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> None:
    if request.tool_choice == "required":
        fields["tool_choice"] = Raw(b'"any"')


def _random_seed(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> None:
    if "seed" in fields:
        fields["random_seed"] = fields.pop("seed")


def _stop_list(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> None:
    if isinstance(request.stop, str):
        fields["stop"] = Raw(_encode([request.stop]))


def _plain_tool_choice(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> None:
    """`{"type": "auto"}` (Opik's clients) is `"auto"`, and `allowed_tools` a shorter list, where a host knows only words and names."""
    if request.tool_choice is None or isinstance(request.tool_choice, str):
        return
    picked = choice(request)
    if picked.allowed and request.tools:
        kept = [t for t in request.tools if t.function is not None and t.function.name in picked.allowed]
        fields["tools"] = Raw(_encode(kept))
        fields["tool_choice"] = Raw(_encode(picked.mode))
        notes.emulated("tool_choice", "only the allowed tools are offered")
    elif picked.mode != "named":
        fields["tool_choice"] = Raw(_encode(picked.mode))


def _no_functions(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> None:
    """The legacy pair becomes tools; the answer is turned back by the pipeline, which knows that `functions` was asked."""
    if request.functions is not None:
        del fields["functions"]
        raw = _decode(request.wire["functions"], type=list[Raw])
        fields["tools"] = Raw(_encode([{"type": "function", "function": f} for f in raw]))
        notes.emulated("functions", "sent as tools, which took their place")
    if request.function_call is not None:
        del fields["function_call"]
        picked = choice(request)
        named = {"type": "function", "function": {"name": picked.name}}
        fields["tool_choice"] = Raw(_encode(named if picked.mode == "named" else picked.mode))


def _no_json_schema(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> Undo | None:
    asked = request.response_format
    if asked is None or asked.type != "json_schema" or asked.json_schema is None:
        return None
    notes.emulated("response_format", "this host has no JSON schema: asked in words, and the answer is checked")
    if "no_response_format" in target.quirks:
        del fields["response_format"]
    else:
        fields["response_format"] = Raw(b'{"type":"json_object"}')
    _instruct(fields, f"Answer with one JSON object that is valid against this JSON schema:\n{bytes(asked.json_schema.schema).decode()}")
    return {"check": "schema", "schema": asked.json_schema.schema}


def _no_response_format(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> Undo | None:
    asked = request.response_format
    if asked is None:
        return None
    fields.pop("response_format", None)
    if asked.type != "json_object":
        return None
    notes.emulated("response_format", "this host has no JSON mode: asked in words, and the answer is checked")
    _instruct(fields, "Answer with one JSON object and nothing else.")
    return {"check": "json"}


def _instruct(fields: Fields, text: str) -> None:
    messages = _decode(fields["messages"], type=list[Raw])
    fields["messages"] = Raw(_encode([{"role": "system", "content": text}, *messages]))


TABLE: dict[str, Callable[[ChatRequest, Target, Fields, Notes], Undo | None]] = {
    "no_functions": _no_functions,
    "no_n": _no_n,
    "no_json_schema": _no_json_schema,
    "no_response_format": _no_response_format,
    "plain_tool_choice": _plain_tool_choice,
    "tool_choice_any": _tool_choice_any,
    "no_parallel_tool_calls": _dropper("parallel_tool_calls", why="this host has no such switch"),
    "no_user": _dropper("user", "safety_identifier", why="this host takes no user"),
    "no_store_metadata": _dropper("store", "metadata", why="only OpenAI stores completions"),
    "no_logprobs": _dropper("logprobs", "top_logprobs", why="this host gives no logprobs"),
    "no_logit_bias": _dropper("logit_bias", why="this host has no logit_bias"),
    "no_penalties": _dropper("presence_penalty", "frequency_penalty", why="this host has no penalties"),
    "no_seed": _dropper("seed", why="this host has no seed"),
    "no_reasoning_effort": _dropper("reasoning_effort", why="this host has no reasoning_effort"),
    "openai_only_fields_removed": _openai_only,
    "strict_fields": _strict_fields,
    "seed_random_seed": _random_seed,
    "stop_list_only": _stop_list,
}
"""In the order in which they are applied."""

ORDER = tuple(TABLE)


def apply_quirks(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> Undo:
    """Apply the target's quirks to `fields`; what the answer needs undone is returned."""
    undo: Undo = {}
    for name in ORDER:
        if name in target.quirks:
            undo.update(TABLE[name](request, target, fields, notes) or {})
    return undo
