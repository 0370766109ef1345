"""Names of a tool's parameters that Claude's API refuses, made legal on the way out; `emulate.Undo` gives the calls the caller's own back.

Odd here: one bad name costs the whole request ("tools.0.custom.input_schema.properties: Property keys should match pattern
'^[a-zA-Z0-9_.-]{1,64}$'"), and OpenAI takes any, so tools made from REST parameters (`filter[id]`, `$top`) or written in another
alphabet meet it. Only the names at the top of a schema are checked; what stands deeper goes as it is. A name that lost its letters
tells the model nothing, so the caller's own stands beside it as the parameter's `title`.

No page of the vendor's says it; its 400 does, also behind Bedrock's Converse:
https://github.com/ComposioHQ/composio/issues/3500,
https://github.com/aws-solutions-library-samples/accelerated-intelligent-document-processing-on-aws/issues/709
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from ..target import Notes
from .tools import wire_names

ALPHABET, LONGEST = "a-zA-Z0-9_.-", 64
_LEGAL = re.compile(f"[{ALPHABET}]{{1,{LONGEST}}}")
_OBJECT = msgspec.json.Decoder(dict[str, Raw])

Names = Mapping[str, str]
"""The caller's name of a parameter → its name on the wire; only those that differ."""


class _Top(Struct):
    properties: dict[str, Raw] = {}


_TOP = msgspec.json.Decoder(_Top)


def illegal(schema: Raw | dict[str, Any]) -> Names:
    """The names at the top of a schema that must not go as they are; empty where all may, or the schema is none that can be read."""
    if isinstance(schema, dict):
        listed = schema.get("properties")
        names = list(listed) if isinstance(listed, dict) else []
    else:
        try:
            names = list(_TOP.decode(schema).properties)
        except (msgspec.DecodeError, RecursionError):
            return {}
    if all(map(_LEGAL.fullmatch, names)):
        return {}
    return {name: wire for name, wire in wire_names(names, ALPHABET, LONGEST, first=ALPHABET).items() if wire != name}


def legal(schema: Raw | dict[str, Any], param: str, notes: Notes) -> Raw | dict[str, Any]:
    """The schema with legal names at its top; the same object where they are."""
    names = illegal(schema)
    if not names:
        return schema
    notes.emulated(f"{param}.properties", f"the vendor refuses the names {', '.join(map(repr, names))}; calls come back with them")
    top: dict[str, Any] = dict(schema) if isinstance(schema, dict) else dict(_OBJECT.decode(schema))
    for word, read in (("properties", _titled), ("required", _listed), ("dependentRequired", _dependent), ("dependentSchemas", rekeyed)):
        if word in top:
            top[word] = read(top[word] if isinstance(top[word], Raw) else Raw(msgspec.json.encode(top[word])), names)
    return top


def legal_for(tool: str, schema: Raw | dict[str, Any], param: str, renamed: dict[str, Names], notes: Notes) -> Raw | dict[str, Any]:
    """The same for the schema of the tool with that wire name; the names that changed are put into `renamed` under it."""
    if names := illegal(schema):
        renamed[tool] = names
        return legal(schema, param, notes)
    return schema


def rekeyed(value: Raw, names: Names) -> Raw:
    """The members of an object under their names on the wire: a call's arguments, or an example of them. What is no object stays."""
    try:
        members = _OBJECT.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value
    return Raw(msgspec.json.encode({names.get(name, name): inner for name, inner in members.items()}))


def _titled(value: Raw, names: Names) -> Raw:
    members = _OBJECT.decode(value)
    for name in names:
        try:
            inner = _OBJECT.decode(members[name])
        except msgspec.DecodeError:  # true: any value
            continue
        members[name] = Raw(msgspec.json.encode({"title": name, **inner}))
    return Raw(msgspec.json.encode({names.get(name, name): inner for name, inner in members.items()}))


def _listed(value: Raw, names: Names) -> Raw:
    listed = msgspec.json.decode(value)
    if not isinstance(listed, list):
        return value
    return Raw(msgspec.json.encode([names.get(name, name) if isinstance(name, str) else name for name in listed]))


def _dependent(value: Raw, names: Names) -> Raw:
    try:
        members = _OBJECT.decode(value)
    except msgspec.DecodeError:
        return value
    return rekeyed(Raw(msgspec.json.encode({name: _listed(inner, names) for name, inner in members.items()})), names)


def undone(names: Names) -> dict[str, str]:
    """`Encoded.properties` of one tool: wire name → the caller's."""
    return {wire: name for name, wire in names.items()}
