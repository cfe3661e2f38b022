"""One figure of the overview as a card, and the sentence above them."""

from __future__ import annotations

from decimal import Decimal
from html import escape
from typing import Any

from dashboards.view.money import sums
from dashboards.view.spark import amount, change, spark
from dashboards.view.time import moment
from dashboards.view.word import reason

SHOWN = 5  # parts of a figure

#: state -> (sign, word, colour that reads on light and dark). The word carries the meaning, the colour only helps.
STATES = {
    "ok": ("✓", "on track", "#177a4e"),
    "warning": ("!", "watch", "#9a5f0b"),
    "bad": ("▲", "at risk", "#c0392b"),
    "no_data": ("–", "no data", "#5b6b70"),
}


def sentence(text: str) -> str:
    return f'<p class="wb-sentence" data-testid="sentence">{escape(text)}</p>'


def value_text(value: Any, unit: str) -> str:
    """The figure's value with its unit; "–" when there is none. Less than nothing left of a budget: how many times
    it was spent."""
    if value is None:
        return "–"
    return amount(Decimal(str(value)), unit)


def card(item: dict[str, Any], page_as_of_us: int | None) -> str:
    """A figure with all that a reader needs to trust it; its as-of time only where it is not the page's."""
    sign, word, colour = STATES[item["state"]]
    parts = [
        f'<div class="wb-title">{escape(item["title"])}</div>',
        f'<div class="wb-value">{escape(value_text(item["value"], item["unit"]))}</div>',
        f'<span class="wb-state" style="background:{colour}">{sign} {word}</span>',
    ]
    if item.get("money"):
        parts.append(f'<div class="wb-money">{escape(sums(item["money"]))}</div>')
    parts += [f'<div class="wb-small">{line}</div>' for line in _lines(item, page_as_of_us)]
    parts.append(_trend(item))
    parts += _bars(item.get("detail") or [])
    return f'<div data-card="{escape(item["id"])}">' + "".join(parts) + "</div>"


def _lines(item: dict[str, Any], page_as_of_us: int | None) -> list[str]:
    """Denominator, what is still open, what is left out, window and as-of: the small print under the value."""
    lines = []
    if item.get("denominator") is not None:
        numerator = "" if item.get("numerator") is None else f"{item['numerator']:,} of "
        lines.append(escape(f"{numerator}{item['denominator']:,} {item.get('denominator_label') or ''}".strip()))
    if item.get("still_open"):
        lines.append(escape(f"{item['still_open']:,} still open"))
    if item.get("exclusions"):
        lines.append(escape(f"Not counted: {item['exclusions']}"))
    when = "" if item.get("as_of_us") == page_as_of_us else f"as of {moment(item.get('as_of_us'))}"
    lines.append(escape(" · ".join(part for part in (item.get("window"), when) if part)))
    return [line for line in lines if line]


def _trend(item: dict[str, Any]) -> str:
    """Where the figure comes from: its course over this window and the one before, and whether it gets worse."""
    trend = item.get("trend")
    if not trend:
        return ""
    length = str(item.get("window") or "").removeprefix("last ") or "window"
    chart = spark([point["value"] for point in trend["points"]], f"{item['title']}: the {length} before and this one")
    return chart + change(item["value"], trend["previous"], item["unit"], item.get("better", "less"), length)


def _bars(detail: list[dict[str, Any]]) -> list[str]:
    most = max((entry["count"] for entry in detail), default=0)
    rows = [
        f'<div class="wb-bar" title="{escape(str(entry["label"]))}"><span>{escape(reason(str(entry["label"])))}</span>'
        f'<i style="width:{100 * entry["count"] / most if most else 0:.0f}%"></i><b>{entry["count"]:,}</b></div>'
        for entry in detail[:SHOWN]
    ]
    rest = sum(entry["count"] for entry in detail[SHOWN:])
    if rest:
        rows.append(f'<div class="wb-small">and {rest:,} for other reasons</div>')
    return [f'<div class="wb-bars">{"".join(rows)}</div>'] if rows else []
