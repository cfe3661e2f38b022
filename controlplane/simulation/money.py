"""Exact money as text: sums, line nets and the shapes that documents carry."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

CENT = Decimal("0.01")


def text(amount: Decimal) -> str:
    """Two decimals, half up (EN 16931 BR-DEC)."""
    return str(amount.quantize(CENT, ROUND_HALF_UP))


def money(amount: Decimal, currency: str) -> dict[str, str]:
    return {"amount": text(amount), "currency": currency}


def value(document: dict[str, Any]) -> Decimal:
    """The amount of a money, price or quantity object."""
    return Decimal(document["amount"] if "amount" in document else document["value"])


def totals(nets: Iterable[Decimal], currency: str) -> dict[str, dict[str, str]]:
    """Totals of a document without tax (hospital purchases here are exempt)."""
    net = sum(nets, Decimal(0))
    return {"net": money(net, currency), "tax": money(Decimal(0), currency), "gross": money(net, currency)}


def findings(document: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """(pointer, message) of what does not add up: lines by R120 with its slack of 0.02, totals by BR-CO-10 and -15."""
    found: list[tuple[str, str]] = []
    for number, line in enumerate(document["lines"]):
        if "price" in line and "quantity" in line:
            base = Decimal(line["price"].get("base_quantity", "1"))
            due = value(line["quantity"]) * value(line["price"]) / base
            if abs(due - value(line["net"])) > Decimal("0.02"):
                found.append((f"/lines/{number}/net", "is not quantity times price"))
    sums = {name: value(amount) for name, amount in document["totals"].items()}
    if sum((value(line["net"]) for line in document["lines"]), Decimal(0)) != sums["net"]:
        found.append(("/totals/net", "is not the sum of the lines"))
    if sums["net"] + sums["tax"] != sums["gross"]:
        found.append(("/totals/gross", "is not net plus tax"))
    return tuple(found)
