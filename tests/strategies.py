"""Hypothesis strategies for realistic, valid chat completions requests, for every dialect's laws.

Odd here: validity is mostly about how members go together (each call answered once, `top_logprobs` only with `logprobs`,
`tool_choice` only with tools), so a body is drawn as a story (rounds of a conversation, tools on offer first) and not
member by member. Everything drawn is valid at OpenAI's door, but for two members that callers use elsewhere (images in tool results,
`cache_control`); what a vendor cannot take, its dialect refuses or names.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import Raw

from trunkline.chat import ChatRequest

Json = dict[str, Any]

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
MEDIA = frozenset({"image", "audio", "file"})
"""The kinds of part beside text that a user message may hold."""

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = base64.b64encode(b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF").decode()
WAV = base64.b64encode(b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00").decode()


def decoded(body: Json) -> ChatRequest:
    """A body as the caller's door decodes it: typed, with `wire` holding each top-level member's own bytes."""
    raw = json.dumps(body, ensure_ascii=False).encode()
    request = msgspec.json.decode(raw, type=ChatRequest)
    return msgspec.structs.replace(request, wire=msgspec.json.decode(raw, type=dict[str, Raw]))


def chat_requests(**options: Any) -> st.SearchStrategy[ChatRequest]:
    """The bodies of `chat_bodies(**options)`, decoded."""
    return chat_bodies(**options).map(decoded)


def chat_bodies(
    *,
    model: str = "some-model",
    media: frozenset[str] = MEDIA,
    legacy: bool = True,
    odd_names: bool = True,
    unanswered: bool = False,
) -> st.SearchStrategy[Json]:
    """OpenAI request bodies as dicts.

    `media`: which parts beside text may occur. `legacy`: `functions` and `function_call` too. `odd_names`: tool names that
    other vendors refuse (a leading digit, a dot, 64 characters). `unanswered`: a last assistant message may end the list.
    """
    return _bodies(model, frozenset(media), legacy, odd_names, unanswered)


# ── small things ─────────────────────────────────────────────────────────────────────────────────────────

_chars = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"))
words = st.one_of(
    st.sampled_from(["Hello.", "What is the weather in Paris?", "Grüße 🌍", "one\ntwo", 'say "hi" \\ done', "12345678901234567890"]),
    st.text(_chars, min_size=1, max_size=40).filter(lambda text: bool(text.strip())),
)
plain_names = st.from_regex(r"\A[a-z][a-z0-9_]{0,15}\Z")
_odd_names = st.sampled_from(["3d_model", "-dash", "ns.tool", "a.b", "a_b", "x" * 64, "Get-Weather", "_private"])


def json_values(depth: int = 2) -> st.SearchStrategy[Any]:
    """Small JSON values as a model writes them in arguments."""
    leaves: st.SearchStrategy[Any] = st.one_of(
        st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(-1e6, 1e6, allow_nan=False), words
    )
    if depth == 0:
        return leaves
    inner = json_values(depth - 1)
    return st.one_of(leaves, st.lists(inner, max_size=2), st.dictionaries(plain_names, inner, max_size=2))


def arguments() -> st.SearchStrategy[str]:
    """A call's arguments: a JSON text of an object, or "" for none."""
    objects = st.dictionaries(plain_names, json_values(), max_size=3).map(lambda value: json.dumps(value, ensure_ascii=False))
    return st.one_of(st.sampled_from(["", "{}", '{"city": "Paris"}', '{"id":12345678901234567890}']), objects)


def schemas(depth: int = 1) -> st.SearchStrategy[Json]:
    """Object schemas with what real ones use: nesting, enums, anyOf, const, format, $ref, additionalProperties."""
    return st.one_of(st.just(_REF_SCHEMA), _object_schema(depth))


_REF_SCHEMA: Json = {
    "type": "object",
    "properties": {"head": {"$ref": "#/$defs/node"}, "when": {"type": "string", "format": "date-time"}, "kind": {"const": "list"}},
    "required": ["head", "when", "kind"],
    "additionalProperties": False,
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"value": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
            "required": ["value"],
            "additionalProperties": False,
        }
    },
}

_LEAVES: list[Json] = [
    {"type": "string"},
    {"type": "string", "description": "A city"},
    {"type": "string", "enum": ["c", "f"]},
    {"type": "integer"},
    {"type": "number", "minimum": 0, "maximum": 10},
    {"type": "boolean"},
    {"type": ["string", "null"]},
    {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    {"type": "array", "items": {"type": "string"}},
]


@st.composite
def _object_schema(draw: st.DrawFn, depth: int) -> Json:
    inner: st.SearchStrategy[Json] = st.sampled_from(_LEAVES)
    if depth:
        inner = st.one_of(inner, _object_schema(depth - 1))
    properties = draw(st.dictionaries(plain_names, inner, max_size=3))
    schema: Json = {"type": "object", "properties": properties}
    if draw(st.booleans()):
        schema |= {"required": list(properties), "additionalProperties": False}
    return schema


def strict_schemas() -> st.SearchStrategy[Json]:
    """Schemas as OpenAI's strict mode demands: every property required, no others allowed."""
    flat = st.dictionaries(plain_names, st.sampled_from(_LEAVES), min_size=1, max_size=3)
    return st.one_of(
        st.just(_REF_SCHEMA),
        flat.map(lambda p: {"type": "object", "properties": p, "required": list(p), "additionalProperties": False}),
    )


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────────

_images = st.one_of(
    st.sampled_from([f"data:image/png;base64,{PNG}", "https://example.com/cat.jpg"]).map(lambda url: {"url": url}),
    st.just({"url": f"data:image/png;base64,{PNG}", "detail": "low"}),
).map(lambda image: {"type": "image_url", "image_url": image})
_MEDIA_PARTS: dict[str, st.SearchStrategy[Json]] = {
    "image": _images,
    "audio": st.just({"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}),
    "file": st.just({"type": "file", "file": {"filename": "paper.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}),
}


@st.composite
def _text_part(draw: st.DrawFn) -> Json:
    part: Json = {"type": "text", "text": draw(words)}
    if draw(st.integers(0, 9)) == 0:
        part["cache_control"] = {"type": "ephemeral"}
    return part


def _user_content(media: frozenset[str]) -> st.SearchStrategy[Any]:
    kinds = [_text_part(), *(_MEDIA_PARTS[kind] for kind in sorted(media))]
    return st.one_of(words, st.lists(_text_part(), min_size=1, max_size=2), st.lists(st.one_of(*kinds), min_size=1, max_size=3))


_texts = st.one_of(words, st.lists(_text_part(), min_size=1, max_size=2))


@st.composite
def _tool_round(draw: st.DrawFn, names: list[str], fresh: Callable[[], str], media: frozenset[str]) -> list[Json]:
    """An assistant message with one to three calls, and their results in any order."""
    calls = [
        {"id": fresh(), "type": "function", "function": {"name": draw(st.sampled_from(names)), "arguments": draw(arguments())}}
        for _ in range(draw(st.integers(1, 3)))
    ]
    assistant: Json = {"role": "assistant", "content": draw(st.one_of(st.none(), st.just(""), words)), "tool_calls": calls}
    result: st.SearchStrategy[Any] = st.one_of(st.sampled_from(["", "72F", '{"ok": true}', "[1, 2]"]), _texts)
    if "image" in media:
        result = st.one_of(result, st.lists(st.one_of(_text_part(), _images), min_size=1, max_size=2))
    results: list[Json] = [{"role": "tool", "tool_call_id": call["id"], "content": draw(result)} for call in calls]
    return [assistant, *draw(st.permutations(results))]


@st.composite
def _legacy_round(draw: st.DrawFn, names: list[str]) -> list[Json]:
    name = draw(st.sampled_from(names))
    call = {"role": "assistant", "content": None, "function_call": {"name": name, "arguments": draw(arguments())}}
    return [call, {"role": "function", "name": name, "content": draw(words)}]


@st.composite
def _conversation(draw: st.DrawFn, names: list[str], old: bool, media: frozenset[str], unanswered: bool) -> list[Json]:
    count = 0

    def fresh() -> str:
        nonlocal count
        count += 1
        return f"call_{count}"

    messages: list[Json] = []
    for role in draw(st.lists(st.sampled_from(["system", "developer"]), max_size=2)):
        messages.append({"role": role, "content": draw(_texts)})
    user = _user_content(media)
    messages.append({"role": "user", "content": draw(user)})
    steps = ["answer", "answer", "refusal", "user", "system"] + (["tools", "tools"] if names else [])
    for step in draw(st.lists(st.sampled_from(steps), max_size=4)):
        match step:
            case "answer":
                messages.append({"role": "assistant", "content": draw(_texts)})
                messages.append({"role": "user", "content": draw(user)})
            case "refusal":
                messages.append(draw(_refusal()))
                messages.append({"role": "user", "content": draw(user), "name": "Ann"})
            case "user":
                messages.append({"role": "user", "content": draw(user)})
            case "system":
                messages.append({"role": draw(st.sampled_from(["system", "developer"])), "content": draw(_texts)})
            case "tools":
                messages += draw(_legacy_round(names) if old else _tool_round(names, fresh, media))
    if unanswered and draw(st.booleans()):
        messages.append({"role": "assistant", "content": draw(words)})
    return messages


@st.composite
def _refusal(draw: st.DrawFn) -> Json:
    if draw(st.booleans()):
        return {"role": "assistant", "content": None, "refusal": draw(words)}
    return {"role": "assistant", "content": [{"type": "refusal", "refusal": draw(words)}]}


# ── the whole body ───────────────────────────────────────────────────────────────────────────────────────


@st.composite
def _function(draw: st.DrawFn, name: str) -> Json:
    spec: Json = {"name": name}
    if draw(st.booleans()):
        spec["description"] = draw(words)
    if draw(st.integers(0, 4)):
        spec["parameters"] = draw(schemas())
    return spec


@st.composite
def _tool_choices(draw: st.DrawFn, names: list[str]) -> Any:
    named = [{"type": "function", "function": {"name": name}} for name in names]
    allowed = draw(st.lists(st.sampled_from(named), min_size=1, max_size=2, unique_by=str))
    mode = draw(st.sampled_from(["auto", "required"]))
    choices = ["none", "auto", "required", named[0], {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}}]
    return draw(st.sampled_from(choices))


_formats = st.one_of(
    st.sampled_from([{"type": "text"}, {"type": "json_object"}]),
    st.builds(
        lambda schema, strict: {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, **strict}},
        strict_schemas(),
        st.sampled_from([{}, {"strict": True}, {"strict": False}, {"description": "The answer"}]),
    ),
)
_limits = st.integers(1, 4096)
_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "temperature": st.floats(0, 2).map(lambda x: round(x, 3)),
    "top_p": st.floats(0.01, 1).map(lambda x: round(x, 3)),
    "n": st.integers(1, 3),
    "stop": st.one_of(st.sampled_from(["END", "\n"]), st.lists(st.sampled_from(["END", "\n\n", "###", "stop"]), min_size=1, max_size=4)),
    "max_tokens": _limits,
    "max_completion_tokens": _limits,
    "presence_penalty": st.floats(-2, 2).map(lambda x: round(x, 2)),
    "frequency_penalty": st.floats(-2, 2).map(lambda x: round(x, 2)),
    "logit_bias": st.dictionaries(st.integers(0, 50000).map(str), st.integers(-100, 100), min_size=1, max_size=2),
    "logprobs": st.booleans(),
    "seed": st.integers(0, 2**31 - 1),
    "user": st.just("user-1"),
    "safety_identifier": st.just("hash-1"),
    "response_format": _formats,
    "reasoning_effort": st.sampled_from(EFFORTS),
    "service_tier": st.sampled_from(["auto", "default", "flex", "priority"]),
    "verbosity": st.sampled_from(["low", "medium", "high"]),
    "store": st.booleans(),
    "metadata": st.dictionaries(plain_names, st.just("value"), max_size=2),
    "modalities": st.just(["text"]),
    "prediction": st.just({"type": "content", "content": "def f(): ..."}),
    "web_search_options": st.sampled_from(
        [{}, {"user_location": {"type": "approximate", "approximate": {"city": "Paris", "country": "FR"}}, "search_context_size": "low"}]
    ),
    "prompt_cache_key": st.just("cache-1"),
    "stream": st.booleans(),
}


@st.composite
def _bodies(draw: st.DrawFn, model: str, media: frozenset[str], legacy: bool, odd_names: bool, unanswered: bool) -> Json:
    pool = st.one_of(plain_names, _odd_names) if odd_names else plain_names
    names = draw(st.lists(pool, max_size=3, unique=True))
    old = legacy and bool(names) and draw(st.integers(0, 4)) == 0
    body: Json = {"model": model, "messages": draw(_conversation(names, old, media, unanswered))}
    for member in draw(st.lists(st.sampled_from(sorted(_SCALARS)), max_size=5, unique=True)):
        body[member] = draw(_SCALARS[member])
    if body.get("logprobs"):
        body["top_logprobs"] = draw(st.integers(0, 5))
    if body.get("stream"):
        body["stream_options"] = {"include_usage": draw(st.booleans())}
    if names and old:
        body["functions"] = [draw(_function(name)) for name in names]
        if draw(st.booleans()):
            body["function_call"] = draw(st.sampled_from(["none", "auto", {"name": names[0]}]))
    elif names:
        body["tools"] = [{"type": "function", "function": draw(_function(name))} for name in names]
        if draw(st.integers(0, 4)) == 0:
            strict = {"strict": True, "parameters": draw(strict_schemas())}
            body["tools"][0]["function"] |= strict
        if draw(st.booleans()):
            body["tool_choice"] = draw(_tool_choices(names))
        if draw(st.integers(0, 2)) == 0:
            body["parallel_tool_calls"] = draw(st.booleans())
    elif draw(st.integers(0, 9)) == 0:
        body["tools"] = []
    return body
