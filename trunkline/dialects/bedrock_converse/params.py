"""The members of a request beside messages and tools: what is sent, what is fitted, and what is named as not passed on.

Odd here: Converse's own ranges are narrower than OpenAI's (temperature ends at 1), `requestMetadata` takes a small alphabet, and a
caller who knows this vendor may put its own members beside OpenAI's, in either spelling.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html, …_Converse.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw

from ...chat import KNOWN_FIELDS, ChatRequest
from ...errors import CallerError
from ...target import Notes, Target
from ..anthropic_messages import params as claude_params
from .models import Facts
from .reasoning import Reasoning

OWN = (
    "guardrailConfig", "performanceConfig", "promptVariables", "additionalModelResponseFieldPaths", "projectIdentifier",
    "additionalModelRequestFields", "requestMetadata",
)  # fmt: skip
"""Members of the vendor's own that go through; the last two are merged with what we put there."""
_SNAKE = {re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower(): name for name in OWN}
_CLAUDE_READ = frozenset({"thinking", "output_config", "betas", "anthropic_beta"})

TIERS = {"auto": "", "default": "default", "flex": "flex", "priority": "priority", "reserved": "reserved"}
_KEY = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,\-.]{1,256}")
_VALUE = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,\-.]{0,256}")
MOST_METADATA = 16


def own_members(request: ChatRequest) -> dict[str, Any]:
    """The vendor's own members that the caller wrote, in its spelling."""
    found = {}
    for field, raw in request.wire.items():
        name = _SNAKE.get(field, field)
        if name in OWN and bytes(raw) != b"null":
            found[name] = raw
    return found


def own_object(own: dict[str, Any], name: str) -> dict[str, Any]:
    """A member of `own_members` as an object, {} where absent. CallerError where it is none."""
    try:
        return msgspec.json.decode(own.get(name, Raw(b"{}")), type=dict[str, Any])
    except msgspec.DecodeError:
        raise CallerError(f"{name} must be an object", param=name) from None


def name_unknown(request: ChatRequest, facts: Facts, notes: Notes) -> None:
    """A note for each member that is given, means something, and has no like here."""
    for field, (neutral, why) in claude_params.UNKNOWN.items():
        value = getattr(request, field)
        if value is not None and value != neutral:
            notes.dropped(field, why)
    read = _CLAUDE_READ if facts.claude is not None else frozenset()
    for field in request.wire:
        if field not in KNOWN_FIELDS and field not in _SNAKE and field not in OWN and field not in read:
            notes.dropped(field, "not known to this provider")


def max_tokens(request: ChatRequest, target: Target, facts: Facts, notes: Notes) -> tuple[int, int]:
    """(`maxTokens` or 0 where the caller gave none, the model's own limit or 0 where unknown)."""
    ceiling = target.max_output or (facts.claude.max_output if facts.claude is not None else 0)
    asked = request.token_limit
    if asked is None:
        return 0, ceiling
    param = "max_completion_tokens" if request.max_completion_tokens is not None else "max_tokens"
    if asked < 1:
        raise CallerError(f"{param} is {asked}; it must be at least 1", param=param)
    if ceiling and asked > ceiling:
        notes.clamped(param, f"this model's limit is {ceiling}")
        return ceiling, ceiling
    return asked, ceiling


def inference(request: ChatRequest, facts: Facts, reasoning: Reasoning, notes: Notes) -> tuple[dict[str, Any], dict[str, Any]]:
    """(`inferenceConfig`, what of the sampling goes into `additionalModelRequestFields`)."""
    config: dict[str, Any] = {"maxTokens": reasoning.max_tokens} if reasoning.max_tokens else {}
    sampling = _sampling(request, facts, reasoning, notes)
    if "temperature" in sampling:
        config["temperature"] = sampling["temperature"]
    if "top_p" in sampling:
        config["topP"] = sampling["top_p"]
    if stops := _stops(request, facts, notes):
        config["stopSequences"] = stops
    fields: Any = sampling.get("top_k")
    if fields is None:
        return config, {}
    for name in reversed(facts.top_k):
        fields = {name: fields}
    return config, fields


def _sampling(request: ChatRequest, facts: Facts, reasoning: Reasoning, notes: Notes) -> dict[str, Any]:
    if facts.claude is not None:
        sampling = claude_params.sampling(request, facts.claude, reasoning.claude, notes)
    else:
        asked = {"temperature": request.temperature, "top_p": request.top_p, "top_k": request.top_k}
        sampling = {name: value for name, value in asked.items() if value is not None}
        if not facts.sampling:
            for name in sampling:
                notes.dropped(name, "this model takes no sampling parameters")
            return {}
        if reasoning.bare:
            for name in sampling:
                notes.dropped(name, "this model takes no sampling parameters at its highest reasoning effort")
            return {}
        if "top_k" in sampling and not facts.top_k:
            del sampling["top_k"]
            notes.dropped("top_k", "the vendor has no field for it with this model")
    for name in ("temperature", "top_p"):
        value = sampling.get(name, 0)
        if not 0 <= value <= 1:
            sampling[name] = min(max(value, 0), 1)
            notes.clamped(name, f"the vendor's range is 0 to 1; sent as {sampling[name]}")
    return sampling


def _stops(request: ChatRequest, facts: Facts, notes: Notes) -> list[str]:
    if facts.claude is not None:
        return claude_params.stop_sequences(request, notes)
    kept = [stop for stop in request.stops if stop]
    if len(kept) < len(request.stops):
        notes.dropped("stop", "the vendor refuses empty stop sequences")
    return kept


def metadata(request: ChatRequest, own: dict[str, Any], notes: Notes) -> dict[str, str]:
    """`requestMetadata`: the caller's `metadata`, `user` and `safety_identifier`, as far as the vendor's alphabet and limits go."""
    wanted: dict[str, tuple[str, Any]] = {key: (f"requestMetadata.{key}", value) for key, value in own.items()}
    wanted |= {key: (f"metadata.{key}", value) for key, value in (request.metadata or {}).items()}
    for name, value in (("user", request.user), ("safety_identifier", request.safety_identifier)):
        if value is not None:
            wanted.setdefault(name, (name, value))
    kept: dict[str, str] = {}
    for key, (param, value) in wanted.items():
        if not isinstance(value, str) or not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
            notes.dropped(param, "the vendor takes texts of up to 256 letters, digits, spaces and :_@$#=/+,-. only")
        elif len(kept) == MOST_METADATA:
            notes.dropped(param, f"the vendor takes {MOST_METADATA} entries at most")
        else:
            kept[key] = value
    return kept


def service_tier(request: ChatRequest, notes: Notes) -> str:
    """`serviceTier.type`; empty where it is left to the vendor."""
    asked = request.service_tier
    if asked is not None and asked not in TIERS:
        notes.dropped("service_tier", f"the vendor has no tier {asked!r}")
    return TIERS.get(asked or "", "")
