"""`response_format`, by whichever of three ways this model has: the vendor's own, a forced tool, or an instruction and a check.

Odd here: the vendor's structured outputs take a smaller JSON schema than OpenAI's. Every object must be closed
(`additionalProperties: false`), nothing may recurse, and limits such as `minimum` are refused. Closing an object that was
left open loses nothing that was asked for; a limit is taken out and the answer checked against the caller's own schema; a
schema that cannot be closed (a map, a recursion) goes the way of the forced tool.

Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from msgspec import Raw, Struct

from ...chat import ChatRequest, JsonSchema
from ...errors import CallerError
from ...target import Notes
from ..tools import EMPTY_SCHEMA, Choice, wire_names
from .models import Facts

ALPHABET, LONGEST = "a-zA-Z0-9_-", 128
"""of a tool's name"""

JSON_OBJECT = "Answer with one JSON object and nothing else: no text around it, no code fence."
JSON_SCHEMA = "Answer with one JSON value that is valid against this JSON schema and nothing else: no text around it, no code fence.\n"

# Asked for, but not enforced by the vendor: taken out of the schema, checked on the answer.
LIMITS = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
     "maxItems", "uniqueItems", "minProperties", "maxProperties", "contains", "minContains", "maxContains"}
)  # fmt: skip
FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
# Words beside the schema, which bind nobody.
ANNOTATIONS = frozenset({"$schema", "$id", "$comment", "examples", "readOnly", "writeOnly", "deprecated"})
# Beyond it: no rewriting keeps the meaning.
BEYOND = frozenset({"patternProperties", "propertyNames", "if", "then", "else", "not", "dependentSchemas", "prefixItems"})


class Format(Struct, frozen=True):
    """How `response_format` is done. At most one of `output`, `tool` and `instruction` is filled."""

    output: dict[str, Any] | None = None
    """`output_config.format`"""
    tool: dict[str, Any] | None = None
    """the tool whose arguments are the answer"""
    instruction: str = ""
    check: str = ""
    schema: Raw = Raw(b"")


def plan(request: ChatRequest, facts: Facts, choice: Choice, free: bool, taken: Collection[str], notes: Notes) -> Format:
    """The way for this request.

    `free`: a tool may be forced (the model allows it, and does not think by budget). `taken`: the wire names of the other tools.
    """
    asked = request.response_format
    if asked is None or asked.type == "text":
        return Format()
    if asked.type == "json_object":
        notes.emulated("response_format", "the vendor has no JSON mode; the model is told to, and the answer is checked")
        return Format(instruction=JSON_OBJECT, check="json")
    if asked.type != "json_schema" or asked.json_schema is None:
        raise CallerError(
            f"response_format.type is {asked.type!r}; it may be text, json_object, or json_schema with a json_schema member",
            param="response_format",
        )
    schema = asked.json_schema.schema
    if not bytes(schema) or bytes(schema) == b"null":
        at = "response_format.json_schema.schema"
        raise CallerError(f"{at} is missing; put the JSON schema there", param=at)
    wire, lost = closed(schema) if facts.formats else (None, [])
    if wire is not None:
        checked = {"check": "schema", "schema": schema} if lost else {}
        if lost:
            notes.approximated("response_format", f"the vendor does not enforce {', '.join(lost)}; the answer is checked for it")
        return Format(output={"type": "json_schema", "schema": wire}, **checked)  # type: ignore[arg-type]
    if free and choice.mode in ("auto", "none") and _is_object(schema):
        notes.emulated("response_format", "done by a tool that the model must call; its arguments are the answer")
        return Format(tool=_tool(asked.json_schema, taken, notes if facts.claude else None), schema=schema, check="schema")
    notes.emulated("response_format", "the model is told to, and the answer is checked")
    return Format(instruction=JSON_SCHEMA + bytes(schema).decode(), check="schema", schema=schema)


class _Root(Struct):
    type: Any = None


def _is_object(schema: Raw) -> bool:
    """A tool's arguments are an object; a list or a text cannot be asked for in that way."""
    try:
        kind = msgspec.json.decode(schema, type=_Root).type
    except msgspec.DecodeError:
        return True  # no schema at all: for `object_schema` to say so
    return kind in (None, "object") or (isinstance(kind, list) and "object" in kind)


def _tool(asked: JsonSchema, taken: Collection[str], notes: Notes | None) -> dict[str, Any]:
    return {
        "name": wire_names([asked.name], ALPHABET, LONGEST, first=ALPHABET, taken=taken)[asked.name],
        "description": asked.description or "Give the answer by calling this tool. Its arguments are the whole answer.",
        "input_schema": object_schema(asked.schema, "response_format.json_schema.schema", notes),
    }


def object_schema(schema: Raw, param: str, notes: Notes | None = None) -> Raw | dict[str, Any]:
    """A tool's `input_schema`: the caller's own bytes, with `"type": "object"` put in where it is missing or wider ("Field required").

    `notes`: the model is a Claude, whose tools take "no oneOf, allOf, or anyOf at the top level", so the branches there are put together.
    """
    try:
        members = msgspec.json.decode(schema, type=dict[str, Raw])
    except msgspec.DecodeError:
        raise CallerError(f"{param} must be a JSON schema, an object", param=param) from None
    if not members:
        return EMPTY_SCHEMA
    if notes is not None and not COMPOSED.isdisjoint(members):
        try:
            whole = msgspec.json.decode(schema)
        except RecursionError:
            raise CallerError(f"{param} is nested too deeply", param=param) from None
        notes.approximated(param, "the vendor takes no anyOf, oneOf or allOf at the top; the branches were put together")
        return {"type": "object", **_together(whole, whole, ()), **({"$defs": whole["$defs"]} if "$defs" in whole else {})}
    kind = bytes(members.get("type", b"null"))
    wider = kind == b"null" or (kind[:1] == b"[" and b'"object"' in kind)
    return {"type": "object", **{name: value for name, value in members.items() if name != "type"}} if wider else schema


COMPOSED = frozenset({"anyOf", "oneOf", "allOf"})


def _together(node: Any, root: dict[str, Any], seen: tuple[str, ...]) -> dict[str, Any]:
    """An object schema without branches: every property that one of them has, and as required what all of them require."""
    if not isinstance(node, dict):
        return {}
    ref = node.get("$ref")
    if isinstance(ref, str):
        try:
            found = _found(root, ref) if ref.startswith("#/") and ref not in seen else {}
        except _Beyond:
            found = {}
        return _together(found, root, (*seen, ref))
    out = {name: value for name, value in node.items() if name not in COMPOSED and name not in ("type", "$defs")}
    properties, required = dict(_dict(node.get("properties"))), list(_list(node.get("required")))
    for word in sorted(COMPOSED & node.keys()):
        branches = [_together(branch, root, seen) for branch in _list(node[word])]
        for branch in branches:
            for name, value in branch["properties"].items() if "properties" in branch else ():
                held = properties.get(name, value)
                properties[name] = value if held == value else {"allOf" if word == "allOf" else "anyOf": [held, value]}
        wanted = [_list(branch.get("required")) for branch in branches]
        if word == "allOf":
            required += [name for names in wanted for name in names]
        elif wanted:
            required += [name for name in wanted[0] if all(name in names for names in wanted)]
        if branches and word != "allOf" and all(branch.get("additionalProperties") is False for branch in branches):
            out.setdefault("additionalProperties", False)
    out["properties"] = properties
    if required:
        out["required"] = list(dict.fromkeys(required))
    return out


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def closed(schema: Raw) -> tuple[dict[str, Any] | None, list[str]]:
    """(the schema as the vendor takes it, the keywords taken out of it); None where it cannot be made so."""
    try:
        decoded = msgspec.json.decode(schema)
        lost: set[str] = set()
        root = _closed(decoded, lost)
        if not isinstance(root, dict) or _recursive(root):
            return None, []
    except (_Beyond, RecursionError, msgspec.DecodeError):
        return None, []
    return root, sorted(lost)


class _Beyond(Exception):
    pass


_MAPS = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "allOf")


def _closed(node: Any, lost: set[str]) -> Any:
    if not isinstance(node, dict):
        if node is True:
            raise _Beyond  # any value at all
        return node
    if not BEYOND.isdisjoint(node) or not node:
        raise _Beyond
    out: dict[str, Any] = {}
    for key, value in node.items():
        if key in LIMITS or (key == "format" and value not in FORMATS) or (key == "minItems" and value not in (0, 1)):
            lost.add(key)
        elif key in _MAPS and isinstance(value, dict):
            out[key] = {name: _closed(inner, lost) for name, inner in value.items()}
        elif key in _LISTS and isinstance(value, list):
            out[key] = [_closed(inner, lost) for inner in value]
        elif key == "oneOf" and isinstance(value, list):
            lost.add(key)
            out["anyOf"] = [_closed(inner, lost) for inner in value]
        elif key == "items":
            out[key] = _closed(value, lost)
        elif key == "enum" and not all(value is None or isinstance(value, str | int | float) for value in value):
            raise _Beyond  # "complex types within enums"
        elif key != "additionalProperties" and key not in ANNOTATIONS:
            out[key] = value
    kind = node.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in node:
        if node.get("additionalProperties", False) is not False or not node.get("properties"):
            raise _Beyond  # a map: which names it has is for the model to say
        out["additionalProperties"] = False
    if "$ref" in node and not str(node["$ref"]).startswith("#/"):
        raise _Beyond
    return out


def _recursive(root: dict[str, Any]) -> bool:
    """Some `$ref` leads back to where it stands: "Recursive schemas" are not taken."""

    def leads_back(node: Any, seen: tuple[str, ...]) -> bool:
        if isinstance(node, list):
            return any(leads_back(item, seen) for item in node)
        if not isinstance(node, dict):
            return False
        ref = node.get("$ref")
        if isinstance(ref, str):
            return ref in seen or ref == "#" or leads_back(_found(root, ref), (*seen, ref))
        return any(leads_back(value, seen) for key, value in node.items() if key not in ("$defs", "definitions", "enum", "const"))

    return leads_back(root, ())


def _found(root: Any, ref: str) -> Any:
    for step in ref[2:].split("/"):
        root = root.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(root, dict) else None
    if root is None:
        raise _Beyond
    return root
