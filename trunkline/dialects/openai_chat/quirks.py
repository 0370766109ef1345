"""What a host that calls itself OpenAI-compatible needs changed in a request: one small function a quirk.

Odd here: hosts disagree about refusing. Some answer 422 to a field they do not know, some ignore it in silence; a field goes away here
only where the host's row in `providers.KINDS` says so, and then it is named.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw, Struct

from ...chat import KNOWN_FIELDS, Assistant, ChatRequest, CustomCall, Message, ToolChoice
from ...target import Notes, Target
from ..beside import NEUTRAL
from ..tools import CUSTOM, INPUT, choice, custom_spec, customs, stand_in

_encode = msgspec.json.encode
_decode = msgspec.json.decode
Fields = dict[str, Raw]
Undo = dict[str, Any]
"""Keyword arguments of `Encoded` that the answer will need."""

OPENAI_ONLY = frozenset({
    "store", "metadata", "service_tier", "verbosity", "prediction", "web_search_options", "safety_identifier", "prompt_cache_key",
    "prompt_cache_retention", "prompt_cache_options", "modalities", "audio",
})  # fmt: skip
CORE = frozenset({
    "model", "messages", "stream", "stream_options", "temperature", "top_p", "stop", "max_tokens", "max_completion_tokens", "n", "seed",
    "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "response_format", "tools", "tool_choice",
    "parallel_tool_calls", "user", "reasoning_effort",
})  # fmt: skip


def drop(request: ChatRequest, fields: Fields, name: str, notes: Notes, why: str) -> None:
    """Remove a member, and name it if the caller asked for something by it (`store` false asks for nothing)."""
    raw = fields.pop(name, None)
    if raw is None or bytes(raw) == b"null" or getattr(request, name, None) in NEUTRAL.get(name, ()):
        return
    notes.dropped(name, why)


def _dropper(*names: str, why: str) -> Callable[[ChatRequest, Target, Fields, Notes], Undo | None]:
    def apply(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> None:
        for name in names:
            drop(request, fields, name, notes, why)

    return apply


def _no_n(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> Undo | None:
    fields.pop("n", None)
    if request.n is None or request.n == 1:
        return None
    notes.emulated("n", "this host answers once a call, so it is called that many times at once")
    return {"fan_out": request.n}


def _openai_only(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> None:
    for name in sorted(OPENAI_ONLY & fields.keys()):
        drop(request, fields, name, notes, "only OpenAI knows it")


def _strict_fields(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> None:
    """A host that refuses unknown fields still knows its own; of those nobody lists, the caller's stay: the refusal would name them."""
    for name in sorted((KNOWN_FIELDS - CORE - {"functions", "function_call", "top_k"}) & fields.keys()):
        drop(request, fields, name, notes, "this host refuses fields it does not know")
    for name in [name for name, raw in fields.items() if bytes(raw) == b"null"]:
        del fields[name]


def _tool_choice_any(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> None:
    if fields.get("tool_choice") == Raw(b'"required"'):
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
    if picked.allowed:
        tools = _decode(fields.get("tools", b"[]"), type=list[Raw])
        names = [_decode(raw, type=_Named).name for raw in tools]
        fields["tools"] = Raw(_encode([raw for raw, name in zip(tools, names, strict=True) if name in picked.allowed]))
        notes.emulated("tool_choice", "only the allowed tools are offered")
    if picked.mode != "named":
        fields["tool_choice"] = Raw(_encode(picked.mode))


class _Name(Struct):
    name: str = ""


class _Named(Struct):
    function: _Name | None = None
    custom: _Name | None = None

    @property
    def name(self) -> str:
        named = self.function or self.custom
        return named.name if named is not None else ""


def _no_custom_tools(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> Undo | None:
    """Custom tools as functions of one text, in offer, choice and history; `emulate.Undo` turns the answer's calls back."""
    if "messages" in fields and any(_calls_custom(message) for message in request.messages):
        fields["messages"] = _with_functions(fields["messages"])
    offered = {i: tool.custom for i, tool in enumerate(request.tools or ()) if tool.function is None and tool.custom is not None}
    if not offered:
        return None
    tools = _decode(fields["tools"], type=list[Raw])
    for i, raw in offered.items():
        tools[i] = Raw(_encode({"type": "function", "function": stand_in(custom_spec(raw, f"tools[{i}].custom"))}))
        notes.emulated(f"tools[{i}]", CUSTOM)
    fields["tools"] = Raw(_encode(tools))
    asked = request.tool_choice
    if isinstance(asked, ToolChoice) and asked.custom is not None:
        fields["tool_choice"] = Raw(_encode({"type": "function", "function": {"name": choice(request).name}}))
    return {"customs": customs(request)}


def _calls_custom(message: Message) -> bool:
    return isinstance(message, Assistant) and any(call.custom is not None for call in message.tool_calls or ())


def _with_functions(messages: Raw) -> Raw:
    """The messages with each custom call as a call of the function that stands for it."""
    out = _decode(messages, type=list[dict[str, Raw]])
    for fields in out:
        calls = _decode(fields.get("tool_calls", b"null"), type=list[dict[str, Raw]] | None)
        if not calls or not any("custom" in call for call in calls):
            continue
        for call in calls:
            if "custom" in call:
                custom = _decode(call.pop("custom"), type=CustomCall)
                arguments = _encode({INPUT: custom.input}).decode()
                call["type"] = Raw(b'"function"')
                call["function"] = Raw(_encode({"name": custom.name, "arguments": arguments}))
        fields["tool_calls"] = Raw(_encode(calls))
    return Raw(_encode(out))


def _no_functions(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> None:
    """The legacy pair becomes tools; the answer is turned back by the pipeline, which knows that `functions` was asked."""
    fields.pop("functions", None)
    fields.pop("function_call", None)
    if not request.functions:
        return
    tools = _decode(fields.get("tools", b"[]"), type=list[Raw])
    functions = _decode(request.wire["functions"], type=list[Raw])
    fields["tools"] = Raw(_encode([*tools, *({"type": "function", "function": function} for function in functions)]))
    notes.emulated("functions", "sent as tools, which took their place")
    if request.function_call is not None and request.tool_choice is None:
        picked = choice(request)
        named = {"type": "function", "function": {"name": picked.name}}
        fields["tool_choice"] = Raw(_encode(named if picked.mode == "named" else picked.mode))


def _no_json_schema(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> Undo | None:
    asked = request.response_format
    if asked is None or asked.type != "json_schema" or asked.json_schema is None:
        return None
    schema = asked.json_schema.schema or Raw(b"{}")
    notes.emulated("response_format", "this host has no JSON schema: asked in words, and the answer is checked")
    fields["response_format"] = Raw(b'{"type":"json_object"}')
    _instruct(fields, f"Answer with one JSON object that is valid against this JSON schema:\n{bytes(schema).decode()}")
    return {"check": "schema", "schema": schema}


def _no_response_format(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> Undo | None:
    asked = request.response_format
    undo = None
    if asked is not None and asked.type == "json_schema":
        undo = _no_json_schema(request, target, fields, notes)
    elif asked is not None and asked.type == "json_object":
        notes.emulated("response_format", "this host has no JSON mode: asked in words, and the answer is checked")
        _instruct(fields, "Answer with one JSON object and nothing else.")
        undo = {"check": "json"}
    elif asked is not None and asked.type != "text":
        notes.dropped("response_format", "this host takes no response_format")
    fields.pop("response_format", None)
    return undo


def _json_schema_in_words(request: ChatRequest, target: Target, fields: Fields, notes: Notes) -> Undo | None:
    """A host without any `response_format` is asked in words once, by that quirk."""
    return None if "no_response_format" in target.quirks else _no_json_schema(request, target, fields, notes)


def _instruct(fields: Fields, text: str) -> None:
    messages = _decode(fields["messages"], type=list[Raw])
    fields["messages"] = Raw(_encode([{"role": "system", "content": text}, *messages]))


TABLE: dict[str, Callable[[ChatRequest, Target, Fields, Notes], Undo | None]] = {
    "no_custom_tools": _no_custom_tools,
    "no_functions": _no_functions,
    "no_n": _no_n,
    "no_json_schema": _json_schema_in_words,
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
