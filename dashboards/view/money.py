"""Exact money as people read it; the text of the amount is never turned into a float."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal


def money(amount: dict[str, str] | None) -> str:
    """`{"amount": "1234.50", "currency": "USD"}` as `1,234.50 USD`; "" for None."""
    return f"{Decimal(amount['amount']):,} {amount['currency']}" if amount else ""


def sums(amounts: Sequence[dict[str, str]]) -> str:
    """Sums per currency, largest first, joined by `+`: currencies are never added up."""
    ordered = sorted(amounts, key=lambda item: Decimal(item["amount"]), reverse=True)
    return " + ".join(money(item) for item in ordered)
