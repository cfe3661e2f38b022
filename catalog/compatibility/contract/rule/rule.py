"""What a rule is."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["major", "minor", "patch"]
Bump = Literal["major", "minor", "patch", "none"]
Direction = Literal["request", "response"]

#: lightest first
ORDER: tuple[Bump, ...] = ("none", "patch", "minor", "major")
BREAKS: Severity = "major"


class Rule(msgspec.Struct, frozen=True):
    """One kind of change. `request` is its weight where the consumer sends, `response` where it is told; both are the
    same where the thing has no direction."""

    id: str
    title: str
    explanation: str
    request: Severity
    response: Severity
    opposite: str = ""  # the rule of the change that undoes it: what it narrows for one side it widens for the other
    reason: str = ""  # why the two weights do not mirror those of `opposite`
    is_absolute: bool = False  # schemas: stands although every instance stays valid

    def severity(self, direction: Direction | None) -> Severity:
        return self.response if direction == "response" else self.request


def both(
    id_: str, title: str, explanation: str, severity: Severity, opposite: str, reason: str, is_absolute: bool = False
) -> Rule:
    """A rule that weighs the same in both directions, for a reason."""
    return Rule(id_, title, explanation, severity, severity, opposite, reason, is_absolute)


def pair(
    narrowing: tuple[str, str, str], widening: tuple[str, str, str], is_absolute: bool = False
) -> tuple[Rule, Rule]:
    """Two rules, each undoing the other: the first takes away from what may be said, the second adds. Less is a break
    for who sends, more for who is told."""
    first, second = narrowing[0], widening[0]
    return (
        Rule(*narrowing, "major", "minor", second, is_absolute=is_absolute),
        Rule(*widening, "minor", "major", first, is_absolute=is_absolute),
    )
