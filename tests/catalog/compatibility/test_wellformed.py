"""What is no schema although its meta-schema takes it."""

from __future__ import annotations

import pytest

from catalog.compatibility import schema_problems

WRONG = [
    ({"pattern": "("}, "/pattern"),
    ({"properties": {"a/b": {"pattern": "a{2,1}"}}}, "/properties/a~1b/pattern"),
    ({"patternProperties": {"[": True}}, "/patternProperties/["),
    ({"allOf": [True, {"$ref": "#/$defs/x"}]}, "/allOf/1/$ref"),
    ({"$ref": "#name"}, "/$ref"),
    ({"$id": "https://a.example/b", "items": {"$ref": "/b#/$defs/x"}}, "/items/$ref"),
    ({"$defs": {"a": {"$anchor": "x"}, "b": {"$anchor": "x"}}, "items": {"$ref": "#x"}}, "/items/$ref"),
]
RIGHT = [
    {"pattern": r"\p{L}\cA"},  # ECMA-262's alone
    {"pattern": r"(?<year>\d+)-\k<year>"},
    {"pattern": "{"},  # Python's, and ECMA-262's without its flag u
    {"const": {"pattern": "(", "$ref": "#/nowhere"}},
    {"properties": {"pattern": {"type": "string"}, "$ref": {"type": "string"}}},
    {"$ref": "https://a.example/elsewhere#/$defs/x"},
    {"$schema": "https://a.example/dialect", "$ref": "#/nowhere"},
    {"$schema": "http://json-schema.org/draft-04/schema#", "id": "#x", "items": {"$ref": "#x"}},
    {"$defs": {"a": {"$id": "https://a.example/a", "$anchor": "x"}}, "$ref": "https://a.example/a#x"},
]


@pytest.mark.parametrize(("schema", "pointer"), WRONG)
def test_schema_is_refused(schema, pointer):
    (problem,) = schema_problems(schema)
    assert problem.pointer == pointer
    assert problem.remedy


@pytest.mark.parametrize("schema", RIGHT)
def test_schema_is_taken(schema):
    assert schema_problems(schema) == []
