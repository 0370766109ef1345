"""Cohere's own SDK as the judge of a body: its request types, and beside them what its documentation says and the types do not."""

from __future__ import annotations

import inspect
import re
from typing import Any

from cohere.types import AssistantChatMessageV2, SystemChatMessageV2, ToolChatMessageV2, ToolV2, UserChatMessageV2
from cohere.types.citation_options import CitationOptions
from cohere.types.thinking import Thinking
from cohere.v2.raw_client import RawV2Client
from pydantic import TypeAdapter

MEMBERS = set(inspect.signature(RawV2Client.chat).parameters) - {"self", "request_options"} | {"stream"}
MESSAGES: dict[str, Any] = {
    "system": SystemChatMessageV2, "user": UserChatMessageV2, "assistant": AssistantChatMessageV2, "tool": ToolChatMessageV2,
}  # fmt: skip
RANGES = {"temperature": (0, 1), "p": (0.01, 0.99), "k": (0, 500), "frequency_penalty": (0, 1), "presence_penalty": (0, 1)}


def check(body: dict[str, Any]) -> None:
    """AssertionError or pydantic's ValidationError where Cohere would refuse the body."""
    assert body.keys() <= MEMBERS, body.keys() - MEMBERS
    assert None not in body.values()
    for message in body["messages"]:
        validated = TypeAdapter(MESSAGES[message["role"]]).validate_python(message)
        assert not validated.model_extra, validated.model_extra
        if message.get("tool_calls"):
            assert "content" not in message, "text content is not allowed when tool_calls are provided"
    for tool in body.get("tools", ()):
        validated = TypeAdapter(ToolV2).validate_python(tool)
        assert not validated.model_extra
        assert not validated.function.model_extra
        assert re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", tool["function"]["name"])
    assert body.get("tool_choice") in (None, "NONE", "REQUIRED")
    assert "tools" in body or "tool_choice" not in body
    if "response_format" in body:
        assert "tools" not in body
        assert body["response_format"].keys() <= {"type", "json_schema"}
        assert body["response_format"]["type"] == "json_object"
    if "thinking" in body:
        assert not TypeAdapter(Thinking).validate_python(body["thinking"]).model_extra
    if "citation_options" in body:
        TypeAdapter(CitationOptions).validate_python(body["citation_options"])
    for name, (low, high) in RANGES.items():
        assert low <= body.get(name, low) <= high
    assert len(body.get("stop_sequences", ())) <= 5
