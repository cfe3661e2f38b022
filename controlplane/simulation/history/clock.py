"""Business time of one legal entity: office hours on the working days of its calendar."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from catalog.calendar import STANDARD, BusinessTime, Calendar
from catalog.network import Entity

OPENS_H, CLOSES_H = 7.0, 18.0


class OfficeClock:
    """Instants are aware datetimes in UTC."""

    def __init__(self, entity: Entity, calendars: dict[str, Calendar], rng: random.Random) -> None:
        self._business = BusinessTime(calendars.get(entity.calendar or "", STANDARD), entity.timezone)
        self._zone = ZoneInfo(entity.timezone)
        self._rng = rng

    def days(self, start: datetime, end: datetime) -> Iterator[date]:
        """The working days from `start` to `end`."""
        day, last = self._business.day_of(start), self._business.day_of(end)
        while day <= last:
            if self._business.is_business_day(day):
                yield day
            day += timedelta(days=1)

    def place_in_month(self, day: date) -> tuple[int, int]:
        """The how-manieth working day of its month this is, and how many there are after it."""
        first = day.replace(day=1)
        after = (first + timedelta(days=32)).replace(day=1)
        month = [first + timedelta(days=n) for n in range((after - first).days)]
        worked = [one for one in month if self._business.is_business_day(one)]
        return sum(one <= day for one in worked), sum(one > day for one in worked)

    def moment(self, day: date) -> datetime:
        """Some time of the day, most likely in the late morning."""
        hour = self._rng.triangular(OPENS_H, CLOSES_H, 10.5)
        return self._at(day, hour)

    def later(self, start: datetime, hours: float) -> datetime:
        """About `hours` later; what falls outside office hours happens early on the next working day."""
        due = start + timedelta(hours=hours)
        local = due.astimezone(self._zone)
        hour = local.hour + local.minute / 60
        if self._business.is_business_day(local.date()) and OPENS_H <= hour <= CLOSES_H:
            return due
        day = local.date() if hour < OPENS_H else local.date() + timedelta(days=1)
        while not self._business.is_business_day(day):
            day += timedelta(days=1)
        return self._at(day, OPENS_H + self._rng.expovariate(1 / 0.8))

    def days_later(self, start: datetime, days: float) -> datetime:
        """That many calendar days later, in office hours."""
        return self.later(start, days * 24)

    def _at(self, day: date, hour: float) -> datetime:
        midnight = datetime.combine(day, time(), self._zone)
        return midnight.astimezone(UTC) + timedelta(hours=min(hour, 23.5))
