"""A figure: a value with everything a reader needs to trust it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection

from catalog.measure import Measure
from catalog.record import Amount
from controlplane.lineage.rollup import Window
from controlplane.lineage.sight import Sight
from controlplane.slo.evaluation import Standing
from controlplane.slo.projection import Definition

State = Literal["ok", "warning", "bad", "no_data"]


class Detail(msgspec.Struct, frozen=True):
    """A part of the figure. `share` is 0 to 1."""

    label: str
    count: int
    share: float | None = None


class Limits(msgspec.Struct, frozen=True):
    """Beyond which number a figure is to be watched, and is at risk; null where there is no such limit."""

    warning: float | None
    bad: float | None
    label: str  # what they apply to, where that is a part of the value


class LinkTo(msgspec.Struct, frozen=True):
    """A page and its query parameters that show what is behind the figure."""

    page: str
    query: dict[str, str]


class Reading(msgspec.Struct, frozen=True):
    """What a measure's kind computes. `judged` is the number that the thresholds apply to."""

    unit: Literal["count", "ms", "ratio"]
    value: int | float | None
    judged: float | None
    numerator: int
    denominator: int
    denominator_label: str
    exclusions: str = ""
    still_open: int = 0
    overdue: int = 0
    money: list[Amount] = []
    detail: list[Detail] = []
    where: list[Detail] = []  # by legal entity
    query: dict[str, str] = {}
    judged_label: str = ""  # what `judged` is, where it is a part of the value
    window: str = ""  # other than the measure's own
    subject: str = ""  # what the value is about, where it is about one thing of many
    is_breached: bool = False


class Point(msgspec.Struct, frozen=True):
    """A slice of time that begins at `at_us`; None where there is no data."""

    at_us: int
    value: int | float | None


class Trend(msgspec.Struct, frozen=True):
    """`previous`: the value of the window before, None where it cannot be told. At most 60 points, over both."""

    previous: int | float | None
    step_s: int
    points: list[Point]


class Figure(msgspec.Struct, frozen=True):
    """As the API gives it."""

    id: str
    title: str
    definition: str
    unit: Literal["count", "ms", "ratio"]
    value: int | float | None
    money: list[Amount]
    numerator: int
    denominator: int
    denominator_label: str
    exclusions: str
    still_open: int
    window: str
    as_of_us: int
    state: State
    limits: Limits
    detail: list[Detail]
    where: list[Detail]  # by legal entity, most first; empty where parts do not add up to the value
    owner: str
    link: LinkTo
    trend: Trend
    better: Literal["less", "more"]


class Scope(NamedTuple):
    """Where and when a measure is read."""

    connection: Connection
    window: Window
    as_of_us: int
    sight: Sight
    definitions: list[Definition]  # the objectives in force
    standings: list[Standing]

    def narrow(self, query: Any, columns: Any) -> Any:
        """`query` for what may be seen of a table."""
        return self.sight.narrow(query, columns)


Kind = Callable[[Measure, Scope], Reading]


def state_of(measure: Measure, reading: Reading) -> State:
    """No data is a state of its own. A budget is worse the less is left, everything else the more there is."""
    judged = reading.judged
    if judged is None:
        return "no_data"

    def is_beyond(limit: float | None) -> bool:
        if limit is None:
            return False
        return judged < limit if measure.kind == "budget" else judged > limit

    if reading.is_breached or is_beyond(measure.bad_above):
        return "bad"
    return "warning" if is_beyond(measure.warning_above) else "ok"


def figure_of(measure: Measure, reading: Reading, as_of_us: int, trend: Trend) -> Figure:
    return Figure(
        id=measure.id,
        title=measure.title,
        definition=measure.definition,
        unit=reading.unit,
        value=reading.value,
        money=reading.money,
        numerator=reading.numerator,
        denominator=reading.denominator,
        denominator_label=reading.denominator_label,
        exclusions=reading.exclusions,
        still_open=reading.still_open,
        window=reading.window or f"last {duration_text(measure.window_s)}",
        as_of_us=as_of_us,
        state=state_of(measure, reading),
        limits=Limits(measure.warning_above, measure.bad_above, reading.judged_label),
        detail=reading.detail,
        where=reading.where,
        owner=measure.owner,
        link=LinkTo(measure.page, reading.query),
        trend=trend,
        better="more" if measure.kind == "budget" else "less",
    )


def parts_of(counts: Counter[str]) -> list[Detail]:
    """By legal entity, most first; what belongs to none comes under its own words."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Detail(name or "no legal entity", count, count / counts.total()) for name, count in ordered]


def duration_text(length_s: int) -> str:
    """`86400` as `24 h`, `2419200` as `28 d`."""
    for unit, size_s in (("d", 86_400), ("h", 3600), ("min", 60)):
        if length_s >= size_s * (2 if unit == "d" else 1) and length_s % size_s == 0:
            return f"{length_s // size_s} {unit}"
    return f"{length_s} s"


def times_text(ratio: float) -> str:
    """How many times over something is used up: `1.32` as `1.3 times`, `21.4` as `21 times`."""
    text = f"{ratio:,.1f}".removesuffix(".0") if ratio < 10 else f"{ratio:,.0f}"
    return f"{text} times"


def plural(name: str) -> str:
    """An object type in words: `purchase_order` as `purchase orders`."""
    return f"{name.replace('_', ' ')}s"
