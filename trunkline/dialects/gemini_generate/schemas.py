"""A JSON schema as Google's OpenAPI subset, for the models that read nothing else.

Odd here: the subset has no references, no `const`, no list of types and no `additionalProperties`, and a key it does not know is a
400. What has a like is rewritten, the rest is left out and named.

Source: https://ai.google.dev/api/caching#Schema
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from ...target import Notes

Json = dict[str, Any]

_KEPT = frozenset(
    [
        "type",
        "format",
        "title",
        "description",
        "nullable",
        "enum",
        "maxItems",
        "minItems",
        "properties",
        "required",
        "minProperties",
        "maxProperties",
        "minLength",
        "maxLength",
        "pattern",
        "example",
        "anyOf",
        "propertyOrdering",
        "default",
        "items",
        "minimum",
        "maximum",
    ]
)
_SILENT = frozenset({"$schema", "$id", "$comment", "$defs", "definitions", "$anchor"})
"""Say nothing about the values once references are inlined."""
_FORMATS = frozenset({"enum", "date-time", "float", "double", "int32", "int64"})
_DEEPEST = 40


def is_bare_object(schema: Raw) -> bool:
    """Whether the schema describes an object without any property: then the vendor wants no parameters at all."""
    raw = bytes(schema)
    if raw in (b"", b"null", b"{}"):
        return True
    if len(raw) > 200:
        return False
    decoded = msgspec.json.decode(raw)
    if not isinstance(decoded, dict) or decoded.get("type") not in (None, "object") or decoded.get("properties"):
        return False
    return not (decoded.keys() - {"type", "properties", "required", "additionalProperties", "$schema", "title", "description"})


def cleaned(schema: Raw, param: str, notes: Notes) -> Raw:
    """The schema in the subset. What was left out is one note on `param`."""
    root = msgspec.json.decode(schema)
    lost: set[str] = set()
    clean = _Cleaner(root if isinstance(root, dict) else {}, lost).node(root, ())
    if lost:
        notes.approximated(param, f"this model's schemas have no {', '.join(sorted(lost))}")
    return Raw(msgspec.json.encode(clean))


class _Cleaner:
    """Walks one schema. `seen` is the chain of references being inlined, so that a recursive one ends."""

    def __init__(self, root: Json, lost: set[str]) -> None:
        self.root = root
        self.lost = lost

    def node(self, schema: Any, seen: tuple[str, ...]) -> Json:
        if not isinstance(schema, dict):  # `true` takes anything
            return {}
        if len(seen) > _DEEPEST:
            self.lost.add("nesting that deep")
            return {}
        if isinstance(reference := schema.get("$ref"), str):
            if reference in seen:
                self.lost.add("recursion")
                return {"type": "object"}
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            return self.node(self._resolve(reference) | beside, (*seen, reference))
        out: Json = {}
        for key, value in schema.items():
            self._member(key, value, out, seen)
        if "properties" in out:
            out.setdefault("propertyOrdering", list(out["properties"]))
        return out

    def _member(self, key: str, value: Any, out: Json, seen: tuple[str, ...]) -> None:
        match key, value:
            case "type", list():
                self._types(value, out)
            case "properties", dict():
                if value:
                    out["properties"] = {name: self.node(inner, seen) for name, inner in value.items()}
            case "items", dict():
                out["items"] = self.node(value, seen)
            case (("anyOf" | "oneOf"), list()):
                self._choices(key, value, out, seen)
            case "allOf", list():
                if len(value) > 1:
                    self.lost.add("allOf")
                for inner in value[:1]:
                    out.update(self.node(inner, seen))
            case "const", str():
                out |= {"type": "string", "enum": [value]}
            case "enum", list():
                if all(isinstance(item, str) for item in value):
                    out["enum"] = value
                else:
                    self.lost.add("enum of other than strings")
            case "format", str() if value not in _FORMATS:
                self.lost.add(f"format {value}")
            case _ if key in _KEPT:
                out[key] = value
            case _ if key not in _SILENT:
                self.lost.add(key)

    def _types(self, types: list[Any], out: Json) -> None:
        named = [name for name in types if name != "null"]
        if "null" in types:
            out["nullable"] = True
        if len(named) == 1:
            out["type"] = named[0]
        elif named:
            out["anyOf"] = [{"type": name} for name in named]

    def _choices(self, key: str, choices: list[Any], out: Json, seen: tuple[str, ...]) -> None:
        if key == "oneOf":
            self.lost.add("oneOf")
        some = [choice for choice in choices if not (isinstance(choice, dict) and choice.get("type") == "null")]
        if len(some) < len(choices):
            out["nullable"] = True
        if len(some) == 1:
            out.update(self.node(some[0], seen))
        elif some:
            out["anyOf"] = [self.node(choice, seen) for choice in some]

    def _resolve(self, reference: str) -> Json:
        """A local reference (`#/$defs/name`); {} where it leads nowhere."""
        found: Any = self.root
        for step in reference.removeprefix("#").split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, dict):
            return found
        self.lost.add(f"reference {reference}")
        return {}
