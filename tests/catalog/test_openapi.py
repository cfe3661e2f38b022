"""Reading OpenAPI documents: what becomes an operation, what is refused, what is named."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.document import parse_document
from catalog.errors import Invalid
from catalog.openapi import is_json, read_openapi
from catalog.pointer import parse
from catalog.schema import Validators

DOCUMENT = parse_document(
    b"""
openapi: 3.1.0
info: {title: T, version: 1.0.0}
security: [{key: []}, {oauth: [read]}]
paths:
  /orders/{id}:
    parameters:
      - {$ref: "#/components/parameters/id"}
      - {name: verbose, in: query, schema: {type: boolean}}
    get:
      operationId: orders.get
      summary: One order
      parameters:
        - {name: verbose, in: query, required: true, schema: {type: string}}
        - {name: Accept, in: header, schema: {type: string}}
      responses:
        "200": {$ref: "#/components/responses/order"}
        4xx: {description: No.}
    put:
      operationId: orders.put
      security: [{key: [write]}, {oauth: [write, admin]}]
      requestBody: {$ref: "#/components/requestBodies/order"}
      responses:
        "204": {description: Done.}
  /files:
    get:
      operationId: files.get
      security: []
      responses:
        "200": {description: A file., content: {application/pdf: {schema: {type: string, format: binary}}}}
components:
  parameters:
    id: {name: id, in: path, required: true, schema: {type: string, maxLength: 9}}
  requestBodies:
    order: {required: true, content: {"application/json; charset=utf-8": {schema: {type: object}, example: {a: 1}}}}
  responses:
    order:
      description: An order.
      headers: {ETag: {schema: {type: string}}}
      content: {application/json: {schema: {type: object, properties: {n: {type: integer, format: int32}}}}}
  securitySchemes:
    key: {type: apiKey, name: X-API-Key, in: header}
    oauth: {type: oauth2, flows: {}}
""",
    "openapi.yaml",
)[0][0]


def read(document):
    return read_openapi(document, {}, Validators(), "openapi.yaml")


def changed(path, value):
    """The document with `value` at a pointer; `...` removes it."""
    document = copy.deepcopy(DOCUMENT)
    *parents, name = parse(path)
    node = document
    for parent in parents:
        node = node[parent]
    last = int(name) if isinstance(node, list) else name
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return document


def test_operations():
    """Parameters of the path are inherited and overridden, references followed, statuses upper case."""
    get, put, files = read(DOCUMENT).operations
    assert (get.id, get.method, get.path, get.summary) == ("orders.get", "GET", "/orders/{id}", "One order")
    assert [(p.name, p.place, p.required, p.schema) for p in get.parameters] == [
        ("id", "path", True, {"type": "string", "maxLength": 9}),
        ("verbose", "query", True, {"type": "string"}),
    ]
    assert [(p.style, p.explode) for p in get.parameters] == [("simple", False), ("form", True)]
    assert sorted(get.response_schemas) == ["200", "4XX"]
    assert put.request_schemas == {"application/json": {"type": "object"}}
    assert put.request_required
    assert put.response_schemas == {"204": {}}
    assert files.response_schemas == {"200": {"application/pdf": True}}
    assert (get.is_safe, put.is_safe) == (True, False)


def test_scopes():
    """Alternatives of scopes; an alternative without scopes opens nothing; an operation's security replaces."""
    get, put, files = read(DOCUMENT).operations
    assert get.scopes == (("read",),)
    assert put.scopes == (("admin", "write"), ("write",))
    assert files.scopes == ()


def test_what_is_not_enforced_is_named():
    """Response headers, unknown formats, callbacks, webhooks and ignored parameters are told with their place."""
    document = changed("/webhooks", {"x": {}})
    document["paths"]["/files"]["get"]["callbacks"] = {"x": {}}
    document["paths"]["/files"]["servers"] = document["paths"]["/files"]["get"]["servers"] = [{"url": "/elsewhere"}]
    document["components"]["schemas"] = {
        "Pet": {"type": "object", "discriminator": {"propertyName": "kind"}},
        "Scan": {"type": "string", "contentEncoding": "base64"},
    }
    assert {(note.message, note.pointer) for note in read(document).notes} == {
        ("response header ETag is not checked", "/components/responses/order/headers/ETag"),
        ("format 'int32' is not checked", "/components/responses/order/content/application~1json/schema"),
        ("header parameter Accept is ignored, as OpenAPI says", "/paths/~1orders~1{id}/get/parameters/1"),
        ("webhooks are not governed", "/webhooks"),
        ("callbacks are not governed", "/paths/~1files/get/callbacks"),
        ("servers of its own are not followed: calls go to the bound system", "/paths/~1files/get/servers"),
        ("servers of its own are not followed: calls go to the bound system", "/paths/~1files/servers"),
        ("a discriminator without oneOf or anyOf chooses nothing", "/components/schemas/Pet"),
        ("encoded content is not checked", "/components/schemas/Scan"),
    }


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        ("/openapi", "2.0", "/openapi"),
        ("/jsonSchemaDialect", "http://json-schema.org/draft-07/schema#", "/jsonSchemaDialect"),
        ("/paths", {}, "/paths"),
        ("/paths/~1files/get/operationId", "orders.get", "/paths/~1files/get/operationId"),
        ("/paths/~1files/trace", {}, "/paths/~1files/trace"),
        ("/paths/~1files/get/responses", {}, "/paths/~1files/get/responses"),
        ("/paths/~1files/get/responses/999", {}, "/paths/~1files/get/responses/999"),
        ("/paths/~1files/get/security", [{"none": []}], "/paths/~1files/get/security/0/none"),
        ("/paths/~1files/get/parameters", [{"name": "x", "in": "query", "style": "simple", "schema": {}}],
         "/paths/~1files/get/parameters/0/style"),
        ("/paths/~1files/get/responses/200", {"$ref": "other.yaml#/x"}, "/paths/~1files/get/responses/200/$ref"),
        ("/paths/~1files/get/parameters",
         [{"name": "X-a", "in": "header", "schema": {}}, {"name": "x-A", "in": "header", "schema": {}}],
         "/paths/~1files/get/parameters/1"),
        ("/paths/~1files/get/parameters", [{"name": "x", "in": "path", "required": True, "schema": {}}],
         "/paths/~1files/get/parameters"),
        ("/paths/~1orders~1{id}/parameters/0", {"name": "id", "in": "path", "schema": {}},
         "/paths/~1orders~1{id}/parameters/0"),
        ("/components/requestBodies/order/content/application~1json; charset=utf-8/example", 5,
         "/components/requestBodies/order/content/application~1json; charset=utf-8/example"),
        ("/components/responses/order/content/application~1json/schema", {"pattern": "(?=a)"},
         "/components/responses/order/content/application~1json/schema/pattern"),
        ("/components/schemas", {"a b": {}}, "/components/schemas/a b"),
        ("/paths/~1files/get/x-waybill", {"delivery": "async"}, "/paths/~1files/get/x-waybill/delivery"),
        ("/paths/~1files/get/x-waybill", {"colour": "red"}, "/paths/~1files/get/x-waybill/colour"),
    ],
)  # fmt: skip
def test_refusals(path, value, pointer):
    """Each thing that could not be enforced is refused at its place, and at no other."""
    with pytest.raises(Invalid) as caught:
        read(changed(path, value))
    assert {problem.pointer for problem in caught.value.problems} == {pointer}


XML = {"text/xml": {"schema": {"required": ["a"]}}}
JSON_BODY = {"application/json": {"schema": {"type": "object"}}}


def notes_of(reading):
    return {(note.rule, note.message, note.pointer) for note in reading.notes}


def test_a_body_other_than_json_passes_by_its_media_type():
    """Its schema is not enforced, and that is told; nothing is refused for it."""
    forms = {
        "application/x-www-form-urlencoded": {"schema": {"type": "object", "required": ["a"]}},
        "multipart/form-data": {"schema": {"type": "object", "properties": {"f": {"type": "string"}}}},
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    }
    document = changed("/components/requestBodies/order/content", forms)
    document["paths"]["/files"]["get"]["responses"]["200"]["content"] = {**XML, **JSON_BODY}
    reading = read(document)
    assert reading.operations[1].request_schemas == dict.fromkeys(forms, True)
    assert reading.operations[2].response_schemas["200"] == {"application/json": {"type": "object"}, "text/xml": True}
    assert {pointer.rsplit("/content/")[-1] for _, _, pointer in notes_of(reading) if "/content/" in pointer} >= {
        "application~1x-www-form-urlencoded/schema", "multipart~1form-data/schema", "text~1xml/schema"
    }  # fmt: skip


def test_no_way_around_the_check_of_a_request():
    """A request that may come as JSON may not come as XML instead, which nobody would check; that is told."""
    reading = read(changed("/components/requestBodies/order/content", {**XML, **JSON_BODY}))
    assert reading.operations[1].request_schemas == {"application/json": {"type": "object"}}
    message = "text/xml is not allowed: beside JSON it would be a way around what is checked"
    place = "/components/requestBodies/order/content/text~1xml/schema"
    assert ("not-enforced", message, place) in notes_of(reading)


@pytest.mark.parametrize(
    ("parameter", "check"),
    [
        ({"in": "query", "style": "deepObject", "schema": {"type": "object"}}, "presence"),
        ({"in": "query", "style": "pipeDelimited", "schema": {"type": "array"}}, "presence"),
        ({"in": "query", "schema": {"type": "object"}}, "none"),
        ({"in": "query", "explode": False, "schema": {"type": "object"}}, "presence"),
        ({"in": "header", "schema": {"type": "object"}}, "presence"),
        ({"in": "query", "content": {"application/json": {"schema": {"type": "object"}}}}, "presence"),
        ({"in": "query"}, "presence"),
        ({"in": "query", "schema": {"type": "array", "items": {"type": "integer"}}}, "value"),
    ],
)
def test_parameters_that_cannot_be_checked_are_named(parameter, check):
    """Other styles, content and objects keep their place; only what is checked of them shrinks."""
    reading = read(changed("/paths/~1files/get/parameters", [{"name": "x", "required": True, **parameter}]))
    (found,) = reading.operations[2].parameters
    assert (found.check, found.required) == (check, True)
    assert (found.schema is True) == (check != "value")
    named = any(place == "/paths/~1files/get/parameters/0" for _, _, place in notes_of(reading))
    assert named == (check != "value")


def test_operations_without_a_name_get_one():
    """From the operationId's words, or method and path; unique, told, and the same whatever the order of paths."""
    answers = {"responses": {"200": {"description": "x"}}}
    id_ = [{"name": "id", "in": "path", "required": True, "schema": {}}]
    paths = {
        "/orders": {"post": answers, "get": {**answers, "operationId": "orders/list all"}},
        "/orders/{id}": {"get": {**answers, "parameters": id_}},
        "/orders/id": {"get": answers, "put": {**answers, "operationId": "post-orders"}},
        "/": {"get": answers},
    }
    expected = {
        ("POST", "/orders"): "post-orders-2",
        ("GET", "/orders"): "orders-list-all",
        ("GET", "/orders/{id}"): "get-orders-id-2",
        ("GET", "/orders/id"): "get-orders-id",
        ("PUT", "/orders/id"): "post-orders",
        ("GET", "/"): "get",
    }
    for chosen in (paths, dict(reversed(paths.items()))):
        reading = read({"openapi": "3.0.3", "paths": chosen})
        assert {(each.method, each.path): each.id for each in reading.operations} == expected
        assert len([rule for rule, _, _ in notes_of(reading) if rule == "operation-named"]) == 5


def test_references_in_a_circle():
    """A parameter that refers to itself ends in a problem."""
    with pytest.raises(Invalid) as caught:
        read(changed("/components/parameters/id/$ref", "#/components/parameters/id"))
    assert "references go round in circles" in {problem.message for problem in caught.value.problems}


def test_json_media_types():
    """JSON, its structured suffix, and ranges that include it."""
    names = ["application/json", "application/problem+json; charset=utf-8", "*/*", "application/*"]
    assert [is_json(name) for name in names] == [True] * 4
    assert [is_json(name) for name in ("text/xml", "application/jsonx", "image/*+xml")] == [False] * 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "3.1.0", "#/components", "#/x", "query", "a"]),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "$ref",
                        "get",
                        "post",
                        "parameters",
                        "schema",
                        "content",
                        "responses",
                        "200",
                        "in",
                        "name",
                        "required",
                    ),
                    *(
                        "requestBody",
                        "application/json",
                        "properties",
                        "x-waybill",
                        "operationId",
                        "security",
                        "examples",
                    ),
                ]
            ),
            children,
            max_size=4,
        )
    ),
    max_leaves=12,
)
POINTERS = [
    *("/openapi", "/info", "/security", "/paths", "/components", "/paths/~1files", "/paths/~1files/get"),
    *("/paths/~1files/get/responses", "/paths/~1files/get/x-waybill", "/paths/~1files/get/parameters"),
    *("/components/parameters/id", "/components/requestBodies/order", "/components/responses/order", "/paths/~1a"),
    *("/components/securitySchemes", "/components/responses/order/content/application~1json/schema"),
]


@given(st.sampled_from(POINTERS), JSON)
def test_never_crashes(pointer, value):
    """Whatever stands anywhere in a document, it is read or refused."""
    try:
        read(changed(pointer, value))
    except Invalid as error:
        assert error.problems
