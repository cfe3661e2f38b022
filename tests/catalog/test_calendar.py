"""Business time: days of a calendar in a time zone, also where clocks change or skip midnight."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.calendar import STANDARD, WEEKDAYS, BusinessTime, Calendar, Holiday

FEDERAL = Calendar(
    "us-federal",
    holidays=[Holiday(date(2026, 11, 26), "Thanksgiving Day"), Holiday(date(2026, 12, 25), "Christmas Day")],
)
NEW_YORK = BusinessTime(FEDERAL, "America/New_York")
#: ordinary, without changes, changing at midnight, half-hour change
ZONES = ("America/New_York", "UTC", "Africa/Cairo", "America/Havana", "Australia/Lord_Howe")

START = datetime(2011, 1, 1, tzinfo=UTC)
instants = st.timedeltas(timedelta(), timedelta(days=500)).map(lambda passed: START + passed)
durations = st.timedeltas(timedelta(), timedelta(days=40))
weekends = st.lists(st.sampled_from(WEEKDAYS), max_size=4, unique=True)
holidays = st.lists(st.dates(date(2011, 1, 1), date(2012, 8, 1)), max_size=20, unique=True)
times = st.builds(
    lambda weekend, days, zone: BusinessTime(
        Calendar("any", weekend=weekend, holidays=[Holiday(day, "off") for day in days]), zone
    ),
    weekends,
    holidays,
    st.sampled_from(ZONES),
)


def at(text: str, zone: str = "America/New_York") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("day", "is_worked"),
    [("2026-11-25", True), ("2026-11-26", False), ("2026-11-27", True), ("2026-11-28", False), ("2026-11-30", True)],
)
def test_weekends_and_holidays_are_not_worked(day, is_worked):
    """Wednesday, Thanksgiving, Friday, Saturday, Monday."""
    assert NEW_YORK.is_business_day(date.fromisoformat(day)) == is_worked


def test_without_a_calendar_monday_to_friday_is_worked():
    """The standard has no holidays."""
    assert BusinessTime(STANDARD, "UTC").is_business_day(date(2026, 12, 25))
    assert not BusinessTime(STANDARD, "UTC").is_business_day(date(2026, 12, 26))


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2026-11-24T15:00", 1, "2026-11-25T15:00"),
        ("2026-11-24T15:00", 2, "2026-11-27T15:00"),  # over Thanksgiving
        ("2026-11-27T15:00", 2, "2026-12-01T15:00"),  # over a weekend
        ("2026-11-28T15:00", 2, "2026-12-02T00:00"),  # received on a Saturday: Monday counts from its first hour
        ("2026-11-28T15:00", 0, "2026-11-30T00:00"),
        ("2026-10-30T10:00", 1, "2026-11-02T10:00"),  # the clocks go back on Sunday
    ],
)
def test_business_days_keep_the_time_of_day(start, days, expected):
    """Two business days after Tuesday three o'clock is three o'clock, whatever clocks and weekends did between."""
    assert NEW_YORK.add_days(at(start), days) == at(expected)


def test_the_day_is_that_of_the_zone():
    """Friday evening in New York is Saturday in UTC already, and still a business day there."""
    evening = at("2026-11-27T22:00")
    assert evening.astimezone(UTC).date() == date(2026, 11, 28)
    assert NEW_YORK.day_of(evening) == date(2026, 11, 27)
    assert NEW_YORK.add(evening, timedelta(hours=3)) == at("2026-11-30T01:00")


def test_a_business_day_may_have_23_or_25_hours():
    """Where the clocks change on a day that is worked, its real length counts."""
    always = BusinessTime(Calendar("always", weekend=[]), "America/New_York")
    assert always.between(at("2026-03-08T00:00"), at("2026-03-09T00:00")) == timedelta(hours=23)
    assert always.between(at("2026-11-01T00:00"), at("2026-11-02T00:00")) == timedelta(hours=25)


@given(times, instants, durations)
def test_what_is_added_has_passed(business, start, duration):
    """Between a start and the instant that adding gives lies exactly what was added; it ends on a business day."""
    end = business.add(start, duration)
    assert business.between(start, end) == duration
    if duration:
        assert business.is_business_day(business.day_of(end - timedelta(microseconds=1)))
        assert business.between(start, end - timedelta(microseconds=1)) < duration


@given(times, instants, durations, durations)
def test_adding_twice_is_adding_the_sum(business, start, first, second):
    """Nothing is lost or counted twice at the seam, whatever day or change of clocks it falls on."""
    there = business.add(business.add(start, first), second)
    assert business.between(start, there) == first + second
    assert there == business.add(start, first + second) or not second


@given(times, instants, instants, instants)
def test_time_adds_up(business, one, two, three):
    """The time between three instants is that of its two parts."""
    early, middle, late = sorted((one, two, three))
    assert business.between(early, middle) + business.between(middle, late) == business.between(early, late)


@given(times, instants, st.integers(0, 30), st.integers(0, 30))
def test_business_days_add_up(business, start, first, second):
    """Days counted in two goes are days counted in one; each counted day is worked, and none is skipped."""
    there = business.add_days(start, first)
    assert business.is_business_day(business.day_of(there))
    assert business.day_of(business.add_days(there, second)) == business.day_of(
        business.add_days(start, first + second)
    )
    days = [business.day_of(business.add_days(start, count)) for count in range(first + 1)]
    worked = [day for day in _dates(days[0], days[-1]) if business.is_business_day(day)]
    assert days == worked


def _dates(first: date, last: date) -> list[date]:
    return [first + timedelta(days) for days in range((last - first).days + 1)]


@pytest.mark.parametrize(
    ("instant", "days", "end"),
    [
        ("2026-12-15T12:00", 0, "2027-01-01T00:00"),  # the end of the month itself
        ("2026-12-31T23:59", 1, "2027-01-05T00:00"),  # New Year's Day is a holiday, then a weekend
        ("2026-12-01T00:00", 2, "2027-01-06T00:00"),
        ("2026-10-15T12:00", 1, "2026-11-03T00:00"),  # the clocks change on the first
    ],
)
def test_a_month_is_cut_off_at_the_end_of_a_business_day(instant, days, end):
    """The days counted are those after the month, whatever day it ends on."""
    calendar = Calendar("c", holidays=[Holiday(date(2027, 1, 1), "New Year's Day")])
    business = BusinessTime(calendar, "America/New_York")
    zone = ZoneInfo("America/New_York")
    cut_off = business.cut_off(datetime.fromisoformat(instant).replace(tzinfo=zone), days)
    assert cut_off == datetime.fromisoformat(end).replace(tzinfo=zone)
    assert cut_off.utcoffset() == timedelta()


def test_what_cannot_be_counted_is_refused():
    """No clockless instants, nothing backward, no calendar without a business day."""
    with pytest.raises(ValueError, match="offset"):
        NEW_YORK.add_days(START.replace(tzinfo=None), 1)
    with pytest.raises(ValueError, match="forward"):
        NEW_YORK.add_days(at("2026-01-01T00:00"), -1)
    with pytest.raises(ValueError, match="forward"):
        NEW_YORK.add(at("2026-01-01T00:00"), timedelta(-1))
    with pytest.raises(ValueError, match="forward"):
        NEW_YORK.cut_off(at("2026-01-01T00:00"), -1)
    with pytest.raises(ValueError, match="no day to work"):
        BusinessTime(Calendar("never", weekend=list(WEEKDAYS)), "UTC")
