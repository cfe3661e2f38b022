"""Values made of schemas: valid by two validators, different from one another, the same for the same seed."""

from __future__ import annotations

import json
from random import Random

import jsonschema
import pytest

from catalog.compatibility.instance import instances
from catalog.schema import Validators

TREE = {"type": "object", "required": ["next"], "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}}
LEAF = {"type": "object", "required": ["kind"], "properties": {"kind": {"enum": ["a", "b"]}, "n": {"minimum": 3}}}
SCHEMAS = {
    "plain": {"type": "string", "minLength": 2, "pattern": "^[A-Z]+$"},
    "number": {"type": "integer", "minimum": 1, "maximum": 200},
    "format": {"type": "string", "format": "date-time"},
    "members": {"type": "object", "required": ["a"], "properties": {"a": LEAF, "b": LEAF, "c": {"type": "boolean"}}},
    "list": {"type": "array", "minItems": 1, "maxItems": 1, "items": {"$ref": "#/$defs/leaf"}, "$defs": {"leaf": LEAF}},
    "canonical": {
        "$ref": "canonical:leaf@1.0.0#/$defs/x",
        "$defs": {"l": {"$id": "canonical:leaf@1.0.0", "$defs": {"x": LEAF}}},
    },
    "recursive": TREE,
    "either": {"oneOf": [{"required": ["a"], "type": "object"}, {"type": "integer"}]},
    "all": {"allOf": [LEAF, {"properties": {"z": {"const": 1}}, "required": ["z"]}]},
    "anything": True,
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_values_are_valid_and_differ(name) -> None:
    schema, validators = SCHEMAS[name], Validators()
    made = list(instances(schema, 4, Random(5)))
    assert made and len({json.dumps(each, sort_keys=True) for each in made}) == len(made) <= 4
    assert all(validators.is_valid(validators.handle(schema), each) for each in made)
    if name != "canonical":
        assert all(jsonschema.Draft202012Validator(schema).is_valid(each) for each in made)
    assert made == list(instances(schema, 4, Random(5)))


def test_optional_members_and_listed_values_come_up() -> None:
    made = list(instances(SCHEMAS["members"], 12, Random(1)))
    assert any("b" in each for each in made) and any("b" not in each for each in made)
    assert {each["a"]["kind"] for each in made} == {"a", "b"}


def test_of_what_takes_nothing_there_is_none() -> None:
    for schema in (False, {"type": "string", "minLength": 3, "maxLength": 2}):
        assert list(instances(schema, 3, Random(0))) == []


def test_edges_of_numbers_and_texts_come_up() -> None:
    """The longest text, the shortest, letters beyond ASCII, a number far from all bounds."""
    members = {"item": {"type": "string", "maxLength": 40}, "quantity": {"type": "integer", "minimum": 1}}
    schema = {"type": "object", "required": ["item", "quantity"], "properties": members}
    made = list(instances(schema, 30, Random(0)))
    items, quantities = {each["item"] for each in made}, {each["quantity"] for each in made}
    assert len(made) >= 10 and {"", "a" * 40} <= items and not all(item.isascii() for item in items)
    assert 1 in quantities and max(quantities) > 1_000_000
