"""Trends: this window against the one before, and points over both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import event

from catalog.record import Exchange
from controlplane.context import Context
from controlplane.ingest.service import IngestService
from controlplane.lineage.rollup import Window
from controlplane.overview.slice import MAX_POINTS, Slices, before_of
from controlplane.projection import projections
from tests.controlplane.conftest import START_US, Api, is_problem
from tests.controlplane.engine import accesses
from tests.controlplane.journal import DAY_S, Calls, S, Stream, procure_to_pay, receipt_slo
from tests.controlplane.overview.test_overview import SUBMIT, VALIDATE, library_measures, library_slos
from tests.controlplane.publication import put_in_force

HOUR_S = 3_600


@pytest.fixture(autouse=True)
def measures(context: Context) -> None:
    put_in_force(context, library_slos(), library_measures())


def tell(context: Context, exchanges: Iterable[Exchange]) -> None:
    stream = Stream()
    stream.log(*exchanges)
    stream.send(IngestService(context, projections()))


def at(hours_ago: float, entity: str = "mercy") -> Calls:
    return Calls(START_US - int(hours_ago * HOUR_S) * S, entity)


def trend(api: Api, **asked: Any) -> dict[str, Any]:
    answer = api.get("/trends", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["trend"]


def told(trend: dict[str, Any]) -> dict[int, Any]:
    """Points that have data and are not 0, by how many hours ago their slice began."""
    return {(START_US - point["at_us"]) // (HOUR_S * S): point["value"] for point in trend["points"] if point["value"]}


@pytest.mark.parametrize("window_s", [60, 300, HOUR_S, 12 * HOUR_S, DAY_S, 7 * DAY_S, 28 * DAY_S, 90 * DAY_S])
def test_slices_cover_both_windows_in_few_points_of_whole_buckets(window_s: int) -> None:
    window = Window.ending(START_US + 17 * 61 * S, window_s)
    slices = Slices.of(window)
    count = len(slices.starts_us)
    assert 2 <= count <= MAX_POINTS
    assert slices.step % slices.grain == 0
    assert slices.window.first <= before_of(window).first
    assert before_of(window).first - slices.window.first < slices.step
    assert slices.window.first <= window.last <= slices.window.last < window.last + slices.step
    assert slices.of_time(window.end_us - 1) == count - 1


def test_share_of_calls_refused(api: Api, context: Context) -> None:
    """A quarter a day before, the half today; the points are hours."""
    before, today = at(30), at(2)
    tell(
        context,
        [
            *[before.make(VALIDATE, status=200) for _ in range(3)],
            before.refused(VALIDATE, None, "rate-limit", "rate-limited"),
            today.make(VALIDATE, status=200),
            today.refused(VALIDATE, None, "rate-limit", "rate-limited"),
        ],
    )
    found = trend(api, measure="calls-refused")
    assert (found["previous"], found["step_s"]) == (0.25, HOUR_S)
    assert told(found) == {30: 0.25, 2: 0.5}
    (figure,) = [item for item in api.get("/overview").json()["figures"] if item["id"] == "calls-refused"]
    assert (figure["value"], figure["trend"]) == (0.5, found)


def test_latency_and_delay_are_percentiles_of_their_slice(api: Api, context: Context) -> None:
    before, today = at(30), at(3)
    slow = before.make("receiving.receipts/receipts.post", "receipt.posted", before.ref("receipt", "RC-1"))
    ended = before.make(
        "finance.receipts/receipts.post", "receipt.accepted", slow.object, at_us=slow.started_us + 600 * S
    )
    tell(
        context,
        [
            before.make(VALIDATE, status=200, duration_us=100_000),
            today.make(VALIDATE, status=200, duration_us=400_000),
            slow,
            ended,
            *procure_to_pay(today),
        ],
    )
    latency = trend(api, measure="requisition-validation-p95")
    assert latency["previous"] == pytest.approx(100, rel=0.02)
    assert told(latency) == {30: pytest.approx(100, rel=0.02), 3: pytest.approx(400, rel=0.02)}
    delay = trend(api, measure="receipt-synchronisation-p95")
    assert delay["previous"] == pytest.approx(600_000, rel=0.02)
    assert told(delay)[3] == pytest.approx(1_000, rel=0.02)
    (figure,) = [f for f in api.get("/overview").json()["figures"] if f["id"] == "receipt-synchronisation-p95"]
    assert figure["value"] == pytest.approx(1_000, rel=0.02)
    assert (figure["denominator"], figure["still_open"]) == (2, 0)


def test_what_is_open_is_counted_at_the_end_of_each_slice(api: Api, context: Context) -> None:
    """One posted 40 days ago and accepted 3 days ago, one of 2 days ago that never arrived."""
    first, accepted, second = at(40 * 24), at(3 * 24), at(2 * 24)
    receipt = first.ref("receipt", "RC-1")
    tell(
        context,
        [
            first.make("receiving.receipts/receipts.post", "receipt.posted", receipt),
            accepted.make("finance.receipts/receipts.post", "receipt.accepted", receipt),
            second.make("receiving.receipts/receipts.post", "receipt.posted", second.ref("receipt", "RC-2")),
        ],
    )
    found = trend(api, measure="receipts-not-in-erp")
    by_day = {hours // 24: value for hours, value in told(found).items()}
    assert found["previous"] == 1
    assert [by_day.get(day) for day in (45, 40, 10, 4, 3, 2, 1, 0)] == [None, 1, 1, 1, None, 1, 1, 1]


def test_exceptions_by_their_last_refusal(api: Api, context: Context) -> None:
    """Counted and as a share; what has succeeded since is in no point."""
    before, today = at(30), at(2)
    settled = before.ref("invoice", "INV-3")
    tell(
        context,
        [
            before.refused(SUBMIT, before.ref("invoice", "INV-1"), "shape", "invalid"),
            before.refused(SUBMIT, settled, "shape", "invalid"),
            today.refused(SUBMIT, today.ref("invoice", "INV-2"), "shape", "invalid"),
            today.make(SUBMIT, "invoice.received", settled),
            today.make(SUBMIT, "invoice.received", today.ref("invoice", "INV-4")),
        ],
    )
    found = trend(api, measure="invoices-in-exception")
    assert (found["previous"], told(found)) == (1, {30: 1, 2: 1})
    share = trend(api, measure="invoice-exception-rate")
    assert [point["value"] for point in share["points"] if point["value"] is not None] == [1.0, pytest.approx(1 / 3)]
    (figure,) = [item for item in api.get("/overview").json()["figures"] if item["id"] == "invoice-exception-rate"]
    assert (figure["unit"], figure["value"], figure["numerator"], figure["denominator"]) == ("ratio", 0.5, 2, 4)


def test_an_objective_s_good_share_counts_what_is_overdue(api: Api, context: Context) -> None:
    put_in_force(context, [receipt_slo(window="1d")], library_measures())
    before, today = at(30), at(3)
    tell(
        context,
        [
            *procure_to_pay(before),
            before.make("receiving.receipts/receipts.post", "receipt.posted", before.ref("receipt", "RC-9")),
            *procure_to_pay(today, 2),
        ],
    )
    found = trend(api, slo="receipt-reaches-erp")
    assert found["previous"] == pytest.approx(2 / 3)
    assert told(found) == {30: 2 / 3, 3: 1.0}


def test_only_what_may_be_seen(api: Api, context: Context) -> None:
    here, there = at(2), at(3, "grace")
    tell(
        context,
        [
            here.make(VALIDATE, status=200),
            *(there.refused(VALIDATE, None, "rate-limit", "rate-limited") for _ in range(3)),
        ],
    )
    assert told(trend(api, measure="calls-refused")) == {3: 1.0}
    assert told(trend(api, measure="calls-refused", entity="mercy")) == {}
    assert told(trend(api, measure="calls-refused", entity="grace")) == {3: 1.0}
    scoped = api.get("/trends", params={"measure": "calls-refused"}, token=api.token("viewer", "mercy")).json()
    assert told(scoped["trend"]) == {}


def test_the_trends_of_all_objectives_are_those_of_each(api: Api, context: Context) -> None:
    tell(context, [*procure_to_pay(at(50)), *procure_to_pay(at(2), 2)])
    items = api.get("/slo-trends").json()["items"]
    assert [item["id"] for item in items] == sorted(slo.name for slo in library_slos())
    assert all(item["trend"] == trend(api, slo=item["id"]) for item in items)
    assert any(point["value"] is not None for item in items for point in item["trend"]["points"])


def test_exactly_one_known_name(api: Api) -> None:
    assert is_problem(api.get("/trends"), 422, "invalid")
    assert is_problem(api.get("/trends", params={"measure": "a", "slo": "b"}), 422, "invalid")
    assert is_problem(api.get("/trends", params={"measure": "a"}), 404, "not-found")
    assert is_problem(api.get("/trends", params={"slo": "a"}), 404, "not-found")


def test_no_trend_reads_a_whole_table(api: Api, context: Context) -> None:
    """The cost follows the window, not what is stored: every statement on what grows with traffic searches an index,
    and one on a roll-up the buckets of the window. PostgreSQL chooses by what there is, which in a test is little."""
    tell(context, procure_to_pay(at(2)))
    api.get("/overview")
    asked: list[tuple[str, Any]] = []

    @event.listens_for(context.database.engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, parameters, _context, _is_many) -> None:
        asked.append((statement, parameters))

    for measure in library_measures():
        trend(api, measure=measure.id)
    for slo in library_slos():
        trend(api, slo=slo.name)
    for path in ("/overview", "/slos", "/slo-trends"):
        api.get(path)
    event.remove(context.database.engine, "before_cursor_execute", note)
    growing = ("business_object", "object_axis", "exchange", "call_rollup", "latency_rollup", "slo_rollup")
    growing += ("slo_delay_rollup", "slo_contribution")
    statements = [(text, values) for text, values in asked if text.lstrip().startswith("SELECT")]
    assert len(statements) > 40
    partial = {"exchange_failed", "exchange_in_doubt", "exchange_refused"}
    with context.database.read() as connection:
        for text, values in statements:
            steps = [step for step in accesses(connection, text, values) if step.table in growing]
            assert [step for step in steps if not step.is_search and step.index not in partial] == [], text
            past = [step for step in steps if step.table.endswith("_rollup") and "bucket" not in step.wanted]
            assert past == [] or connection.dialect.name != "sqlite", text
