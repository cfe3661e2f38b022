"""The distributions of invented history, as data/history.yaml states them."""

from __future__ import annotations

import msgspec

from controlplane.simulation.workspace import DATA

Trend = tuple[float, float]  # at the beginning, at the end


class EntityProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A legal entity. Shares are ratios 0 to 1."""

    per_day: int  # transactions of a business day
    growth: float  # of them, from beginning to end, as a ratio
    order_share: float  # transactions that begin with a requisition
    exception_share: Trend  # invoices with an order that do not match
    late_receipt_share: Trend  # receipts that reach the ledger too late or never
    validation_ms: Trend  # median
    posting_hours: Trend  # until the ledger takes an approved invoice; 0: at once
    slow_bank_share: float  # payments whose result comes after days


class MonthEnd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    last_days: int
    first_days: int
    factor: float


class Incident(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    entity: str
    days_ago: int
    late_receipt_share: float


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    days: int
    month_end: MonthEnd
    weekday_factors: list[float]
    close_on_business_day: int
    withdrawals_per_day: int
    suppliers_per_week: int
    repeat_share: float
    entities: dict[str, EntityProfile]
    incidents: list[Incident]
    systems_ms: dict[str, float]


def load_profile() -> Profile:
    return msgspec.yaml.decode((DATA / "history.yaml").read_bytes(), type=Profile)


def at(trend: Trend, progress: float) -> float:
    """The value of a trend at `progress`, 0 at the beginning and 1 at the end."""
    return trend[0] + (trend[1] - trend[0]) * progress
