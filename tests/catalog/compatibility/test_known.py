"""Mistakes that other checkers, or this one, have made."""

from __future__ import annotations

import pytest

from catalog import compare_schemas

TREE = {
    "$ref": "#/definitions/t",
    "definitions": {"t": {"type": "object", "properties": {"n": {"$ref": "#/definitions/t"}}}},
}
DEEPER = {
    "$ref": "#/definitions/t",
    "definitions": {
        "t": {"type": "object", "properties": {"n": {"$ref": "#/definitions/u"}}},
        "u": {"type": "object", "properties": {"n": {"$ref": "#/definitions/t"}}},
    },
}


@pytest.mark.parametrize(
    ("old", "new", "dialect", "verdict"),
    [
        # oneOf added or missed (oasdiff #314, #610)
        ({"type": "string"}, {"oneOf": [{"type": "string"}, {"type": "integer"}]}, None, "compatible"),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, {"type": "string"}, None, "incompatible"),
        ({"type": "integer"}, {"oneOf": [{"type": "integer"}, {"type": "number"}]}, None, "incompatible"),
        # an enum that becomes nullable by oneOf (oasdiff #1088)
        ({"enum": ["a", "b"]}, {"oneOf": [{"enum": ["a", "b"]}, {"type": "null"}]}, None, "compatible"),
        # cycles (oasdiff #442), the same one unrolled
        (TREE, DEEPER, "draft7", "compatible"),
        (DEEPER, TREE, "draft7", "compatible"),
        # closed objects (Apicurio #4965), order (Confluent #1620)
        ({"additionalProperties": False, "properties": {"a": {}}}, {"properties": {"a": {}}}, None, "compatible"),
        (
            {"required": ["a", "b"], "type": ["null", "object"]},
            {"type": ["object", "null"], "required": ["b", "a"]},
            None,
            "compatible",
        ),
        # required names that properties does not list (Confluent)
        ({"type": "object"}, {"type": "object", "required": ["a"]}, None, "incompatible"),
        # drafts: 1.0 is an integer from draft 6 on; siblings of $ref count from 2019-09 on; flags of draft 4
        ({"enum": [1]}, {"type": "integer"}, "draft4", "incompatible"),
        ({"enum": [1]}, {"type": "integer"}, "draft6", "compatible"),
        ({}, {"$ref": "#/definitions/a", "maximum": 1, "definitions": {"a": {}}}, "draft7", "compatible"),
        ({}, {"$ref": "#/definitions/a", "maximum": 1, "definitions": {"a": {}}}, "2019-09", "incompatible"),
        ({"minimum": 1}, {"minimum": 1, "exclusiveMinimum": True}, "draft4", "incompatible"),
        ({"type": "string"}, {"type": "string", "nullable": True}, "openapi-3.0", "compatible"),
        ({"type": "string", "nullable": True}, {"type": "string"}, "openapi-3.0", "incompatible"),
        # equality: 1 and 1.0 are equal, 1 and true are not
        ({"const": 1.0}, {"enum": [1]}, None, "compatible"),
        ({"const": True}, {"enum": [1]}, None, "incompatible"),
        # divisors in floating point: 0.3 is no multiple of 0.1 to jsonschema
        ({"multipleOf": 0.3}, {"multipleOf": 0.1}, None, "unknown"),
        # but it divides by one over a power of two exactly
        ({"multipleOf": 3}, {"multipleOf": 0.5}, None, "compatible"),
        ({"multipleOf": 0.5}, {"multipleOf": 0.125}, None, "compatible"),
        ({"multipleOf": 0.125}, {"multipleOf": 0.5}, None, "incompatible"),
        ({"type": "number", "multipleOf": 1.0}, {"type": "integer"}, None, "compatible"),
        ({"type": "number", "multipleOf": 1.0}, {"type": "integer"}, "draft4", "incompatible"),
        # a format that nobody checks does not make the empty text impossible
        ({"type": "string", "maxLength": 0, "format": "unheard-of"}, {"type": "object"}, None, "incompatible"),
        # patterns that are not plain are the same or unknown
        (
            {"pattern": "(?=a)b"},
            {"pattern": "(?=a)b", "type": ["string", "null", "number", "object", "array", "boolean"]},
            None,
            "compatible",
        ),
        # what nothing is valid under breaks nobody
        (False, {"type": "string"}, None, "compatible"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, False, None, "compatible"),
    ],
)
def test_known_mistakes(old, new, dialect, verdict) -> None:
    assert compare_schemas(old, new, dialect=dialect).verdict == verdict


def test_what_never_ends_is_bounded() -> None:
    """References in circles say nothing and take no time; a wide product of branches ends in steps, not hours."""
    circle = {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}
    assert compare_schemas(circle, {"type": "string"}).verdict == "unknown"
    wide = {"allOf": [{"anyOf": [{"required": [f"a{i}"]}, {"required": [f"b{i}"]}]} for i in range(24)]}
    assert compare_schemas(wide, {"not": {"required": ["zz"]}}).verdict != "compatible"


def test_references_that_lead_outside_are_never_fetched() -> None:
    """The same address means the same; another one is not known."""
    old = {"properties": {"a": {"$ref": "https://example.invalid/a.json"}}}
    new = {"properties": {"a": {"$ref": "https://example.invalid/b.json"}}}
    assert compare_schemas(old, {**old, "title": "x"}).verdict == "compatible"
    assert compare_schemas(old, new).verdict == "unknown"


def test_what_is_nested_too_deeply_is_unknown() -> None:
    old, new = {"type": "string"}, {"type": "string", "maxLength": 3}
    for _ in range(300):
        old, new = {"properties": {"a": old}}, {"properties": {"a": new}}
    assert compare_schemas(old, new).verdict == "unknown"
