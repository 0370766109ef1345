"""The settings of a request as `generationConfig`, and the names of those the vendor has no like for.

Odd here: limits are the vendor's own (five stop sequences, a 32-bit seed, temperature to 2), and a JSON answer beside tools is
refused by every model before Gemini 3.

Source: https://ai.google.dev/api/generate-content#generationconfig
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw, Struct

from ...chat import ChatRequest
from ...errors import CallerError
from ...target import Notes, Target
from ..beside import clamped, name_unsent, stop_list
from .bodies import NO_RAW
from .models import Facts
from .native import OWN
from .schemas import cleaned
from .tooling import Tooling

_MOST_STOPS = 5
_MOST_LOGPROBS = 20
_INT32 = 2**31

READ = frozenset({
    "temperature", "top_p", "top_k", "n", "stop", "max_tokens", "max_completion_tokens", "presence_penalty", "frequency_penalty",
    "logprobs", "top_logprobs", "seed", "user", "safety_identifier", "response_format", "parallel_tool_calls", "reasoning_effort",
    "service_tier", "modalities", "audio", "web_search_options",
})  # fmt: skip
"""OpenAI's members that this dialect sends or names by itself."""

_BY_ITSELF = dict.fromkeys(("prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"), "this provider caches by itself")


def unsent(request: ChatRequest, notes: Notes) -> None:
    """Names what the caller asked and this vendor has no like for."""
    name_unsent(request, notes, read=READ, own=OWN, vendor="Gemini", why=_BY_ITSELF)
    if request.max_tokens is not None and request.max_completion_tokens not in (None, request.max_tokens):
        notes.dropped("max_tokens", "max_completion_tokens says it already")


def sampling(request: ChatRequest, target: Target, model: Facts, notes: Notes) -> dict[str, Any]:
    """The members of `GenerationConfig` that say how tokens are drawn and when to stop."""
    seed = request.seed
    if seed is not None and not -_INT32 <= seed < _INT32:
        seed %= _INT32
        notes.approximated("seed", f"this provider takes 32 bits; {seed}, the rest of it, was sent")
    penalties = {}
    for name in ("presence_penalty", "frequency_penalty"):
        value = getattr(request, name)
        if value and target.kind not in model.penalties:
            notes.dropped(name, "this model refuses penalties")
        else:
            penalties[name] = value
    return {
        "max_output_tokens": request.token_limit,
        **_drawing(request, model, notes),
        "stop_sequences": stop_list(request, _MOST_STOPS, notes),
        "seed": seed,
        **penalties,
        **_logprobs(request, notes),
    }


def _drawing(request: ChatRequest, model: Facts, notes: Notes) -> dict[str, Any]:
    temperature, given = request.temperature, {"top_p": request.top_p, "top_k": request.top_k}
    if model.samples:
        return {"temperature": None if temperature is None else clamped(temperature, 0.0, 2.0, "temperature", notes), **given}
    for name, value in {"temperature": temperature if temperature != 1 else None, **given}.items():
        if value is not None:
            notes.dropped(name, "this model samples as it likes: Google ignores the parameter from Gemini 3.6 on")
    return {}


def _logprobs(request: ChatRequest, notes: Notes) -> dict[str, Any]:
    if not request.logprobs:
        if request.top_logprobs:
            notes.dropped("top_logprobs", "it needs logprobs: true")
        return {}
    top = request.top_logprobs
    if top is not None and top > _MOST_LOGPROBS:
        notes.clamped("top_logprobs", f"this provider takes {_MOST_LOGPROBS} at most")
        top = _MOST_LOGPROBS
    return {"response_logprobs": True, "logprobs": top or None}


# ── the answer's form ────────────────────────────────────────────────────────────────────────────────────


class Answer(Struct, frozen=True):
    mime_type: str = ""
    json_schema: Raw = NO_RAW
    schema: Raw = NO_RAW
    """in Google's OpenAPI subset"""
    instruction: str = ""
    """where the model has no JSON mode"""
    check: str = ""
    check_schema: Raw = NO_RAW
    tools_left_out: bool = False
    """no call was allowed anyway, and the model takes no tools beside a JSON answer"""


def answer_format(request: ChatRequest, model: Facts, tools: Tooling, notes: Notes) -> Answer:
    """`response_format`. CallerError for a kind nobody knows, and for JSON beside tools where the model refuses both."""
    asked = request.response_format
    if asked is None or asked.type == "text":
        return Answer()
    if asked.type not in ("json_object", "json_schema"):
        raise CallerError(
            f"response_format.type is {asked.type!r}; it may be text, json_object or json_schema", param="response_format.type"
        )
    spec = asked.json_schema if asked.type == "json_schema" else None
    schema = spec.schema if spec is not None and bytes(spec.schema) not in (b"", b"null", b"{}") else NO_RAW
    if not model.json_mode:
        return _by_instruction(schema, notes)
    left_out = bool(tools.tools) and not model.json_with_tools
    if left_out and not tools.chosen_none:
        raise CallerError(
            f"response_format {asked.type} cannot be asked together with tools of this model; leave one out or take a Gemini 3 model",
            param="response_format",
        )
    if left_out:
        notes.emulated("tools", "tool_choice forbids calls and this model takes no tools beside a JSON answer; they were left out")
    if spec is not None and spec.description:
        notes.dropped("response_format.json_schema.description", "this provider has no place for it; put it in the schema")
    if not bytes(schema):
        return Answer("application/json", tools_left_out=left_out)
    if model.json_schema:
        return Answer("application/json", json_schema=schema, tools_left_out=left_out)
    subset = cleaned(schema, "response_format.json_schema.schema", notes)
    return Answer("application/json", schema=subset, tools_left_out=left_out)


def _by_instruction(schema: Raw, notes: Notes) -> Answer:
    notes.emulated("response_format", "this model has no JSON mode; it was told to answer so, and the answer is checked")
    told = "Answer with one JSON object and nothing else: no prose, no code fence."
    if not bytes(schema):
        return Answer(instruction=told, check="json")
    return Answer(
        instruction=f"{told} It must be valid against this JSON schema:\n{bytes(schema).decode()}", check="schema", check_schema=schema
    )


_MODALITIES = {"text": "TEXT", "image": "IMAGE", "audio": "AUDIO"}


def modalities(request: ChatRequest, notes: Notes) -> tuple[list[str], dict[str, Any]]:
    """(`responseModalities`, `speechConfig`). Text alone is the vendor's default and is not said."""
    asked = request.modalities or []
    for name in asked:
        if name not in _MODALITIES:
            notes.dropped("modalities", f"this provider has no modality {name!r}")
    known = [_MODALITIES[name] for name in asked if name in _MODALITIES]
    voice = msgspec.json.decode(request.audio) if request.audio is not None else None
    if "AUDIO" not in known:
        if voice is not None:
            notes.dropped("audio", "it needs audio among the modalities")
        return ([] if known == ["TEXT"] else known), {}
    if known != ["AUDIO"]:
        notes.approximated("modalities", "this provider's speaking models answer in audio alone")
    if not isinstance(voice, dict):
        return ["AUDIO"], {}
    if "format" in voice:
        notes.dropped("audio.format", "this provider answers in 16-bit PCM")
    speaker = voice.get("voice")
    return ["AUDIO"], {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": speaker}}} if isinstance(speaker, str) else {}


# ── who asks ─────────────────────────────────────────────────────────────────────────────────────────────


def labels(request: ChatRequest, target: Target, own: dict[str, Any], notes: Notes) -> dict[str, Any]:
    """Vertex bills by label, so `user` and `safety_identifier` become labels there; AI Studio has no place for them."""
    out = dict(own)
    for name in ("user", "safety_identifier"):
        value: str | None = getattr(request, name)
        if not value:
            continue
        if target.kind != "vertex":
            notes.dropped(name, "this provider does not want to know who asks")
            continue
        # "keys and values … can only contain lowercase letters, numeric characters, underscores and dashes", 63 at most
        legal = re.sub(r"[^a-z0-9_-]", "_", value.lower())[:63]
        if legal != value:
            notes.approximated(name, f"a label takes lower case letters, digits, _ and -; {legal!r} was sent")
        out.setdefault(name, legal)
    return out
