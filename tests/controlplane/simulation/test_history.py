"""Invented history: fixed by the seed, in the exact form of records, and distributed as the profile says."""

import statistics
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import pytest
import yaml

from catalog.calendar import BusinessTime
from catalog.record import Exchange
from catalog.synthetic import batches, is_unevaluated, unevaluated
from catalog.workspace import library_files, load, read_directory
from controlplane.ingest.batch import Head, Located, read_batch
from controlplane.simulation.credential import new_signer
from controlplane.simulation.history import make_history
from controlplane.simulation.workspace import AUDIENCE, ISSUER, STATIONS, write_workspace

UNTIL = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
US = 1_000_000
DAY_US = 86_400 * US


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workspace")
    slo = yaml.safe_load(library_files(["procure-to-pay"])["library:slos/receipt-reaches-erp.yaml"])
    _, jwks = new_signer(ISSUER, AUDIENCE, "treasury")
    write_workspace(folder, {station.name: "http://127.0.0.1:9" for station in STATIONS}, jwks, slo)
    return load(read_directory(folder))


@pytest.fixture(scope="module")
def history(workspace):
    return make_history(workspace, 7, UNTIL)


def ended_us(one):
    return one.started_us + one.duration_us


def by_event(history, event):
    """When each object had the event first."""
    found = {}
    for one in history:
        if one.event == event:
            found.setdefault(one.object, ended_us(one))
    return found


def test_the_seed_and_the_end_fix_every_byte(workspace, history):
    """The same seed and end give the same stream; another seed or another end gives another."""
    lines = [batch.lines for batch in batches(history)]
    assert lines == [batch.lines for batch in batches(make_history(workspace, 7, UNTIL))]
    assert lines[0] != next(batches(make_history(workspace, 8, UNTIL))).lines
    assert len(make_history(workspace, 7, UNTIL - timedelta(days=7))) != len(history)


def test_the_ingest_reads_every_record(history):
    """Chain and numbers hold, every body is an exchange, and none claims that a policy was asked."""
    head, count = Head(0, ""), 0
    for batch in batches(history):
        entries, head = read_batch(batch.first, batch.last, batch.lines, head)
        located = [Located.of("synthetic/1/x", entry) for entry in entries]
        assert all(one.exchange is not None and is_unevaluated(one.exchange) for one in located)
        count += len(located)
    assert count == len(history)
    first = msgspec.json.decode(msgspec.json.encode(unevaluated(history[0])), type=Exchange)
    assert first == unevaluated(history[0])


def test_there_is_enough_of_it_and_none_lies_ahead(history):
    """Thousands of transactions over sixty days, told in the order in which they were answered."""
    assert 45_000 < len(history) < 90_000
    assert len({one.exchange_id for one in history}) == len(history)
    times = [ended_us(one) for one in history]
    assert times == sorted(times)
    assert times[-1] <= UNTIL.timestamp() * US
    assert 59 * DAY_US < times[-1] - times[0] <= 61 * DAY_US
    assert 5_000 < len(by_event(history, "invoice.received")) < 10_000


def test_every_call_is_one_that_the_workspace_allows(workspace, history):
    """Operation, consumer, scope of entity and system are those of the workspace."""
    operations = {
        (version.contract.contract, operation.id) for version in workspace.versions for operation in version.operations
    }
    bound = {(one.contract, one.entity, one.system) for one in workspace.bindings}
    for one in {(e.contract, e.operation, e.consumer, e.legal_entity, e.system) for e in history}:
        contract, operation, consumer, entity, system = one
        granted = workspace.consumers[consumer]
        assert (contract, operation) in operations
        assert contract in granted.contracts, one
        assert entity in granted.entities or "shared-services" in granted.entities, one
        assert not system or {(contract, entity, system), (contract, "*", system)} & bound, one


def test_chains_link_up(history):
    """What is named was there before: requisitions of orders, orders of receipts and invoices, invoices of payments."""
    begun = {}
    for one in history:
        if one.executed == "yes" and one.object is not None:
            begun.setdefault(one.object, ended_us(one))
    follows = {"requisition": 0, "purchase_order": 0, "invoice": 0}
    for one in history:
        for link in one.links:
            if link.kind == "flow":
                assert begun[link.target] <= ended_us(one), one
                follows[link.target.type] += 1
    assert min(follows.values()) > 1_000


def test_sums_are_exact(history):
    """Receipts of an order add up to it, an invoice and its payment are of the same amount, to the cent."""
    ordered, received, billed, paid = {}, defaultdict(Decimal), {}, {}
    for one in history:
        if one.event == "purchase_order.issued":
            ordered[one.object] = Decimal(one.amount.amount)
        elif one.event == "receipt.posted":
            received[one.links[0].target] += Decimal(one.amount.amount)
        elif one.event == "invoice.received":
            billed[one.object] = one.amount
        elif one.event == "payment.released":
            invoice = next(link.target for link in one.links if link.target.type == "invoice")
            paid[invoice] = one.amount
    assert all(worth <= ordered[order] for order, worth in received.items())
    assert sum(worth == ordered[order] for order, worth in received.items()) > 0.9 * len(received)
    assert paid and all(billed[invoice] == amount for invoice, amount in paid.items())


def test_business_happens_on_working_days(workspace, history):
    """Requisitions and invoices come on days that the calendar of their legal entity works, month ends more of them."""
    for name in ("mercy-health", "sankt-marien", "riverbend-clinics"):
        entity = workspace.entities[name]
        business = BusinessTime(workspace.calendars[entity.calendar], entity.timezone)
        zone, days = ZoneInfo(entity.timezone), defaultdict(int)
        for one in history:
            if one.legal_entity == name and one.operation == "requisitions.validate":
                days[datetime.fromtimestamp(one.started_us / US, zone).date()] += 1
        assert all(business.is_business_day(day) for day in days)
        end = [count for day, count in days.items() if (day.month, day.day) in ((9, 30), (10, 30), (9, 29), (10, 29))]
        assert statistics.mean(end) > 1.3 * statistics.mean(days.values())


def test_a_payment_comes_weeks_after_its_invoice(history):
    """A median of three to five weeks; what is younger is still open."""
    received, released = by_event(history, "invoice.received"), {}
    for one in history:
        if one.event == "payment.released":
            released[next(link.target for link in one.links if link.target.type == "invoice")] = ended_us(one)
    days = [(at - received[invoice]) / DAY_US for invoice, at in released.items()]
    assert 21 < statistics.median(days) < 35
    assert 0.2 * len(received) < len(received) - len(released)


def exceptions(history, entity, from_us, to_us):
    told = [one for one in history if one.event in ("invoice.matched", "invoice.exception_raised")]
    mine = [one.event for one in told if one.legal_entity == entity and from_us <= one.started_us < to_us]
    return mine.count("invoice.exception_raised") / len(mine)


def test_one_match_in_ten_is_an_exception_and_trends_differ(history):
    """Better at the hospital, worse at the clinics; some exceptions nobody has resolved."""
    first, last = history[0].started_us, ended_us(history[-1])
    third = (last - first) // 3
    assert (
        0.08
        < statistics.mean(exceptions(history, name, first, last) for name in {h.legal_entity for h in history})
        < 0.16
    )
    early, late = (first, first + third), (last - third, last)
    assert exceptions(history, "mercy-health", *late) < exceptions(history, "mercy-health", *early)
    assert exceptions(history, "riverbend-clinics", *late) > exceptions(history, "riverbend-clinics", *early)
    raised = by_event(history, "invoice.exception_raised")
    open_long = [
        ref
        for ref, at in raised.items()
        if last - at > 14 * DAY_US and ref not in by_event(history, "invoice.approved")
    ]
    assert open_long


def test_receipts_reach_the_ledger_but_for_a_few(history):
    """Nearly all in seconds; a bad day shows."""
    posted, accepted = by_event(history, "receipt.posted"), by_event(history, "receipt.accepted")
    late = [ref for ref, at in posted.items() if accepted.get(ref, at + DAY_US) - at > 12 * US]
    assert 0.003 < len(late) / len(posted) < 0.05
    bad_day = (UNTIL - timedelta(days=19)).date()
    then = [ref for ref in late if datetime.fromtimestamp(posted[ref] / US, UTC).date() == bad_day]
    assert bad_day.weekday() >= 5 or len(then) > 3
    assert any(ref not in accepted for ref in late)
