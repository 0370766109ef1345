"""What becomes of each thing a caller may ask, kind by kind: passed on, done otherwise, dropped or refused. Found by asking the dialects.

Odd here: nothing is written down. A small request with one more thing in it is encoded for the kind, and what the dialect notes (or
refuses) beside what it notes of the plain request is the answer. So it says what the program does, for the model named.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from .chat import ChatRequest
from .dialects import dialect
from .dialects.openai_chat import decode_request
from .errors import CallerError
from .providers import KINDS, OPTIONS, Provider
from .routing.resolve import build_target
from .target import Encoded, NoAuth, Target

MODELS = {
    "openai": ("gpt-4.1", "o3-pro"), "azure": ("gpt-4.1",), "anthropic": ("claude-haiku-4-5", "claude-opus-5-5"),
    "gemini": ("gemini-2.5-flash", "gemini-3-pro-preview"), "vertex": ("gemini-2.5-flash", "claude-haiku-4-5"),
    "bedrock": ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "amazon.nova-lite-v1:0"), "cohere": ("command-a-03-2025",),
    "ollama": ("llama3.2",), "mistral": ("mistral-small-latest",), "deepseek": ("deepseek-chat",), "groq": ("openai/gpt-oss-20b",),
    "xai": ("grok-4",), "zai": ("glm-4.6",), "moonshot": ("kimi-k2-0905-preview",), "local": ("smollm2-135m-instruct",),
}  # fmt: skip
"""What is asked for where it matters; elsewhere any model will do."""

_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}}}
_NAMED = {"type": "function", "function": {"name": "look"}}
_SCHEMA = {
    "name": "place",
    "schema": {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"], "additionalProperties": False},
}
_CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
}
_IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PIXEL}"}}


def _user(part: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, part]}]}


def _with_tools(**more: Any) -> dict[str, Any]:
    return {"tools": [_TOOL, {**_TOOL, "function": {**_TOOL["function"], "name": "hear"}}], **more}  # type: ignore[dict-item]


def _answered(content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": "Hi"}, _CALL, {"role": "tool", "tool_call_id": "call_1", "content": content}]


PROBES: dict[str, dict[str, Any]] = {
    "temperature": {"temperature": 0.5},
    "temperature above 1": {"temperature": 1.5},
    "top_p": {"top_p": 0.5},
    "top_k": {"top_k": 5},
    "max_tokens": {"max_tokens": 77},
    "max_completion_tokens": {"max_completion_tokens": 77},
    "stop": {"stop": ["END"]},
    "n": {"n": 2},
    "seed": {"seed": 7},
    "presence_penalty": {"presence_penalty": 0.5},
    "frequency_penalty": {"frequency_penalty": 0.5},
    "logit_bias": {"logit_bias": {"50256": -100}},
    "logprobs": {"logprobs": True},
    "top_logprobs": {"logprobs": True, "top_logprobs": 2},
    "tools": _with_tools(),
    "tool_choice required": _with_tools(tool_choice="required"),
    "tool_choice none": _with_tools(tool_choice="none"),
    "tool_choice of one function": _with_tools(tool_choice=_NAMED),
    "tool_choice allowed_tools": _with_tools(
        tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [_NAMED]}}
    ),
    "custom tools": {"tools": [{"type": "custom", "custom": {"name": "run", "description": "Runs code."}}]},
    "parallel_tool_calls: false": _with_tools(parallel_tool_calls=False),
    "functions": {"functions": [_TOOL["function"]]},
    "response_format json_object": {"response_format": {"type": "json_object"}},
    "response_format json_schema": {"response_format": {"type": "json_schema", "json_schema": _SCHEMA}},
    "json_schema with tools": _with_tools(response_format={"type": "json_schema", "json_schema": _SCHEMA}),
    "reasoning_effort": {"reasoning_effort": "high"},
    "verbosity": {"verbosity": "low"},
    "service_tier": {"service_tier": "flex"},
    "user": {"user": "anna"},
    "safety_identifier": {"safety_identifier": "anna"},
    "metadata": {"metadata": {"team": "blue"}},
    "store": {"store": True},
    "prompt_cache_key": {"prompt_cache_key": "k"},
    "prediction": {"prediction": {"type": "content", "content": "Hi"}},
    "web_search_options": {"web_search_options": {}},
    "audio answers": {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    "cache_control": {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]}]},
    "images by data URL": _user(_IMAGE),
    "images by https URL": _user({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
    "PDF files": _user({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQK"}}),
    "file ids": _user({"type": "file", "file": {"file_id": "file-1"}}),
    "audio": _user({"type": "input_audio", "input_audio": {"data": "UklGRiQAAABXQVZF", "format": "wav"}}),
    "video by data URL": _user({"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}}),
    "images in tool results": _with_tools(messages=_answered([_IMAGE])),
    "system messages in the middle": {
        "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}, {"role": "system", "content": "Be brief"},
                     {"role": "user", "content": "So"}]
    },
    "names of speakers": {"messages": [{"role": "user", "name": "anna", "content": "Hi"}]},
}  # fmt: skip
"""What is asked for → the members of the request that ask for it."""

BESIDE: dict[str, dict[str, Any]] = {"images in tool results": _with_tools(messages=_answered("seen"))}
"""What such a request has anyway; elsewhere its tools, where it has more than tools."""


class Fate(Struct, frozen=True):
    """What becomes of one thing asked for."""

    how: str
    """passed, otherwise, dropped or refused"""
    why: str = ""
    silent: bool = False
    """The request is the same as without it and nobody was told: must never be."""


def target_for(kind: str, model: str) -> Target:
    """A target of that kind, as the config would give it."""
    options = {name: "x" for name in OPTIONS.get(kind, {}) if name != "api_version"}
    return build_target(Provider(name=kind, kind=kind, auth=NoAuth(), base_url="https://host", options=options), model)


def request_with(**members: Any) -> ChatRequest:
    return decode_request(msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": "Hi"}], **members}))


@cache
def fates(kind: str, model: str) -> dict[str, Fate]:
    """What becomes of each of `PROBES` at that kind."""
    target = target_for(kind, model)
    return {name: _fate(name, members, target) for name, members in PROBES.items()}


def _fate(name: str, members: dict[str, Any], target: Target) -> Fate:
    spoken = dialect(target.dialect)
    request = request_with(**members)
    fetched = bool(spoken.remote_media(request, target))
    if fetched:
        members = _user(_IMAGE)
        request = request_with(**members)
    tools = {"tools": members["tools"]} if "tools" in members and len(members) > 1 else {}
    plain = spoken.encode_request(request_with(**BESIDE.get(name, tools)), target)
    try:
        encoded = spoken.encode_request(request, target)
    except CallerError as error:
        return Fate("refused", error.message)
    known = {(note.kind, note.param) for note in plain.notes}
    notes = [note for note in encoded.notes if (note.kind, note.param) not in known]
    lost = [note.why for note in notes if note.kind == "dropped"]
    changed = [note.why for note in notes if note.kind != "dropped"]
    if lost:
        return Fate("dropped", lost[0])
    if changed:
        return Fate("otherwise", changed[0])
    if fetched:
        return Fate("otherwise", "fetched by the gateway and sent as bytes")
    return _undone(encoded) or Fate("passed", silent=encoded.http.body == plain.http.body)


def _undone(encoded: Encoded) -> Fate | None:
    if encoded.fan_out > 1:
        return Fate("otherwise", "as many calls at once")
    if encoded.json_tool or encoded.check:
        return Fate("otherwise", "the answer is checked" if encoded.check else "a tool that must be called")
    return None


def models(kind: str) -> tuple[str, ...]:
    assert kind in KINDS
    return MODELS.get(kind, ("some-model",))
