"""The same business event told twice, by the call that made it and by a publisher: shown twice, counted once."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.record import ObjectRef
from controlplane.context import Context
from controlplane.ingest.service import IngestService
from controlplane.lineage.chain import read_chain
from controlplane.projection import projections
from tests.controlplane.conftest import Api
from tests.controlplane.journal import T0_US, Calls, S, Stream, receipt_slo
from tests.controlplane.publication import put_in_force

#: operation, event, seconds at which it is told
TELLINGS = [
    ("receiving.receipts/receipts.post", "receipt.posted", 0),
    ("receiving.receipt-events/receiptEvents.publish", "receipt.posted", 60),
    ("finance.receipts/receipts.post", "receipt.accepted", 300),
    ("finance.receipt-events/receiptEvents.publish", "receipt.accepted", 1_200),
]


@pytest.fixture
def bench(api: Api, clock: Any) -> tuple[Api, Any, Stream, IngestService]:
    clock.now_us = T0_US
    gateway = api.enrol()
    put_in_force(api.context, [receipt_slo(deadline_s=900)])
    return api, gateway, Stream(f"{gateway['gateway']}/0/1"), IngestService(api.context, projections())


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1), (1, 3, 0, 2)], ids=str)
def test_an_object_counts_once_however_often_it_is_told(bench: Any, clock: Any, order: tuple[int, ...]) -> None:
    """The first telling of each end counts, in whatever order the tellings arrive; a late one makes nothing bad, and
    money is not doubled. The chain shows every telling with who told it."""
    api, gateway, stream, service = bench
    calls = Calls()
    subject = calls.ref("receipt", "RC-1")
    for index in order:
        operation, event, at_s = TELLINGS[index]
        is_published = "-events/" in operation
        more = {"system": "", "upstream_status": 0, "upstream_us": 0, "status": 202} if is_published else {}
        stream.log(calls.make(operation, event, subject, "120.50", at_us=T0_US + at_s * S, duration_us=0, **more))
    stream.send(service)
    clock.now_us = T0_US + 2_000 * S
    assert api.call("GET", "/commands", token=gateway["credential"]).status_code == 200
    (standing,) = api.get("/slos", role="viewer").json()["items"]
    assert (standing["good"], standing["bad"], standing["total"], standing["open"]) == (1, 0, 1, 0)
    chain = chain_of(api.context, subject)
    assert [(each.contract, each.type) for each in chain.events] == [
        (operation.partition("/")[0], event) for operation, event, _ in TELLINGS
    ]
    (receipt,) = chain.objects
    assert (receipt.events, receipt.amount and receipt.amount.amount) == (4, "120.50")


def test_a_publisher_alone_suffices(bench: Any, clock: Any) -> None:
    """Where no call passes the gateway, what publishers tell opens the objective and meets or misses it."""
    api, gateway, stream, service = bench
    calls = Calls()
    for name, accepted_s in (("RC-1", 300), ("RC-2", 1_000)):
        for event, at_s in (("receipt.posted", 0), ("receipt.accepted", accepted_s)):
            operation, subject = "receiving.receipt-events/receiptEvents.publish", calls.ref("receipt", name)
            stream.log(calls.make(operation, event, subject, at_us=T0_US + at_s * S, duration_us=0, system=""))
    stream.send(service)
    clock.now_us = T0_US + 2_000 * S
    assert api.call("GET", "/commands", token=gateway["credential"]).status_code == 200
    (standing,) = api.get("/slos", role="viewer").json()["items"]
    assert (standing["good"], standing["bad"], standing["open"]) == (1, 1, 0)


def chain_of(context: Context, ref: ObjectRef) -> Any:
    with context.database.read() as connection:
        return read_chain(connection, ref, 0)
