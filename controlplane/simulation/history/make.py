"""All of the history: for each legal entity, day by day, as its calendar and its profile have it."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import NamedTuple

from catalog.inventory import Workspace
from catalog.record import Exchange
from controlplane.simulation.driver.client import DESKS
from controlplane.simulation.history.clock import OfficeClock
from controlplane.simulation.history.profile import EntityProfile, MonthEnd, Profile, load_profile
from controlplane.simulation.history.scribe import Scribe
from controlplane.simulation.history.story import Desk, Teller
from controlplane.simulation.plan import BOUGHT


class _Day(NamedTuple):
    day: date
    progress: float  # how much of the history is over
    nth: int  # working day of its month
    left: int  # working days of the month after it


def make_history(workspace: Workspace, seed: int, until: datetime, profile: Profile | None = None) -> list[Exchange]:
    """Exchanges in the order in which they were answered, none after `until`; no gateway is named in them."""
    profile = profile or load_profile()
    rng = random.Random(f"history/{seed}")
    scribe = Scribe(workspace, profile.systems_ms, rng, until)
    for entity, of_entity in profile.entities.items():
        clock = OfficeClock(workspace.entities[entity], dict(workspace.calendars), rng)
        desk = Desk(*(identity.name for identity in DESKS[entity]))
        teller = Teller(entity, workspace.entities[entity].currency, desk, of_entity, clock, scribe)
        _Author(teller, clock, of_entity, profile, rng).tell_all(until)
    return sorted(scribe.records, key=lambda one: (one.started_us + one.duration_us, one.exchange_id))


class _Author:
    """Fills the days of one legal entity."""

    def __init__(
        self, teller: Teller, clock: OfficeClock, of_entity: EntityProfile, profile: Profile, rng: random.Random
    ) -> None:
        self._teller = teller
        self._clock = clock
        self._of_entity = of_entity
        self._profile = profile
        self._rng = rng
        self._items = [one["item"] for one in BOUGHT["items"]]
        self._count = 0

    def tell_all(self, until: datetime) -> None:
        start = until - timedelta(days=self._profile.days)
        incidents = {
            (until - timedelta(days=one.days_ago)).date(): one.late_receipt_share
            for one in self._profile.incidents
            if one.entity == self._teller.entity
        }
        for day in self._clock.days(start, until):
            progress = (day - start.date()).days / self._profile.days
            here = _Day(day, progress, *self._clock.place_in_month(day))
            self._tell_day(here, incidents.get(day))

    def _tell_day(self, here: _Day, incident_share: float | None) -> None:
        rng, teller = self._rng, self._teller
        growth = 1 + self._of_entity.growth * here.progress
        weight = growth * self._profile.weekday_factors[here.day.weekday()] * _month_end(self._profile.month_end, here)
        for _ in range(self._some(self._of_entity.per_day * weight)):
            self._transaction(here, incident_share)
        for _ in range(self._some(self._profile.withdrawals_per_day)):
            teller.withdrawal(rng, self._clock.moment(here.day), self._items)
        for _ in range(self._some(self._profile.suppliers_per_week / 5)):
            teller.onboarding(rng, self._number(), self._clock.moment(here.day))
        if here.nth == self._profile.close_on_business_day:
            before = here.day.replace(day=1) - timedelta(days=1)
            teller.close(f"{before:%Y-%m}", self._clock.moment(here.day))

    def _transaction(self, here: _Day, incident_share: float | None) -> None:
        rng, teller = self._rng, self._teller
        number, begun = self._number(), self._clock.moment(here.day)
        if rng.random() < self._of_entity.order_share:
            first, last = self._of_entity.late_receipt_share
            late_share = incident_share or first + (last - first) * here.progress
            teller.order(rng, number, begun, here.progress, late_share)
        else:
            teller.expense(rng, number, begun, here.progress)
        if rng.random() < self._profile.repeat_share:
            teller.repeat(number, self._clock.later(begun, rng.uniform(1, 60)))

    def _some(self, mean: float) -> int:
        """A whole number around `mean`, scattered as counts are."""
        return max(0, round(self._rng.gauss(mean, mean**0.5)))

    def _number(self) -> str:
        """Unique within the legal entity, which is what business keys are."""
        self._count += 1
        return f"{self._count:05d}"


def _month_end(rule: MonthEnd, here: _Day) -> float:
    is_end = here.left < rule.last_days or here.nth <= rule.first_days
    return rule.factor if is_end else 1.0
