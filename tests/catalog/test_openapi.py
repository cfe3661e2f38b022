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
        ("a discriminator without oneOf or anyOf chooses nothing", "/components/schemas/Pet"),
        ("encoded content is not checked", "/components/schemas/Scan"),
    }


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        ("/openapi", "2.0", "/openapi"),
        ("/jsonSchemaDialect", "http://json-schema.org/draft-07/schema#", "/jsonSchemaDialect"),
        ("/paths", {}, "/paths"),
        ("/paths/~1files/get/operationId", ..., "/paths/~1files/get/operationId"),
        ("/paths/~1files/get/operationId", "orders.get", "/paths/~1files/get/operationId"),
        ("/paths/~1files/trace", {}, "/paths/~1files/trace"),
        ("/paths/~1files/get/responses", {}, "/paths/~1files/get/responses"),
        ("/paths/~1files/get/responses/999", {}, "/paths/~1files/get/responses/999"),
        ("/paths/~1files/get/responses/200/content", {"text/xml": {"schema": {"type": "object", "required": ["a"]}}},
         "/paths/~1files/get/responses/200/content/text~1xml/schema"),
        ("/paths/~1files/get/security", [{"none": []}], "/paths/~1files/get/security/0/none"),
        ("/paths/~1files/get/parameters", [{"name": "x", "in": "query", "style": "deepObject", "schema": {}}],
         "/paths/~1files/get/parameters/0/style"),
        ("/paths/~1files/get/parameters", [{"name": "x", "in": "query", "schema": {"type": "object"}}],
         "/paths/~1files/get/parameters/0/schema"),
        ("/paths/~1files/get/parameters",
         [{"name": "X-a", "in": "header", "schema": {}}, {"name": "x-A", "in": "header", "schema": {}}],
         "/paths/~1files/get/parameters/1"),
        ("/paths/~1files/get/parameters", [{"name": "x", "in": "query", "content": {}}],
         "/paths/~1files/get/parameters/0"),
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


def test_beside_json_other_media_types_are_left_out():
    """XML with a schema cannot be enforced: offered beside JSON it is not allowed, and that is told."""
    media = {"text/xml": {"schema": {"required": ["a"]}}, "application/json": {"schema": {"type": "object"}}}
    reading = read(changed("/paths/~1files/get/responses/200/content", media))
    assert reading.operations[2].response_schemas["200"] == {"application/json": {"type": "object"}}
    place = "/paths/~1files/get/responses/200/content/text~1xml/schema"
    assert ("text/xml is not allowed: a schema for it cannot be enforced", place) in {
        (note.message, note.pointer) for note in reading.notes
    }


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
