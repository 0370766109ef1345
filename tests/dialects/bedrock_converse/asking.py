"""Pieces of which requests to Converse are made in tests."""

from __future__ import annotations

from typing import Any

from tests.strategies import PNG

HI = {"role": "user", "content": "Hi"}
BIG = '{"n":12345678901234567890}'
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"], "additionalProperties": False}
FORMAT = {"type": "json_schema", "json_schema": {"name": "answer", "description": "An x", "schema": SCHEMA}}


def tool(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": SCHEMA, **more}}


def call(id: str, name: str, arguments: str = "{}") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def asking(**part: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [part]}]}


def calling(id: str, arguments: str = "{}") -> dict[str, Any]:
    return {"messages": [HI, {"role": "assistant", "tool_calls": [call(id, "f", arguments)]}]}


NAMED_G = {"type": "function", "function": {"name": "g"}}
LOOP = [
    HI,
    {"role": "assistant", "content": None, "tool_calls": [call("c1", "f")]},
    {"role": "tool", "tool_call_id": "c1", "content": "72F"},
]
