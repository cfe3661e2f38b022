"""Whom a change hits, of those who were seen with certain fields."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.compatibility.contract import compare_contracts
from catalog.compatibility.contract.change import Change
from catalog.compatibility.usage import Caller, affected, hits, sentence
from catalog.field import MOST_FIELDS
from catalog.walk import objects_in
from tests.gateway.rig import orders_document, snapshot_of, workspace_files

Edit = Callable[[dict[str, Any]], Any]
OPERATIONS = {each.id: each for each in snapshot_of(workspace_files()).versions[0].operations}


def changes(edit: Edit) -> list[Change]:
    old, new = copy.deepcopy(orders_document()), copy.deepcopy(orders_document())
    edit(new)
    return [each for each in compare_contracts(old, new).changes if each.severity == "major"]


def request(document: dict[str, Any]) -> dict[str, Any]:
    """The order as it is sent."""
    found: dict[str, Any] = document["components"]["schemas"]["order"]
    return found


def caller(name: str, *fields: str) -> Caller:
    sent = frozenset(each for each in fields if not each[0].isdigit())
    return Caller(name, sent, frozenset(fields) - sent)


def named(edit: Edit, operation: str, *callers: Caller) -> dict[str, set[str]]:
    found = hits(changes(edit), OPERATIONS[operation], callers)
    return {hit.consumer: {place.field for place in hit.places} for hit in found}


def test_those_are_hit_that_used_the_changed_field() -> None:
    """One deep within an array, told by the same words as traffic tells it."""

    def edit(document: dict[str, Any]) -> None:
        request(document)["properties"]["lines"]["items"]["properties"]["line"] = {"type": "integer", "minimum": 5}

    place = "body:/lines/*/line"
    found = named(edit, "orders.create", caller("a", "body:", place), caller("b", "body:", "body:/lines"))
    assert found == {"a": {place}}


def test_an_answer_that_lacks_a_field_hits_who_was_given_it() -> None:
    def edit(document: dict[str, Any]) -> None:
        del document["components"]["schemas"]["stored"]["properties"]["native_id"]

    one, other = caller("a", "201:", "201:/native_id"), caller("b", "201:", "201:/id")
    assert named(edit, "orders.create", one, other) == {"a": {"201:/native_id"}}
    listed = caller("a", "query:legal_entity", "200:/items/*/native_id")
    assert named(edit, "orders.list", listed) == {"a": {"200:/items/*/native_id"}}


def test_a_new_duty_hits_all_that_send_what_it_stands_in() -> None:
    """Whether a consumer always sends what it sometimes sends is not known."""

    def edit(document: dict[str, Any]) -> None:
        request(document)["required"].append("note")
        price = request(document)["properties"]["lines"]["items"]
        price["required"] = [*price["required"], "price"]

    one, other = caller("a", "body:", "body:/note"), caller("b", "body:", "body:/lines", "body:/lines/*")
    assert named(edit, "orders.create", one, other) == {"a": {"body:"}, "b": {"body:", "body:/lines/*"}}


def test_parameters_are_fields_too() -> None:
    def edit(document: dict[str, Any]) -> None:
        del document["paths"]["/orders"]["get"]["parameters"][1]

    one, other = caller("a", "query:requisition_id"), caller("b", "query:legal_entity")
    assert named(edit, "orders.list", one, other) == {"a": {"query:requisition_id"}}


def test_a_change_of_the_operation_hits_whoever_calls_it() -> None:
    """A required parameter that is new, a scope, a path that goes."""

    def duty(document: dict[str, Any]) -> None:
        needed = {"name": "X-Need", "in": "header", "required": True, "schema": {"type": "string"}}
        document["paths"]["/orders"]["post"]["parameters"] = [needed]

    def scope(document: dict[str, Any]) -> None:
        document["paths"]["/orders"]["post"]["security"] = [{"waybill": ["write", "more"]}]

    def gone(document: dict[str, Any]) -> None:
        del document["paths"]["/orders"]["post"]

    for edit in (duty, scope, gone):
        assert named(edit, "orders.create", caller("a", "body:")) == {"a": {""}}, edit
        assert named(edit, "orders.get", caller("a", "200:/id")) == {}, edit


def test_nobody_is_taken_to_be_safe_of_whom_no_field_is_known() -> None:
    def edit(document: dict[str, Any]) -> None:
        del request(document)["properties"]["weight"]

    (hit,) = hits(changes(edit), OPERATIONS["orders.create"], [caller("quiet")])
    assert (hit.consumer, hit.is_known) == ("quiet", False)
    many = caller("many", *(f"body:/{number}" for number in range(MOST_FIELDS)))
    assert named(edit, "orders.create", many) == {"many": {"body:/weight"}}


def test_events_are_hit_by_their_payload() -> None:
    path = Path(__file__).parents[1] / "event" / "good" / "several.yaml"
    old = yaml.safe_load(path.read_text())
    new = copy.deepcopy(old)
    for node, _ in objects_in(new):
        if isinstance(node.get("properties"), dict):
            node["properties"].pop("total", None)
    found = [each for each in compare_contracts(old, new).changes if each.rule == "property-removed"]
    assert found
    operation, field = {(each.operation, each.field) for each in (affected(c.rule, c.location) for c in found)}.pop()
    assert (operation, field.name) == (("order-events.tell",), "body:/data/total")


@pytest.mark.parametrize("rule", ["property-removed", "schema-changed"])
def test_combinations_lead_to_the_value_that_they_are_about(rule: str) -> None:
    where = "/paths/~1a/post/requestBody/content/application~1json/schema/oneOf/1/properties/b/allOf/0/items/pattern"
    assert affected(rule, where).field.name == "body:/b/*"
    assert affected(rule, "/components/securitySchemes/waybill") is None


def test_the_sentence_counts_and_names() -> None:
    def edit(document: dict[str, Any]) -> None:
        del request(document)["properties"]["weight"]

    operation = OPERATIONS["orders.create"]
    one, other = caller("a", "body:", "body:/weight"), caller("b", "body:")
    found = hits(changes(edit), operation, [one, other])
    used = "consumers that used this operation in the last 30 days"
    assert sentence(found, 2, 30) == f"breaks 1 of the 2 {used}; fields body:/weight"
    assert sentence([], 2, 30) == f"breaks none of the 2 {used}"
    assert sentence([], 0, 30) == "nobody used this operation in the last 30 days"
    unknown = hits(changes(edit), operation, [caller("quiet")])
    assert "of 1 no fields are known" in sentence(unknown, 1, 30)
