"""Chains: golden ones of the procure-to-pay path, and what must not tie them together."""

from __future__ import annotations

import pytest

from catalog.errors import NotFound
from catalog.record import Amount, ObjectRef
from controlplane.context import Context
from controlplane.ingest.service import IngestService
from controlplane.lineage.chain import MAX_OBJECTS, WALK, Chain, read_chain
from tests.controlplane.conftest import is_problem
from tests.controlplane.engine import accesses
from tests.controlplane.journal import T0_US, Calls, S, Stream, procure_to_pay


def chain_of(context: Context, ref: ObjectRef) -> Chain:
    with context.database.read() as connection:
        return read_chain(connection, ref, 0)


def names(chain: Chain) -> list[str]:
    return [item.object.value for item in chain.objects]


def ties(chain: Chain) -> set[tuple[str, str, str]]:
    return {(link.source.value, link.relation, link.target.value) for link in chain.links}


GOLDEN = ["REQ-1", "PO-1", "RC-1-1", "RC-1-2", "INV-1", "PAY-1"]


@pytest.mark.parametrize("root", range(6))
def test_the_whole_path_from_any_of_its_objects(
    context: Context, ingest: IngestService, stream: Stream, calls: Calls, root: int
) -> None:
    """Requisition → order → two receipts → invoice → payment, whichever of them one asks for."""
    stream.log(*procure_to_pay(calls))
    stream.send(ingest)
    kind = ["requisition", "purchase_order", "receipt", "receipt", "invoice", "payment"][root]
    chain = chain_of(context, calls.ref(kind, GOLDEN[root]))
    assert names(chain) == GOLDEN
    assert [item.object.value for item in chain.objects if item.is_root] == [GOLDEN[root]]
    assert ties(chain) == {
        ("PO-1", "fulfils", "REQ-1"),
        ("RC-1-1", "fulfils", "PO-1"),
        ("RC-1-2", "fulfils", "PO-1"),
        ("INV-1", "bills", "PO-1"),
        ("PAY-1", "settles", "INV-1"),
    }
    assert [event.type for event in chain.events] == [
        "requisition.created",
        "purchase_order.created",
        "receipt.posted",
        "receipt.accepted",
        "receipt.posted",
        "receipt.accepted",
        "invoice.received",
        "invoice.posted",
        "payment.released",
    ]
    assert [event.since_previous_us for event in chain.events] == [None] + [S] * 8
    assert [item.events for item in chain.objects] == [1, 1, 2, 2, 2, 1]
    assert chain.objects[2].amount == Amount("150.00", "USD")
    assert not chain.truncated


def test_a_supplier_does_not_tie_orders_together(
    context: Context, ingest: IngestService, stream: Stream, calls: Calls
) -> None:
    """Reference links are not followed, in either direction."""
    stream.log(*procure_to_pay(calls, 1), *procure_to_pay(calls, 2))
    stream.send(ingest)
    assert names(chain_of(context, calls.ref("invoice", "INV-2"))) == [name.replace("-1", "-2", 1) for name in GOLDEN]
    assert names(chain_of(context, calls.ref("supplier", "SUP-1"))) == ["SUP-1"]


def test_an_invoice_without_an_order_is_a_chain_of_its_own(
    context: Context, ingest: IngestService, stream: Stream, calls: Calls
) -> None:
    invoice, payment = calls.ref("invoice", "INV-9"), calls.ref("payment", "PAY-9")
    stream.log(
        calls.make("payables.invoices/invoices.submit", "invoice.received", invoice, "80.10"),
        calls.make("finance.payments/payments.release", "payment.released", payment, "80.10", [("settles", invoice)]),
    )
    stream.send(ingest)
    assert names(chain_of(context, invoice)) == ["INV-9", "PAY-9"]


def test_refused_then_corrected(context: Context, ingest: IngestService, stream: Stream, calls: Calls) -> None:
    """A refused attempt is an event of the object it names, and ties nothing: the wrong order is not in the chain."""
    right, wrong = calls.ref("purchase_order", "PO-1"), calls.ref("purchase_order", "PO-8")
    invoice = calls.ref("invoice", "INV-1")
    submit = "payables.invoices/invoices.submit"
    for order in (right, wrong):
        stream.log(calls.make("procurement.purchase-orders/x.create", "purchase_order.created", order, "10.00"))
    bad = calls.refused(submit, invoice, "request-schema", "schema-violation")
    at_ap = calls.make(
        submit, "", invoice, "999.00", [("bills", wrong)], status=422, executed="no", fault="upstream", code="rejected"
    )
    stream.log(bad, at_ap, calls.make(submit, "invoice.received", invoice, "10.00", [("bills", right)]))
    stream.send(ingest)
    chain = chain_of(context, invoice)
    assert names(chain) == ["PO-1", "INV-1"]
    assert [(event.type, event.code, event.refused_by) for event in chain.events if event.object == invoice] == [
        ("", "schema-violation", "request-schema"),
        ("", "rejected", ""),
        ("invoice.received", "", ""),
    ]
    assert chain.objects[1].amount == Amount("10.00", "USD")


def test_what_was_refused_later_does_not_change_the_amount(
    context: Context, ingest: IngestService, stream: Stream, calls: Calls
) -> None:
    """A duplicate with another amount is refused: the amount that was carried out stands, the latest of those."""
    invoice = calls.ref("invoice", "INV-1")
    stream.log(
        calls.make(
            "p/submit", "invoice.received", invoice, "10.00", status_axes={"doc": "received", "match": "not_run"}
        ),
        calls.make("p/post", "invoice.posted", invoice, "10.50", status_axes={"doc": "posted"}),
        calls.make("p/submit", "", invoice, "77.00", status=409, executed="no", fault="upstream"),
    )
    stream.send(ingest)
    (found,) = chain_of(context, invoice).objects
    assert found.amount == Amount("10.50", "USD")
    assert found.status_axes == {"doc": "posted", "match": "not_run"}
    assert (found.first_us, found.last_us) == (T0_US + S, T0_US + 3 * S)


def test_arrival_out_of_order_over_two_streams(context: Context, ingest: IngestService, calls: Calls) -> None:
    """The invoice's stream arrives before the order's: the chain reads by event time."""
    steps = procure_to_pay(calls)
    late, early = Stream("north/0/1"), Stream("south/0/1")
    late.log(*steps[:6])
    early.log(*steps[6:])
    early.send(ingest)
    chain = chain_of(context, calls.ref("payment", "PAY-1"))
    assert names(chain) == ["INV-1", "PO-1", "PAY-1"]
    order = next(item for item in chain.objects if item.object.value == "PO-1")
    assert (order.first_us, order.events) == (None, 0)
    late.send(ingest)
    assert names(chain_of(context, calls.ref("payment", "PAY-1"))) == GOLDEN


def test_an_alias_stands_for_its_object(context: Context, ingest: IngestService, stream: Stream, calls: Calls) -> None:
    """A system that knows the order under its own number only still belongs to the chain; it is shown once."""
    stream.log(*procure_to_pay(calls))
    native = calls.ref("purchase_order", "4500001", "erp")
    credit = calls.ref("credit_note", "CN-1")
    stream.log(
        calls.make("erp/orders.close", "purchase_order.closed", native),
        calls.make("erp/credits.post", "credit_note.posted", credit, "5.00", [("credits", native)]),
    )
    stream.send(ingest)
    by_alias = chain_of(context, native)
    assert by_alias.root == calls.ref("purchase_order", "PO-1")
    assert names(by_alias) == [*GOLDEN, "CN-1"]
    assert ("CN-1", "credits", "PO-1") in ties(by_alias)
    order = by_alias.objects[1]
    assert (order.aliases, order.events, order.is_root) == ([native], 2, True)


def test_two_owners_of_one_number_stay_apart(context: Context, ingest: IngestService, stream: Stream) -> None:
    """type/assigner/value: both legal entities may have order 1, and even one native number for it."""
    mercy, grace = Calls(entity="mercy"), Calls(entity="grace")
    stream.log(*procure_to_pay(mercy), *procure_to_pay(grace))
    stream.send(ingest)
    chain = chain_of(context, grace.ref("purchase_order", "PO-1"))
    assert {item.object.assigner for item in chain.objects} == {"grace"}
    assert names(chain) == GOLDEN


def test_replays_are_shown_but_are_no_events_of_their_own(
    context: Context, ingest: IngestService, stream: Stream, calls: Calls
) -> None:
    invoice = calls.ref("invoice", "INV-1")
    first = calls.make("p/submit", "invoice.received", invoice, "10.00")
    again = calls.make("p/submit", "invoice.received", invoice, "10.00", is_replay=True, upstream_status=0)
    stream.log(first, again)
    stream.send(ingest)
    chain = chain_of(context, invoice)
    assert [event.is_replay for event in chain.events] == [False, True]
    assert chain.objects[0].last_us == first.started_us


def test_reads_are_no_events(context: Context, ingest: IngestService, stream: Stream, calls: Calls) -> None:
    invoice = calls.ref("invoice", "INV-1")
    stream.log(
        calls.make("p/submit", "invoice.received", invoice, "10.00"),
        calls.make("p/get", "", invoice, "10.00", method="GET", status=200, status_axes={"doc": "approved"}),
        calls.make("p/get", "", invoice, method="GET", status=403, executed="no", fault="policy", code="forbidden"),
    )
    stream.send(ingest)
    chain = chain_of(context, invoice)
    assert [event.type for event in chain.events] == ["invoice.received"]
    assert chain.objects[0].status_axes == {"doc": "approved"}


def test_in_doubt_then_settled_is_one_event(context: Context, ingest: IngestService, calls: Calls) -> None:
    """The successor's stream tells the exchange again; whichever arrives first, the later telling stands."""
    invoice = calls.ref("invoice", "INV-1")
    doubt = calls.make(
        "p/submit", "", invoice, "10.00", status=504, executed="unknown", fault="upstream", code="in-doubt"
    )
    settled = calls.make(
        "p/submit",
        "invoice.received",
        invoice,
        "10.00",
        at_us=doubt.started_us,
        exchange_id=doubt.exchange_id,
        is_reconciled=True,
        duration_us=5 * S,
    )
    first, successor = Stream("north/0/1"), Stream("north/0/2")
    first.log(doubt)
    successor.log(settled)
    successor.send(ingest)
    first.send(ingest)
    (event,) = chain_of(context, invoice).events
    assert (event.type, event.executed, event.status) == ("invoice.received", "yes", 201)


def test_a_cycle_ends(context: Context, ingest: IngestService, stream: Stream, calls: Calls) -> None:
    a, b = calls.ref("order", "A"), calls.ref("order", "B")
    stream.log(calls.make("x/a", "a", a, flows=[("f", b), ("f", a)]), calls.make("x/b", "b", b, flows=[("f", a)]))
    stream.send(ingest)
    assert names(chain_of(context, a)) == ["A", "B"]


def test_an_endless_chain_is_cut_and_says_so(
    context: Context, ingest: IngestService, stream: Stream, calls: Calls
) -> None:
    last = calls.ref("blanket_order", "BO")
    for number in range(MAX_OBJECTS + 30):
        stream.log(calls.make("x/call-off", "called_off", calls.ref("order", f"O-{number}"), flows=[("calls", last)]))
    stream.send(ingest)
    chain = chain_of(context, last)
    assert chain.truncated
    assert len(chain.objects) == MAX_OBJECTS


def test_the_walk_uses_indexes_in_both_directions(context: Context) -> None:
    with context.database.read() as connection:
        query = WALK[connection.dialect.name].text.replace(":root", "1").replace(":limit", "200")
        steps = [step for step in accesses(connection, query) if step.table in ("link", "claim")]
    assert len(steps) == 4
    assert all(step.is_search for step in steps), steps


def test_an_unknown_object_is_a_problem(context: Context, api) -> None:
    with pytest.raises(NotFound):
        chain_of(context, ObjectRef("order", "x", "y"))
    asked = {"type": "order", "assigner": "x", "value": "y"}
    assert is_problem(api.get("/lineage/chain", params=asked), 404, "not-found")
