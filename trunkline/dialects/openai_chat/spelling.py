"""camelCase in, snake_case on: the published Opik Python client writes the API's names in camelCase, also nested.

Odd here: only the API's own names may be changed, and only where the API puts them. A tool's schema, metadata keys and
call arguments are the caller's data and may well hold a `maxTokens` of their own, so this walks the known places and no others.
Where both spellings are given, snake_case wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ...chat import KNOWN_FIELDS, Assistant, ChatRequest


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _table(names: Iterable[str]) -> dict[str, str]:
    return {camel(name): name for name in names if "_" in name}


TOP = _table(KNOWN_FIELDS | {"custom_parameters", "extra_body"})
STREAM_OPTIONS = _table(["include_usage", "include_obfuscation"])
RESPONSE_FORMAT = _table(["json_schema"])
TOOL = _table(["cache_control"])
TOOL_CHOICE = _table(["allowed_tools"])
WEB_SEARCH = _table(["search_context_size", "user_location"])
MESSAGE = _table(["tool_calls", "tool_call_id", "function_call", "reasoning_content", "reasoning_details", "cache_control", "is_error"])
CALL = _table(["extra_content"])
PART = _table(["image_url", "input_audio", "video_url", "cache_control"])
FILE = _table(["file_id", "file_data"])

_NESTED = {n for table in (STREAM_OPTIONS, RESPONSE_FORMAT, TOOL, TOOL_CHOICE, WEB_SEARCH, MESSAGE, CALL, PART, FILE) for n in table}
_SUSPECT = re.compile(b'"(?:' + b"|".join(sorted(name.encode() for name in _NESTED)) + b')"')


def misspelt(body: bytes) -> bool:
    """Whether a nested name of the API stands somewhere in camelCase."""
    return _SUSPECT.search(body) is not None


def suspicious(request: ChatRequest, body: bytes) -> bool:
    """Whether some nested name may be in camelCase; errs on the side of yes. A request of plain texts is not even looked at."""
    if request.tools or request.stream_options or request.response_format or request.web_search_options or request.tool_choice:
        return misspelt(body)
    for message in request.messages:
        if message.content.__class__ is not str or message.__class__ is Assistant:
            return misspelt(body)
    return False


def respelled(body: dict[str, Any]) -> dict[str, Any]:
    """The decoded body with the API's own names in snake_case."""
    body = _keys(body, TOP)
    _each(body, "stream_options", STREAM_OPTIONS)
    _each(body, "response_format", RESPONSE_FORMAT)
    _each(body, "web_search_options", WEB_SEARCH)
    _each(body, "tool_choice", TOOL_CHOICE)
    _each(body, "tools", TOOL)
    _each(body, "messages", MESSAGE)
    for message in _dicts(body.get("messages")):
        _each(message, "tool_calls", CALL)
        _each(message, "content", PART)
        for part in _dicts(message.get("content")):
            _each(part, "file", FILE)
    return body


def _keys(value: dict[str, Any], table: dict[str, str]) -> dict[str, Any]:
    if not any(key in table for key in value):
        return value
    plain = {key: item for key, item in value.items() if key not in table}
    for key, item in value.items():
        if key in table:
            plain.setdefault(table[key], item)
    return plain


def _each(holder: dict[str, Any], name: str, table: dict[str, str]) -> None:
    """Respell the object, or each object of the list, that `holder[name]` is."""
    value = holder.get(name)
    if isinstance(value, dict):
        holder[name] = _keys(value, table)
    elif isinstance(value, list):
        holder[name] = [_keys(item, table) if isinstance(item, dict) else item for item in value]


def _dicts(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
