"""JSON schemas of our own types, for the API's description.

Odd here: msgspec can write schemas itself, but not of these types: a default that is raw bytes has no JSON, and what a caller may send
(any JSON at all, where we hold `Raw`; a part of any type, where we hold `Opaque`) is wider than how we hold it.
"""

from __future__ import annotations

from typing import Any

import msgspec.inspect as inspect
from msgspec import NODEFAULT, Raw, Struct

from ..chat import Opaque

Schema = dict[str, Any]

ANY_PART: Schema = {
    "type": "object",
    "description": "A part of another type: carried as it is to a provider of the same format, named in x-trunkline-dropped elsewhere.",
    "properties": {"type": {"type": "string"}},
    "required": ["type"],
}
OURS = "trunkline:"
"""What begins so is how we hold a value, not how a caller writes it."""
REF = "#/components/schemas/"

TAGGED = {"role": "Message", "type": "Part"}
"""What a union of structs is called that are told apart by this member."""

_BOUNDS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
_SIZES = {"min_length": "min", "max_length": "max"}


class Schemas:
    """The schemas of the types asked for, and of all they refer to, by name.

    `means` has what fields mean (type's name → field → text), `names` what a type is called where its own name would say little.
    """

    def __init__(self, means: dict[str, dict[str, str]] | None = None, names: dict[str, str] | None = None) -> None:
        self.named: dict[str, Schema] = {}
        self.means = means or {}
        self.names = names or {}

    def of(self, kind: type[Struct]) -> Schema:
        """A reference to the schema of `kind`, which is among `named` from then on."""
        return self._of(inspect.type_info(kind))

    def _of(self, kind: inspect.Type) -> Schema:
        match kind:
            case inspect.Metadata(type=inner):
                return self._of(inner)
            case inspect.StructType(cls=cls):
                return ANY_PART if cls is Opaque else self._struct(kind)
            case inspect.UnionType(types=types):
                return self._union(types)
            case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
                return {"type": "array", "items": self._of(item), **sizes(kind, "Items")}
            case inspect.DictType(value_type=value):
                return {"type": "object", "additionalProperties": self._of(value)}
            case inspect.LiteralType(values=values):
                return {"enum": list(values)}
            case inspect.StrType():
                return {"type": "string", **sizes(kind, "Length")}
            case inspect.IntType():
                return {"type": "integer", **bounds(kind)}
            case inspect.FloatType():
                return {"type": "number", **bounds(kind)}
            case inspect.BoolType():
                return {"type": "boolean"}
            case inspect.NoneType():
                return {"type": "null"}
            case inspect.DateTimeType():
                return {"type": "string", "format": "date-time"}
            case _:  # Raw and Any: whatever JSON there is
                return {}

    def _struct(self, kind: inspect.StructType) -> Schema:
        name = self.names.get(kind.cls.__name__, kind.cls.__name__)
        if name not in self.named:
            schema = self.named[name] = {"type": "object"}  # there before its fields are read: one may lead back here
            means = self.means.get(name, {})
            properties: dict[str, Schema] = {}
            if kind.tag_field is not None:
                properties[kind.tag_field] = {"const": kind.tag}
            for field in kind.fields:
                if not (field.encode_name.startswith(OURS) or isinstance(field.type, inspect.NoneType)):
                    described = {"description": means[field.name]} if field.name in means else {}
                    properties[field.encode_name] = {**self._of(field.type), **default(field), **described}
            schema["properties"] = properties
            required = [kind.tag_field] if kind.tag_field is not None else []
            required += [field.encode_name for field in kind.fields if field.required]
            if required:
                schema["required"] = required
            if kind.forbid_unknown_fields:
                schema["additionalProperties"] = False
        return {"$ref": REF + name}

    def _union(self, types: tuple[inspect.Type, ...]) -> Schema:
        tagged = [kind for kind in types if isinstance(kind, inspect.StructType) and kind.tag_field in TAGGED]
        arms = [self._of(kind) for kind in types if kind not in tagged]
        if tagged:
            name = TAGGED[tagged[0].tag_field or ""]
            self.named[name] = {"anyOf": [self._of(kind) for kind in tagged]}
            arms.append({"$ref": REF + name})
        if len(arms) == 1:
            return arms[0]
        plain = [arm for arm in arms if arm.keys() == {"type"}]
        rest = [arm for arm in arms if arm.keys() != {"type"}]
        if not rest:
            return {"type": [arm["type"] for arm in plain]}
        if len(rest) == 1 and rest[0].keys() > {"type"} and isinstance(rest[0]["type"], str):  # bounds say nothing of other types
            return {**rest[0], "type": [rest[0]["type"], *(arm["type"] for arm in plain)]}
        return {"anyOf": [*rest, *plain]}


def default(field: inspect.Field) -> Schema:
    """The default where it says something: null is absent, and our empty raw bytes are no JSON."""
    value = field.default
    return {} if value is NODEFAULT or value is None or value == "" or isinstance(value, Raw | Struct) else {"default": value}


def bounds(kind: inspect.Type) -> Schema:
    return {word: bound for name, word in _BOUNDS.items() if (bound := getattr(kind, name)) is not None}


def sizes(kind: inspect.Type, of: str) -> Schema:
    return {word + of: bound for name, word in _SIZES.items() if (bound := getattr(kind, name)) is not None}
