"""Business calendars (calendars/<id>.yaml): which days are worked, and time counted on them.

    calendar: us-federal
    weekend: [saturday, sunday]
    holidays: [{date: 2026-12-25, name: Christmas Day}]

A calendar says nothing of clocks: days are those of a time zone (the entity's, an IANA name), from local midnight to
local midnight, 23 or 25 hours long where the clocks change. Pure: no clock is read here.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

import msgspec

from catalog.network import Entity

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)  # in the order of `date.weekday()`


class Holiday(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A day that is not worked."""

    date: date  # YYYY-MM-DD
    name: str  # for people


class Calendar(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """calendars/<id>.yaml."""

    calendar: str  # id
    title: str = ""  # for people
    weekend: list[Weekday] = msgspec.field(  # days of the week that are not worked
        default_factory=lambda: ["saturday", "sunday"]
    )
    holidays: list[Holiday] = []  # further days that are not worked


#: what holds for an entity that names no calendar
STANDARD = Calendar("standard")


class BusinessTime:
    """A calendar in a time zone. Instants go in with any offset and come out in UTC."""

    def __init__(self, calendar: Calendar, timezone: str) -> None:
        """Raises ValueError when no day of the week is worked, ZoneInfoNotFoundError for an unknown zone."""
        self._weekend = frozenset(WEEKDAYS.index(name) for name in calendar.weekend)
        if len(self._weekend) == len(WEEKDAYS):
            raise ValueError(f"calendar {calendar.calendar} leaves no day to work")
        self._holidays = frozenset(holiday.date for holiday in calendar.holidays)
        self._zone = ZoneInfo(timezone)

    def is_business_day(self, day: date) -> bool:
        return day.weekday() not in self._weekend and day not in self._holidays

    def day_of(self, instant: datetime) -> date:
        """The local date of an instant. Raises ValueError when it has no offset."""
        if instant.tzinfo is None:
            raise ValueError("an instant needs its offset from UTC")
        return instant.astimezone(self._zone).date()

    def add_days(self, start: datetime, days: int) -> datetime:
        """The same time of day, `days` business days later; what starts on another day starts with the next business
        day. A time that the clocks skip on that day is read with the offset before the change (PEP 495)."""
        if days < 0:
            raise ValueError("business days are counted forward")
        day, clock = self.day_of(start), start.astimezone(self._zone).time()
        if not self.is_business_day(day):
            day, clock = self._next(day), time()
        for _ in range(days):
            day = self._next(day)
        return datetime.combine(day, clock, self._zone).astimezone(UTC)

    def cut_off(self, instant: datetime, days: int) -> datetime:
        """The end of the `days`-th business day after the month of `instant`; of the month itself for 0 days."""
        if days < 0:
            raise ValueError("business days are counted forward")
        day = self.day_of(instant)
        day = day.replace(day=monthrange(day.year, day.month)[1])
        for _ in range(days):
            day = self._next(day)
        return self._midnight(day + timedelta(1))

    def add(self, start: datetime, duration: timedelta) -> datetime:
        """When `duration` has passed, counted on business days only; the earliest such instant."""
        if duration < timedelta():
            raise ValueError("business time is counted forward")
        left = duration
        for begin, end in self._spans(start):
            if left <= end - begin:
                return begin + left
            left -= end - begin
        raise OverflowError("the calendar ends before the duration does")

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much of the time from `start` to `end` lies on business days."""
        passed = timedelta()
        for begin, finish in self._spans(start):
            if begin >= end:
                break
            passed += min(finish, end) - begin
        return passed

    def _spans(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Business days from `start` on, as spans of instants in UTC; the first begins no earlier than `start`."""
        day = self.day_of(start)
        first = start.astimezone(UTC)
        while day < date.max:
            if self.is_business_day(day):
                yield max(first, self._midnight(day)), self._midnight(day + timedelta(1))
            day += timedelta(1)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone).astimezone(UTC)

    def _next(self, day: date) -> date:
        """The first business day after `day`. Raises OverflowError past the year 9999."""
        day += timedelta(1)
        while not self.is_business_day(day):
            day += timedelta(1)
        return day


def business_times(entities: Iterable[Entity], calendars: Mapping[str, Calendar]) -> dict[str, BusinessTime]:
    """The calendar of each legal entity in its own time zone. Raises as BusinessTime does, KeyError for a calendar."""
    return {
        each.entity: BusinessTime(calendars[each.calendar] if each.calendar else STANDARD, each.timezone)
        for each in entities
    }
