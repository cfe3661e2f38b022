"""Whom a canonical schema reaches: a graph (DOT) and the same as tables. Pure."""

from __future__ import annotations

from typing import Any

from dashboards.view.chain import INK, quoted
from dashboards.view.difference import SIDES, VERDICTS
from dashboards.view.table import Column, pill, table

MOST_DRAWN = 40  # operations; of more only the contracts are drawn
_FILLS = {"compatible": "#177a4e", "incompatible": "#c0392b", "unknown": "#9a5f0b"}
_SHORT = {"compatible": "fine", "incompatible": "breaks", "unknown": "not proved"}


def sentence(told: dict[str, Any]) -> str:
    """What it comes to."""
    contracts = told["contracts"]
    if not contracts:
        return f"No contract uses {told['schema'].partition('@')[0]}."
    broken = [each for each in contracts if each["verdict"] != "compatible"]
    callers = {caller["consumer"] for each in broken for caller in each["callers"]}
    many = f"{len(contracts)} contract version{'s' if len(contracts) != 1 else ''}"
    if not broken:
        return f"Of {many} that use it, none would break by taking {told['schema']} over."
    seen = f"{len(callers)} consumer{'s' if len(callers) != 1 else ''} called those in the last {told['days']} days"
    return f"Of {many} that use it, {len(broken)} would break by taking {told['schema']} over; {seen}."


def operations(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Each operation and direction once per contract, with its heaviest meaning."""
    order = ("compatible", "unknown", "incompatible")
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for each in told["contracts"]:
        for use in each["uses"]:
            key = each["contract"], use["operation"], use["direction"]
            known = found.get(key)
            if known is None or order.index(known["verdict"]) < order.index(use["verdict"]):
                found[key] = {**use, "contract": each["contract"]}
    return list(found.values())


def graph(told: dict[str, Any], theme: str, *, is_whole: bool) -> str:
    """Schema version → contract → operation and direction as DOT; colours by verdict, which is written as well. Not
    whole, for phones: without operations."""
    ink, paper, accent = INK["dark" if theme == "dark" else "light"]
    size_pt = 11 if is_whole else 10
    lines = [
        "digraph impact {",
        f'rankdir=LR; bgcolor="transparent"; nodesep=0.12; ranksep={0.5 if is_whole else 0.25};',
        f'node [shape=box, style="rounded,filled", fillcolor="{paper}", color="{ink}", fontcolor="{ink}", '
        f'fontname="sans-serif", fontsize={size_pt}, margin="0.08,0.05"];',
        f'edge [color="{ink}", arrowsize=0.7];',
        f'schema [label={quoted(told["schema"])}, color="{accent}", penwidth=2.5];',
    ]
    for each in told["contracts"]:
        needs = "as it is" if each["bump"] == "none" else f"as a {each['bump']} release"
        label = f"{each['contract']}\n{_SHORT[each['verdict']]}, {needs}"
        name = quoted(each["contract"])
        lines += [f"{name} [label={quoted(label)}, {_colour(each['verdict'])}];", f"schema -> {name};"]
    uses = operations(told)
    for use in uses if is_whole and len(uses) <= MOST_DRAWN else ():
        name = quoted(f"{use['contract']} {use['operation']} {use['direction']}")
        label = f"{use['method']} {use['path']}\n{SIDES[use['direction']]}: {_SHORT[use['verdict']]}"
        lines += [f"{name} [label={quoted(label)}, {_colour(use['verdict'])}];"]
        lines += [f"{quoted(use['contract'])} -> {name};"]
    return "\n".join([*lines, "}"])


def _colour(verdict: str) -> str:
    return f'color="{_FILLS[verdict]}", penwidth=2'


def contracts(told: dict[str, Any]) -> str:
    rows = [
        [
            each["contract"],
            ", ".join(each["pinned"]),
            pill(_SHORT[each["verdict"]], VERDICTS[each["verdict"]][1]),
            "as it is" if each["bump"] == "none" else f"{each['bump']}: {each['as_version']}",
            each["owner"],
            ", ".join(f"{caller['consumer']} ({caller['calls']:,})" for caller in each["callers"]) or "none",
        ]
        for each in told["contracts"]
    ]
    names = ["Contract", "Pinned to", "Taking it over", "Needs at least", "Owner", f"Callers in {told['days']} days"]
    return table(names, rows, "Contracts that use it")


def uses(told: dict[str, Any]) -> str:
    rows = [
        [
            each["contract"],
            f"{each['method']} {each['path']}",
            SIDES[each["direction"]],
            pill(_SHORT[each["verdict"]], VERDICTS[each["verdict"]][1]),
        ]
        for each in operations(told)
    ]
    return table(["Contract", Column("Operation"), "Where", "Taking it over"], rows, "Operations that use it")


def reasons(each: dict[str, Any]) -> str:
    """What of the change shows in one contract."""
    rows = [
        [change["severity"], change["operation"], change["location"], change["message"]] for change in each["changes"]
    ]
    return table(["Asks for", "Operation", "Place", "Change"], rows, f"Changes in {each['contract']}")
