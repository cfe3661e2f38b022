"""A contract for those who use it: facts, life cycle, operations with their meaning, users. Pure."""

from __future__ import annotations

from typing import Any

from dashboards.view.table import Column, Html, pill, table
from dashboards.view.word import words

KINDS = {"openapi": "calls (OpenAPI)", "asyncapi": "events (AsyncAPI)"}
SOON_DAYS = 30  # before a sunset
STATE_KINDS = {"published": "good", "deprecated": "watch", "retired": "bad", "draft": "plain"}


def line(row: dict[str, Any]) -> str:
    """The small print of a contract in the list."""
    versions = ", ".join(f"{each['version']} {each['state']}" for each in row["versions"])
    objects = ", ".join(words(name) for name in row["objects"])
    many = f"{row['operations']} operation{'s' if row['operations'] != 1 else ''}"
    answering = f"owner {row['owner']}" + (f", steward {row['steward']}" if row["steward"] else "")
    parts = [row["name"], KINDS[row["kind"]], f"{row['layer']} layer", many, objects, versions, answering]
    return " · ".join(part for part in parts if part)


def facts(view: dict[str, Any]) -> dict[str, str]:
    """Name → text, in reading order."""
    rows = {
        "Name": view["name"],
        "Owner": view["owner"],
        "Steward": view.get("steward", ""),
        "Domain": view["domain"],
        "Layer": view["layer"],
        "Address at the gateway": view["base_path"],
        "Compatible with the version before": view.get("compatibility", ""),
        "Description": view.get("description", ""),
    }
    return {name: text for name, text in rows.items() if text}


def versions(view: dict[str, Any]) -> str:
    """Every version with its dates, the newest first."""
    rows = [
        [
            each["version"],
            pill(each["state"], STATE_KINDS.get(each["state"], "plain")),
            day(each["deprecated_at"]),
            day(each["sunset_at"]),
            each["successor"] or "",
            KINDS[each["kind"]],
            len(each["operations"]),
            Html(f'<code title="{each["sha256"]}">{each["sha256"][:12]}…</code>'),
        ]
        for each in reversed(view["versions"])
    ]
    names: list[Column | str] = [
        "Version",
        "State",
        "Deprecated",
        "Sunset",
        "Successor",
        "Kind",
        Column("Operations", True),
        "SHA-256",
    ]
    return table(names, rows, "Versions")


def day(text: str | None) -> str:
    return (text or "")[:10]


def heading(operation: dict[str, Any]) -> str:
    """`POST /purchase-orders` with what it means."""
    meant = ", ".join(words(event) for event in operation["events"])
    if not meant:
        summary = operation.get("summary", "")
        about = f"about {words(operation['object'])}" if operation["object"] else "no business object"
        meant = summary or about
    return f"{operation['method']} {operation['path']}: {meant}"


def meaning(operation: dict[str, Any]) -> dict[str, str]:
    """What a call means, in rows: the `x-waybill` of the operation in words."""
    told = operation.get("meaning") or {}
    rows = {
        "Operation": operation["operation"],
        "Summary": operation.get("summary", ""),
        "Business object": words(operation["object"] or ""),
        "Known by": _several(told.get("id")),
        "Business event": ", ".join(operation["events"]),
        "Money": told.get("amount", ""),
        "Legal entity": _several(told.get("legal_entity")),
        "Business time": told.get("occurred_at", ""),
        "Belongs to": ", ".join(
            f"{words(link['relation'])} {words(link['object'])} ({link['id']})" for link in told.get("links", ())
        ),
        "Idempotency": told.get("idempotency", ""),
        "Priority": told.get("priority", ""),
        "One at a time for": ", ".join(told.get("serialise", ())),
        "When in doubt": f"asks {told['reconcile']['operation']}" if told.get("reconcile") else "",
    }
    return {name: text for name, text in rows.items() if text}


def users(items: list[dict[str, Any]], days: int) -> str:
    """Consumers that may call the contract and those that did, the busiest first."""
    rows = sorted((_user(item) for item in items), key=lambda row: (-int(row[3]), str(row[0])))
    names: list[Column | str] = [
        "Consumer",
        "Granted",
        "For",
        Column("Calls", True),
        Column("Refused", True),
        "Versions",
        "Last call",
    ]
    return table(names, rows, f"Who uses it (last {days} days)")


def _user(item: dict[str, Any]) -> list[Any]:
    uses = item["uses"]
    granted = ", ".join(item["scopes"]) or "yes"
    return [
        item["name"] if item["name"] == item["consumer"] else f"{item['name']} ({item['consumer']})",
        granted if item["is_granted"] else pill("not granted", "watch"),
        "all legal entities" if "*" in item["entities"] else ", ".join(item["entities"]),
        sum(use["calls"] for use in uses),
        sum(use["refused"] for use in uses),
        ", ".join(sorted({use["version"] for use in uses})),
        max((use["last_day"] for use in uses), default="not seen"),
    ]


def leaving(items: list[dict[str, Any]]) -> str:
    """Consumers that still call a version whose end is announced, the soonest first; "" when there are none."""
    found: dict[tuple[str, str], tuple[dict[str, Any], int]] = {}
    for item in items:
        for use in item["uses"]:
            if use.get("state") == "deprecated":
                key = item["consumer"], use["version"]
                found[key] = use, found[key][1] + use["calls"] if key in found else use["calls"]
    rows = [
        [consumer, version, calls, day(use["sunset_at"]), _left(use["days_to_sunset"]), use["successor"] or ""]
        for (consumer, version), (use, calls) in sorted(
            found.items(), key=lambda pair: (pair[1][0]["days_to_sunset"] or 0, pair[0])
        )
    ]
    names: list[Column | str] = ["Consumer", "Still on", Column("Calls", True), "Sunset", "Left", "Should move to"]
    return table(names, rows, "Still on a deprecated version") if rows else ""


def _left(days: int | None) -> Html | str:
    if days is None:
        return ""
    if days < 0:
        return pill(f"over since {-days} day{'s' if days != -1 else ''}", "bad")
    return pill(f"{days} day{'s' if days != 1 else ''}", "watch" if days < SOON_DAYS else "plain")


def fields(items: list[dict[str, Any]]) -> str:
    """What each consumer sent and was answered with."""
    sides = {"request": "sent", "response": "answered"}
    rows = [
        [
            each["consumer"],
            f"{each['operation']} ({each['version']})",
            sides[each["direction"]],
            ", ".join(field["field"] for field in each["fields"]),
            max(field["last_day"] for field in each["fields"]),
        ]
        for each in items
    ]
    return table(["Consumer", "Operation", "Which way", "Fields", "Last seen"], rows, "Fields in use")


def used_operations(items: list[dict[str, Any]]) -> str:
    """Which operations were called, by how many consumers."""
    found: dict[str, list[Any]] = {}
    for item in items:
        for use in item["uses"]:
            row = found.setdefault(use["operation"], [0, 0, set()])
            row[0] += use["calls"]
            row[1] += use["refused"]
            row[2].add(item["consumer"])
    rows = [
        [name, calls, refused, ", ".join(sorted(who))]
        for name, (calls, refused, who) in sorted(found.items(), key=lambda pair: -pair[1][0])
    ]
    return table(["Operation", Column("Calls", True), Column("Refused", True), "By"], rows, "Operations in use")


def _several(given: Any) -> str:
    return " or ".join(given) if isinstance(given, list) else str(given or "")
