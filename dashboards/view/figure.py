"""One figure of the overview as a card, and the sentence above them."""

from __future__ import annotations

from decimal import Decimal
from html import escape
from typing import Any

from dashboards.view.money import sums
from dashboards.view.time import moment

#: state -> (sign, word, colour that reads on light and dark). The word carries the meaning, the colour only helps.
STATES = {
    "ok": ("✓", "on track", "#1c8a5a"),
    "warning": ("!", "watch", "#b7791f"),
    "bad": ("▲", "at risk", "#c8402f"),
    "no_data": ("–", "no data", "#7a8a8e"),
}

STYLE = """<style>
.wb-title{font-size:.95rem;font-weight:600;line-height:1.25;min-height:2.4em}
.wb-value{font-size:2.1rem;font-weight:650;line-height:1.15;font-variant-numeric:tabular-nums}
.wb-money{font-size:1rem;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.wb-small{font-size:.82rem;opacity:.8;line-height:1.4}
.wb-state{display:inline-block;font-size:.78rem;font-weight:650;padding:.05rem .5rem;border-radius:1rem;color:#fff}
.wb-bar{display:grid;grid-template-columns:minmax(6rem,9rem) 1fr auto;gap:.5rem;align-items:center;font-size:.82rem}
.wb-bar i{display:block;height:.5rem;border-radius:.25rem;background:currentColor;opacity:.45}
.wb-sentence{font-size:1.35rem;line-height:1.4;font-weight:500;max-width:60rem}
</style>"""


def sentence(text: str) -> str:
    return f'{STYLE}<p class="wb-sentence" data-testid="sentence">{escape(text)}</p>'


def value_text(value: Any, unit: str) -> str:
    """The figure's value with its unit; "–" when there is none."""
    if value is None:
        return "–"
    number = Decimal(str(value))
    if unit == "ratio":
        return f"{number * 100:.1f} %"
    if unit == "ms":
        return f"{number:,.0f} ms"
    return f"{number:,}"


def card(item: dict[str, Any]) -> str:
    sign, word, colour = STATES[item["state"]]
    parts = [
        STYLE,
        f'<div class="wb-title">{escape(item["title"])}</div>',
        f'<div class="wb-value">{escape(value_text(item["value"], item["unit"]))}</div>',
        f'<span class="wb-state" style="background:{colour}">{sign} {word}</span>',
    ]
    if item.get("money"):
        parts.append(f'<div class="wb-money">{escape(sums(item["money"]))}</div>')
    parts += [f'<div class="wb-small">{line}</div>' for line in _lines(item)]
    parts += _bars(item.get("detail") or [])
    return f'<div data-card="{escape(item["id"])}">' + "".join(parts) + "</div>"


def _lines(item: dict[str, Any]) -> list[str]:
    """Denominator, what is still open, what is left out, window and as-of: the small print under the value."""
    lines = []
    if item.get("denominator") is not None:
        numerator = "" if item.get("numerator") is None else f"{item['numerator']:,} of "
        lines.append(escape(f"{numerator}{item['denominator']:,} {item.get('denominator_label') or ''}".strip()))
    if item.get("still_open"):
        lines.append(escape(f"{item['still_open']:,} still open"))
    if item.get("exclusions"):
        lines.append(escape(f"Not counted: {item['exclusions']}"))
    lines.append(escape(f"{item.get('window') or ''} · as of {moment(item.get('as_of_us'))}".lstrip(" ·")))
    return lines


def _bars(detail: list[dict[str, Any]]) -> list[str]:
    most = max((entry["count"] for entry in detail), default=0)
    return [
        f'<div class="wb-bar"><span>{escape(str(entry["label"]))}</span>'
        f'<i style="width:{100 * entry["count"] / most if most else 0:.0f}%"></i><b>{entry["count"]:,}</b></div>'
        for entry in detail[:5]
    ]
