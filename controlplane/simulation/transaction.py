"""What clients set out to do, one Struct for each kind of transaction."""

from __future__ import annotations

from typing import Literal

import msgspec

Mistake = Literal["shape", "schema", "entity", "scope", "key-missing", "unknown-object", "bank-account"]
Variance = Literal["none", "price", "quantity"]
MISTAKES: tuple[Mistake, ...] = (
    *("shape", "schema", "entity", "scope", "key-missing", "unknown-object"),
    "bank-account",
)


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


class Withdrawal(msgspec.Struct, frozen=True, tag="withdrawal"):
    """A ward takes whole units out of the store; what runs low is requisitioned by the inventory system."""

    id: str
    start_s: float
    entity: str
    item: str
    quantity: int


class BankChange(msgspec.Struct, frozen=True, tag="bank-change"):
    """Accounts payable has verified where a supplier is paid to from now on."""

    id: str
    start_s: float
    entity: str
    supplier: int
    account_sha256: str
    last4: str


class Close(msgspec.Struct, frozen=True, tag="close"):
    """Month end of a legal entity: everything is listed `sweeps` times, then the period closes."""

    id: str
    start_s: float
    entity: str
    sweeps: int


class Slip(msgspec.Struct, frozen=True, tag="mistake"):
    """One call that is wrong on the client's side and must be refused."""

    id: str
    start_s: float
    entity: str
    mistake: Mistake


Transaction = Order | Expense | Withdrawal | BankChange | Close | Slip


def payment_of(invoice: str) -> str:
    """The id of the payment that settles an invoice."""
    return f"PAY-{invoice}"
