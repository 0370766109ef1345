"""camelCase in, snake_case on: the published Opik Python client writes the API's names in camelCase, also nested.

Odd here: only the API's own names may be changed, and only where the API puts them. A tool's schema, metadata keys and
call arguments are the caller's data and may well hold a `maxTokens` of their own, so this walks the known places and no others, and
everything between them stays the caller's bytes. Where both spellings are given, snake_case wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import Raw, Struct

from ...chat import KNOWN_FIELDS, ChatRequest, Developer, System, User


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


class Place(Struct, frozen=True):
    """A place in the body where the API's names stand: an object, or a list of such objects."""

    names: dict[str, str]
    """camelCase → snake_case"""
    inner: dict[str, Place] = {}
    """Member (in snake_case) → the place its value is."""


def _place(*names: str, **inner: Place) -> Place:
    return Place({camel(name): name for name in (*names, *inner) if "_" in name}, inner)


_PART = _place("image_url", "input_audio", "video_url", "cache_control", file=_place("file_id", "file_data"))
_MESSAGE = _place(
    "tool_call_id", "function_call", "reasoning_content", "reasoning_details", "provider_blocks", "cache_control", "is_error",
    content=_PART, tool_calls=_place("extra_content"), provider_places=_place("reasoning_details", "tool_calls"),
)  # fmt: skip
BODY = _place(
    *KNOWN_FIELDS, "custom_parameters", "extra_body",
    messages=_MESSAGE,
    tools=_place("cache_control"),
    tool_choice=_place("allowed_tools"),
    stream_options=_place("include_usage", "include_obfuscation"),
    response_format=_place("json_schema"),
    web_search_options=_place("search_context_size", "user_location"),
)  # fmt: skip
TOP = BODY.names


def _names(place: Place) -> Iterator[str]:
    for inner in place.inner.values():
        yield from inner.names
        yield from _names(inner)


def _pattern(names: Iterable[str]) -> re.Pattern[bytes]:
    return re.compile(b'"(?:' + b"|".join(sorted({name.encode() for name in names})) + b')"')


_SUSPECT = _pattern(_names(BODY))
_PLAIN = (System, Developer, User)


def misspelt(body: bytes) -> bool:
    """Whether a nested name of the API stands somewhere in camelCase."""
    return _SUSPECT.search(body) is not None


def suspicious(request: ChatRequest, body: bytes) -> bool:
    """Whether some nested name may be in camelCase; errs on the side of yes. A request of plain texts is not even looked at."""
    if request.tools or request.stream_options or request.response_format or request.web_search_options or request.tool_choice:
        return misspelt(body)
    for message in request.messages:
        if message.content.__class__ is not str or message.__class__ not in _PLAIN:
            return misspelt(body)
    return False


def respelled(wire: Mapping[str, Raw]) -> dict[str, Raw]:
    """The body's members with the API's own names in snake_case."""
    return _members(wire, BODY)


_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_LIST = msgspec.json.Decoder(list[Raw])
_encode = msgspec.json.encode


def _members(members: Mapping[str, Raw], place: Place) -> dict[str, Raw]:
    plain = {name: raw for name, raw in members.items() if name not in place.names}
    for name, raw in members.items():
        if name in place.names:
            plain.setdefault(place.names[name], raw)
    for name, inner in place.inner.items():
        if name in plain:
            plain[name] = _value(plain[name], inner)
    return plain


def _value(raw: Raw, place: Place) -> Raw:
    if bytes(memoryview(raw)[:1]) == b"[":
        return Raw(_encode([_object(item, place) for item in _LIST.decode(raw)]))
    return _object(raw, place)


def _object(raw: Raw, place: Place) -> Raw:
    return Raw(_encode(_members(_OBJECT.decode(raw), place))) if bytes(memoryview(raw)[:1]) == b"{" else raw
