"""The three-way match: an invoice against its order and what was received, cumulative over the order's invoices.

Tolerances: price 2 % and at most 50.00 a line, quantity nothing over receipt; the tighter wins (`domain.md` §4 gives
them as the usual defaults of practitioners).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from controlplane.simulation.money import value

PRICE_SHARE = Decimal("0.02")
PRICE_MOST = Decimal("50.00")


class Variance(NamedTuple):
    """One reason for an exception, as a hold carries it."""

    code: str
    reason: str

    @property
    def may_pass(self) -> bool:
        """Whether waiting can mend it: goods may be on their way into the ledger."""
        return self.code == "quantity_variance"


def match(
    invoice: dict[str, Any],
    order: dict[str, Any],
    receipts: Iterable[dict[str, Any]],
    earlier: Iterable[dict[str, Any]],
) -> tuple[Variance, ...]:
    """What does not match; empty when all does. `earlier` are the order's other invoices that were not rejected."""
    ordered = {line["line"]: line for line in order["lines"]}
    received = _sums((line["po_line"], line["received"]) for receipt in receipts for line in receipt["lines"])
    billed = _sums((line["po_line"], line["quantity"]) for other in earlier for line in other["lines"])
    found: list[Variance] = []
    for line in invoice["lines"]:
        name = line.get("po_line", "")
        if name not in ordered:
            found.append(Variance("unknown_line", f"line {line['line']} is on no line of the order"))
            continue
        quantity = value(line["quantity"])
        if billed[name] + quantity > received[name]:
            found.append(Variance("quantity_variance", f"line {line['line']} bills more than was received"))
        over = (value(line["price"]) - value(ordered[name]["price"])) * quantity
        allowed = min(PRICE_SHARE * value(ordered[name]["price"]) * quantity, PRICE_MOST)
        if over > allowed:
            found.append(Variance("price_variance", f"line {line['line']} is dearer than ordered"))
    return tuple(found)


def _sums(parts: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for name, quantity in parts:
        sums[name] += value(quantity)
    return sums
