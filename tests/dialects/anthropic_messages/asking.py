"""A request to Claude in a line, and what it comes to: its body, judged by the vendor's own types, and its notes."""

from __future__ import annotations

import json
from typing import Any

from tests.dialects.anthropic_messages.oracle import judge
from tests.strategies import decoded
from trunkline.dialects import anthropic_messages as dialect
from trunkline.target import Encoded, Target

USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}}


def target(model: str = "claude-sonnet-4-5", **more: Any) -> Target:
    given = {"kind": "anthropic", "base_url": "https://api.anthropic.com", **more}
    return Target(provider="anthropic", model=model, dialect="anthropic_messages", **given)


def encode(*messages: dict[str, Any], model: str = "claude-sonnet-4-5", **body: Any) -> Encoded:
    return dialect.encode_request(decoded({"model": "m", "messages": list(messages) or [USER], **body}), target(model))


def body(encoded: Encoded) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(encoded.http.body)
    judge(made, with_beta=True)
    return made


def notes(encoded: Encoded) -> list[tuple[str, str]]:
    return [(note.kind, note.param) for note in encoded.notes]


def call(id: str, name: str = "f", arguments: str = "{}") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def asked(*calls: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": list(calls), **more}


def answer(id: str, content: Any = "ok", **more: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": content, **more}
