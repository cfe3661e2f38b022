"""Changes of schemas, in a request and in a response: what is told of each, and the witnesses of what breaks."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest

from catalog.compatibility.contract import compare_contracts
from tests.catalog.compatibility.contract.document import JSON, schemas

Told = set[tuple[str, str]]
MAJOR, MINOR, PATCH = "major", "minor", "patch"


def thing(required: tuple[str, ...] = (), more: Any = None, **properties: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        found["required"] = list(required)
    return found if more is None else {**found, "additionalProperties": more}


TEXT = {"type": "string"}
NUMBER = {"type": "integer"}


def text(**more: Any) -> dict[str, Any]:
    return {"type": "string", **more}


def cat(**more: Any) -> dict[str, Any]:
    return thing(("kind",), kind={"const": "cat"}, **more)


DOG = thing(("kind",), kind={"const": "dog"})
#: name, old, new, rule, weight in a request, weight in a response
ONE: list[tuple[str, Any, Any, str, str, str]] = [
    ("required property", thing(a=TEXT), thing(("b",), a=TEXT, b=TEXT), "property-required-added", MAJOR, MINOR),
    ("optional property", thing(a=TEXT), thing(a=TEXT, b=TEXT), "property-added", MINOR, MINOR),
    ("optional property gone", thing(a=TEXT, b=TEXT), thing(a=TEXT), "property-removed", MAJOR, MAJOR),
    ("required property gone", thing(("b",), a=TEXT, b=TEXT), thing(a=TEXT), "property-removed", MAJOR, MAJOR),
    ("property required", thing(a=TEXT), thing(("a",), a=TEXT), "property-became-required", MAJOR, MINOR),
    ("a name that no property has", thing(a=TEXT), thing(("z",), a=TEXT), "property-became-required", MAJOR, MINOR),
    ("closed map", thing(a=TEXT, more=TEXT), thing(a=TEXT, more=False), "object-closed", MAJOR, MINOR),
    ("value gone", text(enum=["a", "b"]), text(enum=["a"]), "enum-value-removed", MAJOR, MINOR),
    ("enumerated", TEXT, text(enum=["a"]), "enum-given", MAJOR, MINOR),
    ("type narrowed", {"type": "number"}, NUMBER, "type-narrowed", MAJOR, MINOR),
    ("type changed", NUMBER, TEXT, "type-changed", MAJOR, MAJOR),
    ("null refused", {"type": ["string", "null"]}, TEXT, "null-refused", MAJOR, MINOR),
    ("pattern", TEXT, text(pattern="^[a-z]+$"), "pattern-added", MAJOR, MINOR),
    ("other pattern", text(pattern="^[a-c]$"), text(pattern="^[c-e]$"), "pattern-changed", MAJOR, MAJOR),
    ("format", TEXT, text(format="date"), "format-added", MAJOR, MINOR),
    ("longest", text(maxLength=9), text(maxLength=5), "max-length-lowered", MAJOR, MINOR),
    ("longest given", TEXT, text(maxLength=5), "max-length-lowered", MAJOR, MINOR),
    ("shortest", text(minLength=1), text(minLength=2), "min-length-raised", MAJOR, MINOR),
    ("least", {"type": "number", "minimum": 1}, {"type": "number", "minimum": 2}, "minimum-raised", MAJOR, MINOR),
    ("least excluded", {"type": "number", "minimum": 1}, {"type": "number", "exclusiveMinimum": 1}, "minimum-raised",
     MAJOR, MINOR),
    ("greatest given", NUMBER, {"type": "integer", "maximum": 9}, "maximum-lowered", MAJOR, MINOR),
    ("multiple", {"type": "number"}, {"type": "number", "multipleOf": 5}, "multiple-given", MAJOR, MINOR),
    ("multiple of a multiple", {"type": "number", "multipleOf": 5}, {"type": "number", "multipleOf": 10},
     "multiple-changed", MAJOR, MINOR),
    ("items", {"type": "array", "items": text(maxLength=9)}, {"type": "array", "items": text(maxLength=5)},
     "max-length-lowered", MAJOR, MINOR),
    ("fewest items", {"type": "array"}, {"type": "array", "minItems": 1}, "min-items-raised", MAJOR, MINOR),
    ("unique", {"type": "array"}, {"type": "array", "uniqueItems": True}, "uniqueness-asked", MAJOR, MINOR),
    ("alternative gone", {"oneOf": [cat(), DOG]}, {"oneOf": [cat()]}, "branch-removed", MAJOR, MINOR),
    ("map of text", thing(more=text(maxLength=9)), thing(more=text(maxLength=5)), "max-length-lowered", MAJOR, MINOR),
    ("within allOf", {"allOf": [thing(a=text(maxLength=9))]}, {"allOf": [thing(a=text(maxLength=5))]},
     "max-length-lowered", MAJOR, MINOR),
]  # fmt: skip
#: narrowing rule -> the rule of the same case read backwards
BACK = {
    "property-required-added": "property-removed", "property-added": "property-removed",
    "property-removed": "property-added", "property-became-required": "property-became-optional",
    "object-closed": "object-opened", "enum-value-removed": "enum-value-added", "enum-given": "enum-dropped",
    "type-narrowed": "type-widened", "type-changed": "type-changed", "null-refused": "null-allowed",
    "pattern-added": "pattern-removed", "pattern-changed": "pattern-changed", "format-added": "format-removed",
    "max-length-lowered": "max-length-raised", "min-length-raised": "min-length-lowered",
    "minimum-raised": "minimum-lowered", "maximum-lowered": "maximum-raised", "multiple-given": "multiple-dropped",
    "multiple-changed": "multiple-changed", "min-items-raised": "min-items-lowered",
    "uniqueness-asked": "uniqueness-dropped", "branch-removed": "branch-added",
}  # fmt: skip
IDS = [case[0] for case in ONE]


def weights(old: Any, new: Any, policy: Any = "wire", version: str = "3.1.0", **components: Any) -> dict[str, Told]:
    """What is told of a schema in a request and in a response."""
    pair = [schemas(schema, schema, version, **components) for schema in (old, new)]
    found = compare_contracts(*pair, policy=policy)
    return {
        direction: {(each.rule, each.severity) for each in found.changes if each.direction == direction}
        for direction in ("request", "response")
    }


@pytest.mark.parametrize(("old", "new", "rule", "request_", "response"), [case[1:] for case in ONE], ids=IDS)
def test_what_is_told_of_a_change(old, new, rule, request_, response) -> None:
    """One rule, weighed by direction. In a closed object a new property is refused by who knows the old one."""
    found = weights(old, new)
    assert found == {"request": {(rule, request_)}, "response": {(rule, response)}}


@pytest.mark.parametrize(("old", "new", "rule", "request_", "response"), [case[1:] for case in ONE], ids=IDS)
def test_the_change_that_undoes_it_weighs_the_other_way_round(old, new, rule, request_, response) -> None:
    """What narrows for one side widens for the other; a property that goes is missed by both."""
    found = weights(new, old)
    back = {told[0] for side in found.values() for told in side}
    if rule == "property-removed":
        assert back <= {"property-added", "property-required-added"}
        return
    assert back == {BACK[rule]}
    if not rule.startswith("property-") or rule == "property-became-required":
        assert found == {"request": {(BACK[rule], response)}, "response": {(BACK[rule], request_)}}


@pytest.mark.parametrize(("old", "new", "rule", "request_", "response"), [case[1:] for case in ONE], ids=IDS)
def test_what_breaks_has_a_witness_or_says_that_it_is_undecided(old, new, rule, request_, response) -> None:
    """A witness is taken by who writes and refused by who reads, as the value at that place."""
    for before, after in ((old, new), (new, old)):
        found = compare_contracts(schemas(before, before), schemas(after, after))
        for change in found.changes:
            if change.severity != MAJOR or change.is_undecided:
                continue
            writer, reader = (before, after) if change.direction == "request" else (after, before)
            assert any(
                is_valid(writer, value) and not is_valid(reader, value)
                for value in (change.witness, [change.witness], {"a": change.witness}, {"x": change.witness})
            ), change


def is_valid(schema: Any, value: Any) -> bool:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(schema, format_checker=checker).is_valid(value)


def test_a_property_that_goes_from_an_open_object_is_undecided_and_from_a_closed_one_it_breaks() -> None:
    """Nobody can prove that no caller counts on it; where the object is closed there is a witness."""
    for more, is_undecided in ((None, True), (False, False)):
        pair = [schemas(thing(a=TEXT, b=TEXT, more=more), True), schemas(thing(a=TEXT, more=more), True)]
        found = compare_contracts(*pair)
        assert [(each.rule, each.severity, each.is_undecided) for each in found.changes] == [
            ("property-removed", MAJOR, is_undecided)
        ]
        assert found.verdict == ("unknown" if is_undecided else "incompatible")


ALONE: list[tuple[str, Any, Any, Told]] = [
    ("described", text(description="a"), text(description="b"), {("schema-described", PATCH)}),
    ("example", TEXT, text(examples=["a"]), {("schema-described", PATCH)}),
    ("default", TEXT, text(default="a"), {("default-changed", MINOR)}),
    ("deprecated", thing(a=TEXT), thing(a=text(deprecated=True)), {("property-deprecated", MINOR)}),
    ("const for an enumeration of one", {"const": "a"}, {"enum": ["a"]}, {("schema-rewritten", PATCH)}),
    ("order of what is required", thing(("a", "b")), thing(("b", "a")), set()),
    ("order of alternatives", {"oneOf": [cat(), DOG]}, {"oneOf": [DOG, cat()]}, set()),
    ("written out", {"allOf": [thing(a=TEXT), thing(b=TEXT)]}, thing(a=TEXT, b=TEXT), {("schema-rewritten", PATCH)}),
    ("null as a type", {"oneOf": [TEXT, {"type": "null"}]}, {"type": ["string", "null"]},
     {("schema-rewritten", PATCH)}),
    ("property of an alternative", {"oneOf": [cat(), DOG]}, {"oneOf": [cat(a=TEXT), DOG]},
     {("property-added", MINOR)}),
    ("discriminator", {"oneOf": [cat(), DOG], "discriminator": {"propertyName": "kind"}},
     {"oneOf": [cat(), DOG], "discriminator": {"propertyName": "sort"}}, {("discriminator-changed", MAJOR)}),
    ("discriminator gone", {"oneOf": [cat(), DOG], "discriminator": {"propertyName": "kind"}},
     {"oneOf": [cat(), DOG]}, {("discriminator-changed", MAJOR)}),
    ("mapping", {"oneOf": [cat(), DOG], "discriminator": {"propertyName": "kind", "mapping": {"c": "A"}}},
     {"oneOf": [cat(), DOG], "discriminator": {"propertyName": "kind", "mapping": {"c": "B"}}},
     {("mapping-changed", MAJOR)}),
    ("reference to elsewhere", {"$ref": "other.json#/A"}, {"$ref": "other.json#/B"}, {("reference-changed", MAJOR)}),
    ("text of text", text(contentEncoding="base64"), text(contentEncoding="base16"),
     {("encoding-of-text-changed", MAJOR)}),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), [case[1:] for case in ALONE], ids=[case[0] for case in ALONE])
def test_what_weighs_the_same_in_both_directions(old, new, expected) -> None:
    assert weights(old, new) == {"request": expected, "response": expected}


def test_values_of_an_extensible_enumeration_may_come() -> None:
    """Readers were told to expect others; what is sent still has to be one of them."""
    for flag in (True, ["a"]):
        old = text(**{"x-extensible-enum": flag}, **({"enum": ["a"]} if flag is True else {}))
        new = text(**{"x-extensible-enum": flag if flag is True else ["a", "b"]})
        new |= {"enum": ["a", "b"]} if flag is True else {}
        assert weights(old, new) == {
            "request": {("enum-value-added", MINOR)},
            "response": {("open-enum-changed", MINOR)},
        }
        assert weights(new, old)["request"] == {("enum-value-removed", MAJOR)}
        assert weights(new, old)["response"] == {("open-enum-changed", MINOR)}
    closed, opened = text(enum=["a"]), text(enum=["a"], **{"x-extensible-enum": True})
    assert weights(closed, opened) == {
        "request": {("schema-rewritten", PATCH)}, "response": {("enum-dropped", MAJOR)},
    }  # fmt: skip


def test_read_only_is_no_part_of_a_request_and_write_only_none_of_a_response() -> None:
    """A required property that only answers hold asks nothing of who sends, and the other way round."""
    old = thing(a=TEXT)
    for keyword, told in (("readOnly", "response"), ("writeOnly", "request")):
        new = thing(("b",), a=TEXT, b=text(**{keyword: True}))
        other = "request" if told == "response" else "response"
        found = weights(old, new)
        assert {rule for rule, _ in found[told]} == {"property-required-added"}
        assert MAJOR not in {weight for _, weight in found[other]}


def test_nullable_of_openapi_30() -> None:
    """`nullable` means something beside `type` only, and what stands beside `$ref` nothing."""
    found = weights(TEXT, text(nullable=True), version="3.0.3")
    assert found == {"request": {("null-allowed", MINOR)}, "response": {("null-allowed", MAJOR)}}
    ref = {"$ref": "#/components/schemas/A"}
    assert weights(ref, {**ref, "nullable": True}, version="3.0.3", A=TEXT) == {"request": set(), "response": set()}


def test_the_same_contract_in_30_and_31_differs_in_nothing() -> None:
    old = schemas(text(nullable=True), {"type": "number", "minimum": 1, "exclusiveMinimum": True}, "3.0.3")
    new = schemas({"type": ["string", "null"]}, {"type": "number", "exclusiveMinimum": 1}, "3.1.0")
    assert compare_contracts(old, new).bump == "none"


def test_strict_policy_counts_what_the_other_side_does_not_declare() -> None:
    """Sent under that name before, anything went."""
    assert weights(thing(a=TEXT), thing(a=TEXT, b=TEXT))["request"] == {("property-added", MINOR)}
    found = weights(thing(a=TEXT), thing(a=TEXT, b=TEXT), policy="strict")["request"]
    assert found == {("property-added", MINOR), ("schema-changed", MAJOR)}
    closed = (thing(a=TEXT), thing(a=TEXT, more=False))
    assert weights(*closed)["request"] == {("object-closed", MINOR)}
    assert weights(*closed, policy="strict")["request"] == {("object-closed", MAJOR)}


# ---- mistakes that other tools are known for


def test_an_enumeration_that_becomes_nullable_by_one_of_is_no_break_of_a_request() -> None:
    """oasdiff #1088."""
    nullable = {"oneOf": [text(enum=["a", "b"]), {"type": "null"}]}
    found = weights(text(enum=["a", "b"]), nullable)
    assert found == {"request": {("null-allowed", MINOR)}, "response": {("null-allowed", MAJOR)}}


def test_one_of_around_what_was_there_is_seen() -> None:
    """oasdiff #314, #610: a choice that is given or dropped."""
    found = weights(cat(), {"oneOf": [cat(), DOG]})
    assert {weight for _, weight in found["request"]} == {MINOR}
    assert MAJOR in {weight for _, weight in found["response"]}


def test_an_enumeration_within_a_deep_object_is_seen() -> None:
    """oasdiff #861."""

    def document(*values: str) -> Any:
        found = schemas(True, True)
        schema = thing(state=text(enum=list(values)))
        found["paths"]["/x"]["post"]["parameters"] = [
            {"name": "filter", "in": "query", "style": "deepObject", "explode": True, "schema": schema}
        ]
        return found

    found = compare_contracts(document("a", "b"), document("a"))
    assert [(each.rule, each.severity, each.location.rpartition("/schema")[2]) for each in found.changes] == [
        ("enum-value-removed", MAJOR, "/properties/state/enum")
    ]


def test_circles_end() -> None:
    """oasdiff #442: through properties, items, allOf, and in place."""
    ref = {"$ref": "#/components/schemas/A"}
    old = {
        "A": thing(next=ref, more={"type": "array", "items": ref}),
        "B": {"allOf": [{"$ref": "#/components/schemas/B"}]},
    }
    new = copy.deepcopy(old)
    new["A"]["properties"]["name"] = TEXT
    found = compare_contracts(schemas(ref, {"$ref": "#/components/schemas/B"}, **old), schemas(ref, ref, **new))
    assert ("property-added", MINOR) in {(each.rule, each.severity) for each in found.changes}
    two = {"A": thing(next={"$ref": "#/components/schemas/B"}), "B": thing(next=ref)}
    changed = {**two, "B": thing(("x",), next=ref, x=TEXT)}
    found = compare_contracts(schemas(ref, ref, **two), schemas(ref, ref, **changed))
    assert {(each.rule, each.direction, each.severity) for each in found.changes} == {
        ("property-required-added", "request", MAJOR), ("property-required-added", "response", MINOR),
    }  # fmt: skip


def test_both_ways_with_additional_properties() -> None:
    """Apicurio #4965: a map of text and a closed object hold nothing of each other but what both take."""
    found = weights(thing(a=TEXT, more=TEXT), thing(a=TEXT, more=False))
    assert MAJOR in {weight for _, weight in found["request"]}
    assert MAJOR not in {weight for _, weight in found["response"]}


def test_the_reason_is_told() -> None:
    """Apicurio #2135: which rule, where, and a value that shows it."""
    change = compare_contracts(schemas(thing(a=TEXT), True), schemas(thing(a=text(maxLength=2)), True)).changes[0]
    assert change.rule == "max-length-lowered" and len(change.witness) > 2
    assert change.location.endswith("/requestBody/content/application~1json/schema/properties/a/maxLength")
    assert JSON.replace("/", "~1") in change.location


def test_xml_names_count_where_the_media_type_is_xml() -> None:
    def document(name: str) -> Any:
        found = schemas(thing(a=text(xml={"name": name})), True)
        content = found["paths"]["/x"]["post"]["requestBody"]["content"]
        content["application/xml"] = copy.deepcopy(content[JSON])
        return found

    found = compare_contracts(document("a"), document("b"))
    assert {(each.rule, each.severity) for each in found.changes} == {
        ("xml-changed", MAJOR), ("schema-described", PATCH),
    }  # fmt: skip
