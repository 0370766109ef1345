"""Asking: a request written in OpenAI's format, and what of it goes to Gemini."""

from __future__ import annotations

from typing import Any

from tests.dialects.gemini_generate.oracle import body
from tests.strategies import decoded
from trunkline.dialects import gemini_generate
from trunkline.target import Encoded, Target

Json = dict[str, Any]

FLASH, THREE = "gemini-2.5-flash", "gemini-3-flash-preview"
HELLO: Json = {"role": "user", "content": "Hello."}
WEATHER: Json = {
    "type": "function",
    "function": {"name": "weather", "description": "d", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


def target(model: str = FLASH, kind: str = "gemini", **more: Any) -> Target:
    base = {"provider": kind, "kind": kind, "model": model, "dialect": "gemini_generate", "base_url": "https://x.example"}
    return Target(**{**base, "options": {"project": "acme", "location": "europe-west4"}, **more})


def encode(model: str = FLASH, kind: str = "gemini", messages: list[Json] | None = None, **members: Any) -> Encoded:
    request = decoded({"model": "m", "messages": messages or [HELLO], **members})
    return gemini_generate.encode_request(request, target(model, kind))


def sent(model: str = FLASH, kind: str = "gemini", messages: list[Json] | None = None, **members: Any) -> Json:
    return body(encode(model, kind, messages, **members))


def noted(encoded: Encoded) -> dict[str, str]:
    return {note.param: note.kind for note in encoded.notes}


def call(id: str, name: str = "weather", arguments: str = '{"city": "Paris"}', **more: Any) -> Json:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def rounds(*calls: Json, results: list[Json] | None = None, **assistant: Any) -> list[Json]:
    """A question, the calls, and their results (one each unless given)."""
    made = results if results is not None else [{"role": "tool", "tool_call_id": c["id"], "content": "sunny"} for c in calls]
    return [HELLO, {"role": "assistant", "content": None, "tool_calls": list(calls), **assistant}, *made]
