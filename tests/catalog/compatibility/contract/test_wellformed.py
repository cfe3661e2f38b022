"""Documents that cannot be read are refused, and what hangs on names or dialects is never called compatible."""

from __future__ import annotations

import jsonschema
import pytest

from catalog.compatibility.contract import compare_contracts
from catalog.compatibility.contract.wellformed import Frame, schema_flaws

DRAFT_07 = "http://json-schema.org/draft-07/schema#"


def document(operation=None, version="3.1.0", **more):
    post = {"responses": {"200": {"description": "Done."}}, **(operation or {})}
    return {"openapi": version, "info": {"title": "T", "version": "1.0.0"}, "paths": {"/o": {"post": post}}, **more}


def body(schema, media="application/json"):
    return {"requestBody": {"content": {media: {"schema": schema}}}}


def answer(schema, media="application/json"):
    return {"responses": {"200": {"description": "Done.", "content": {media: {"schema": schema}}}}}


FRAMES = [
    (document(paths=[]), "/paths"),
    (document(paths={"/o": None}), "/paths/~1o"),
    (document(paths={"o": {}}), "/paths/o"),
    (document(paths={"/o": {"post": None}}), "/paths/~1o/post"),
    (document({"parameters": "x"}), "/paths/~1o/post/parameters"),
    (document({"responses": None}), "/paths/~1o/post/responses"),
    (document(body(None)), "/paths/~1o/post/requestBody/content/application~1json/schema"),
    (document(paths={"/o": {"$ref": "#/paths/~1o"}}), "/paths/~1o"),
    (document({"requestBody": {"$ref": "./body.yaml"}}), "/paths/~1o/post/requestBody"),
    (document({"parameters": [{"$ref": "#/components/parameters/none"}]}), "/paths/~1o/post/parameters/0"),
    (document(components={"responses": {"a": {"headers": {"X": 1}}}}), "/components/responses/a/headers/X"),
]


@pytest.mark.parametrize(("wrong", "pointer"), FRAMES)
def test_what_would_be_read_as_absent_is_undecided(wrong, pointer) -> None:
    """And told as a flaw, which the command line refuses. The same on both sides is known by its text."""
    assert [flaw.pointer for flaw in Frame(wrong).flaws] == [pointer]
    for sides in ((document(), wrong), (wrong, document())):
        found = compare_contracts(*sides)
        told = [change.location for change in found.changes if change.rule == "part-undecided"]
        assert found.verdict != "compatible" and told == [pointer]
    assert compare_contracts(wrong, {**wrong, "info": {"title": "Another", "version": "1.0.1"}}).bump == "patch"


def test_unusual_documents_are_read() -> None:
    """References with neighbours, extensions among paths, Boolean schemas, no paths at all in 3.1, YAML's statuses."""
    parts = {"parameters": {"p": {"name": "p", "in": "query", "schema": True}}, "pathItems": {"i": {"get": {}}}}
    usual = document(
        {"parameters": [{"$ref": "#/components/parameters/p", "description": "said"}]},
        components=parts,
        webhooks={"w": {"$ref": "#/components/pathItems/i"}},
    )
    usual["paths"]["x-more"] = 3
    assert Frame(usual).flaws == [] and list(schema_flaws(usual)) == []
    assert Frame({"openapi": "3.1.0", "info": {}}).flaws == []
    assert Frame({"openapi": "3.0.3", "info": {}}).flaws[0].pointer == "/paths"


UNREADABLE = [
    ({"type": "strnig"}, "3.1.0", "/type"),
    ({"type": "strnig"}, "3.0.3", "/type"),
    ({"pattern": "(["}, "3.1.0", "/pattern"),
    ({"properties": {"a": {"maxLength": "5"}}}, "3.1.0", "/properties/a/maxLength"),
    ({"required": "a"}, "3.0.3", "/required"),
    ({"items": [{}]}, "3.1.0", "/items"),
    ({"exclusiveMinimum": True}, "3.1.0", "/exclusiveMinimum"),
    ({"allOf": [{"$ref": "#/components/schemas/None"}]}, "3.0.3", "/allOf/0/$ref"),
]


@pytest.mark.parametrize(("schema", "version", "pointer"), UNREADABLE)
def test_schemas_that_nobody_can_read_are_found(schema, version, pointer) -> None:
    (flaw,) = schema_flaws(document(body(schema), version))
    assert flaw.pointer == "/paths/~1o/post/requestBody/content/application~1json/schema" + pointer


@pytest.mark.parametrize("schema", [{"exclusiveMinimum": True}, {"required": []}, {"enum": [1, 1]}, {"nullable": True}])
def test_what_openapi_30_takes_and_what_is_harmless_is_none(schema) -> None:
    assert list(schema_flaws(document(body(schema), "3.0.3"))) == []


NAMED = {
    "dynamic": lambda of: {"$dynamicRef": "#x", "$defs": {"a": {"$dynamicAnchor": "x", "type": of}}},
    "anchor": lambda of: {"$ref": "#x", "$defs": {"a": {"$anchor": "x", "type": of}}},
    "id": lambda of: {"$ref": "http://e.example/x", "$defs": {"a": {"$id": "http://e.example/x", "type": of}}},
    "within": lambda of: {"properties": {"a": {"$ref": "#x", "$defs": {"a": {"$anchor": "x", "type": of}}}}},
    "draft": lambda of: {"$schema": DRAFT_07, "items": [{}], "additionalItems": {"type": of}},
}


@pytest.mark.parametrize("place", [body, answer])
@pytest.mark.parametrize("name", NAMED)
def test_what_hangs_on_names_is_undecided(name, place) -> None:
    sides = [document(place(NAMED[name](of))) for of in ("string", "number")]
    found = compare_contracts(*sides)
    assert found.verdict == "unknown" and "schema-undecided" in {change.rule for change in found.changes}
    assert compare_contracts(sides[0], sides[0]).verdict == "compatible"


@pytest.mark.parametrize("ref", ["$ref", "$dynamicRef"])
def test_a_name_may_stand_anywhere_in_the_document(ref) -> None:
    sides = [
        document(body({ref: "#x"}), components={"schemas": {"A": {"$anchor": "x", "$dynamicAnchor": "x", "type": of}}})
        for of in ("string", "number")
    ]
    assert compare_contracts(*sides).verdict == "unknown"


def test_another_dialect_is_undecided() -> None:
    plain = document(body({"dependencies": {"a": ["b"]}}))
    assert compare_contracts({**plain, "jsonSchemaDialect": DRAFT_07}, plain).verdict == "unknown"


@pytest.mark.parametrize(("place", "rule"), [(body, "body-media-type-added"), (answer, "answer-media-type-added")])
def test_a_range_that_takes_in_what_was_there_is_told(place, rule) -> None:
    sides = [document(place({"type": "string"}, media)) for media in ("application/json", "*/*")]
    found = compare_contracts(*sides)
    assert (found.bump, [change.rule for change in found.changes]) == ("minor", [rule])


def test_a_witness_is_one_for_schemas_as_they_are() -> None:
    """What shows that a member became required holds the members that were required before, as they must be."""
    members = {"item": {"type": "string"}, "count": {"type": "integer"}, "note": {"type": "string"}}
    old, new = (
        {"type": "object", "properties": members, "required": required}
        for required in (["item", "count"], ["item", "count", "note"])
    )
    (change,) = compare_contracts(document(body(old)), document(body(new))).changes
    before, after = (jsonschema.Draft202012Validator(each).is_valid(change.witness) for each in (old, new))
    assert (change.rule, before, after) == ("property-became-required", True, False)
