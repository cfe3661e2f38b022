"""Lint: what is allowed and still worth mending. What `catalog.workspace.load` refuses is not looked for again.

finding      what a rule is, and what it finds
position     where schemas and fields stand in documents
suppression  findings that may stay, with a reason
stray        what lies in a workspace's folder and is read by nobody

All others hold a family of rules each. `RULES` lists every rule with its stable id; `lint(workspace)` applies them,
`examine(workspace)` tells what was suppressed too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from catalog.errors import Problem
from catalog.inventory import LIBRARY_PREFIX, Severity, Workspace
from catalog.lint import (
    answer,
    bound,
    event,
    lifecycle,
    network,
    operation,
    ownership,
    reading,
    shape,
    stray,
    suppression,
)
from catalog.lint.finding import Finding, Place, Rule, Suppressed

#: family -> its rules, in the order in which they are told
FAMILIES: dict[str, tuple[Rule, ...]] = {
    "who answers": ownership.RULES,
    "operations": operation.RULES,
    "answers and descriptions": answer.RULES,
    "values": shape.RULES,
    "what may grow": bound.RULES,
    "events": event.RULES,
    "versions": lifecycle.RULES,
    "the network": network.RULES,
    "what reading tells": reading.RULES,
    "the folder": stray.RULES,
    "suppressions": suppression.RULES,
}
RULES: tuple[Rule, ...] = tuple(rule for rules in FAMILIES.values() for rule in rules)
RULE_IDS: tuple[str, ...] = tuple(rule.id for rule in RULES)


class Examined(msgspec.Struct, frozen=True):
    """Everything that was found, by file and place."""

    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...]


def lint(workspace: Workspace, *, is_library_included: bool = False) -> list[Finding]:
    """Findings on a loaded workspace, by file and place; those on the built-in library only when asked for."""
    return list(examine(workspace, is_library_included=is_library_included).findings)


def examine(workspace: Workspace, *, is_library_included: bool = False, beside: Iterable[Finding] = ()) -> Examined:
    """As `lint`, with what was suppressed. `beside` was found in the workspace's folder (`stray`)."""
    suppressions, unreasoned = suppression.read_suppressions(workspace)
    used: set[suppression.Suppression] = set()
    found: list[Finding] = []
    suppressed: list[Suppressed] = []
    for finding in (*_found(workspace), *beside):
        hiding = [each for each in suppressions if each.hides(finding)]
        used.update(hiding)
        if hiding:
            suppressed.append(Suppressed(finding, hiding[0].reason))
        else:
            found.append(finding)
    reasoned, in_use = suppression.RULES
    found += [_finding(reasoned, place) for place in unreasoned]
    found += [_finding(in_use, place) for place in suppression.unused(suppressions, used, RULE_IDS)]

    def is_told(finding: Finding) -> bool:
        is_own = is_library_included or not finding.problem.file.startswith(LIBRARY_PREFIX)
        return is_own and workspace.lint.rules.get(finding.rule) != "off"

    kept = [each for each in suppressed if is_told(each.finding)]
    return Examined(
        tuple(sorted((_weighed(each, workspace) for each in filter(is_told, found)), key=_order)),
        tuple(sorted(kept, key=lambda each: _order(each.finding))),
    )


def _found(workspace: Workspace) -> Iterator[Finding]:
    for rule in RULES:
        if rule.check is not None:
            yield from (_finding(rule, place) for place in rule.check(workspace))


def _finding(rule: Rule, place: Place) -> Finding:
    return Finding(rule.id, rule.severity, Problem(place.message, place.pointer, place.file, rule.remedy, rule.id))


def _weighed(finding: Finding, workspace: Workspace) -> Finding:
    """With the severity that its rule has in this workspace."""
    told = workspace.lint.rules.get(finding.rule, finding.severity)
    return finding if told == "off" else msgspec.structs.replace(finding, severity=told)


def _order(finding: Finding) -> tuple[str, str, str]:
    return finding.problem.file, finding.problem.pointer, finding.rule


__all__ = ["FAMILIES", "RULES", "RULE_IDS", "Examined", "Finding", "Rule", "Severity", "Suppressed", "examine", "lint"]
