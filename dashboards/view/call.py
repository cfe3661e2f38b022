"""What became of one call, in words: for a step of a chain and for a row of a list alike."""

from __future__ import annotations

from typing import Any, Literal

from dashboards.view.money import money
from dashboards.view.time import moment, span
from dashboards.view.word import reason, words

Outcome = Literal["done", "refused", "unknown", "withheld", "repeat"]

#: outcome -> the sign beside it, so that colour is never the only carrier
SIGNS: dict[Outcome, str] = {"done": "✓", "refused": "✕", "unknown": "?", "withheld": "!", "repeat": "↺"}


def outcome(call: dict[str, Any]) -> Outcome:
    """Which of the five things a call can come to."""
    if call["executed"] == "unknown":
        return "unknown"
    if call.get("is_replay"):
        return "repeat"
    if call["executed"] == "yes" and not call.get("is_verified", True):
        return "withheld"
    return "refused" if call.get("refused_by") or call.get("code") or call["status"] >= 400 else "done"


def what(call: dict[str, Any]) -> str:
    """The business event, or else the operation that was asked for."""
    return words(call.get("type") or call.get("event") or call.get("operation") or "call without a contract")


def title(call: dict[str, Any]) -> str:
    """What happened, or why it did not."""
    asked = what(call)
    how = {
        "done": "",
        "refused": why(call),
        "unknown": "in doubt, nobody knows yet whether it was carried out",
        "withheld": "carried out, but its answer broke the contract and was withheld",
        "repeat": "repeated, answered as the first time",
    }[outcome(call)]
    return f"{asked}: {how}" if how else asked


def why(call: dict[str, Any]) -> str:
    """Who did not let a call through, and why."""
    code = call.get("code") or call.get("refused_by") or ""
    if call.get("refused_by") or call.get("fault") in ("request", "policy"):
        return f"refused, {reason(code)}" if code else "refused"
    if not code or call.get("fault") == "none":
        return f"refused by the system ({call['status']})"
    return f"failed, {reason(code)}"


def reference(item: dict[str, str]) -> str:
    """type/assigner/value."""
    return f"{item['type']}/{item['assigner']}/{item['value']}"


def subject(call: dict[str, Any]) -> str:
    """`invoice INV-1`; "" when the call names no document."""
    item = call.get("object")
    return f"{words(item['type'])} {item['value']}" if item else ""


def line(call: dict[str, Any]) -> str:
    """The small print of a row: when, who, for whom, how much, how it was answered."""
    answered = f"{call['status']} in {span(call['duration_us'])}"
    caller = call.get("consumer") or "unknown caller"
    mark = "synthetic" if call.get("is_synthetic") else ""
    parts = [
        mark,
        moment(call["started_us"]),
        caller,
        call.get("legal_entity", ""),
        money(call.get("amount")),
        answered,
    ]
    return " · ".join(part for part in parts if part)
