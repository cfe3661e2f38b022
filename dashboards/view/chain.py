"""A business transaction's chain as a graph (DOT) and as a timeline (HTML)."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from dashboards.view.money import money
from dashboards.view.time import clock, moment, span

INK = {"light": ("#16252a", "#f2f6f6", "#0b6e6e"), "dark": ("#e6efef", "#1a262a", "#4cc2b8")}

STYLE = """<style>
.wb-steps{list-style:none;margin:0;padding:0 0 0 1rem;
border-left:2px solid color-mix(in srgb,currentColor 25%,transparent)}
.wb-steps li{position:relative;padding:.1rem 0 .7rem .6rem;line-height:1.35;font-size:.92rem;overflow-wrap:anywhere}
.wb-steps li::before{content:"";position:absolute;left:-1.42rem;top:.45rem;width:.7rem;height:.7rem;border-radius:50%;
background:#1c8a5a}
.wb-steps li.wb-refused::before{background:#c8402f}
.wb-steps li.wb-unknown::before{background:#b7791f}
.wb-steps small{opacity:.78;display:block}
</style>"""


def reference(item: dict[str, str]) -> str:
    """type/assigner/value."""
    return f"{item['type']}/{item['assigner']}/{item['value']}"


def words(name: str) -> str:
    """`purchase_order.issued` as `purchase order issued`."""
    return name.replace("_", " ").replace(".", " ")


def graph(chain: dict[str, Any], theme: str) -> str:
    """The chain as a DOT graph, from the first document at the top to the last."""
    ink, paper, accent = INK["dark" if theme == "dark" else "light"]
    lines = [
        "digraph chain {",
        'rankdir=TB; bgcolor="transparent"; nodesep=0.25; ranksep=0.35;',
        f'node [shape=box, style="rounded,filled", fillcolor="{paper}", color="{ink}", fontcolor="{ink}", '
        'fontname="sans-serif", fontsize=11, margin="0.14,0.08"];',
        f'edge [color="{ink}", fontcolor="{ink}", fontname="sans-serif", fontsize=9, arrowsize=0.7];',
    ]
    for item in chain["objects"]:
        style = f', color="{accent}", penwidth=2.5' if item["is_root"] else ""
        lines.append(f"{_quoted(reference(item['object']))} [label={_quoted(_label(item))}{style}];")
    for link in chain["links"]:
        edge = f"{_quoted(reference(link['target']))} -> {_quoted(reference(link['source']))}"
        lines.append(f"{edge} [label={_quoted(words(link['relation']))}, dir=back];")
    return "\n".join([*lines, "}"])


def _label(item: dict[str, Any]) -> str:
    axes = ", ".join(value for value in (item.get("status_axes") or {}).values())
    parts = [words(item["object"]["type"]), item["object"]["value"], money(item.get("amount")), words(axes)]
    return "\n".join(part for part in parts if part)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def step(event: dict[str, Any]) -> str:
    """One event in a line, as a choice in a list."""
    return f"{clock(event['at_us'])} {title(event)} {event['object']['value'] if event.get('object') else ''}".strip()


def title(event: dict[str, Any]) -> str:
    """What happened, in words: the business event, or why it did not happen."""
    if event.get("refused_by") or event.get("code"):
        return f"refused: {words(event.get('code') or 'refused').replace('-', ' ')}"
    return words(event["type"] or event["operation"])


def timeline(events: list[dict[str, Any]]) -> str:
    """Events in order, with who asked whom, how long it took and how long the chain had waited before."""
    return STYLE + '<ol class="wb-steps" data-testid="timeline">' + "".join(_row(event) for event in events) + "</ol>"


def _row(event: dict[str, Any]) -> str:
    subject = event["object"]["value"] if event.get("object") else ""
    waited = event.get("since_previous_us") or 0
    when = moment(event["at_us"]) + (f" · {span(waited)} after the step before" if waited > 0 else "")
    who = f"{event['consumer'] or 'unknown caller'} → {event['contract']}@{event['version']} {event['operation']}"
    where = f"{span(event['upstream_us'])} of it at {event.get('system') or 'no system'}"
    took = f"{event['status']} in {span(event['duration_us'])}, {where}"
    return (
        f'<li class="{_class(event)}"><b>{escape(title(event))}</b> {escape(subject)}'
        f"<small>{escape(when)}</small><small>{escape(f'{who} · {took}')}</small></li>"
    )


def _class(event: dict[str, Any]) -> str:
    if event["executed"] == "unknown":
        return "wb-unknown"
    return "wb-refused" if event.get("refused_by") or event.get("code") else "wb-done"
