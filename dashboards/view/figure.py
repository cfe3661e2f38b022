"""One figure of the overview as a card, and the sentence above them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from html import escape
from typing import Any

from dashboards.view.money import sums
from dashboards.view.spark import amount, change, ends, spark
from dashboards.view.time import moment
from dashboards.view.word import reason

SHOWN = 5  # parts of a figure
NAMED = 3  # legal entities

#: state -> (sign, word, colour that reads on light and dark). The word carries the meaning, the colour only helps.
STATES = {
    "ok": ("✓", "on track", "#177a4e"),
    "warning": ("!", "watch", "#9a5f0b"),
    "bad": ("▲", "at risk", "#c0392b"),
    "no_data": ("–", "no data", "#5b6b70"),
}
WORST_FIRST = ("bad", "warning", "ok", "no_data")


def sentence(text: str) -> str:
    return f'<p class="wb-sentence" data-testid="sentence">{escape(text)}</p>'


def value_text(value: Any, unit: str) -> str:
    """The figure's value with its unit; "–" when there is none. Less than nothing left of a budget: how many times
    it was spent."""
    if value is None:
        return "–"
    return amount(Decimal(str(value)), unit)


def ordered(items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is at risk first; within a state the order of the page."""
    return sorted(items, key=lambda item: WORST_FIRST.index(item["state"]))


def summary(items: Sequence[dict[str, Any]]) -> str:
    """How many figures are in which state, the worst first."""
    counts = Counter(item["state"] for item in items)
    pills = (state(name, f"{counts[name]:,} ") for name in WORST_FIRST if counts[name])
    return f'<p class="wb-states" data-testid="states">{"".join(pills)}</p>'


def state(name: str, before: str = "") -> str:
    """A state as sign and word on its colour; the word carries the meaning."""
    sign, word, colour = STATES[name]
    return f'<span class="wb-state" style="background:{colour}">{sign} {escape(before)}{word}</span>'


def card(item: dict[str, Any], page_as_of_us: int | None) -> str:
    """A figure with all that a reader needs to trust it; its as-of time only where it is not the page's."""
    value = escape(value_text(item["value"], item["unit"]))
    parts = [
        f'<h2 class="wb-title">{escape(item["title"])}</h2>',
        f'<div class="wb-line"><span class="wb-value">{value}</span>{state(item["state"])}</div>',
    ]
    if item.get("money"):
        parts.append(f'<div class="wb-money">{escape(sums(item["money"]))}</div>')
    parts += [f'<div class="wb-small">{line}</div>' for line in _lines(item, page_as_of_us)]
    parts.append(_trend(item))
    parts += _bars(item.get("detail") or [])
    parts += [f'<div class="wb-small wb-foot">{escape(line)}</div>' for line in _foot(item)]
    return f'<div data-card="{escape(item["id"])}">' + "".join(parts) + "</div>"


def _lines(item: dict[str, Any], page_as_of_us: int | None) -> list[str]:
    """Denominator with its window, where, what is still open, what is left out, as-of: the small print under the
    value."""
    lines = []
    when = "" if item.get("as_of_us") == page_as_of_us else f"as of {moment(item.get('as_of_us'))}"
    counted = ""
    if item.get("denominator") is not None:
        numerator = "" if item.get("numerator") is None else f"{item['numerator']:,} of "
        counted = f"{numerator}{item['denominator']:,} {item.get('denominator_label') or ''}".strip()
    window = str(item.get("window") or "").replace(" ", "\u00a0")
    lines.append(" · ".join(part for part in (counted, window, when) if part))
    if len(item.get("where") or []) > 1:
        lines.append("Where: " + ", ".join(_where(item["where"])))
    if item.get("still_open") and item["still_open"] != item.get("numerator"):
        lines.append(f"{item['still_open']:,} still open")
    if item.get("exclusions"):
        lines.append(f"Not counted: {item['exclusions']}")
    return [escape(line) for line in lines if line]


def _where(parts: Sequence[dict[str, Any]]) -> list[str]:
    """The legal entities with most of it, and how many more there are."""
    named = [f"{part['label']} {part['count']:,}" for part in parts[:NAMED]]
    return [*named, f"{len(parts) - NAMED} more"] if len(parts) > NAMED else named


def _foot(item: dict[str, Any]) -> list[str]:
    """From where on the state changes, and who keeps the figure."""
    owner = item.get("owner")
    return [line for line in (limits_text(item), f"Owner: {owner}" if owner else "") if line]


def limits_text(item: dict[str, Any]) -> str:
    """`Watch above 500 ms, at risk above 1,000 ms`; "" where nothing is judged."""
    told = item.get("limits") or {}
    side = "below" if item.get("better") == "more" else "above"
    unit = item["unit"]
    parts = [
        f"{word} {side} {_limit(told[name], unit)}"
        for word, name in (("watch", "warning"), ("at risk", "bad"))
        if told.get(name) is not None
    ]
    text = ", ".join(parts) + (f" {told['label']}" if parts and told.get("label") else "")
    return text[:1].upper() + text[1:]


def _limit(number: float, unit: str) -> str:
    """`0.101` as `10.1 %`, `0.5` as `50 %`, `10.0` as `10`."""
    plain = Decimal(str(number)).normalize()
    if unit == "ratio":
        return f"{(plain * 100).normalize():f} %"
    return amount(Decimal(f"{plain:f}"), unit)


def _trend(item: dict[str, Any]) -> str:
    """Where the figure comes from: its course over this window and the one before, and whether it gets worse."""
    trend = item.get("trend")
    if not trend:
        return ""
    length = str(item.get("window") or "").removeprefix("last ") or "window"
    chart = spark([point["value"] for point in trend["points"]], f"{item['title']}: the {length} before and this one")
    return (
        chart
        + (ends(length) if chart else "")
        + change(item["value"], trend["previous"], item["unit"], item.get("better", "less"), length)
    )


def _bars(detail: list[dict[str, Any]]) -> list[str]:
    most = max((entry["count"] for entry in detail), default=0)
    rows = [
        f'<div class="wb-bar" title="{escape(str(entry["label"]))}"><span>{escape(reason(str(entry["label"])))}</span>'
        f'<i style="width:{100 * entry["count"] / most if most else 0:.0f}%"></i><b>{entry["count"]:,}</b></div>'
        for entry in detail[:SHOWN]
    ]
    left = detail[SHOWN:]
    if left:
        rows.append(f'<div class="wb-small">and {sum(entry["count"] for entry in left):,} in {len(left)} more</div>')
    return [f'<div class="wb-bars">{"".join(rows)}</div>'] if rows else []
