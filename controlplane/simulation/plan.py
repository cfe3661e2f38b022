"""What will happen, fixed by the seed: transactions, amounts, variances, mistakes and the fault schedule.

Pure: the same (seed, duration, rate, segment) gives the same plan to the last byte on every machine. Timings of a run
are not part of the promise; the offsets here say when a step is due at the earliest. Shares and tolerances follow
figures practitioners publish: most invoices have no purchase order, about one order line in ten becomes an exception.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable

import msgspec
import yaml

from catalog.snapshot import canonical_json, sha256_hex
from controlplane.simulation.fault import Fault, make_faults, with_losses
from controlplane.simulation.transaction import (
    MISTAKES,
    BankChange,
    Bill,
    Close,
    Delivery,
    Expense,
    Item,
    Order,
    Slip,
    Transaction,
    Variance,
    Withdrawal,
)
from controlplane.simulation.workspace import DATA

#: the legal entities that buy, their currencies, and the share of traffic each has
ENTITIES: tuple[tuple[str, str, float], ...] = (
    ("mercy-health", "USD", 0.5),
    ("sankt-marien", "EUR", 0.3),
    ("riverbend-clinics", "USD", 0.2),
)
SUPPLIERS_PER_ENTITY = 4
ORDER_CALLS = 12  # client calls of a typical order from validation to the last look at its payment
EXPENSE_CALLS = 4
SETUP_CALLS = 3 * SUPPLIERS_PER_ENTITY * len(ENTITIES)
LISTINGS = 4  # calls of one sweep at month end
CLOSE_CALLS = 3  # find the period, open the next, close it
PEAK = (0.5, 0.7)  # of the time in which transactions start: month end
PEAK_SHARE = 0.2  # of them that start then, besides those that would anyway

BOUGHT = yaml.safe_load((DATA / "purchase.yaml").read_text())


class Plan(msgspec.Struct, frozen=True):
    seed: int
    segment: int  # a demo without an end runs segment after segment
    duration_s: float
    rate_per_s: float
    transactions: tuple[Transaction, ...]
    faults: tuple[Fault, ...]

    @property
    def sha256(self) -> str:
        """Of transactions, duration and rate: what clients will do."""
        return sha256_hex(canonical_json([self.duration_s, self.rate_per_s, msgspec.to_builtins(self.transactions)]))

    @property
    def faults_sha256(self) -> str:
        return sha256_hex(canonical_json(msgspec.to_builtins(self.faults)))


def make_plan(seed: int, duration_s: float, rate_per_s: float, segment: int = 0) -> Plan:
    """The plan of one segment. Clients make about `rate_per_s * duration_s` calls."""
    duration_s, rate_per_s = float(duration_s), float(rate_per_s)  # 10 and 10.0 are the same plan
    rng = random.Random(f"{seed}/{segment}")
    wanted = rate_per_s * duration_s
    closes = [Close(f"CLOSE-{segment}-{name}", 0.0, name, max(1, round(wanted / 1000))) for name, _, _ in ENTITIES]
    calls = (SETUP_CALLS if segment == 0 else 0) + sum(map(planned_calls, closes))
    transactions: list[Transaction] = []
    while calls < wanted:
        transaction = _transaction(rng, f"{segment}{len(transactions):04d}")
        transactions.append(transaction)
        calls += planned_calls(transaction)
    spaced = _spread(rng, transactions, closes, duration_s)
    faults = make_faults(rng, spaced, duration_s, segment)
    return Plan(seed, segment, duration_s, rate_per_s, with_losses(spaced, faults), faults)


def planned_calls(transaction: Transaction) -> int:
    """How many calls its clients make when nothing has to be retried, about."""
    match transaction:
        case Order():
            return ORDER_CALLS + len(transaction.deliveries) + transaction.bill.duplicate
        case Expense():
            return EXPENSE_CALLS + transaction.bill.duplicate
        case Close():
            return CLOSE_CALLS + LISTINGS * transaction.sweeps
        case _:
            return 1


def cents(amount: int) -> str:
    """Exact decimal text of an amount in cents."""
    return f"{amount // 100}.{amount % 100:02d}"


def _transaction(rng: random.Random, number: str) -> Transaction:
    entity = rng.choices([name for name, _, _ in ENTITIES], [share for _, _, share in ENTITIES])[0]
    make = rng.choices([make for make, _ in MIX], [share for _, share in MIX])[0]
    return make(rng, number, entity)


def _slip(rng: random.Random, number: str, entity: str) -> Slip:
    return Slip(f"SLIP-{number}", 0.0, entity, rng.choice(MISTAKES))


def _withdrawal(rng: random.Random, number: str, entity: str) -> Withdrawal:
    return Withdrawal(f"WD-{number}", 0.0, entity, rng.choice(BOUGHT["items"])["item"], rng.randrange(1, 6))


def _bank_change(rng: random.Random, number: str, entity: str) -> BankChange:
    account = f"{rng.randrange(10**10):010d}"
    digest = hashlib.sha256(f"{number}/{account}".encode()).hexdigest()
    return BankChange(f"BANK-{number}", 0.0, entity, rng.randrange(SUPPLIERS_PER_ENTITY), digest, account[-4:])


def _expense(rng: random.Random, number: str, entity: str) -> Expense:
    supplier, amount = rng.randrange(SUPPLIERS_PER_ENTITY), cents(rng.randrange(4_000, 1_900_000))
    bill = Bill(f"INV-{number}", f"E{rng.randrange(10**6):06d}-{number}", "none", rng.random() < 0.05, True)
    return Expense(f"EXP-{number}", 0.0, entity, supplier, rng.choice(BOUGHT["expenses"]), amount, bill)


def _order(rng: random.Random, number: str, entity: str) -> Order:
    supplier, chosen = rng.randrange(SUPPLIERS_PER_ENTITY), rng.sample(BOUGHT["items"], rng.randrange(1, 4))
    lines = tuple(
        Item(one["item"], one["description"], one["unit"], rng.randrange(2, 60), cents(rng.randrange(*one["cents"])))
        for one in chosen
    )
    variance: Variance = rng.choices(("none", "price", "quantity"), (0.86, 0.09, 0.05))[0]
    bill = Bill(
        f"INV-{number}",
        f"S{rng.randrange(10**6):06d}-{number}",
        variance,
        duplicate=rng.random() < 0.08,
        is_released=rng.random() < 0.5,
    )
    return Order(f"REQ-{number}", 0.0, entity, supplier, lines, _deliveries(rng, number, lines), bill)


#: kinds of transactions and their shares; month ends are planned apart
MIX: tuple[tuple[Callable[[random.Random, str, str], Transaction], float], ...] = (
    (_slip, 0.05),
    (_order, 0.24),
    (_withdrawal, 0.1),
    (_bank_change, 0.02),
    (_expense, 0.59),
)


def _deliveries(rng: random.Random, number: str, lines: tuple[Item, ...]) -> tuple[Delivery, ...]:
    """One full delivery, or two partial ones."""
    ordered = tuple(line.quantity for line in lines)
    if rng.random() < 0.6:
        return (Delivery(f"GR-{number}-1", ordered, _wait(rng)),)
    first = tuple(max(1, quantity * rng.randrange(30, 80) // 100) for quantity in ordered)
    rest = tuple(quantity - part for quantity, part in zip(ordered, first, strict=True))
    return (Delivery(f"GR-{number}-1", first, _wait(rng)), Delivery(f"GR-{number}-2", rest, _wait(rng)))


def _wait(rng: random.Random) -> float:
    return round(rng.uniform(0.1, 0.6), 3)


def _spread(
    rng: random.Random, transactions: list[Transaction], closes: list[Close], duration_s: float
) -> list[Transaction]:
    """Starts with jitter, denser at month end, when the books close; the last sixth is left for what has begun."""
    span_s = duration_s * 5 / 6
    peak_s = (span_s * PEAK[0], span_s * PEAK[1])

    def start_s() -> float:
        return round(rng.uniform(*(peak_s if rng.random() < PEAK_SHARE else (0.0, span_s))), 3)

    starts = sorted(start_s() for _ in transactions)
    spaced = [msgspec.structs.replace(each, start_s=start) for each, start in zip(transactions, starts, strict=True)]
    spaced += [msgspec.structs.replace(close, start_s=round(rng.uniform(*peak_s), 3)) for close in closes]
    return sorted(spaced, key=lambda each: each.start_s)
