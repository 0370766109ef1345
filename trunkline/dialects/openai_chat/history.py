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

from ...chat import Assistant, ChatRequest, Developer, FunctionResult, Message, System, Tool, User
from ...target import Notes, Target
from ..handed_back import name_lost

_NULL = Raw(b"null")
_encode = msgspec.json.encode
_LIST_OF_OBJECTS = msgspec.json.Decoder(list[dict[str, Raw]])

ALWAYS = frozenset({"strict_fields", "nine_char_tool_ids"})
"""Quirks under which every history is looked at message by message."""

OURS = ("reasoning_raw", "content_parts", "annotations_raw", "reasoning_details_raw", "provider_blocks", "provider_places")
"""Members of our answers' messages that no vendor has under these names."""

SHOWN = {
    "images": "OpenAI takes no earlier pictures of a model's",
    "citations": "another vendor's citations mean nothing here; the answer's text and calls are sent",
}
"""Members of our answers' messages that other vendors' answers are shown by, and OpenAI refuses in a request."""

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
            if content.__class__ is not list or "text_content_only" in quirks:
                return True
            if "keeps_cache_control" not in quirks and any(getattr(part, "cache_control", None) is not None for part in content):
                return True
        if kind is User or kind is System:
            continue
        match message:
            case Assistant():
                if _handed_back(message, target) or (message.function_call is not None and "no_functions" in quirks):
                    return True
            case Tool():
                if message.is_error is not None:
                    return True
            case Developer():
                if "no_developer_role" in quirks:
                    return True
            case FunctionResult():
                if "no_functions" in quirks:
                    return True
    return False


def _handed_back(message: Assistant, target: Target) -> bool:
    """Whether a turn holds what our own answers added to OpenAI's."""
    if message.reasoning_details is not None or message.reasoning_content is not None or message.provider_blocks is not None:
        return True
    if not _only_openais(target):
        return False
    if message.images is not None or message.citations is not None:
        return True
    return any(call.extra_content is not None for call in message.tool_calls or ())


def _only_openais(target: Target) -> bool:
    """Whether a message may have OpenAI's members only: at OpenAI itself, and at hosts that refuse what they do not know."""
    return target.kind in ("openai", "azure") or "strict_fields" in target.quirks


def rewritten(request: ChatRequest, target: Target, notes: Notes) -> Raw:
    """The messages as this host takes them."""
    quirks = target.quirks
    raw = _LIST_OF_OBJECTS.decode(request.wire["messages"])
    out: list[dict[str, Any]] = []
    legacy: dict[str, str] = {}
    """Name of a legacy function → the id made for its latest call."""
    for index, (message, fields) in enumerate(zip(request.messages, raw, strict=True)):
        at = f"messages[{index}]"
        content = message.content
        if content is not None and not isinstance(content, str):
            if not isinstance(content, list):
                fields["content"] = Raw(b"[%b]" % bytes(fields["content"]))
            _content(fields, at, isinstance(content, list), quirks, notes)
        match message:
            case Developer() if "no_developer_role" in quirks:
                fields["role"] = Raw(b'"system"')
            case Assistant():
                _assistant(message, fields, at, target, notes)
                if "no_functions" in quirks:
                    _call_for_legacy(message, fields, f"call_legacy_{index}", legacy)
            case Tool():
                fields.pop("is_error", None)
            case FunctionResult(name=name) if "no_functions" in quirks:
                id = _text(legacy.get(name, f"call_legacy_{name}"))
                fields = {"role": Raw(b'"tool"'), "tool_call_id": id, "content": fields.get("content", Raw(b'""'))}
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


def _assistant(message: Assistant, fields: dict[str, Raw], at: str, target: Target, notes: Notes) -> None:
    """Reasoning that our answers taught the caller to hand back, for the hosts that want it; from the others it is kept."""
    quirks = target.quirks
    for name in OURS:
        fields.pop(name, None)
    name_lost(message, at, notes)
    if "keeps_reasoning_details" in quirks:
        thought = fields.pop("reasoning_content", _NULL)
        if thought != _NULL:
            fields.setdefault("reasoning", thought)
    else:
        lost = [name for name in ("reasoning_details", "reasoning_content") if fields.get(name, _NULL) not in (_NULL, Raw(b"[]"))]
        fields.pop("reasoning_details", None)
        if "keeps_reasoning_content" in quirks:
            lost = []
        else:
            fields.pop("reasoning_content", None)
        if "reasoning_field_reasoning" not in quirks:
            fields.pop("reasoning", None)
        for name in lost:
            notes.approximated(f"{at}.{name}", "this host takes no earlier reasoning; the answer's text and calls are sent")
    if target.kind in ("openai", "azure"):
        for name, why in SHOWN.items():
            if fields.pop(name, _NULL) != _NULL:
                notes.approximated(f"{at}.{name}", why)
    if message.refusal and not message.content and "strict_fields" in quirks:
        fields["content"] = _text(message.refusal)
        notes.approximated(f"{at}.refusal", "sent as content; this host knows no refusals")
    if _only_openais(target) and any(call.extra_content is not None for call in message.tool_calls or ()):
        calls = _LIST_OF_OBJECTS.decode(fields["tool_calls"])
        for i, call in enumerate(calls):
            if call.pop("extra_content", _NULL) != _NULL:
                notes.approximated(f"{at}.tool_calls[{i}].extra_content", "another vendor's signature of this call means nothing here")
        fields["tool_calls"] = Raw(_encode(calls))


def _call_for_legacy(message: Assistant, fields: dict[str, Raw], id: str, legacy: dict[str, str]) -> None:
    """A legacy `function_call` as a tool call, whose made-up id the function's result will find by its name."""
    call = fields.pop("function_call", _NULL)
    if message.function_call is None:
        return
    calls = [] if message.tool_calls is None else _LIST_OF_OBJECTS.decode(fields["tool_calls"])
    fields["tool_calls"] = Raw(_encode([*calls, {"id": id, "type": "function", "function": call}]))
    legacy[message.function_call.name] = id


def _content(fields: dict[str, Raw], at: str, listed: bool, quirks: frozenset[str], notes: Notes) -> None:
    """Parts: cache marks only for hosts that take them; a list of texts as one text for hosts that take no lists."""
    parts = _LIST_OF_OBJECTS.decode(fields["content"])
    places = [f"{at}.content[{i}]" if listed else f"{at}.content" for i in range(len(parts))]
    if "keeps_cache_control" not in quirks:
        for part, place in zip(parts, places, strict=True):
            drop_cache_mark(part, place, notes)
    if "strict_fields" in quirks:
        parts = [{"type": _text("text"), "text": part["refusal"]} if "refusal" in part else part for part in parts]
    if "text_content_only" in quirks:
        for part, place in zip(parts, places, strict=True):
            if "text" not in part:
                notes.dropped(place, "this host takes text only")
        fields["content"] = _text("".join(msgspec.json.decode(part["text"], type=str) for part in parts if "text" in part))
    else:
        fields["content"] = Raw(_encode(parts))


def drop_cache_mark(holder: dict[str, Raw], at: str, notes: Notes) -> None:
    if holder.pop("cache_control", _NULL) != _NULL:
        notes.dropped(f"{at}.cache_control", "this host caches by itself")


def _strict(fields: dict[str, Raw], at: str, notes: Notes) -> dict[str, Raw]:
    allowed = STRICT[msgspec.json.decode(fields["role"])]
    for name in sorted(fields.keys() - allowed):
        if fields[name] not in (_NULL, Raw(b"[]")) and name not in ("refusal", "annotations"):
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
