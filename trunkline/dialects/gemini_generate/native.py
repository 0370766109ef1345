"""Gemini's own members at the top of an OpenAI body, for what OpenAI's format has no word for.

Odd here: callers write them in snake_case or camelCase, as Google's SDKs do, and what they hold is sent as it is. Every other member
that nobody knows is named as dropped (`config.unsent`), since Google answers 400 to an unknown one.

Source: https://ai.google.dev/api/generate-content#request-body
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw, Struct

from ...chat import ChatRequest
from ...errors import CallerError
from ..beside import own_members
from .bodies import NO_RAW, GenerationConfig

OWN = frozenset({
    "safety_settings", "safetySettings", "cached_content", "cachedContent", "thinking_config", "thinkingConfig", "generation_config",
    "generationConfig", "labels",
})  # fmt: skip
_encode = msgspec.json.Encoder().encode


class Natives(Struct, frozen=True):
    safety_settings: Raw = NO_RAW
    cached_content: Raw = NO_RAW
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


def natives(request: ChatRequest) -> Natives:
    """What the caller wrote of them. CallerError where one that must be an object is none."""
    found = {_snake(name): raw for name, raw in own_members(request, OWN).items()}
    if not found:
        return _NONE
    config, labels = found.get("generation_config"), found.get("labels")
    return Natives(
        safety_settings=found.get("safety_settings", NO_RAW),
        cached_content=found.get("cached_content", NO_RAW),
        thinking_config=found.get("thinking_config"),
        generation_config={_camel(key): value for key, value in _object(config, "generation_config").items()} if config else {},
        labels={key: msgspec.json.decode(value) for key, value in _object(labels, "labels").items()} if labels else {},
    )


def _object(raw: Raw, param: str) -> dict[str, Raw]:
    try:
        return msgspec.json.decode(raw, type=dict[str, Raw])
    except msgspec.DecodeError:
        raise CallerError(f"{param} must be an object", param=param) from None


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda capital: "_" + capital[0].lower(), name)


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda letter: letter[1].upper(), name)
