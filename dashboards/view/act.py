"""What people did, and what they are asked to decide. Pure."""

from __future__ import annotations

from typing import Any

from dashboards.view.table import Column, pill, table
from dashboards.view.time import moment, span
from dashboards.view.word import words

STATE_KINDS = {"open": "watch", "published": "good", "rejected": "bad", "stale": "plain"}


def acts(items: list[dict[str, Any]]) -> str:
    rows = [
        [moment(item["at_us"]), f"{item['who']} ({item['role']})", words(item["what"]), item["target"], _detail(item)]
        for item in items
    ]
    names = [*(Column(name, is_whole=True) for name in ("When", "Who", "Did what", "To what")), Column("With what")]
    return table(names, rows, "Acts")


def _detail(item: dict[str, Any]) -> str:
    return "; ".join(f"{words(name)}: {_told(value)}" for name, value in item["detail"].items() if value)


def _told(value: Any) -> str:
    if isinstance(value, list):
        shown = ", ".join(map(str, value[:6]))
        return f"{shown} and {len(value) - 6} more" if len(value) > 6 else shown
    return str(value)


def proposal(item: dict[str, Any]) -> str:
    """The small print of a proposal."""
    age = f"{span(item['age_s'] * 1_000_000)} old"
    return " · ".join(
        part
        for part in (
            f"asked for by {item['requested_by']}",
            age,
            f"planned on generation {item['generation']}",
            "overdue: more people may answer now" if item["is_overdue"] else "",
        )
        if part
    )


def needs(item: dict[str, Any]) -> str:
    """Who answers for each thing that is touched."""
    rows = [
        [
            f"{each['kind']} {each['name']}",
            each["owner"],
            each["steward"],
            ", ".join(each["asked"]),
            pill(f"approved by {each['approved_by']}", "good") if each["approved_by"] else pill("waits", "watch"),
        ]
        for each in item["needs"]
    ]
    return table(["Touches", "Owner", "Steward", "May answer now", "Answer"], rows, "Needs")


def plan(item: dict[str, Any]) -> str:
    """What publishing it would do."""
    rows = [
        [word, f"{each['kind']} {each['name']}", each.get("detail", "")]
        for word in ("added", "changed", "removed")
        for each in item["plan"].get(word, ())
    ]
    return table(["", "What", "How"], rows, "Plan")


def answers(item: dict[str, Any]) -> str:
    rows = [
        [moment(each["at_us"]), f"{each['who']} ({each['role']})", each["decision"], each["comment"]]
        for each in item["answers"]
    ]
    return table(["When", "Who", "Answer", "Comment"], rows, "Answers so far")
