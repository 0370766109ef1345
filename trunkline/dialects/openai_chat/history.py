"""The messages of a request on their way to an OpenAI-style host, where they cannot go as they came.

Odd here: most histories need nothing, and then the caller's bytes go on untouched. What needs a rewrite is what our own answers
taught the caller to hand back (`reasoning_content`, `reasoning_details`), what only our API knows (one part object as
content, `is_error`), and what a stricter host refuses.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from msgspec import Raw

from ...chat import Assistant, ChatRequest, Developer, FunctionResult, Message, Text, Tool
from ...target import Notes, Target

_NULL = Raw(b"null")
_encode = msgspec.json.encode
_LIST_OF_OBJECTS = msgspec.json.Decoder(list[dict[str, Raw]])

ALWAYS = frozenset({"strict_fields", "nine_char_tool_ids", "no_functions", "text_content_only"})
"""Quirks under which every history is looked at message by message."""

STRICT = {
    "system": {"role", "content"},
    "developer": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "prefix", "function_call", "reasoning_content"},
    "tool": {"role", "content", "tool_call_id", "name"},
    "function": {"role", "content", "name"},
}
"""What a host that answers 422 to unknown fields takes in a message."""


def needs_rewrite(messages: list[Message], target: Target) -> bool:
    quirks = target.quirks
    if quirks & ALWAYS:
        return True
    for message in messages:
        content = message.content
        kind = message.__class__
        if content.__class__ is not str and content is not None:
            if content.__class__ is not list:
                return True
            if "keeps_cache_control" not in quirks and any(isinstance(p, Text) and p.cache_control is not None for p in content):  # type: ignore[union-attr]
                return True
        if kind is Assistant:
            if message.reasoning_details or message.reasoning_content is not None:  # type: ignore[union-attr]
                return True
        elif (kind is Tool and message.is_error is not None) or (kind is Developer and "no_developer_role" in quirks):  # type: ignore[union-attr]
            return True
    return False


def rewritten(request: ChatRequest, target: Target, notes: Notes) -> Raw:
    """The messages as this host takes them."""
    quirks = target.quirks
    raw = _LIST_OF_OBJECTS.decode(request.wire["messages"])
    out: list[dict[str, Any]] = []
    for index, (message, fields) in enumerate(zip(request.messages, raw, strict=True)):
        at = f"messages[{index}]"
        content = message.content
        if content is not None and not isinstance(content, str | list):
            fields["content"] = Raw(b"[%b]" % bytes(fields["content"]))
        if isinstance(content, list) or (content is not None and not isinstance(content, str)):
            _content(fields, at, quirks, notes)
        match message:
            case Developer() if "no_developer_role" in quirks:
                fields["role"] = Raw(b'"system"')
            case Assistant():
                _assistant(message, fields, at, quirks, notes)
            case Tool(is_error=bad) if bad is not None:
                fields.pop("is_error", None)
            case FunctionResult() if "no_functions" in quirks:
                fields = {"role": Raw(b'"tool"'), "tool_call_id": _text(_legacy_id(out)), "content": fields.get("content", Raw(b'""'))}
            case _:
                pass
        if "strict_fields" in quirks:
            fields = _strict(fields, at, notes)
        if "nine_char_tool_ids" in quirks:
            _short_ids(fields)
        out.append(fields)
    return Raw(_encode(out))


def _text(value: str) -> Raw:
    return Raw(_encode(value))


def _assistant(message: Assistant, fields: dict[str, Raw], at: str, quirks: frozenset[str], notes: Notes) -> None:
    if "keeps_reasoning_details" not in quirks:
        fields.pop("reasoning_details", None)
    elif message.reasoning_content is not None and "reasoning" not in fields:
        fields["reasoning"] = fields.pop("reasoning_content")
    if "keeps_reasoning_content" not in quirks and "reasoning_content" in fields:
        del fields["reasoning_content"]
    if "no_functions" in quirks and message.function_call is not None:
        del fields["function_call"]
        call = {"id": f"call_{at[9:-1]}legacy", "type": "function", "function": message.function_call}
        fields["tool_calls"] = Raw(_encode([call]))


def _legacy_id(before: list[dict[str, Any]]) -> str:
    for fields in reversed(before):
        if "tool_calls" in fields:
            return str(msgspec.json.decode(fields["tool_calls"])[0]["id"])
    return "call_legacy"


def _content(fields: dict[str, Raw], at: str, quirks: frozenset[str], notes: Notes) -> None:
    """Parts: cache marks only for hosts that take them; a list of texts as one text for hosts that take no lists."""
    parts = _LIST_OF_OBJECTS.decode(fields["content"])
    if "keeps_cache_control" not in quirks:
        for i, part in enumerate(parts):
            if part.pop("cache_control", _NULL) != _NULL:
                notes.dropped(f"{at}.content[{i}].cache_control", "this host caches by itself")
    if "text_content_only" in quirks:
        texts = [msgspec.json.decode(part["text"]) for part in parts if "text" in part]
        for i, part in enumerate(parts):
            if "text" not in part:
                notes.dropped(f"{at}.content[{i}]", "this host takes text only")
        fields["content"] = _text("".join(texts))
    else:
        fields["content"] = Raw(_encode(parts))


def _strict(fields: dict[str, Raw], at: str, notes: Notes) -> dict[str, Raw]:
    allowed = STRICT[msgspec.json.decode(fields["role"])]
    for name in fields.keys() - allowed:
        if fields[name] not in (_NULL, Raw(b"[]")) and name not in ("refusal", "annotations", "audio", "reasoning_details"):
            notes.dropped(f"{at}.{name}", "this host refuses fields it does not know")
    return {name: raw for name, raw in fields.items() if name in allowed and not (raw == _NULL and name != "content")}


def nine(id: str) -> str:
    """A tool call id as Mistral wants it: nine of a-z A-Z 0-9. Ids that are so stay; others map always to the same."""
    if len(id) == 9 and id.isascii() and id.isalnum():
        return id
    return hashlib.sha256(id.encode()).hexdigest()[:9]


def _short_ids(fields: dict[str, Raw]) -> None:
    if "tool_call_id" in fields:
        fields["tool_call_id"] = _text(nine(msgspec.json.decode(fields["tool_call_id"], type=str)))
    if "tool_calls" in fields and fields["tool_calls"] != _NULL:
        calls = _LIST_OF_OBJECTS.decode(fields["tool_calls"])
        for call in calls:
            call.pop("index", None)
            call["id"] = _text(nine(msgspec.json.decode(call.get("id", Raw(b'""')), type=str)))
        fields["tool_calls"] = Raw(_encode(calls))
