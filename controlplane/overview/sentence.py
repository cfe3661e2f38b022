"""The figures in one sentence that leads with what is worst, and with money where money is at risk. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from catalog.measure import Measure
from catalog.record import Amount
from controlplane.overview.figure import Figure, Reading, State, times_text

Row = tuple[Measure, Reading, Figure]

WORST_FIRST: tuple[State, ...] = ("bad", "warning")
MAX_WORDS = 40  # of the clauses: what is read in ten seconds, on a phone too
MAX_NAMED = 2  # figures without data that are named, not only counted
_BRACKETS = re.compile(r"\[([^\]]*)\]")


def sentence(rows: Sequence[Row], stale: str = "") -> str:
    """`stale` is a remark on how old the figures are; "" when they are fresh."""
    clauses = [clause(*row) for row in sorted((row for row in rows if row[2].state in WORST_FIRST), key=_urgency)]
    silent = [figure.title for _, _, figure in rows if figure.state == "no_data"]
    if clauses:
        text = _joined(clauses)
    elif len(silent) < len(rows):
        text = "all is well: every figure is within its limits"
    else:
        text = "there is nothing to report yet: no traffic was seen"
    if silent and len(silent) < len(rows):
        text += f"; no data for {_named(silent)}"
    text = f"{text[0].upper()}{text[1:]}."
    return f"{text} {stale}" if stale else text


def _urgency(row: Row) -> tuple[int, bool]:
    """The worst state first, within a state what has money; sorting keeps the order of the page otherwise."""
    figure = row[2]
    return WORST_FIRST.index(figure.state), not figure.money


def _joined(clauses: Sequence[str]) -> str:
    """As many clauses as are read in one breath, at least the first; the others are counted."""
    told = [clauses[0]]
    for following in clauses[1:]:
        if len(" ".join([*told, following]).split()) > MAX_WORDS:
            break
        told.append(following)
    left = len(clauses) - len(told)
    if left:
        told.append("one more needs a look" if left == 1 else f"{left} more need a look")
    return "; ".join(told)


def _named(titles: Sequence[str]) -> str:
    return ", ".join(map(_lower, titles)) if len(titles) <= MAX_NAMED else f"{len(titles)} figures"


def clause(measure: Measure, reading: Reading, figure: Figure) -> str:
    """One figure in words: the measure's own phrase, or its title and value."""
    largest_first = sorted(figure.money, key=lambda amount: -Decimal(amount.amount))
    money = " and ".join(money_text(amount) for amount in largest_first)
    value = value_text(figure)
    phrase = measure.phrase.get(_case(measure, reading)) or measure.phrase.get("other")
    if phrase is None:
        return f"{_lower(figure.title)}: {value}" + (f" worth {money}" if money else "")
    phrase = _BRACKETS.sub(lambda found: found[1] if money else "", phrase)
    words = {
        "value": value,
        "money": money,
        "denominator": f"{figure.denominator:,}",
        "overdue": f"{reading.overdue:,}",
        "subject": reading.subject,
        "times": times_text(1 - (reading.value or 0)),
    }
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), phrase)


def _case(measure: Measure, reading: Reading) -> str:
    """Which of a measure's phrases fits."""
    if measure.kind == "budget" and reading.value is not None and reading.value < 0:
        return "spent"
    return "one" if reading.value == 1 else "other"


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]


def value_text(figure: Figure) -> str:
    """`0.034` as `3.4 %`, `812.4` as `812 ms`, `1200` as `1,200`; more than all of a budget as `spent 21 times`."""
    if figure.value is None:
        return "no data"
    if figure.unit == "ratio":
        return f"{figure.value * 100:.1f} %" if figure.value >= 0 else f"spent {times_text(1 - figure.value)}"
    return _time_text(figure.value) if figure.unit == "ms" else f"{figure.value:,}"


def _time_text(duration_ms: float) -> str:
    """`812.4` as `812 ms`, `14000` as `14 s`, `5400000` as `90 min`."""
    for unit, size_ms in (("h", 3_600_000), ("min", 60_000), ("s", 1_000)):
        if duration_ms >= 10 * size_ms:
            return f"{duration_ms / size_ms:,.0f} {unit}"
    return f"{duration_ms:,.0f} ms"


def money_text(amount: Amount) -> str:
    return f"{Decimal(amount.amount):,} {amount.currency}"
