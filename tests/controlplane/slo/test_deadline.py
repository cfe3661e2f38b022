"""Deadlines in business days: weekends, holidays, changes of the clock, and calendars that are corrected."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from catalog.calendar import Calendar, Holiday
from catalog.network import Entity
from catalog.slo import LifecycleSource, SloSpec
from controlplane.context import Context
from controlplane.ingest.service import IngestService, rebuild
from controlplane.projection import projections
from controlplane.slo.deadline import Calendars
from controlplane.slo.store import slo_contribution
from tests.controlplane.conftest import Api
from tests.controlplane.journal import Calls, Stream
from tests.controlplane.publication import put_in_force
from tests.controlplane.slo.test_slo import Bench

CHICAGO, BERLIN = ZoneInfo("America/Chicago"), ZoneInfo("Europe/Berlin")
FEDERAL = Calendar("us-federal", holidays=[Holiday(date(2027, 1, 18), "Birthday of Martin Luther King, Jr.")])
MERCY = Entity("mercy", "Mercy", "us-east", "USD", timezone="America/Chicago", calendar="us-federal")
MARIEN = Entity("marien", "Marien", "eu-central", "EUR", timezone="Europe/Berlin")
SOURCE = LifecycleSource("payment", "payment.released", "payment.confirmed", deadline_business_days=3)
SLO = SloSpec("payment-confirmed", "Confirmed", "finance.payments", "0.95", "28d", 28 * 86_400, SOURCE, sha256="a")
RELEASE, CONFIRM = "finance.payments/payments.release", "finance.payments/payments.confirm"


def us(local: datetime) -> int:
    return int(local.timestamp()) * 1_000_000


def released(service: IngestService, stream: Stream, at: datetime, entity: str, name: str = "PAY-1") -> None:
    calls = Calls(entity=entity)
    payment = calls.ref("payment", name)
    stream.log(calls.make(RELEASE, "payment.released", payment, "10.00", at_us=us(at), duration_us=0))
    stream.send(service)


def deadlines(context: Context) -> list[int]:
    with context.database.read() as connection:
        return sorted(connection.scalars(select(slo_contribution.c.deadline_us)))


@pytest.mark.parametrize(
    ("entity", "begun", "due"),
    [
        # Friday afternoon; Saturday, Sunday and the holiday on Monday are not worked
        ("mercy", datetime(2027, 1, 15, 15, 30, tzinfo=CHICAGO), datetime(2027, 1, 21, 15, 30, tzinfo=CHICAGO)),
        # the same instant elsewhere: that Monday is worked
        ("marien", datetime(2027, 1, 15, 22, 30, tzinfo=BERLIN), datetime(2027, 1, 20, 22, 30, tzinfo=BERLIN)),
        # begun on a Saturday: counted from the beginning of the next business day
        ("marien", datetime(2027, 1, 16, 10, 0, tzinfo=BERLIN), datetime(2027, 1, 21, 0, 0, tzinfo=BERLIN)),
        # the clocks change in that night from Saturday to Sunday: the same time of day, 23 and 25 hours make a day
        ("mercy", datetime(2027, 3, 12, 9, 0, tzinfo=CHICAGO), datetime(2027, 3, 17, 9, 0, tzinfo=CHICAGO)),
        ("marien", datetime(2027, 10, 29, 9, 0, tzinfo=BERLIN), datetime(2027, 11, 3, 9, 0, tzinfo=BERLIN)),
        # nobody declared that entity: Monday to Friday in UTC
        ("nobody", datetime(2027, 1, 15, 9, tzinfo=UTC), datetime(2027, 1, 20, 9, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_business_days_are_those_of_the_entity(context: Context, entity: str, begun: datetime, due: datetime) -> None:
    put_in_force(context, [SLO], entities=[MERCY, MARIEN], calendars=[FEDERAL])
    released(IngestService(context, projections()), Stream(), begun, entity)
    assert deadlines(context) == [us(due)]


@pytest.mark.parametrize(("late_us", "good", "bad"), [(0, 1, 0), (1, 0, 1)])
def test_in_time_is_good_up_to_the_microsecond_across_a_holiday(
    api: Api, clock, late_us: int, good: int, bad: int
) -> None:
    put_in_force(api.context, [SLO], entities=[MERCY], calendars=[FEDERAL])
    bench = Bench(api, clock)
    released(bench.service, bench.stream, datetime(2027, 1, 15, 15, 30, tzinfo=CHICAGO), "mercy")
    due_us = us(datetime(2027, 1, 21, 15, 30, tzinfo=CHICAGO))
    calls = Calls(entity="mercy")
    payment = calls.ref("payment", "PAY-1")
    bench.stream.log(calls.make(CONFIRM, "payment.confirmed", payment, at_us=due_us + late_us, duration_us=0))
    bench.ship()
    bench.heard_at(8 * 86_400)
    assert bench.numbers(name="payment-confirmed") == (good, bad, 1, 0)
    words = bench.standing("payment-confirmed")["objective"]
    assert words == "95 % of payments: “payment confirmed” within 3 business days of “payment released”, over 28 d"


def test_one_that_never_comes_is_bad_only_when_its_business_days_are_over(api: Api, clock) -> None:
    put_in_force(api.context, [SLO], entities=[MERCY], calendars=[FEDERAL])
    bench = Bench(api, clock)  # its time begins on Friday at 8:00 UTC
    released(bench.service, bench.stream, datetime(2027, 1, 15, 2, 0, tzinfo=CHICAGO), "mercy")
    bench.heard_at(6 * 86_400)
    assert bench.numbers(name="payment-confirmed") == (0, 0, 0, 1)
    bench.heard_at(6 * 86_400 + 2)
    assert bench.numbers(name="payment-confirmed") == (0, 1, 1, 0)


def test_a_corrected_calendar_moves_the_deadlines_and_a_rebuild_gives_the_same(context: Context) -> None:
    """What is known of holidays today holds for what began before, whatever was known then."""
    service = IngestService(context, projections())
    put_in_force(context, [SLO], entities=[MERCY], calendars=[Calendar("us-federal")])
    begun = datetime(2027, 1, 15, 15, 30, tzinfo=CHICAGO)
    released(service, stream := Stream(), begun, "mercy")
    assert deadlines(context) == [us(datetime(2027, 1, 20, 15, 30, tzinfo=CHICAGO))]
    put_in_force(context, [SLO], entities=[MERCY], calendars=[FEDERAL])
    released(service, stream, begun, "mercy", "PAY-2")
    corrected = [us(datetime(2027, 1, 21, 15, 30, tzinfo=CHICAGO))] * 2
    assert deadlines(context) == corrected
    rebuild(context.database, projections())
    assert deadlines(context) == corrected


def test_a_time_that_no_calendar_reaches_stops_nothing() -> None:
    """A clock that is far off is taken at its word, in days of 24 hours."""
    far_us = 10**18
    assert Calendars().deadline_us(SOURCE, far_us, "mercy") == far_us + 3 * 86_400_000_000
    assert Calendars().cut_off_us(far_us, "mercy", 3) == far_us
