"""The backlog of the close: open objects by hours to the cut-off of their legal entity's month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from catalog.measure import Measure
from catalog.record import Exchange
from catalog.slo import LifecycleSource, SloSpec
from controlplane.ingest.service import IngestService
from controlplane.projection import projections
from tests.controlplane.conftest import Api
from tests.controlplane.journal import Calls, Stream
from tests.controlplane.publication import put_in_force
from tests.controlplane.slo.test_deadline import FEDERAL, MARIEN, MERCY

CHICAGO, BERLIN = ZoneInfo("America/Chicago"), ZoneInfo("Europe/Berlin")
RECEIPTS = LifecycleSource("receipt", "receipt.posted", "receipt.accepted", deadline_s=900)
INVOICES = LifecycleSource("invoice", "invoice.approved", "invoice.posted", deadline_s=900)
SLOS = [
    SloSpec(source.object, source.object, "s", "0.9", "28d", 28 * 86_400, source, sha256=source.object)
    for source in (RECEIPTS, INVOICES)
]
BACKLOG = Measure(
    "close", "Close", "backlog", "What is left.", slos=["receipt", "invoice"], cut_off_business_days=2,
    window_s=31 * 86_400, warning_above=0,
)  # fmt: skip


class Close:
    """Figures as of a moment; what began by then, and what of it has ended."""

    def __init__(self, api: Api, clock: Any) -> None:
        self._api, self._clock = api, clock
        put_in_force(api.context, SLOS, [BACKLOG], [MERCY, MARIEN], [FEDERAL])
        self._clock.now_us = _us(datetime(2026, 12, 1, tzinfo=CHICAGO))
        self._gateway = api.enrol()
        self._stream = Stream(f"{self._gateway['gateway']}/0/1")

    def take(self, *exchanges: Exchange) -> None:
        self._stream.log(*exchanges)
        self._stream.send(IngestService(self._api.context, projections()))

    def figure(self, at: datetime, **params: str) -> dict[str, Any]:
        self._clock.now_us = _us(at) + 2_000_000  # a gateway has two seconds to ship
        self._api.call("GET", "/commands", token=self._gateway["credential"])
        (figure,) = self._api.get("/overview", params=params).json()["figures"]
        return figure


@pytest.fixture
def close(api: Api, clock: Any) -> Iterator[Close]:
    yield Close(api, clock)


def _us(local: datetime) -> int:
    return int(local.timestamp()) * 1_000_000


def told(event: str, name: str, at: datetime, entity: str = "mercy", amount: str | None = None) -> Exchange:
    kind = event.split(".")[0]
    calls = Calls(entity=entity)
    return calls.make(f"x/{event}", event, calls.ref(kind, name), amount, at_us=_us(at), duration_us=0)


def steps(figure: dict[str, Any]) -> dict[str, int]:
    return {detail["label"]: detail["count"] for detail in figure["detail"] if detail["count"]}


def test_objects_by_hours_to_the_cut_off_of_their_own_month_and_entity(close: Close) -> None:
    """Cut off at the end of the second business day: for December 2026 that is January 4 in both entities, at their
    own midnight (the first is a Friday; the fourth a Monday), with money."""
    december = datetime(2026, 12, 30, 12, tzinfo=CHICAGO)
    close.take(
        told("receipt.posted", "RC-1", december, amount="10.50"),
        told("invoice.approved", "IN-1", december, amount="100.00"),
        told("invoice.approved", "IN-2", december, "marien", amount="7.00"),
        told("invoice.approved", "IN-3", december),
        told("invoice.posted", "IN-3", december),
        told("receipt.posted", "RC-9", datetime(2027, 1, 2, 12, tzinfo=CHICAGO), amount="1.00"),
    )
    figure = close.figure(datetime(2027, 1, 3, 12, tzinfo=CHICAGO))
    assert (figure["value"], figure["denominator"], figure["still_open"], figure["state"]) == (4, 5, 4, "ok")
    assert figure["money"] == [{"amount": "118.50", "currency": "USD"}]
    assert steps(figure) == {"within 72 h": 3, "later": 1}
    ladder = ["past the cut-off", "cut-off within 24 h", "within 72 h", "within 10 days", "later"]
    assert [detail["label"] for detail in figure["detail"]] == ladder
    assert [(part["label"], part["count"]) for part in figure["where"]] == [("mercy", 3), ("marien", 1)]
    assert figure["limits"] == {"warning": 0, "bad": None, "label": "past the cut-off"}
    assert figure["link"] == {"page": "Transactions", "query": {"slo": "invoice,receipt", "state": "open"}}
    almost = close.figure(datetime(2027, 1, 4, 23, 59, 59, tzinfo=BERLIN))
    assert steps(almost) == {"cut-off within 24 h": 3, "later": 1}
    past = close.figure(datetime(2027, 1, 5, 0, 0, 0, tzinfo=BERLIN))
    assert steps(past) == {"past the cut-off": 1, "cut-off within 24 h": 2, "later": 1}
    assert (past["state"], past["value"], past["still_open"]) == ("warning", 4, 3)
    close.take(told("invoice.posted", "IN-2", datetime(2027, 1, 5, 1, tzinfo=BERLIN), "marien"))
    settled = close.figure(datetime(2027, 1, 5, 2, tzinfo=BERLIN))
    assert (steps(settled), settled["state"]) == ({"cut-off within 24 h": 2, "later": 1}, "ok")


def test_a_month_is_that_of_the_entity(close: Close) -> None:
    """The same instant is January in Berlin and December in Chicago."""
    midnight = datetime(2027, 1, 1, 0, 30, tzinfo=BERLIN)
    close.take(told("receipt.posted", "RC-1", midnight), told("receipt.posted", "RC-2", midnight, "marien"))
    figure = close.figure(datetime(2027, 1, 5, 0, 0, tzinfo=CHICAGO))
    assert steps(figure) == {"past the cut-off": 1, "later": 1}
    assert steps(close.figure(datetime(2027, 1, 5, 0, 0, tzinfo=CHICAGO), entity="marien")) == {"later": 1}


def test_the_trend_is_what_was_open_at_the_end_of_each_slice(close: Close) -> None:
    begun, ended = datetime(2026, 12, 20, 12, tzinfo=CHICAGO), datetime(2026, 12, 28, 12, tzinfo=CHICAGO)
    close.take(
        told("receipt.posted", "RC-1", begun),
        told("invoice.approved", "IN-1", begun),
        told("invoice.posted", "IN-1", ended),
    )
    figure = close.figure(datetime(2027, 1, 3, tzinfo=CHICAGO))
    levels = [point["value"] for point in figure["trend"]["points"]]
    assert [level for place, level in enumerate(levels) if place == 0 or level != levels[place - 1]] == [0, 2, 1]
    assert figure["trend"]["previous"] == 0


def test_without_anything_begun_there_is_no_data(close: Close) -> None:
    figure = close.figure(datetime(2027, 1, 3, tzinfo=CHICAGO))
    assert (figure["value"], figure["state"], figure["detail"]) == (None, "no_data", [])
