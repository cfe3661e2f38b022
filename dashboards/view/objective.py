"""Objectives: how all of them stand in a sentence, and each as a card. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from typing import Any

from dashboards.view.figure import value_text
from dashboards.view.money import sums
from dashboards.view.spark import change, ends, spark
from dashboards.view.time import moment

#: state -> (sign, word, colour that reads on light and dark)
STATES = {
    "breached": ("▲", "breached", "#c0392b"),
    "warning": ("!", "watch", "#9a5f0b"),
    "ok": ("✓", "kept", "#177a4e"),
    "no_data": ("–", "no data", "#5b6b70"),
}
WORST_FIRST = tuple(STATES)


def ordered(items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The worst first; within a state the one with the least budget left."""
    return sorted(
        items,
        key=lambda item: (
            WORST_FIRST.index(item["state"]),
            item["budget_left_ratio"] if item["budget_left_ratio"] is not None else 1,
            item["name"],
        ),
    )


def summary(items: Sequence[dict[str, Any]]) -> str:
    """How many are in which state, and the money behind what is overdue."""
    if not items:
        return "No objective is in force."
    counts = {state: sum(item["state"] == state for item in items) for state in STATES}
    parts = [f"{counts[state]} {STATES[state][1]}" for state in STATES if counts[state]]
    sentence = f"Of {len(items)} objective{'s' if len(items) != 1 else ''}: {', '.join(parts)}."
    overdue = sum(item["overdue"] for item in items)
    dearest = max(items, key=_money)
    if not _money(dearest):
        return f"{sentence} {overdue:,} overdue." if overdue else sentence
    return f"{sentence} Most money is overdue in “{dearest['title']}”: {sums(dearest['money_at_risk'])}."


def _money(item: dict[str, Any]) -> Decimal:
    """The largest sum of one currency. Sums of several objectives are not added: one object may stand behind both."""
    return max((Decimal(amount["amount"]) for amount in item["money_at_risk"]), default=Decimal())


def card(item: dict[str, Any], trend: dict[str, Any] | None) -> str:
    """What is promised, what is left of the budget, and everything that the figure is made of."""
    sign, word, colour = STATES[item["state"]]
    pill = f'<span class="wb-state" style="background:{colour}">{sign} {word}</span>'
    parts = [
        f'<h2 class="wb-title">{escape(item["title"])}</h2>',
        f'<div class="wb-small">{escape(item["objective"])}</div>',
        f'<div class="wb-line"><span class="wb-value">{escape(left(item))}</span>{pill}</div>',
    ]
    if item["money_at_risk"]:
        parts.append(f'<div class="wb-money">{escape(sums(item["money_at_risk"]))} overdue</div>')
    parts += [f'<div class="wb-small">{escape(line)}</div>' for line in _lines(item)]
    kept = " · ".join(
        f"{word} {item[name]}" for word, name in (("Owner:", "owner"), ("steward", "steward")) if item[name]
    )
    foot = f'<div class="wb-small wb-foot">{escape(kept)}</div>' if kept else ""
    return f'<div data-objective="{escape(item["name"])}">{"".join(parts)}{drawn(item, trend)}{foot}</div>'


def drawn(item: dict[str, Any], trend: dict[str, Any] | None) -> str:
    """The share of good ones over this window and the one before."""
    if not trend:
        return ""
    values = [point["value"] for point in trend["points"]]
    chart = spark(values, f"Share of good ones in “{item['title']}”, this window and the one before")
    return (
        chart
        + (ends(window(item)) if chart else "")
        + change(item["ratio"], trend["previous"], "good", "more", window(item))
    )


def left(item: dict[str, Any]) -> str:
    """What is left of the error budget, in words."""
    ratio = item["budget_left_ratio"]
    if ratio is None:
        return "–"
    return f"{value_text(ratio, 'ratio')} of budget left" if ratio >= 0 else f"budget {value_text(ratio, 'ratio')}"


def window(item: dict[str, Any]) -> str:
    """`28d` as `28 d`."""
    return f"{item['window'][:-1]} {item['window'][-1]}"


def _lines(item: dict[str, Any]) -> list[str]:
    target = f"{Decimal(item['target']) * 100:f}".rstrip("0").rstrip(".")
    reached = f"{item['ratio'] * 100:.2f} % good" if item["ratio"] is not None else "nothing to count yet"
    lines = [f"{reached}, {target} % wanted · {item['bad']:,} of {item['total']:,} bad · last {window(item)}"]
    waiting = [
        f"{item['overdue']:,} overdue" if item["overdue"] else "",
        f"{item['open']:,} open, deadline to come" if item["open"] else "",
    ]
    if any(waiting):
        lines.append(" · ".join(filter(None, waiting)))
    if item["burn_rate_1h"] is not None:
        lines.append(f"Burn in the last hour {item['burn_rate_1h']:,.1f}× (1× spends exactly the budget)")
    return lines


def due(item: dict[str, Any]) -> str:
    """How an object behind an objective stands to its deadline."""
    return f"{item['state']}, due {moment(item['deadline_us'])}"
