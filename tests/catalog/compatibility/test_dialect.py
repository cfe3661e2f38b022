"""Pairs of schemas that are written in two dialects, and schemas that carry addresses of their own."""

from __future__ import annotations

import jsonschema
import pytest

from catalog import compare_schemas

DRAFT = {
    "4": "http://json-schema.org/draft-04/schema#",
    "6": "http://json-schema.org/draft-06/schema#",
    "7": "http://json-schema.org/draft-07/schema#",
    "2019": "https://json-schema.org/draft/2019-09/schema",
    "2020": "https://json-schema.org/draft/2020-12/schema",
}


def of(draft: str, schema: dict) -> dict:
    return {"$schema": DRAFT[draft], **schema}


#: what the same set of instances is called in two dialects
SAME = [
    (of("4", {"minimum": 1, "exclusiveMinimum": True}), of("2020", {"exclusiveMinimum": 1})),
    (of("7", {"items": [{"type": "string"}], "additionalItems": False}),
     of("2020", {"prefixItems": [{"type": "string"}], "items": False})),
    (of("7", {"dependencies": {"a": ["b"]}}), of("2019", {"dependentRequired": {"a": ["b"]}})),
    (of("7", {"dependencies": {"a": {"required": ["b"]}}}),
     of("2020", {"dependentSchemas": {"a": {"required": ["b"]}}})),
    (of("6", {"const": 1}), of("4", {"enum": [1]})),
    (of("7", {"definitions": {"a": {"type": "string"}}, "properties": {"x": {"$ref": "#/definitions/a"}}}),
     of("2020", {"$defs": {"a": {"type": "string"}}, "properties": {"x": {"$ref": "#/$defs/a"}}})),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), SAME)
def test_the_same_in_two_dialects_is_compatible_both_ways(old, new) -> None:
    assert compare_schemas(old, new, mode="full").verdict == "compatible"


#: (old, new, verdict of backward): keywords that one of the dialects does not know
DIFFERENT = [
    (of("4", {}), of("4", {"const": 1}), "compatible"),  # draft 4 has no const
    (of("4", {}), of("6", {"const": 1}), "incompatible"),
    (of("7", {}), of("7", {"dependentRequired": {"a": ["b"]}}), "compatible"),
    (of("7", {"$ref": "#/definitions/a", "maximum": 1, "definitions": {"a": True}}), of("2019", {"maximum": 1}),
     "incompatible"),  # siblings of $ref mean nothing in draft 7
    (of("6", {"type": "integer"}), of("4", {"type": "integer"}), "incompatible"),  # 1.0
    (of("4", {"type": "integer"}), of("6", {"type": "integer"}), "compatible"),
    (of("2019", {"items": [{"type": "string"}]}), of("2020", {"prefixItems": [{"type": "string"}]}), "compatible"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "verdict"), DIFFERENT)
def test_keywords_that_only_one_dialect_knows(old, new, verdict) -> None:
    found = compare_schemas(old, new)
    assert found.verdict == verdict
    for change in found.changes:
        if change.verdict == "incompatible":
            is_valid = [jsonschema.validators.validator_for(each)(each).is_valid(change.witness) for each in (old, new)]
            assert is_valid == [True, False]


NAMED = {
    "$id": "https://example.org/root.json",
    "$defs": {
        "money": {"$id": "money.json", "type": "string", "$defs": {"code": {"$anchor": "code", "maxLength": 3}}},
        "line": {"$anchor": "line", "type": "object", "required": ["a"]},
    },
    "properties": {
        "total": {"$ref": "money.json"},
        "currency": {"$ref": "https://example.org/money.json#code"},
        "line": {"$ref": "#line"},
    },
}
INLINE = {
    "properties": {
        "total": {"type": "string"},
        "currency": {"maxLength": 3},
        "line": {"type": "object", "required": ["a"]},
    }
}


def test_embedded_addresses_and_anchors_lead_where_they_say() -> None:
    assert compare_schemas(NAMED, INLINE, mode="full").verdict == "compatible"


@pytest.mark.parametrize(
    ("name", "wrong"), [("total", {"type": "integer"}), ("currency", {"maxLength": 2}), ("line", {"required": ["b"]})]
)
def test_a_change_behind_an_address_is_found(name, wrong) -> None:
    new = {"properties": {**INLINE["properties"], name: wrong}}
    found = compare_schemas(NAMED, new)
    assert found.verdict == "incompatible"
    (witness,) = {
        repr(change.witness): change.witness for change in found.changes if change.witness is not None
    }.values()
    assert jsonschema.Draft202012Validator(NAMED).is_valid(witness)
    assert not jsonschema.Draft202012Validator(new).is_valid(witness)


def test_an_address_that_leads_nowhere_is_never_fetched() -> None:
    old = {"$ref": "https://example.invalid/a.json"}
    assert compare_schemas(old, old).verdict == "compatible"
    assert compare_schemas(old, {"$ref": "https://example.invalid/b.json"}).verdict == "unknown"
