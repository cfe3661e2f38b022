"""The event contracts of the built-in library: which state changes they tell, and that they mean what calls mean."""

from __future__ import annotations

import functools

import pytest

from catalog.contract import ContractVersion, Operation
from catalog.expression import Context, compile_expression
from catalog.extension import texts
from catalog.schema import Validators
from catalog.workspace import Workspace, load

TOLD = {
    "finance.payment-events": {"payment.released", "payment.confirmed", "payment.failed"},
    "masterdata.supplier-events": {"supplier.created", "supplier.activated", "supplier.blocked"},
    "payables.invoice-events": {"invoice.received", "invoice.matched", "invoice.exception_raised", "invoice.posted"},
    "procurement.purchase-order-events": {
        *("purchase_order.approved", "purchase_order.issued", "purchase_order.changed", "purchase_order.cancelled"),
    },
    "procurement.requisition-events": {"requisition.approved"},
    "receiving.receipt-events": {"receipt.posted"},
}
#: told by nobody's call: the result of matching is an event only
EVENT_ONLY = {"invoice.matched", "invoice.exception_raised"}


@functools.cache
def workspace() -> Workspace:
    return load({"waybill.yaml": b"{workspace: library, include: [procure-to-pay]}"})


def published() -> list[tuple[ContractVersion, Operation]]:
    return [(version, each) for version in workspace().versions for each in version.operations if each.is_event]


def test_the_state_changes_that_matter_are_told() -> None:
    """Names, owners and stewards of the event contracts."""
    assert {version.contract.contract: set(each.events) for version, each in published()} == TOLD
    assert all(version.contract.owner and version.contract.steward for version, _ in published())


def test_an_event_told_means_what_a_call_means() -> None:
    """A published event has the name, the object and the relations of the call that makes it."""
    calls = {
        event: operation.extension
        for version in workspace().versions
        for operation in version.operations
        if not operation.is_event
        for event in operation.events
    }
    for _, operation in published():
        for event in operation.events - EVENT_ONLY:
            assert calls[event].object == operation.extension.object
            ties = {(link.object, link.relation, link.kind) for link in calls[event].links}
            assert ties <= {(link.object, link.relation, link.kind) for link in operation.extension.links}
    assert EVENT_ONLY.isdisjoint(calls)


@pytest.mark.parametrize(("version", "operation"), published(), ids=[version.ref for version, _ in published()])
def test_examples_tell_everything(version: ContractVersion, operation: Operation) -> None:
    """Each message has an example; as an event it is valid, and every expression finds its value in one of them."""
    validators = Validators()
    handle = validators.handle(operation.request_schemas["application/cloudevents+json"])
    extension = operation.extension
    wanted = [*texts(extension.id), *texts(extension.legal_entity), extension.status, extension.occurred_at]
    wanted += [link.id for link in extension.links if not link.id[-1].isdigit() or link.id.endswith("/0")]
    found = set()
    for message in version.document["components"]["messages"].values():
        (example,) = message["examples"]
        event = {"specversion": "1.0", "id": "1", "source": "/erp", "type": message["name"], **example["headers"]}
        event["data"] = example["payload"]
        assert validators.validate(handle, event) == ()
        assert [item.pointer for item in validators.validate(handle, {**event, "time": "soon"})] == ["/time"]
        context = Context(event)
        found |= {text for text in wanted if text and compile_expression(text).resolve(context) is not None}
    assert found == set(filter(None, wanted))


def test_a_message_asks_for_the_state_that_it_tells() -> None:
    """An event that says paid of something that failed is refused."""
    validators = Validators()
    operation = next(each for version, each in published() if version.contract.contract == "finance.payment-events")
    handle = validators.handle(operation.request_schemas["application/json"])
    data = {
        "id": "PAY-1",
        "legal_entity": "mercy-health",
        "status": {"lifecycle": "failed"},
        "amount": {"amount": "1.00", "currency": "USD"},
        "invoice_ids": ["INV-1"],
        "value_date": "2026-03-21",
    }
    event = {"specversion": "1.0", "id": "1", "source": "/bank", "time": "2026-03-21T06:00:00Z", "data": data}
    found = validators.validate(handle, {**event, "type": "payment.confirmed"})
    assert [(item.pointer, item.rule) for item in found] == [("/data/status/lifecycle", "const")]
