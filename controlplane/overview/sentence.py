"""The figures in one sentence that leads with what is worst. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from catalog.measure import Measure
from catalog.record import Amount
from controlplane.overview.figure import Figure, Reading, State

Row = tuple[Measure, Reading, Figure]

WORST_FIRST: tuple[State, ...] = ("bad", "warning")
_BRACKETS = re.compile(r"\[([^\]]*)\]")


def sentence(rows: Sequence[Row], stale: str = "") -> str:
    """`stale` is a remark on how old the figures are; "" when they are fresh."""
    clauses = [clause(*row) for state in WORST_FIRST for row in rows if row[2].state == state]
    silent = [figure.title for _, _, figure in rows if figure.state == "no_data"]
    if clauses:
        text = "; ".join(clauses)
    elif len(silent) < len(rows):
        text = "all is well: every figure is within its limits"
    else:
        text = "there is nothing to report yet: no traffic was seen"
    if silent and len(silent) < len(rows):
        text += f"; no data for {', '.join(_lower(title) for title in silent)}"
    text = f"{text[0].upper()}{text[1:]}."
    return f"{text} {stale}" if stale else text


def clause(measure: Measure, reading: Reading, figure: Figure) -> str:
    """One figure in words: the measure's own phrase, or its title and value."""
    money = " and ".join(money_text(amount) for amount in figure.money)
    value = value_text(figure)
    phrase = measure.phrase.get("one") if reading.value == 1 else None
    phrase = phrase or measure.phrase.get("other")
    if phrase is None:
        return f"{_lower(figure.title)}: {value}" + (f" worth {money}" if money else "")
    phrase = _BRACKETS.sub(lambda found: found[1] if money else "", phrase)
    words = {
        "value": value,
        "money": money,
        "denominator": f"{figure.denominator:,}",
        "overdue": f"{reading.overdue:,}",
    }
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), phrase)


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]


def value_text(figure: Figure) -> str:
    """`0.034` as `3.4 %`, `812.4` as `812 ms`, `1200` as `1,200`."""
    if figure.value is None:
        return "no data"
    if figure.unit == "ratio":
        return f"{figure.value * 100:.1f} %"
    return f"{figure.value:,.0f} ms" if figure.unit == "ms" else f"{figure.value:,}"


def money_text(amount: Amount) -> str:
    return f"{Decimal(amount.amount):,} {amount.currency}"
