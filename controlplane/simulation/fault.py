"""The fault schedule: what will be broken, when, and which planned objects that touches. Pure, fixed by the seed."""

from __future__ import annotations

import random
from typing import Literal

import msgspec

from controlplane.simulation.transaction import Expense, Order, Transaction, payment_of

FaultKind = Literal[
    "outage",
    "unavailable",
    "slowness",
    "lost_receipts",
    "late_payment",
    "schema_drift",
    "expired_token",
    "unregistered",
]
LATE_S = 16.0  # how much later the bank's word is passed on; the payment objective allows 12


class Fault(msgspec.Struct, frozen=True):
    """Something that will be broken. `target` is a system or client, `objects` what is touched, if that is planned."""

    id: str
    kind: FaultKind
    target: str
    start_s: float
    duration_s: float
    delay_s: float = 0.0  # slowness: added to every answer; late_payment: before the bank's word is passed on
    calls: int = 0  # expired_token, unregistered: how many calls
    objects: tuple[str, ...] = ()


class _Window(msgspec.Struct, frozen=True):
    """A row of the schedule: when it begins and how long it lasts, as shares of the run."""

    name: str
    kind: FaultKind
    target: str
    at: float
    share: float
    least_s: float
    delay_s: float = 0.0
    calls: tuple[int, int] = (0, 0)


SCHEDULE: tuple[_Window, ...] = (
    _Window("lost", "lost_receipts", "receiving", 0.0, 1.0, 1.0),
    _Window("late", "late_payment", "payables", 0.0, 1.0, 1.0, delay_s=LATE_S),
    _Window("unregistered", "unregistered", "shadow-integration", 0.08, 0.2, 1.0, calls=(4, 8)),
    _Window("slow", "slowness", "procurement", 0.16, 0.1, 1.0, delay_s=1.3),
    _Window("drift", "schema_drift", "procurement", 0.3, 0.05, 1.5),
    _Window("outage", "outage", "erp-mercy-health", 0.38, 0.08, 3.2),
    _Window("expired", "expired_token", "treasury", 0.5, 0.1, 1.0, calls=(3, 6)),
    _Window("maintenance", "unavailable", "erp-sankt-marien", 0.7, 0.05, 1.0),
)


def make_faults(
    rng: random.Random, transactions: list[Transaction], duration_s: float, segment: int
) -> tuple[Fault, ...]:
    """Every row of the schedule once."""
    receipts = [delivery.id for each in transactions if isinstance(each, Order) for delivery in each.deliveries]
    payments = [payment_of(each.bill.id) for each in transactions if isinstance(each, Expense)]
    touched = {"lost_receipts": _some(rng, receipts), "late_payment": _some(rng, payments)}
    return tuple(_fault(rng, window, duration_s, segment, touched.get(window.kind, ())) for window in SCHEDULE)


def _some(rng: random.Random, names: list[str]) -> tuple[str, ...]:
    """One in forty."""
    return tuple(sorted(rng.sample(names, min(len(names), max(1, len(names) // 40)))))


def _fault(rng: random.Random, row: _Window, duration_s: float, segment: int, objects: tuple[str, ...]) -> Fault:
    return Fault(
        id=f"{row.name}-{segment}",
        kind=row.kind,
        target=row.target,
        start_s=round(duration_s * (row.at + rng.uniform(0, 0.03)), 3) if row.at else 0.0,
        duration_s=round(max(row.least_s, duration_s * row.share), 3),
        delay_s=row.delay_s,
        calls=rng.randrange(*row.calls) if row.calls[1] else 0,
        objects=objects,
    )


def with_losses(transactions: list[Transaction], faults: tuple[Fault, ...]) -> tuple[Transaction, ...]:
    """The transactions, lost receipts marked where they are made."""
    lost = {name for fault in faults if fault.kind == "lost_receipts" for name in fault.objects}

    def mark(each: Transaction) -> Transaction:
        if not isinstance(each, Order) or not lost & {delivery.id for delivery in each.deliveries}:
            return each
        deliveries = tuple(msgspec.structs.replace(one, is_lost=one.id in lost) for one in each.deliveries)
        return msgspec.structs.replace(each, deliveries=deliveries)

    return tuple(mark(each) for each in transactions)
