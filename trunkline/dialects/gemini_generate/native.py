"""Gemini's own members at the top of an OpenAI body, for what OpenAI's format has no word for.

Odd here: callers write them in snake_case or camelCase, as Google's SDKs do, and what they hold is sent as it is; those who come from
Google's own OpenAI door have them one or two levels deeper, as `extra_body: {"google": {…}}`. Every other member that nobody knows is
named as dropped (`config.unsent`), since Google answers 400 to an unknown one.

Sources: https://ai.google.dev/api/generate-content#request-body, https://ai.google.dev/gemini-api/docs/openai#extra-body, https://ai.google.dev/gemini-api/docs/generate-content/long-decode
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw, Struct

from ...chat import ChatRequest
from ...errors import CallerError
from ...target import Notes
from ..beside import NESTED, own_members
from .bodies import NO_RAW, GenerationConfig

_HERE = frozenset({
    "safety_settings", "safetySettings", "cached_content", "cachedContent", "thinking_config", "thinkingConfig", "generation_config",
    "generationConfig", "labels", "continuation_token", "continuationToken",
})  # fmt: skip
OWN = _HERE | {"google", "extra_body"}
_encode = msgspec.json.Encoder().encode


class Natives(Struct, frozen=True):
    safety_settings: Raw = NO_RAW
    cached_content: Raw = NO_RAW
    continuation_token: Raw = NO_RAW
    thinking_config: Raw | None = None
    generation_config: dict[str, Raw] = {}
    """camelCase"""
    labels: dict[str, Any] = {}

    def merged(self, config: GenerationConfig) -> GenerationConfig | dict[str, Raw]:
        """Ours with the caller's own on top."""
        if not self.generation_config:
            return {} if config == _UNSET else config
        return msgspec.json.decode(_encode(config), type=dict[str, Raw]) | self.generation_config


_NONE = Natives()
_UNSET = GenerationConfig()


def natives(request: ChatRequest, notes: Notes) -> Natives:
    """What the caller wrote of them. CallerError where one that must be an object is none."""
    given = own_members(request, OWN)
    if not given:
        return _NONE
    found = _nested(given, notes) | {_snake(name): raw for name, raw in given.items() if name in _HERE}
    config, labels = found.get("generation_config"), found.get("labels")
    return Natives(
        safety_settings=found.get("safety_settings", NO_RAW),
        cached_content=found.get("cached_content", NO_RAW),
        continuation_token=found.get("continuation_token", NO_RAW),
        thinking_config=found.get("thinking_config"),
        generation_config={_camel(key): value for key, value in _object(config, "generation_config").items()} if config else {},
        labels={key: msgspec.json.decode(value) for key, value in _object(labels, "labels").items()} if labels else {},
    )


def _nested(given: dict[str, Raw], notes: Notes) -> dict[str, Raw]:
    """What stands in `google` or `extra_body.google`; a member that does not belong there is named."""
    found: dict[str, Raw] = {}
    inner = {"google": given["google"]} if "google" in given else {}
    if "extra_body" in given:
        deeper = _object(given["extra_body"], "extra_body")
        for name in deeper.keys() - {"google"}:
            notes.dropped(f"extra_body.{name}", NESTED)
        if "google" in deeper:
            inner["extra_body.google"] = deeper["google"]
    for path, raw in inner.items():
        for name, value in _object(raw, path).items():
            if name in _HERE:
                found[_snake(name)] = value
            else:
                notes.dropped(f"{path}.{name}", "Gemini does not know it")
    return found


def _object(raw: Raw, param: str) -> dict[str, Raw]:
    try:
        return msgspec.json.decode(raw, type=dict[str, Raw])
    except msgspec.DecodeError:
        raise CallerError(f"{param} must be an object", param=param) from None


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda capital: "_" + capital[0].lower(), name)


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda letter: letter[1].upper(), name)
