"""A small chart of a series over two windows: where it comes from and where it goes. Pure."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from decimal import Decimal
from html import escape

WIDTH, HEIGHT, EDGE = 240, 44, 4
STILL = 'vector-effect="non-scaling-stroke"'  # however wide the image is drawn
INK = "#1a8f88"  # reads on light and on dark: an image does not inherit the page's colours

Series = Sequence[float | int | None]


def spark(values: Series, label: str) -> str:
    """An image of the series; the second half, the present window, lies on a tint. "" with fewer than two values.

    `label` says in words what is drawn, for those who do not see it. Gaps stay gaps: no data is not nought.
    """
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    places = [_place(index, len(values), value, low, high) for index, value in enumerate(values)]
    runs = _runs(places)
    lines = "".join(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in run)}" {STILL}/>' for run in runs)
    alone = [run[0] for run in runs if len(run) == 1]
    dots = "".join(f'<path d="M{x:.1f} {y:.1f}h.01" stroke-width="5" {STILL}/>' for x, y in [*alone, runs[-1][-1]])
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">'
        f'<rect x="{WIDTH / 2}" width="{WIDTH / 2}" height="{HEIGHT}" fill="{INK}" fill-opacity=".12"/>'
        f'<g fill="none" stroke="{INK}" stroke-width="1.75" stroke-linejoin="round" stroke-linecap="round">'
        f"{lines}{dots}</g></svg>"
    )
    data = base64.b64encode(drawing.encode()).decode()
    return f'<img class="wb-spark" alt="{escape(label)}" src="data:image/svg+xml;base64,{data}">'


def ends(length: str) -> str:
    """What the two halves of a chart are, under it."""
    return f'<div class="wb-ends"><span>{escape(length)} before</span><span>last {escape(length)}</span></div>'


def change(value: object, previous: object, unit: str, better: str, before: str) -> str:
    """How the value compares with the window before, in words and with a sign; "" when either is not known."""
    if value is None or previous is None:
        return ""
    now, then = Decimal(str(value)), Decimal(str(previous))
    was = amount(then, unit)
    if amount(now, unit) == was:
        return f'<span class="wb-change">= as in the {escape(before)} before ({escape(was)})</span>'
    is_more = now > then
    is_better = is_more == (better == "more")
    kind, word = ("good", "better") if is_better else ("bad", "worse")
    arrow = "▲" if is_more else "▼"
    return f'<span class="wb-change wb-{kind}">{arrow} {word}: was {escape(was)} in the {escape(before)} before</span>'


def amount(number: Decimal, unit: str) -> str:
    """`0.0142` as `1.4 %`, `0.9957` good as `99.57 % good`, `420000` ms as `7 min`, `1200` as `1,200`."""
    if unit == "ratio":
        return f"{number * 100:.1f} %" if number >= 0 else f"spent {times(1 - number)}×"
    if unit == "good":
        return f"{number * 100:.2f} % good"
    if unit == "ms":
        return duration_ms(number)
    return f"{number:,}"


def times(number: Decimal) -> str:
    """`1.32` as `1.3`, `2.0` as `2`, `21.4` as `21`."""
    return f"{number:,.1f}".removesuffix(".0") if number < 10 else f"{number:,.0f}"


def duration_ms(number: Decimal) -> str:
    """In the largest unit that keeps it readable: below ten seconds in ms, then s, min, h."""
    for limit, size, name in ((10_000, 1, "ms"), (120_000, 1_000, "s"), (7_200_000, 60_000, "min")):
        if number < limit:
            return f"{number / size:,.0f} {name}"
    return f"{number / 3_600_000:,.1f} h"


def _place(index: int, count: int, value: float | int | None, low: float, high: float) -> tuple[float, float] | None:
    if value is None:
        return None
    x = EDGE + (WIDTH - 2 * EDGE) * index / max(count - 1, 1)
    share = (value - low) / (high - low) if high > low else 0.5
    return x, HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * share


def _runs(places: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for place in places:
        if place is not None:
            runs[-1].append(place)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
