"""A business transaction's chain as a graph (DOT) and as a timeline (HTML)."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from dashboards.view.call import SIGNS, outcome, reference, title
from dashboards.view.money import money
from dashboards.view.time import clock, moment, span
from dashboards.view.word import words

INK = {"light": ("#16252a", "#f2f6f6", "#0b6e6e"), "dark": ("#e6efef", "#1a262a", "#4cc2b8")}
SILENT = frozenset({"none", ""})  # values of a status axis that say nothing has happened on it yet


def graph(chain: dict[str, Any], theme: str, direction: str) -> str:
    """The chain as a DOT graph from the first document to the last: `direction` LR across, TB down the page."""
    ink, paper, accent = INK["dark" if theme == "dark" else "light"]
    size_pt = 11 if direction == "LR" else 10  # down the page is for phones
    lines = [
        "digraph chain {",
        f'rankdir={direction}; bgcolor="transparent"; nodesep=0.15; ranksep=0.35;',
        f'node [shape=box, style="rounded,filled", fillcolor="{paper}", color="{ink}", fontcolor="{ink}", '
        f'fontname="sans-serif", fontsize={size_pt}, margin="0.08,0.05"];',
        f'edge [color="{ink}", fontcolor="{ink}", fontname="sans-serif", fontsize=10, arrowsize=0.7];',
    ]
    for item in chain["objects"]:
        style = f', color="{accent}", penwidth=2.5' if item["is_root"] else ""
        lines.append(f"{quoted(reference(item['object']))} [label={quoted(_label(item))}{style}];")
    for link in chain["links"]:
        edge = f"{quoted(reference(link['target']))} -> {quoted(reference(link['source']))}"
        relation = quoted(f" {words(link['relation'])} ")
        lines.append(f"{edge} [label={relation}, dir=back];")
    return "\n".join([*lines, "}"])


def described(chain: dict[str, Any]) -> str:
    """The graph in words, for those who do not see it."""
    names = ", ".join(f"{words(item['object']['type'])} {item['object']['value']}" for item in chain["objects"])
    links = ", ".join(
        f"{link['source']['value']} {words(link['relation'])} {link['target']['value']}" for link in chain["links"]
    )
    return f"Documents of this transaction: {names}." + (f" {links}." if links else "")


def _label(item: dict[str, Any]) -> str:
    parts = [words(item["object"]["type"]), item["object"]["value"], money(item.get("amount"))]
    return "\n".join(part for part in [*parts, *axes(item.get("status_axes") or {})] if part)


def axes(status_axes: dict[str, str]) -> list[str]:
    """Each status with the axis it is on, but for those that have not moved; an only status needs no axis."""
    told = sorted((axis, value) for axis, value in status_axes.items() if value not in SILENT)
    if len(told) == 1:
        return [words(told[0][1])]
    return [f"{words(axis)}: {words(value)}" for axis, value in told]


def quoted(text: str) -> str:
    """A text as DOT takes it."""
    return json.dumps(text, ensure_ascii=False)


def step(event: dict[str, Any]) -> str:
    """One event in a line, as a choice in a list."""
    named = event["object"]["value"] if event.get("object") else ""
    return f"{clock(event['at_us'])} {named} {title(event)}"


def timeline(events: list[dict[str, Any]]) -> str:
    """Events in order, with who asked whom, how long it took and how long the chain had waited before."""
    return '<ol class="wb-steps" data-testid="timeline">' + "".join(_row(event) for event in events) + "</ol>"


def _row(event: dict[str, Any]) -> str:
    named = event["object"]["value"] if event.get("object") else ""
    waited = event.get("since_previous_us") or 0
    when = moment(event["at_us"]) + (f" · {span(waited)} after the step before" if waited > 0 else "")
    who = f"{event['consumer'] or 'unknown caller'} → {event['contract']}@{event['version']} {event['operation']}"
    where = f"{span(event['upstream_us'])} of it at {event['system']}" if event["upstream_us"] else "no system asked"
    took = f"{event['status']} in {span(event['duration_us'])}, {where}"
    came_to = outcome(event)
    return (
        f'<li class="wb-{came_to}" data-exchange="{escape(event["exchange_id"])}">'
        f'<span class="wb-sign" aria-hidden="true">{SIGNS[came_to]}</span>'
        f"<b>{escape(title(event))}</b> {escape(named)}"
        f"<small>{escape(when)}</small><small>{escape(f'{who} · {took}')}</small></li>"
    )
