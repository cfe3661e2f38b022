"""Verdicts, witnesses and changes, by the public functions."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from catalog import compare_schemas
from catalog.compatibility import RULES, Comparer

CLOSED = {"type": "object", "additionalProperties": False}

#: wide, narrow: what is valid under the second is valid under the first, and not the other way round
WIDENED = [
    ({"type": "number"}, {"type": "integer"}),
    ({"type": ["string", "null"]}, {"type": "string"}),
    ({"enum": [1, 2, 3]}, {"enum": [1, 2]}),
    ({"type": "string"}, {"const": "a"}),
    ({"minimum": 1}, {"minimum": 2}),
    ({"minimum": 1}, {"exclusiveMinimum": 1}),
    ({"maximum": 2}, {"maximum": 1}),
    ({"maximum": 1}, {"exclusiveMaximum": 1}),
    ({"multipleOf": 2}, {"multipleOf": 6}),
    ({"type": "integer"}, {"type": "integer", "multipleOf": 3}),
    ({"minLength": 1}, {"minLength": 2}),
    ({"maxLength": 2}, {"maxLength": 1}),
    ({"type": "string"}, {"type": "string", "pattern": "^a+$"}),
    ({"type": "string"}, {"type": "string", "format": "date"}),
    ({"minItems": 1}, {"minItems": 2}),
    ({"maxItems": 2}, {"maxItems": 1}),
    ({"type": "array"}, {"type": "array", "uniqueItems": True}),
    ({"items": {"type": "number"}}, {"items": {"type": "integer"}}),
    ({"prefixItems": [{"type": "number"}]}, {"prefixItems": [{"type": "integer"}]}),
    ({"prefixItems": [{}], "items": {"maximum": 2}}, {"prefixItems": [{}], "items": {"maximum": 1}}),
    ({"type": "array"}, {"type": "array", "contains": {"const": 1}}),
    ({"contains": {"const": 1}, "minContains": 1}, {"contains": {"const": 1}, "minContains": 2}),
    (
        {"contains": {"const": 1}, "minContains": 0, "maxContains": 2},
        {"contains": {"const": 1}, "minContains": 0, "maxContains": 1},
    ),
    ({"minProperties": 1}, {"minProperties": 2}),
    ({"maxProperties": 2}, {"maxProperties": 1}),
    ({"type": "object"}, {"type": "object", "required": ["a"]}),
    ({"properties": {"a": {"maximum": 2}}}, {"properties": {"a": {"maximum": 1}}}),
    ({**CLOSED, "properties": {"a": {}, "b": {}}}, {**CLOSED, "properties": {"a": {}}}),
    ({"type": "object"}, CLOSED),
    ({"additionalProperties": {"maximum": 2}}, {"additionalProperties": {"maximum": 1}}),
    ({"patternProperties": {"^a": {"maximum": 2}}}, {"patternProperties": {"^a": {"maximum": 1}}}),
    ({"type": "object"}, {"propertyNames": {"maxLength": 3}, "type": "object"}),
    ({"type": "object"}, {"type": "object", "dependentRequired": {"a": ["b"]}}),
    ({"type": "object"}, {"type": "object", "dependentSchemas": {"a": {"required": ["b"]}}}),
    ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, {"anyOf": [{"type": "string"}]}),
    ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, {"oneOf": [{"type": "string"}]}),
    ({"type": "string"}, {"type": "string", "not": {"const": "a"}}),
    ({}, {"allOf": [{"type": "string"}, {"maxLength": 3}]}),
    ({"if": {"type": "string"}, "then": {"maxLength": 3}}, {"if": {"type": "string"}, "then": {"maxLength": 2}}),
    (True, False),
    (True, {"type": "string"}),
]


def is_valid(schema, instance) -> bool:
    return Draft202012Validator(schema, format_checker=FormatChecker()).is_valid(instance)


@pytest.mark.parametrize(("wide", "narrow"), WIDENED, ids=str)
def test_widening_is_compatible_one_way_only(wide, narrow) -> None:
    """Backward from narrow to wide, forward from wide to narrow; the other ways have a witness."""
    assert compare_schemas(narrow, wide).verdict == "compatible"
    assert compare_schemas(wide, narrow, mode="forward").verdict == "compatible"
    for old, new, mode in ((wide, narrow, "backward"), (narrow, wide, "forward"), (narrow, wide, "full")):
        comparison = compare_schemas(old, new, mode=mode)
        assert comparison.verdict == "incompatible"
        refuting = [change for change in comparison.changes if change.verdict == "incompatible"]
        assert refuting
        for change in refuting:
            assert is_valid(wide, change.witness) and not is_valid(narrow, change.witness)


@pytest.mark.parametrize(("wide", "narrow"), WIDENED, ids=str)
def test_every_change_has_a_rule_and_a_mirror(wide, narrow) -> None:
    """What a change is called backwards is the mirror of what it is called forwards."""
    mirror = {rule.id: rule.mirror for rule in RULES}
    there = sorted(change.rule for change in compare_schemas(wide, narrow).changes)
    back = sorted(change.rule for change in compare_schemas(narrow, wide).changes)
    assert there and back == sorted(mirror[rule] for rule in there)


def test_rule_ids_are_unique_and_mirrored() -> None:
    by_id = {rule.id: rule for rule in RULES}
    assert len(by_id) == len(RULES)
    assert [rule.id for rule in RULES if by_id[rule.mirror].mirror != rule.id] == []
    assert [rule.id for rule in RULES if not (rule.title and rule.explanation)] == []


def test_parts_of_documents_are_compared_with_their_components() -> None:
    """Direction hides what is readOnly from a request; what is equal costs no proof."""
    old = {
        "openapi": "3.0.3",
        "components": {
            "schemas": {
                "Money": {"type": "string", "maxLength": 5},
                "Order": {
                    "type": "object",
                    "required": ["id", "total"],
                    "properties": {
                        "id": {"type": "string", "readOnly": True},
                        "total": {"$ref": "#/components/schemas/Money"},
                    },
                },
            }
        },
    }
    new = {
        "openapi": "3.0.3",
        "components": {
            "schemas": {
                "Money": {"type": "string", "maxLength": 5, "nullable": True},
                "Order": {
                    "type": "object",
                    "required": ["id", "total"],
                    "properties": {
                        "id": {"type": "integer", "readOnly": True},
                        "total": {"$ref": "#/components/schemas/Money"},
                    },
                },
            }
        },
    }
    comparer = Comparer(old, new, policy="wire")
    order = {"$ref": "#/components/schemas/Order"}
    assert comparer.compare(order, order, direction="request").verdict == "compatible"
    answer = comparer.compare(order, order, mode="forward", direction="response")
    assert answer.verdict == "incompatible"
    assert {(change.rule, change.pointer) for change in answer.changes if change.verdict == "incompatible"} == {
        ("type-changed", "/properties/id/type"),
        ("type-widened", "/properties/total/type"),
    }
