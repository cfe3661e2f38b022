"""What will happen, fixed by the seed: transactions, amounts, variances, mistakes and the fault schedule.

Pure: the same (seed, duration, rate, segment) gives the same plan to the last byte on every machine. Timings of a run
are not part of the promise; the offsets here say when a step is due at the earliest. Shares and tolerances follow
figures practitioners publish: most invoices have no purchase order, about one order line in ten becomes an exception.
"""

from __future__ import annotations

import random
from typing import Literal

import msgspec

from catalog.snapshot import canonical_json, sha256_hex

#: the two legal entities and the share of traffic each has
ENTITIES: tuple[tuple[str, str, float], ...] = (("mercy-health", "USD", 0.6), ("sankt-marien", "EUR", 0.4))
SUPPLIERS_PER_ENTITY = 4
ORDER_SHARE = 0.26  # transactions that start with a requisition; nearly all others are invoices without an order
MISTAKE_SHARE = 0.05
ORDER_CALLS = 12  # client calls of a typical order from validation to the last look at its payment
EXPENSE_CALLS = 4
SETUP_CALLS = 2 * SUPPLIERS_PER_ENTITY * len(ENTITIES)

ITEMS: tuple[tuple[str, str, str, int, int], ...] = (  # buyer's id, description, UN/ECE unit, price in cents from, to
    ("GLV-200", "Nitrile examination gloves, box of 200", "BX", 900, 1_900),
    ("CATH-14", "Foley catheter 14 Fr", "EA", 350, 820),
    ("SUT-30", "Absorbable suture 3-0, box of 36", "BX", 8_500, 14_200),
    ("IVS-09", "Sodium chloride 0.9 %, 1 l", "EA", 180, 410),
    ("GWN-L3", "Surgical gown level 3", "EA", 640, 1_250),
    ("HIP-52", "Acetabular cup 52 mm", "EA", 98_000, 164_000),
    ("TNR-58", "Toner for ward printers", "EA", 5_200, 9_900),
)
EXPENSES: tuple[str, ...] = (
    "Electricity, main campus",
    "Locum anaesthetist, weekend cover",
    "Waste disposal, clinical",
    "Lift maintenance, quarterly",
    "Laboratory courier",
    "Software subscription, radiology",
)

Mistake = Literal["shape", "schema", "entity", "scope", "key-missing", "unknown-object"]
Variance = Literal["none", "price", "quantity"]
MISTAKES: tuple[Mistake, ...] = ("shape", "schema", "entity", "scope", "key-missing", "unknown-object")


class Item(msgspec.Struct, frozen=True):
    """One ordered line. `price` is exact decimal text in the entity's currency, `quantity` whole units."""

    item: str
    description: str
    unit: str
    quantity: int
    price: str


class Delivery(msgspec.Struct, frozen=True):
    """One goods receipt at the dock: whole units per order line, `wait_s` after the step before."""

    id: str
    quantities: tuple[int, ...]
    wait_s: float
    is_lost: bool = False  # the receiving system never forwards it (a planned fault)


class Bill(msgspec.Struct, frozen=True):
    """The supplier's invoice. `duplicate` submits the same number again as another document."""

    id: str
    number: str
    variance: Variance
    duplicate: bool
    is_released: bool  # treasury releases it when it becomes a match exception


class Order(msgspec.Struct, frozen=True, tag="order"):
    id: str  # the caller's own reference; also the root of its external references
    start_s: float
    entity: str
    supplier: int
    lines: tuple[Item, ...]
    deliveries: tuple[Delivery, ...]
    bill: Bill


class Expense(msgspec.Struct, frozen=True, tag="expense"):
    """An invoice without a purchase order."""

    id: str
    start_s: float
    entity: str
    supplier: int
    description: str
    amount: str  # net, exact decimal text
    bill: Bill


class Slip(msgspec.Struct, frozen=True, tag="mistake"):
    """One call that is wrong on the client's side and must be refused."""

    id: str
    start_s: float
    entity: str
    mistake: Mistake


Transaction = Order | Expense | Slip
FaultKind = Literal["outage", "unavailable", "slowness", "lost_receipts", "expired_token", "unregistered"]


class Fault(msgspec.Struct, frozen=True):
    """Something that will be broken. `target` is a system or client, `objects` what is touched, if that is planned."""

    id: str
    kind: FaultKind
    target: str
    start_s: float
    duration_s: float
    delay_s: float = 0.0  # slowness: added to every answer
    calls: int = 0  # expired_token, unregistered: how many calls
    objects: tuple[str, ...] = ()


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
    transactions: list[Transaction] = []
    calls, wanted = (SETUP_CALLS if segment == 0 else 0), rate_per_s * duration_s
    while calls < wanted:
        transaction = _transaction(rng, f"{segment}{len(transactions):04d}")
        transactions.append(transaction)
        calls += planned_calls(transaction)
    spaced = _spread(rng, transactions, duration_s)
    faults = _faults(rng, spaced, duration_s, segment)
    return Plan(seed, segment, duration_s, rate_per_s, _with_losses(spaced, faults), faults)


def planned_calls(transaction: Transaction) -> int:
    """How many calls its clients make when nothing has to be retried, about."""
    match transaction:
        case Order():
            return ORDER_CALLS + len(transaction.deliveries) + transaction.bill.duplicate
        case Expense():
            return EXPENSE_CALLS + transaction.bill.duplicate
        case Slip():
            return 1


def cents(amount: int) -> str:
    """Exact decimal text of an amount in cents."""
    return f"{amount // 100}.{amount % 100:02d}"


def _transaction(rng: random.Random, number: str) -> Transaction:
    entity = ENTITIES[0][0] if rng.random() < ENTITIES[0][2] else ENTITIES[1][0]
    chance = rng.random()
    if chance < MISTAKE_SHARE:
        return Slip(f"SLIP-{number}", 0.0, entity, rng.choice(MISTAKES))
    supplier = rng.randrange(SUPPLIERS_PER_ENTITY)
    if chance < MISTAKE_SHARE + ORDER_SHARE:
        return _order(rng, number, entity, supplier)
    amount = cents(rng.randrange(4_000, 1_900_000))
    bill = Bill(f"INV-{number}", f"E{rng.randrange(10**6):06d}-{number}", "none", rng.random() < 0.05, True)
    return Expense(f"EXP-{number}", 0.0, entity, supplier, rng.choice(EXPENSES), amount, bill)


def _order(rng: random.Random, number: str, entity: str, supplier: int) -> Order:
    chosen = rng.sample(ITEMS, rng.randrange(1, 4))
    lines = tuple(
        Item(item, description, unit, rng.randrange(2, 60), cents(rng.randrange(low, high)))
        for item, description, unit, low, high in chosen
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


def _spread(rng: random.Random, transactions: list[Transaction], duration_s: float) -> list[Transaction]:
    """Starts spread evenly with jitter; the last sixth of the time is left for what has begun."""
    span_s = duration_s * 5 / 6
    starts = sorted(round(rng.uniform(0.0, span_s), 3) for _ in transactions)
    return [msgspec.structs.replace(each, start_s=start) for each, start in zip(transactions, starts, strict=True)]


def _faults(rng: random.Random, transactions: list[Transaction], duration_s: float, segment: int) -> tuple[Fault, ...]:
    def window(
        name: str, kind: FaultKind, target: str, at: float, share: float, least_s: float, **more: object
    ) -> Fault:
        start_s = round(duration_s * (at + rng.uniform(0, 0.03)), 3) if at else 0.0
        lasts_s = round(max(least_s, duration_s * share), 3)
        draft = {"id": f"{name}-{segment}", "kind": kind, "target": target, "start_s": start_s, "duration_s": lasts_s}
        return msgspec.convert(draft | more, Fault)

    receipts = [delivery.id for each in transactions if isinstance(each, Order) for delivery in each.deliveries]
    lost = tuple(sorted(rng.sample(receipts, min(len(receipts), max(1, len(receipts) // 40)))))
    return (
        window("lost", "lost_receipts", "receiving", 0.0, 1.0, 1.0, objects=lost),
        window("unregistered", "unregistered", "shadow-integration", 0.08, 0.2, 1.0, calls=rng.randrange(4, 8)),
        window("slow", "slowness", "procurement", 0.16, 0.1, 1.0, delay_s=1.3),
        window("outage", "outage", "erp-mercy-health", 0.36, 0.08, 3.2),
        window("expired", "expired_token", "treasury", 0.5, 0.1, 1.0, calls=rng.randrange(3, 6)),
        window("maintenance", "unavailable", "erp-sankt-marien", 0.7, 0.05, 1.0),
    )


def _with_losses(transactions: list[Transaction], faults: tuple[Fault, ...]) -> tuple[Transaction, ...]:
    lost = {name for fault in faults if fault.kind == "lost_receipts" for name in fault.objects}

    def mark(each: Transaction) -> Transaction:
        if not isinstance(each, Order) or not lost & {delivery.id for delivery in each.deliveries}:
            return each
        deliveries = tuple(msgspec.structs.replace(one, is_lost=one.id in lost) for one in each.deliveries)
        return msgspec.structs.replace(each, deliveries=deliveries)

    return tuple(mark(each) for each in transactions)
