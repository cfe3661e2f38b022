"""Bundling: self-contained, lifted, projected, and leading nowhere else."""

import jsonschema
import pytest

from catalog.bundle import Bundler
from catalog.canonical import canonical_schema
from catalog.schema import Validators

MONEY = canonical_schema(
    "common",
    "1.0.0",
    {"$id": "canonical:common@1.0.0", "$defs": {"money": {"type": "object", "required": ["amount"]}}},
)
SUPPLIER = canonical_schema(
    "supplier",
    "1.0.0",
    {
        "$id": "canonical:supplier@1.0.0",
        "type": "object",
        "required": ["id", "name"],
        "properties": {
            "id": {"type": "string", "readOnly": True},
            "name": {"$ref": "#/$defs/name"},
            "pin": {"type": "string", "writeOnly": True},
            "owed": {"$ref": "canonical:common@1.0.0#/$defs/money"},
        },
        "$defs": {"name": {"type": "string", "title": "Name"}},
    },
)
CANONICALS = {schema.key: schema for schema in (MONEY, SUPPLIER)}


def bundle(schema, components=None, version="3.1.0", direction="response"):
    """The bundled schema and the messages of the problems."""
    problems = []
    document = {"openapi": version, "components": {"schemas": components or {}}}
    bundled = Bundler(document, CANONICALS, problems.append).bundle(schema, "/here", direction)
    return bundled, [(problem.pointer, problem.message) for problem in problems]


def accepts(schema, document):
    """The verdict, on which both implementations must agree."""
    validators = Validators()
    verdict = validators.is_valid(validators.handle(schema), document)
    assert verdict == jsonschema.Draft202012Validator(schema).is_valid(document)
    return verdict


def test_components_and_canonical_schemas_are_embedded():
    """What is used, directly or not, travels along; canonical schemas keep their $id and their own references."""
    bundled, problems = bundle(
        {"$ref": "#/components/schemas/List"},
        {
            "List": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
            "Item": {"$ref": "canonical:supplier@1.0.0"},
            "Unused": {"type": "null"},
        },
    )
    assert problems == []
    assert sorted(bundled["$defs"]) == ["Item", "List", "common@1.0.0", "supplier@1.0.0"]
    assert accepts(bundled, [{"id": "1", "name": "x", "owed": {"amount": "1"}}])
    assert not accepts(bundled, [{"id": "1", "name": 1}])
    assert not accepts(bundled, [{"id": "1", "name": "x", "owed": {}}])


def test_recursive_components_work():
    """A component that holds itself is bundled once."""
    bundled, problems = bundle(
        {"$ref": "#/components/schemas/Node"},
        {"Node": {"properties": {"next": {"$ref": "#/components/schemas/Node"}}, "additionalProperties": False}},
    )
    assert problems == []
    assert accepts(bundled, {"next": {"next": {}}})
    assert not accepts(bundled, {"next": {"nxt": {}}})


def test_pointers_into_components_work():
    """A reference may name a part of a component."""
    bundled, problems = bundle(
        {"$ref": "#/components/schemas/Order/properties/id"}, {"Order": {"properties": {"id": {"type": "string"}}}}
    )
    assert problems == []
    assert (accepts(bundled, "x"), accepts(bundled, 1)) == (True, False)


def test_request_need_not_hold_what_is_read_only():
    """`readOnly` members are not required of a request, `writeOnly` ones not of an answer."""
    schema = {"$ref": "canonical:supplier@1.0.0"}
    assert accepts(bundle(schema, direction="request")[0], {"name": "x"})
    assert not accepts(bundle(schema, direction="response")[0], {"name": "x"})
    components = {"Id": {"type": "string", "writeOnly": True}}
    schema = {"required": ["id"], "properties": {"id": {"$ref": "#/components/schemas/Id"}}}
    assert accepts(bundle(schema, components, direction="response")[0], {})
    assert not accepts(bundle(schema, components, direction="request")[0], {})


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "string", "nullable": True}, [None, "x"], [1]),
        ({"type": "string", "nullable": True, "enum": ["a"]}, ["a"], [None, "b"]),
        ({"type": "number", "minimum": 1, "exclusiveMinimum": True}, [2], [1, 0]),
        ({"type": "number", "maximum": 1, "exclusiveMaximum": False}, [1], [2]),
        ({"$ref": "#/components/schemas/Text", "maxLength": 1}, ["long"], [1]),
    ],
)
def test_openapi_30_is_lifted(schema, good, bad):
    """`nullable` beside type, boolean exclusive bounds, and siblings of $ref, which 3.0 ignores."""
    bundled, problems = bundle(schema, {"Text": {"type": "string"}}, "3.0.3")
    assert problems == []
    assert [accepts(bundled, value) for value in good + bad] == [True] * len(good) + [False] * len(bad)


def test_openapi_31_keeps_siblings():
    """In 3.1 a schema beside $ref counts."""
    bundled, _ = bundle({"$ref": "#/components/schemas/Text", "maxLength": 1}, {"Text": {"type": "string"}})
    assert (accepts(bundled, "x"), accepts(bundled, "long")) == (True, False)


def test_annotations_are_dropped_and_data_is_not():
    """Titles and examples go; a property that is called title stays."""
    bundled, _ = bundle({"title": "T", "x-y": 1, "properties": {"title": {"type": "string"}}, "enum": [{"title": 1}]})
    assert bundled == {"properties": {"title": {"type": "string"}}, "enum": [{"title": 1}]}


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"$ref": "http://127.0.0.1/x"}, "/here/$ref"),
        ({"$ref": "other.yaml#/x"}, "/here/$ref"),
        ({"$ref": "#/components/schemas/None"}, "/here/$ref"),
        ({"items": {"$ref": "canonical:supplier@9.0.0"}}, "/here/items/$ref"),
        ({"items": {"$ref": "canonical:supplier@1.0.0#/$defs/none"}}, "/here/items/$ref"),
        ({"allOf": [{"$id": "x"}]}, "/here/allOf/0/$id"),
        ({"$dynamicRef": "#x"}, "/here/$dynamicRef"),
        ({"$ref": "#/components/schemas/Loop"}, "/here"),
    ],
)
def test_refusals(schema, pointer):
    """References outside, what does not exist, what changes the base of references, and empty circles."""
    _, problems = bundle(schema, {"Loop": {"allOf": [{"$ref": "#/components/schemas/Loop"}]}})
    assert [place for place, _ in problems] == [pointer]
