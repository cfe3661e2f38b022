"""SARIF 2.1.0: what code scanning reads. Source: OASIS, Static Analysis Results Interchange Format 2.1.0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from controlplane.cli.report.item import Item, Level, RuleText
from controlplane.release import program_version

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVEL: dict[Level, str] = {"error": "error", "warning": "warning", "hint": "note"}  # §3.27.10
_KIND = {"in_source": "inSource", "external": "external"}  # §3.35.2


def sarif(items: Iterable[Item], rules: Sequence[RuleText] = (), tool: str = "waybill") -> dict[str, Any]:
    """One run. Rules that are not told of but found something are added by their id alone (§3.27.5: a ruleId may
    stand by itself, an index must lead to a rule)."""
    results = list(items)
    known = {rule.id: _rule(rule) for rule in rules}
    for item in results:
        known.setdefault(item.rule, {"id": item.rule})
    places = {name: index for index, name in enumerate(known)}
    driver = {"name": tool, "version": program_version(), "rules": list(known.values())}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(item, places[item.rule]) for item in results],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: RuleText) -> dict[str, Any]:
    told = {
        "shortDescription": rule.title,
        "fullDescription": rule.rationale,
        "help": rule.remedy,
    }
    return {
        "id": rule.id,
        **{name: {"text": text} for name, text in told.items() if text},
        "defaultConfiguration": {"level": _LEVEL[rule.level]},
    }


def _result(item: Item, index: int) -> dict[str, Any]:
    text = f"{item.message} ({item.remedy})" if item.remedy else item.message
    result: dict[str, Any] = {
        "ruleId": item.rule,
        "ruleIndex": index,
        "level": _LEVEL[item.level],
        "message": {"text": text},
    }
    if item.file or item.pointer:
        result["locations"] = [_location(item)]
    if item.suppression is not None:
        kept = {"kind": _KIND[item.suppression.kind], "justification": item.suppression.reason}
        result["suppressions"] = [kept]
    return result


def _location(item: Item) -> dict[str, Any]:
    """A region only where the line is known (§3.29.4: a region stands for what was found, never for the whole file)."""
    location: dict[str, Any] = {}
    if item.file:
        place: dict[str, Any] = {"artifactLocation": {"uri": quote(item.file, safe="/:")}}
        if item.line is not None:
            place["region"] = {"startLine": item.line}
        location["physicalLocation"] = place
    if item.pointer:
        location["logicalLocations"] = [{"fullyQualifiedName": item.pointer}]
    return location
