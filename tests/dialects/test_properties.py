"""Parameters' names that Claude refuses go out under legal ones, all at once and told apart; a schema of legal names is not touched."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from trunkline.dialects.properties import illegal, legal, rekeyed, undone
from trunkline.target import Notes

PATTERN = re.compile(r"^[a-zA-Z0-9_.-]{1,64}$")
"""As the vendor's 400 says it."""
T = {"type": "string"}


def raw(value: Any) -> Raw:
    return Raw(json.dumps(value).encode())


def read(value: Any) -> Any:
    return {name: json.loads(bytes(inner)) if isinstance(inner, Raw) else inner for name, inner in value.items()}


def test_names_of_rest_parameters_and_of_other_alphabets_become_legal() -> None:
    schema = {
        "type": "object", "properties": {"filter[id]": T, "$top": {"type": "integer", "title": "How many"}, "этаж": T, "a.b-c": T},
        "required": ["filter[id]", "a.b-c"], "dependentRequired": {"$top": ["этаж"], "a.b-c": ["$top"]},
        "additionalProperties": False,
    }  # fmt: skip
    notes = Notes()
    made = read(legal(raw(schema), "tools[0].function.parameters", notes))
    assert made == {
        "type": "object", "properties": {
            "filter_id_": {**T, "title": "filter[id]"}, "_top": {"type": "integer", "title": "How many"}, "____": {**T, "title": "этаж"},
            "a.b-c": T,
        },
        "required": ["filter_id_", "a.b-c"], "dependentRequired": {"_top": ["____"], "a.b-c": ["_top"]},
        "additionalProperties": False,
    }  # fmt: skip
    assert [(note.kind, note.param) for note in notes.list] == [("emulated", "tools[0].function.parameters.properties")]
    assert "'$top'" in notes.list[0].why


def test_names_that_would_become_one_are_told_apart_and_a_legal_one_stays_itself() -> None:
    found = illegal(raw({"properties": {"a b": T, "a_b": T, "a$b": T, "é" * 70: T, "è" * 70: T, "": T}}))
    assert "a_b" not in found
    wire = [*found.values(), "a_b"]
    assert len(set(wire)) == len(wire) == 6
    assert all(map(PATTERN.match, wire))


@given(st.dictionaries(st.text(max_size=70), st.just(T), max_size=5))
def test_whatever_a_parameter_is_called_it_can_be_called_and_its_call_comes_back(properties: dict[str, Any]) -> None:
    schema = raw({"type": "object", "properties": properties, "required": list(properties)})
    names = illegal(schema)
    made = read(legal(schema, "p", Notes()) if names else json.loads(bytes(schema)))
    assert all(map(PATTERN.match, made["properties"]))
    assert made["required"] == list(made["properties"])
    assert len(made["properties"]) == len(properties)
    sent = rekeyed(raw({name: i for i, name in enumerate(properties)}), names)
    back = rekeyed(sent, undone(names))
    assert json.loads(bytes(back)) == {name: i for i, name in enumerate(properties)}


@pytest.mark.parametrize("schema", [
    {"type": "object", "properties": {"a": T}}, {"type": "object", "properties": {"a": {"type": "object", "properties": {"$deep": T}}}},
    {"type": "object"}, {"properties": None}, {"properties": ["$a"]}, [], "no schema",
])  # fmt: skip
def test_a_schema_of_legal_names_or_one_that_is_none_is_not_touched(schema: Any) -> None:
    given, notes = raw(schema), Notes()
    assert legal(given, "p", notes) is given
    assert notes.list == []


@pytest.mark.parametrize(
    "more", [{"required": True}, {"required": None}, {"required": [1]}, {"dependentRequired": []}, {"dependentRequired": {"$a": 1}}]
)
def test_an_odd_schema_keeps_its_oddities(more: dict[str, Any]) -> None:
    made = read(legal(raw({"properties": {"$a": True}, **more}), "p", Notes()))
    assert made["properties"] == {"_a": True}
    assert str(made[next(iter(more))]).replace("_a", "$a") == str(more[next(iter(more))])


def test_a_schema_that_was_put_together_is_read_as_well() -> None:
    made = read(legal({"type": "object", "properties": {"$a": {"type": "integer"}}, "required": ["$a"]}, "p", Notes()))
    assert made == {"type": "object", "properties": {"_a": {"title": "$a", "type": "integer"}}, "required": ["_a"]}
