"""Changes outside of schemas: each case changes one thing and names every rule that must tell of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from catalog.compatibility.contract import RULES, ContractComparison, compare_contracts
from tests.catalog.compatibility.contract.document import JSON, base

Told = set[tuple[str, str]]


def told(found: ContractComparison) -> Told:
    return {(change.rule, change.severity) for change in found.changes}


def compared(change: Callable[[Any], Any], prepare: Callable[[Any], Any] | None = None) -> ContractComparison:
    old = base()
    if prepare is not None:
        prepare(old)
    new = copy.deepcopy(old)
    change(new)
    return compare_contracts(old, new)


def listing(document: Any) -> Any:
    return document["paths"]["/orders"]["get"]


def creation(document: Any) -> Any:
    return document["paths"]["/orders"]["post"]


def parameter(document: Any, index: int = 0) -> Any:
    return listing(document)["parameters"][index]


def with_security(document: Any) -> None:
    document["security"] = [{"oauth": ["read"]}]
    document["components"]["securitySchemes"] = {
        "oauth": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://a/t", "scopes": {}}}},
        "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
    }


def with_meaning(document: Any) -> None:
    creation(document)["x-waybill"] = {
        "object": "order", "id": "$response.body#/id", "event": "order.made", "idempotency": "optional",
    }  # fmt: skip


def moved(document: Any, old: str, new: str) -> None:
    document["paths"][new] = document["paths"].pop(old)


def renamed(document: Any) -> None:
    moved(document, "/orders/{id}", "/orders/{order_id}")
    document["paths"]["/orders/{order_id}"]["parameters"][0]["name"] = "order_id"


def answer(document: Any, status: str = "200") -> Any:
    return listing(document)["responses"][status]


NEW = {"name": "limit", "in": "query", "schema": {"type": "integer"}}
CASES: list[tuple[str, Callable[[Any], Any], Told]] = [
    ("path gone", lambda d: d["paths"].pop("/orders/{id}"), {("path-removed", "major")}),
    ("path come", lambda d: d["paths"].update({"/new": {"get": listing(d) | {"operationId": "n"}}}),
     {("path-added", "minor")}),
    ("method gone", lambda d: d["paths"]["/orders"].pop("post"), {("method-removed", "major")}),
    ("method come", lambda d: d["paths"]["/orders/{id}"].update(delete={"responses": {"204": {}}}),
     {("method-added", "minor")}),
    ("literal path renamed", lambda d: moved(d, "/orders", "/purchase-orders"),
     {("path-removed", "major"), ("path-added", "minor")}),
    ("path parameter renamed", renamed, {("path-parameter-renamed", "minor")}),
    ("operationId changed", lambda d: listing(d).update(operationId="all"), {("operation-id-changed", "major")}),
    ("operationId gone", lambda d: listing(d).pop("operationId"), {("operation-id-changed", "major")}),
    ("deprecated", lambda d: listing(d).update(deprecated=True), {("operation-deprecated", "minor")}),
    ("summary", lambda d: listing(d).update(summary="all"), {("operation-described", "patch")}),
    ("extension", lambda d: listing(d).update({"x-other": 1}), {("extension-changed", "patch")}),
    ("title", lambda d: d["info"].update(title="O"), {("document-described", "patch")}),
    ("version of the document only", lambda d: d["info"].update(version="2.0.0"), set()),
    ("servers", lambda d: d.update(servers=[{"url": "https://b"}]), {("server-changed", "patch")}),
    ("servers of an operation", lambda d: listing(d).update(servers=[{"url": "/b"}]), {("server-changed", "patch")}),
    ("unused component", lambda d: d["components"]["schemas"].update(Unused={}), {("document-described", "patch")}),
    # parameters
    ("required parameter", lambda d: listing(d)["parameters"].append(NEW | {"required": True}),
     {("parameter-required-added", "major")}),
    ("optional parameter", lambda d: listing(d)["parameters"].append(NEW), {("parameter-added", "minor")}),
    ("optional parameter of a path", lambda d: d["paths"]["/orders/{id}"]["parameters"].append(NEW),
     {("parameter-added", "minor")}),
    ("parameter gone", lambda d: listing(d)["parameters"].pop(0), {("parameter-removed", "major")}),
    ("parameter required", lambda d: parameter(d).update(required=True), {("parameter-became-required", "major")}),
    ("parameter elsewhere", lambda d: parameter(d).update({"in": "header"}), {("parameter-moved", "major")}),
    ("ignored header", lambda d: listing(d)["parameters"].append(NEW | {"name": "Accept", "in": "header"}),
     {("document-described", "patch")}),
    ("style", lambda d: parameter(d, 1).update(style="pipeDelimited", explode=True),
     {("parameter-style-changed", "major")}),
    ("explode of a list", lambda d: parameter(d, 1).update(explode=False), {("parameter-explode-changed", "major")}),
    ("explode of one value", lambda d: parameter(d).update(explode=False), {("document-described", "patch")}),
    ("default style said", lambda d: parameter(d).update(style="form"), {("document-described", "patch")}),
    ("content", lambda d: parameter(d).update(content={JSON: {"schema": parameter(d).pop("schema")}}),
     {("parameter-content-changed", "major")}),
    ("reserved", lambda d: parameter(d).update(allowReserved=True), {("parameter-reserved-allowed", "minor")}),
    ("parameter deprecated", lambda d: parameter(d).update(deprecated=True), {("parameter-deprecated", "minor")}),
    ("parameter described", lambda d: parameter(d).update(description="x"), {("parameter-described", "patch")}),
    # bodies
    ("body gone", lambda d: creation(d).pop("requestBody"), {("body-removed", "major")}),
    ("body optional", lambda d: creation(d)["requestBody"].pop("required"), {("body-became-optional", "minor")}),
    ("body come", lambda d: listing(d).update(requestBody={"content": {}}), {("body-added", "minor")}),
    ("required body come", lambda d: listing(d).update(requestBody={"required": True, "content": {}}),
     {("body-required-added", "major")}),
    ("media type come", lambda d: creation(d)["requestBody"]["content"].update({"text/csv": {}}),
     {("body-media-type-added", "minor")}),
    ("media type replaced", lambda d: creation(d)["requestBody"].update(content={"text/csv": {}}),
     {("body-media-type-removed", "major"), ("body-media-type-added", "minor")}),
    ("media type in other words", lambda d: creation(d)["requestBody"].update(
        content={"Application/JSON; charset=utf-8": creation(d)["requestBody"]["content"][JSON]}),
     {("document-described", "patch")}),
    # answers
    ("success gone", lambda d: listing(d).update(responses={"204": {}}),
     {("answer-success-removed", "major"), ("answer-success-added", "minor")}),
    ("success come", lambda d: listing(d)["responses"].update({"202": {}}), {("answer-success-added", "minor")}),
    ("success as a class", lambda d: listing(d).update(responses={"2XX": answer(d)}),
     {("answer-success-added", "minor")}),
    ("failure come", lambda d: listing(d)["responses"].update({"429": {}}), {("answer-failure-added", "minor")}),
    ("answer's media type gone", lambda d: answer(d).update(content={}), {("answer-media-type-removed", "major")}),
    ("answer's media type come", lambda d: answer(d)["content"].update({"text/csv": {}}),
     {("answer-media-type-added", "minor")}),
    ("required header gone", lambda d: answer(d).update(headers={}), {("header-required-removed", "major")}),
    ("header optional", lambda d: answer(d)["headers"]["ETag"].pop("required"), {("header-became-optional", "major")}),
    ("header by another case", lambda d: answer(d).update(headers={"etag": answer(d)["headers"]["ETag"]}),
     {("document-described", "patch")}),
    ("header come", lambda d: answer(d)["headers"].update({"X-A": {}}), {("header-added", "minor")}),
    ("link", lambda d: answer(d).update(links={"next": {"operationId": "orders.get"}}), {("link-changed", "minor")}),
    ("example of an answer", lambda d: answer(d)["content"][JSON].update(example=[]), {("answer-described", "patch")}),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_told_of_a_change(change, expected) -> None:
    """Nothing less, nothing more; and the bump is the heaviest of them."""
    found = compared(change)
    assert told(found) == expected
    assert found.bump == max((severity for _, severity in expected), key=("patch", "minor", "major").index,
                             default="none")  # fmt: skip
    assert found.verdict == ("incompatible" if found.bump == "major" else "compatible")


SECURITY: list[tuple[str, Callable[[Any], Any], Told]] = [
    ("scope come", lambda d: d.update(security=[{"oauth": ["read", "write"]}]), {("security-scope-added", "major")}),
    ("scope gone", lambda d: d.update(security=[{"oauth": []}]), {("security-scope-removed", "minor")}),
    ("alternative come", lambda d: d["security"].append({"key": []}), {("security-alternative-added", "minor")}),
    ("alternative replaced", lambda d: d.update(security=[{"key": []}]),
     {("security-alternative-removed", "major"), ("security-alternative-added", "minor")}),
    ("anonymous come", lambda d: d["security"].append({}), {("security-dropped", "minor")}),
    ("both needed", lambda d: d.update(security=[{"oauth": ["read"], "key": []}]),
     {("security-alternative-removed", "major")}),
    ("scheme", lambda d: d["components"]["securitySchemes"]["key"].update({"in": "query"}),
     {("security-scheme-changed", "major")}),
    ("flow", lambda d: d["components"]["securitySchemes"]["oauth"].update(flows={"password": {}}),
     {("security-flow-removed", "major"), ("security-flow-added", "minor")}),
    ("token's address", lambda d: d["components"]["securitySchemes"]["oauth"]["flows"]["clientCredentials"].update(
        tokenUrl="https://b/t"), {("server-changed", "patch")}),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), [case[1:] for case in SECURITY], ids=[case[0] for case in SECURITY])
def test_security(change, expected) -> None:
    assert told(compared(change, with_security)) == expected


def test_credentials_asked_for_where_none_were() -> None:
    assert ("security-required", "major") in told(compared(with_security))


def extension(document: Any) -> Any:
    return creation(document)["x-waybill"]


MEANING: list[tuple[str, Callable[[Any], Any], Told]] = [
    ("key required", lambda d: extension(d).update(idempotency="required"), {("idempotency-required", "major")}),
    ("key dropped", lambda d: extension(d).update(idempotency="none"), {("idempotency-dropped", "major")}),
    ("default said", lambda d: extension(d).pop("idempotency"), {("document-described", "patch")}),
    ("async", lambda d: extension(d).update(delivery="async"), {("delivery-changed", "major")}),
    ("object", lambda d: extension(d).update(object="invoice"), {("object-changed", "major")}),
    ("event", lambda d: extension(d).update(event="order.sent"), {("event-changed", "major")}),
    ("event gone", lambda d: extension(d).pop("event"), {("event-changed", "major")}),
    ("identity", lambda d: extension(d).update(id="$response.body#/no"), {("identity-changed", "major")}),
    ("entity", lambda d: extension(d).update(legal_entity="$request.body#/e"), {("legal-entity-changed", "major")}),
    ("safe", lambda d: extension(d).update(safe=True),
     {("safety-promised", "minor")}),
    ("priority", lambda d: extension(d).update(priority="critical"), {("meaning-changed", "minor")}),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), [case[1:] for case in MEANING], ids=[case[0] for case in MEANING])
def test_what_a_call_means(change, expected) -> None:
    assert told(compared(change, with_meaning)) == expected


def test_a_meaning_that_is_said_for_the_first_time() -> None:
    assert told(compared(with_meaning)) == {("object-declared", "minor"), ("event-declared", "minor"),
                                            ("meaning-changed", "minor")}  # fmt: skip


HOOK = {
    "post": {
        "operationId": "hook",
        "parameters": [{"name": "n", "in": "query", "required": True, "schema": {"type": "string"}}],
        "requestBody": {"content": {JSON: {"schema": {"type": "object"}}}},
        "responses": {"200": {"description": "taken", "headers": {"X-Seen": {"schema": {"type": "string"}}}}},
    }
}


def with_hooks(document: Any) -> None:
    document["webhooks"] = {"sent": copy.deepcopy(HOOK)}
    creation(document)["callbacks"] = {"sent": {"{$request.body#/url}": copy.deepcopy(HOOK)}}


def hooks(document: Any) -> list[Any]:
    callback = creation(document)["callbacks"]["sent"]["{$request.body#/url}"]["post"]
    return [document["webhooks"]["sent"]["post"], callback]


def each_hook(change: Callable[[Any], Any]) -> Callable[[Any], None]:
    def change_all(document: Any) -> None:
        for hook in hooks(document):
            change(hook)

    return change_all


HOOKS: list[tuple[str, Callable[[Any], Any], Told]] = [
    ("required parameter come", lambda h: h["parameters"].append(NEW | {"required": True}),
     {("parameter-required-added", "minor")}),
    ("parameter optional", lambda h: h["parameters"][0].pop("required"), {("parameter-became-optional", "major")}),
    ("media type come", lambda h: h["requestBody"]["content"].update({"text/csv": {}}),
     {("body-media-type-added", "major")}),
    ("body required", lambda h: h["requestBody"].update(required=True), {("body-became-required", "minor")}),
    ("header of the answer required", lambda h: h["responses"]["200"]["headers"]["X-Seen"].update(required=True),
     {("header-became-required", "major")}),
    ("security", lambda h: h.update(security=[{"k": []}]), {("document-described", "patch")}),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), [case[1:] for case in HOOKS], ids=[case[0] for case in HOOKS])
def test_webhooks_and_callbacks_go_the_other_way(change, expected) -> None:
    """The owner of the contract sends them: what it sends is a response, what it is answered a request."""
    found = compared(each_hook(change), with_hooks)
    assert told(found) == expected
    if found.changes[0].rule != "document-described":
        assert len(found.changes) == 2


def test_webhooks_and_callbacks_come_and_go() -> None:
    assert told(compared(with_hooks)) == {("webhook-added", "minor"), ("callback-added", "minor")}
    gone = compared(lambda d: (d.pop("webhooks"), creation(d).pop("callbacks")), with_hooks)
    assert told(gone) == {("webhook-removed", "major"), ("callback-removed", "major")}


def test_every_change_says_where_and_how_much() -> None:
    found = compared(lambda d: parameter(d).update(required=True)).changes[0]
    assert found.operation == "GET /orders"
    assert found.location == "/paths/~1orders/get/parameters/query/status"
    assert found.direction == "request"
    assert found.message == "query parameter 'status': a parameter became required"
    assert len(found.fingerprint) == 64 and found.rule in RULES


def test_fingerprints_stand_for_the_change_and_not_for_the_words() -> None:
    """Another order of keys, another description beside it: the same waiver holds. Another change: it does not."""

    def reordered(document: Any) -> None:
        item = parameter(document)
        item.update(required=True)
        listing(document)["parameters"][0] = dict(reversed(item.items()))
        listing(document)["summary"] = "other words"

    prints = [
        {change.fingerprint for change in compared(change).changes if change.severity == "major"}
        for change in (
            lambda d: parameter(d).update(required=True),
            reordered,
            lambda d: parameter(d, 1).update(required=True),
        )
    ]
    assert prints[0] == prints[1] != prints[2]


def test_a_header_in_lower_case_is_a_header() -> None:
    """Names of headers have no case (RFC 9110 §5.1), and one that begins with x- is no extension."""

    def document(name: str, kind: str = "string", is_required: bool = True) -> dict[str, Any]:
        headers = {name: {"schema": {"type": kind}, "required": is_required}}
        answers = {"200": {"description": "", "headers": headers}}
        return {
            "openapi": "3.1.0",
            "info": {"title": "t", "version": "1"},
            "paths": {"/a": {"get": {"operationId": "a", "responses": answers}}},
        }

    def rules(old: dict[str, Any], new: dict[str, Any]) -> set[str]:
        return {change.rule for change in compare_contracts(old, new).changes}

    assert rules(document("X-A"), document("x-a")) == {"document-described"}  # the text differs, nothing else
    assert rules(document("x-a"), document("x-b")) == {"header-required-removed", "header-required-added"}
    assert rules(document("x-a"), document("x-a", is_required=False)) == {"header-became-optional"}
    assert compare_contracts(document("x-a", "integer"), document("x-a")).bump == "major"
    assert compare_contracts(document("x-a"), document("x-a", "integer")).bump == "major"
