"""OpenAPI 2.0: what the lifted document makes of calls is what the 2.0 document says of them."""

import pytest

from catalog.errors import Invalid
from catalog.openapi import read_openapi
from catalog.schema import Validators
from catalog.swagger import lift, source_place

SHOP = {
    "swagger": "2.0",
    "info": {"title": "Shop", "version": "1"},
    "host": "shop.example",
    "basePath": "/v2",
    "consumes": ["application/json"],
    "produces": ["application/json"],
    "securityDefinitions": {
        "oauth": {"type": "oauth2", "flow": "accessCode", "authorizationUrl": "https://a", "tokenUrl": "https://t",
                  "scopes": {"orders:write": "w"}},
        "basic": {"type": "basic"},
    },
    "parameters": {
        "Page": {"name": "page", "in": "query", "type": "integer", "minimum": 1},
        "OrderBody": {"name": "body", "in": "body", "required": True, "schema": {"$ref": "#/definitions/Order"}},
    },
    "responses": {"Refused": {"description": "no", "schema": {"$ref": "#/definitions/Problem"}}},
    "definitions": {
        "Order": {
            "type": "object",
            "required": ["id"],
            "discriminator": "kind",
            "properties": {
                "id": {"type": "string"},
                "note": {"type": "string", "x-nullable": True},
                "x-tra": {"type": "string", "x-nullable": True},
                "quantity": {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
                "parent": {"$ref": "#/definitions/Order"},
                "secret": {"type": "string", "readOnly": True},
            },
        },
        "Problem": {"type": "object"},
    },
    "paths": {
        "/orders": {
            "get": {
                "operationId": "list",
                "parameters": [
                    {"$ref": "#/parameters/Page"},
                    {"name": "ids", "in": "query", "type": "array", "items": {"type": "integer"}},
                    {"name": "tags", "in": "query", "type": "array", "items": {"type": "string"},
                     "collectionFormat": "multi"},
                    {"name": "tabs", "in": "query", "type": "array", "items": {"type": "string"},
                     "collectionFormat": "tsv"},
                ],
                "responses": {"200": {"description": "ok", "schema": {"type": "array",
                                                                      "items": {"$ref": "#/definitions/Order"}},
                                      "headers": {"X-Total": {"type": "integer"}}},
                              "default": {"$ref": "#/responses/Refused"}},
            },
            "post": {
                "operationId": "create",
                "security": [{"oauth": ["orders:write"]}],
                "parameters": [{"$ref": "#/parameters/OrderBody"}],
                "responses": {"201": {"description": "made", "schema": {"$ref": "#/definitions/Order"}}},
            },
        },
        "/files": {
            "parameters": [{"name": "title", "in": "formData", "type": "string", "required": True}],
            "post": {
                "operationId": "upload",
                "consumes": ["multipart/form-data"],
                "produces": ["application/pdf"],
                "parameters": [{"name": "file", "in": "formData", "type": "file"},
                               {"name": "title", "in": "formData", "type": "string"}],
                "responses": {"200": {"description": "ok", "schema": {"type": "file"}}},
            },
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def reading():
    validators = Validators()
    result = read_openapi(lift(SHOP), {}, validators)
    return validators, {operation.id: operation for operation in result.operations}, result.notes


def test_bodies(reading):
    """A body parameter, shared ones included, is a request body; nullable, exclusive bounds and cycles are kept."""
    validators, operations, _ = reading
    create = operations["create"]
    assert create.request_required
    handle = validators.handle(create.request_schemas["application/json"])
    good = {"id": "1", "note": None, "x-tra": None, "quantity": 1, "parent": {"id": "2"}}
    assert validators.is_valid(handle, good)
    for bad in ({}, {"id": None}, {"id": "1", "quantity": 0}, {"id": "1", "parent": {"note": 1}}):
        assert not validators.is_valid(handle, bad), bad
    assert create.scopes == (("orders:write",),)
    assert validators.is_valid(validators.handle(create.response_schemas["201"]["application/json"]), {"id": "1"})


def test_parameters(reading):
    """Collection formats become styles; what OpenAPI 3 has no style for is text."""
    _, operations, _ = reading
    found = {parameter.name: parameter for parameter in operations["list"].parameters}
    assert found["page"].schema == {"type": "integer", "minimum": 1}
    assert [(found[name].style, found[name].explode) for name in ("ids", "tags")] == [("form", False), ("form", True)]
    assert found["tabs"].schema == {"type": "string"}
    assert set(operations["list"].response_schemas) == {"200", "default"}


def test_forms_and_files(reading):
    """Form fields are a request body of the declared media type; a file is bytes of what is produced."""
    _, operations, notes = reading
    upload = operations["upload"]
    assert list(upload.request_schemas) == ["multipart/form-data"]
    assert upload.response_schemas == {"200": {"application/pdf": True}}
    assert any(note.message.startswith("multipart/form-data is not checked") for note in notes)


@pytest.mark.parametrize(
    ("lifted", "source"),
    [
        ("/components/schemas/Order/properties/id", "/definitions/Order/properties/id"),
        ("/paths/~1orders/post/requestBody/content/application~1json/schema", "/paths/~1orders/post/parameters"),
        ("/paths/~1a/get/responses/200/content/text~1html/schema/x", "/paths/~1a/get/responses/200/schema/x"),
        ("/paths/~1a/get/parameters/0/schema", "/paths/~1a/get/parameters/0"),
        ("/components/securitySchemes/oauth", "/securityDefinitions/oauth"),
        ("", ""),
    ],
)  # fmt: skip
def test_places_are_those_of_the_file(lifted, source):
    assert source_place(lifted) == source


@pytest.mark.parametrize(
    "broken",
    [
        {"paths": {"/a": {"get": None}}}, {"paths": []}, {"paths": {"/a": []}}, {"definitions": 3},
        {"paths": {"/a": {"get": {"parameters": 1, "responses": {}}}}}, {"parameters": {"a": 1}},
        {"paths": {"/a": {"get": {"parameters": [3], "responses": {"200": 1}}}}}, {"securityDefinitions": {"a": 1}},
    ],
)  # fmt: skip
def test_what_is_malformed_is_refused_not_crashed_on(broken):
    with pytest.raises(Invalid):
        read_openapi(lift({"swagger": "2.0", **broken}), {}, Validators())
