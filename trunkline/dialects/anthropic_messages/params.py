"""The members of a request beside messages and tools: what is sent, what is fitted, and what is named as not passed on.

Odd here: a value that means the same as leaving the member out (temperature 1, n 1, store false) is no loss and is not named;
and a caller who knows this vendor may put its own members beside OpenAI's, which go through as they are.

Source: https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ...chat import KNOWN_FIELDS, ChatRequest
from ...errors import CallerError
from ...target import Notes, Target
from .models import Facts
from .thinking import Plan

OWN = frozenset(
    {"container", "context_management", "mcp_servers", "cache_control", "inference_geo", "speed", "diagnostics", "fallbacks",
     "user_profile_id"}
)  # fmt: skip
"""Members of the vendor's own that go through as they are. `thinking` and `output_config` are read, `betas` is a header."""
READ = frozenset({"thinking", "output_config", "betas", "anthropic_beta"})

# The value that is the same as none, and why the member cannot be sent.
UNKNOWN: dict[str, tuple[object, str]] = {
    "seed": (None, "the vendor has no seed"),
    "logprobs": (False, "the vendor gives no log probabilities"),
    "top_logprobs": (0, "the vendor gives no log probabilities"),
    "logit_bias": ({}, "the vendor has no logit bias"),
    "presence_penalty": (0, "the vendor has no penalties"),
    "frequency_penalty": (0, "the vendor has no penalties"),
    "verbosity": ("medium", "the vendor has no verbosity"),
    "store": (False, "the vendor stores no completions"),
    "modalities": (["text"], "the vendor answers with text only"),
    "audio": (None, "the vendor answers with text only"),
    "prediction": (None, "the vendor takes no prediction"),
    "prompt_cache_key": (None, "the vendor caches by cache_control marks"),
    "prompt_cache_retention": (None, "the vendor caches by cache_control marks"),
    "prompt_cache_options": (None, "the vendor caches by cache_control marks"),
}
_PERSONAL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|\+[\d\s().-]{7,}")
_BETAS = msgspec.json.Decoder(list[str] | str | None)
TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}


def name_unknown(request: ChatRequest, notes: Notes) -> None:
    """A note for each member that is given, means something, and has no like here."""
    for field in request.wire:
        if field in UNKNOWN:
            neutral, why = UNKNOWN[field]
            value = getattr(request, field)
            if value is not None and value != neutral:
                notes.dropped(field, why)
        elif field not in KNOWN_FIELDS and field not in OWN and field not in READ:
            notes.dropped(field, "not known to this provider")


def own_members(request: ChatRequest) -> dict[str, Any]:
    return {name: request.wire[name] for name in request.wire if name in OWN and bytes(request.wire[name]) != b"null"}


def betas(request: ChatRequest) -> list[str]:
    """The beta features that the caller names, as the vendor's SDK takes them: `betas`, a list."""
    found: list[str] = []
    for name in ("betas", "anthropic_beta"):
        raw = request.wire.get(name)
        if raw is None:
            continue
        try:
            given = _BETAS.decode(raw) or []
        except msgspec.DecodeError:
            raise CallerError(f"{name} must be a list of texts", param=name) from None
        listed = [given] if isinstance(given, str) else given
        if any(not beta.isascii() or not beta.isprintable() for beta in listed):
            raise CallerError(f"{name} may hold printable ASCII only", param=name)
        found += [beta for beta in listed if beta not in found]
    return found


def max_tokens(request: ChatRequest, target: Target, facts: Facts, notes: Notes) -> tuple[int, int]:
    """(`max_tokens`, the model's own limit or 0 where unknown). The vendor insists on it: the model's maximum where it is absent."""
    ceiling = target.max_output or facts.max_output
    asked = request.token_limit
    if asked is None:
        return ceiling or 64_000, ceiling
    param = "max_completion_tokens" if request.max_completion_tokens is not None else "max_tokens"
    if asked < 1:
        raise CallerError(f"{param} is {asked}; it must be at least 1", param=param)
    if ceiling and asked > ceiling:
        notes.clamped(param, f"this model's limit is {ceiling}")
        return ceiling, ceiling
    return asked, ceiling


def sampling(request: ChatRequest, facts: Facts, thinking: Plan, notes: Notes) -> dict[str, Any]:
    """temperature, top_p and top_k, as far as this model takes them, by itself and while it thinks."""
    temperature, top_p, top_k = request.temperature, request.top_p, request.top_k
    if facts.sampling == "none" or thinking.on:
        why = "this model takes no sampling parameters" if facts.sampling == "none" else "the vendor refuses it while the model thinks"
        if temperature not in (None, 1):
            notes.dropped("temperature", why)
        if top_k is not None:
            notes.dropped("top_k", why)
        if top_p is not None and facts.sampling != "none" and 0.95 <= top_p < 1:
            return {"top_p": top_p}  # the one that the vendor allows beside thinking
        if top_p not in (None, 1):
            notes.dropped("top_p", why)
        return {}
    out: dict[str, Any] = {}
    if temperature is not None:
        out["temperature"] = min(max(temperature, 0), 1)
        if out["temperature"] != temperature:
            notes.clamped("temperature", f"the vendor's range is 0 to 1; sent as {out['temperature']}")
    if top_p is not None:
        if temperature is None or facts.sampling == "both":
            out["top_p"] = top_p
        elif top_p != 1:
            notes.dropped("top_p", "this model takes temperature or top_p, not both")
    if top_k is not None:
        out["top_k"] = top_k
    return out


def stop_sequences(request: ChatRequest, notes: Notes) -> list[str]:
    if request.stop is None:
        return []
    kept = [stop for stop in request.stops if stop.strip()]
    if len(kept) < len(request.stops):
        notes.dropped("stop", "the vendor refuses stop sequences that are only white space")
    return kept


def metadata(request: ChatRequest, notes: Notes) -> dict[str, Any]:
    """`metadata.user_id`, from the vendor's own spelling, `safety_identifier` or `user`, in this order."""
    if request.metadata is None and request.safety_identifier is None and request.user is None:
        return {}
    given = request.metadata or {}
    ids = {"metadata.user_id": given.get("user_id"), "safety_identifier": request.safety_identifier, "user": request.user}
    found = [(param, value) for param, value in ids.items() if isinstance(value, str) and value]
    for param, value in found:
        if _PERSONAL.fullmatch(value):
            notes.dropped(param, "the vendor refuses mail addresses and phone numbers; send an opaque id")
    found = [(param, value) for param, value in found if not _PERSONAL.fullmatch(value)]
    for param, value in found[1:]:
        if value != found[0][1]:
            notes.dropped(param, f"the vendor takes one user id; {found[0][0]} was sent")
    if any(key != "user_id" or not isinstance(value, str) for key, value in given.items()):
        notes.dropped("metadata", "the vendor keeps nothing but a user id")
    return {"user_id": found[0][1]} if found else {}


def service_tier(request: ChatRequest, notes: Notes) -> str | None:
    asked = request.service_tier
    if asked is None:
        return None
    if asked == "priority":
        notes.approximated("service_tier", "sent as 'auto': priority capacity where the account has it")
        return "auto"
    if asked not in TIERS:
        notes.dropped("service_tier", f"the vendor has no tier {asked!r}")
    return TIERS.get(asked)
