"""What `x-waybill` may say."""

import pytest

from catalog.errors import Invalid
from catalog.openapi import read_openapi
from catalog.schema import Validators

GOOD = {
    "object": "order",
    "id": ["$response.body#/id", "$request.body#/id"],
    "aliases": ["$response.header.x-number"],
    "event": "order.created",
    "links": [{"object": "requisition", "id": "$request.body#/requisition", "relation": "fulfils"}],
    "amount": "$request.body#/total",
    "legal_entity": ["$request.header.waybill-legal-entity", "$reference"],
    "occurred_at": "$request.body#/date",
    "status": "$response.body#/status",
    "idempotency": "required",
    "serialise": ["$request.body#/requisition"],
    "reconcile": {
        "operation": "orders.list",
        "by": {"q": '["=", {$request.body#/reference}]', "entity": "$entity"},
        "select": "/items",
        "where": {"/status": ["created"]},
    },
}


def read(extension, body=True):
    operation = {"operationId": "orders.create", "x-waybill": extension, "responses": {"201": {"description": "x"}}}
    if body:
        operation["requestBody"] = {"content": {"application/json": {"schema": {"type": "object"}}}}
    parameters = [
        {"name": "q", "in": "query", "schema": {}},
        {"name": "entity", "in": "query", "required": True, "schema": {}},
    ]
    listing = {"operationId": "orders.list", "parameters": parameters, "responses": {"200": {"description": "x"}}}
    paths = {"/orders": {"post": operation, "get": listing}}
    return read_openapi({"openapi": "3.1.0", "paths": paths}, {}, Validators())


def test_all_of_it():
    """Every member is understood."""
    listing, create = read(GOOD).operations
    assert create.extension.reconcile.operation == listing.id
    assert create.extension.links[0].kind == "flow"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"id": "$request.body#id"}, "/id"),
        ({"id": ["$request.path.number"]}, "/id/0"),
        ({"amount": "$request.query.total"}, "/amount"),
        ({"legal_entity": "$response.body#/entity"}, "/legal_entity"),
        ({"legal_entity": ["$credential", "$nothing"]}, "/legal_entity/1"),
        ({"status": "$reference"}, "/status"),
        ({"serialise": ["$response.body#/id"]}, "/serialise/0"),
        ({"object": None, "id": None, "aliases": [], "event": None, "links": [], "amount": None, "status": None},
         "/legal_entity/1"),
        ({"id": None, "legal_entity": "$credential"}, "/id"),
        ({"delivery": "async"}, "/delivery"),
        ({"safe": True, "reconcile": None}, "/idempotency"),
        ({"safe": True, "idempotency": "none"}, "/reconcile"),
        ({"reconcile": {"operation": "orders.create", "by": {"q": "$entity"}}}, "/reconcile/operation"),
        ({"reconcile": {"operation": "orders.list", "by": {"entity": "$entity", "x": "$entity"}}}, "/reconcile/by/x"),
        ({"reconcile": {"operation": "orders.list", "by": {"q": "$entity"}}}, "/reconcile/by"),
        ({"reconcile": {"operation": "orders.list", "by": {"entity": "$response.body#/id"}}}, "/reconcile/by/entity"),
        ({"reconcile": {"operation": "orders.list", "by": {"entity": "is {$entity}"}}}, "/reconcile/by/entity"),
        ({"reconcile": {"operation": "orders.list", "by": {"entity": "$entity"}, "select": "items"}},
         "/reconcile/select"),
        ({"reconcile": {"operation": "orders.list", "by": {"entity": "$entity"}, "where": {"x": []}}},
         "/reconcile/where/x"),
        ({"priority": "urgent"}, "/priority"),
    ],
)  # fmt: skip
def test_refusals(change, place):
    """Each mistake is found where it stands."""
    with pytest.raises(Invalid) as caught:
        read({**GOOD, **change})
    assert {problem.pointer for problem in caught.value.problems} == {"/paths/~1orders/post/x-waybill" + place}


def test_body_expressions_need_a_body():
    """An expression on a body that the operation does not take is refused."""
    with pytest.raises(Invalid) as caught:
        read({"object": "order", "id": "$request.body#/id"}, body=False)
    assert [problem.message for problem in caught.value.problems] == ["the operation has no request body"]
