"""By when an object must have finished: by the clock, or by a legal entity's business calendar. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from catalog.calendar import STANDARD, BusinessTime
from catalog.slo import LifecycleSource, SloSpec
from catalog.snapshot import sha256_hex

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY_US = 86_400_000_000
#: for a legal entity that is not declared
ANYWHERE = BusinessTime(STANDARD, "UTC")


class Calendars(NamedTuple):
    """Business time by legal entity, as published. `sha256` is of all that it was made of."""

    times: Mapping[str, BusinessTime] = {}
    sha256: str = ""

    def of(self, legal_entity: str) -> BusinessTime:
        return self.times.get(legal_entity, ANYWHERE)

    def deadline_us(self, source: LifecycleSource, started_us: int, legal_entity: str) -> int:
        """Of an object that began then, in the name of that entity. A time that no calendar reaches is counted in days
        of 24 hours."""
        if source.deadline_s is not None:
            return started_us + source.deadline_s * 1_000_000
        days = source.deadline_business_days or 0
        try:
            return us_of(self.of(legal_entity).add_days(instant_of(started_us), days))
        except OverflowError:
            return started_us + days * _DAY_US

    def cut_off_us(self, at_us: int, legal_entity: str, business_days: int) -> int:
        """When the accounting month of an instant is cut off; a time that no calendar reaches is its own cut-off."""
        try:
            return us_of(self.of(legal_entity).cut_off(instant_of(at_us), business_days))
        except OverflowError:
            return at_us

    def version_of(self, spec: SloSpec) -> str:
        """Of an objective's meaning: other calendars make another one of it, where they decide its deadlines."""
        return sha256_hex(f"{spec.sha256} {self.sha256}".encode()) if counts_days(spec) else spec.sha256


def counts_days(spec: SloSpec) -> bool:
    """Whether calendars decide the deadlines of an objective."""
    return isinstance(spec.source, LifecycleSource) and spec.source.deadline_business_days is not None


def instant_of(at_us: int) -> datetime:
    """Raises: OverflowError outside the years 1 to 9999."""
    return _EPOCH + timedelta(microseconds=at_us)


def us_of(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND
