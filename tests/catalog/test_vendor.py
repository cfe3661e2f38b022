"""Large documents of vendors: read as a whole, compiled once, enforced to the depth of their circles."""

import json

import pytest
import yaml

from catalog.document import parse_document
from catalog.errors import Invalid
from catalog.note import grouped
from catalog.openapi import read_openapi
from catalog.schema import Validators
from catalog.vendor import merge
from tests.catalog import vendor_document

OBJECTS = 300
VERSIONS = ("2.0", "3.0.3", "3.1.0")


def overlay(*actions):
    return {"overlay": "1.0.0", "info": {"title": "t", "version": "1"}, "actions": list(actions)}


@pytest.fixture(scope="module", params=VERSIONS)
def large(request):
    """Validators, operations by name and notes of a document of megabytes, from its YAML."""
    source = vendor_document.document(request.param, OBJECTS)
    text = yaml.dump(source, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False).encode()
    assert len(text) > 2_000_000
    (document,), problems = parse_document(text, "openapi.yaml")
    assert (document, problems) == (source, [])
    validators = Validators()
    reading = read_openapi(merge(document, "openapi.yaml").document, {}, validators)
    return validators, {operation.id: operation for operation in reading.operations}, reading.notes


def test_all_operations_are_known_and_few_schemas_compiled(large):
    """Four operations an object; bodies that lean on the whole document are compiled together, once a direction."""
    validators, operations, notes = large
    assert len(operations) == 4 * OBJECTS
    assert validators.compilations < 10
    (named,) = grouped(notes)
    assert (named.message, named.count) == ("an operation has no operationId", OBJECTS)


def test_circles_and_trees_are_enforced(large):
    """What breaks a rule deep down the circle is told at its place; what does not passes."""
    validators, operations, _ = large
    handle = validators.handle(operations["createObject5"].request_schemas["application/json"])
    good = {"id": "1", "note": None, "code": "Object5-3", "next": {"id": "2", "next": {"id": "3", "code": "Object7-1"}}}
    assert validators.validate(handle, good) == ()
    bad = {"id": "1", "next": {"id": "2", "next": {"code": "Object5-1"}}, "amount": -1}
    found = {(violation.pointer, violation.rule) for violation in validators.validate(handle, bad)}
    assert found == {("/next/next/code", "enum"), ("/next/next/id", "required"), ("/amount", "minimum")}


def test_each_member_of_a_pool_is_its_own(large):
    """Two operations that share one compiled schema are held to different parts of it."""
    validators, operations, _ = large
    one, other = (operations[f"createObject{number}"].request_schemas["application/json"] for number in (5, 6))
    assert validators.handle(one).unit is validators.handle(other).unit
    assert validators.is_valid(validators.handle(one), {"id": "1", "code": "Object5-0"})
    assert not validators.is_valid(validators.handle(other), {"id": "1", "code": "Object5-0"})


def test_references_into_paths(large):
    """A schema that another operation declares is as good as a component."""
    validators, operations, _ = large
    handle = validators.handle(operations["listObject3"].response_schemas["200"]["application/json"])
    assert validators.is_valid(handle, [{"id": "1", "code": "Object0-1"}])
    assert not validators.is_valid(handle, [{"id": "1", "code": "Object3-1"}])


def test_a_pool_that_does_not_compile_is_refused_at_its_place():
    """The place is that of the component, once, not of the thousand operations that use it."""
    document = vendor_document.document("3.0.3", OBJECTS)
    document["components"]["schemas"]["Object9Head"]["allOf"][1]["properties"]["bad"] = {"pattern": "(?!x)"}
    with pytest.raises(Invalid) as caught:
        read_openapi(document, {}, Validators(), "openapi.json")
    places = {problem.pointer for problem in caught.value.problems}
    assert places == {"/components/schemas/Object9Head/allOf/1/properties/bad/pattern"}


SMALL = {
    "openapi": "3.0.3",
    "info": {"title": "t", "version": "1"},
    "paths": {
        "/a": {
            "get": {
                "responses": {
                    "200": {
                        "description": "d",
                        "content": {
                            "application/json": {
                                "schema": {"type": "string", "pattern": "(?=x)x"},
                                "example": 1,
                            },
                            "application/json; charset=utf-8": {"schema": {"type": "integer"}},
                        },
                    }
                }
            }
        }
    },
}


def test_what_a_vendor_got_wrong_is_noted_where_the_file_is_not_the_workspaces_own():
    """With an overlay a pattern that cannot run and a wrong example are notes; without one they are refused."""
    document = merge(SMALL, "openapi.yaml", overlay(), "overlay.yaml")
    (pattern,) = document.notes
    assert pattern.pointer.endswith("/schema/pattern")
    reading = read_openapi(document.document, {}, Validators(), "openapi.yaml", is_own=False)
    told = [group.message for group in grouped(reading.notes)]
    assert "application/json is declared more than once: either schema will do" in told
    with pytest.raises(Invalid) as caught:
        read_openapi(SMALL, {}, Validators())
    assert {problem.rule for problem in caught.value.problems} == {"schema"}


def test_media_types_that_differ_in_parameters_alone_become_one():
    """Nothing but the body tells them apart: either schema will do."""
    document = merge(SMALL, "openapi.yaml", overlay(), "overlay.yaml").document
    validators = Validators()
    (operation,) = read_openapi(document, {}, validators, is_own=False).operations
    handle = validators.handle(operation.response_schemas["200"]["application/json"])
    assert [validators.is_valid(handle, value) for value in ("x", 1, None)] == [True, True, False]


def test_what_leads_outside_is_refused_with_a_remedy():
    """No other file and no network is ever read."""
    document = json.loads(json.dumps(SMALL).replace('"type": "string"', '"$ref": "https://x.example/a.json"'))
    with pytest.raises(Invalid) as caught:
        read_openapi(document, {}, Validators())
    (problem,) = {problem.message: problem for problem in caught.value.problems}.values()
    assert "leads outside of the document" in problem.message
    assert "bundle" in problem.remedy
