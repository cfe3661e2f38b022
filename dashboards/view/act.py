"""What people did, and what they are asked to decide. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboards.view.table import Column, pill, table
from dashboards.view.time import moment, span
from dashboards.view.word import words

SEEN = ("not-tested", "tested-in-part", "test-failed", "shadow-refused")  # reasons that tell of what was seen
REASONS = 3  # of a new version that are told in the table; the comparison has all
REACHED_KINDS = {
    "compatible": ("fine", "good"),
    "incompatible": ("breaks", "bad"),
    "unknown": ("not proved safe", "watch"),
}
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


def releases(items: Sequence[dict[str, Any]]) -> str:
    """New versions: what their numbers promise, what their changes ask for, and the heaviest of these."""
    rows = [
        [
            each["name"],
            each["previous"],
            "draft" if each["is_draft"] else each["declared"],
            pill(each["needed"], _needed_kind(each)),
            each["changes"],
            _reasons(each["reasons"]),
        ]
        for each in items
    ]
    names: list[Column | str] = [
        Column("New version", is_whole=True),
        "After",
        "Promises",
        "Needs at least",
        Column("Changes", True),
        "Because",
    ]
    return table(names, rows, "New versions")


def _needed_kind(release: dict[str, Any]) -> str:
    """What breaks is never good, however truly its number says so."""
    if not _is_enough(release):
        return "bad"
    return "watch" if release["needed"] == "major" else "good"


def _is_enough(release: dict[str, Any]) -> bool:
    order = ("none", "patch", "minor", "major")
    return bool(release["is_draft"]) or order.index(release["declared"]) >= order.index(release["needed"])


def _reasons(reasons: Sequence[dict[str, Any]]) -> str:
    told = [f"{each['message']}{_waived(each)}" for each in reasons[:REASONS]]
    return "; ".join(told) + (f"; and {len(reasons) - REASONS} more" if len(reasons) > REASONS else "")


def touched(ready: dict[str, Any]) -> str:
    """Consumers that a breaking change touches, by operation and field."""
    rows = [
        [
            each["consumer"],
            each["owner"],
            each["version"],
            each["operation"],
            f"{each['calls']:,}",
            ", ".join(each["fields"]) if each["is_field_known"] else "not known",
        ]
        for each in ready["touched"]
    ]
    names: list[Column | str] = ["Consumer", "Owner", "Uses", "Operation", Column("Calls", True), "Fields touched"]
    return table(names, rows, "Consumers touched")


def readiness(ready: dict[str, Any]) -> list[str]:
    """What an approver should know beside the numbers: who is touched, and what was seen of a running system."""
    hit = len({each["consumer"] for each in ready["touched"]})
    seen = hit + ready["not_touched"]
    word = "consumer" if seen == 1 else "consumers"
    told = [f"{hit} of {seen} {word} of the last {ready['days']} days touched by what breaks."]
    told += [each["message"] for each in ready["grounds"] if each["rule"] in SEEN]
    if (
        ready["last_run"]
        and ready["last_run"]["conforms"]
        and not any(each["rule"] in SEEN for each in ready["grounds"])
    ):
        told.append(f"A run against {ready['last_run']['target']} conformed in full.")
    return told


def _waived(reason: dict[str, Any]) -> str:
    """Why it is let through, who answers for it, until when."""
    return f" (waived: {reason['waived_by']})" if reason.get("waived_by") else ""


def reached(items: Sequence[dict[str, Any]]) -> str:
    """Contracts that use a changed schema: each keeps its pin."""
    rows = [
        [
            each["contract"],
            each["schema"],
            ", ".join(each["pinned"]),
            pill(*REACHED_KINDS[each["verdict"]]),
            "as it is" if each["bump"] == "none" else f"{each['bump']}: {each['as_version']}",
            each["owner"],
        ]
        for each in items
    ]
    names: list[Column | str] = [
        Column("Contract", is_whole=True),
        Column("New schema", is_whole=True),
        "Pinned to",
        "Taking it over",
        "Needs at least",
        "Owner",
    ]
    return table(names, rows, "Contracts that use a changed schema")


def outcome(done: dict[str, Any]) -> str:
    """What an answer led to."""
    name = done["proposal_id"]
    if done["state"] == "published":
        return f"Proposal {name} is published as generation {done['published_generation']}; gateways take it over."
    if done["state"] == "rejected":
        return f"Proposal {name} is {'withdrawn' if done['is_own'] else 'rejected'}."
    left = sorted({who for each in done["needs"] if each["approved_by"] is None for who in each["asked"]})
    return f"Proposal {name} is approved by you; it still waits for {', '.join(left)}."


def answers(item: dict[str, Any]) -> str:
    rows = [
        [moment(each["at_us"]), f"{each['who']} ({each['role']})", each["decision"], each["comment"]]
        for each in item["answers"]
    ]
    return table(["When", "Who", "Answer", "Comment"], rows, "Answers so far")
