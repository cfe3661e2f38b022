"""What a search found, in words. Pure."""

from __future__ import annotations

from typing import Any

KINDS = {"contract": "Contracts", "schema": "Canonical schemas", "operation": "Operations", "property": "Fields"}
_NAMED = 4  # carriers that are named


def heading(item: dict[str, Any]) -> str:
    """Its title where it has one that says more than its name."""
    told = "" if item["kind"] in ("property", "operation") else item["title"]
    return str(told or item["name"])


def line(item: dict[str, Any]) -> str:
    """The small print: where it stands, what it means, and whom it concerns."""
    home = f"contract {item['contract']}" if item["contract"] else f"canonical schema {item['schema']}"
    told = item["title"] if item["kind"] in ("property", "operation") else item["name"]
    return " · ".join(part for part in (told, f"{home} {item['version']}", _carriers(item)) if part)


def _carriers(item: dict[str, Any]) -> str:
    names = item["carriers"]
    if item["contract"]:
        return ""
    if not names:
        return "no contract is pinned to it"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"carried by {', '.join(names[:_NAMED])}{more}"
