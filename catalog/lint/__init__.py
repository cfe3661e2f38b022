"""Lint: what is allowed and still worth mending. What `catalog.workspace.load` refuses is not repeated here.

Each rule has a stable id and a severity; `RULES` lists them all. `lint(workspace)` applies them.
"""

from __future__ import annotations

from catalog.errors import Problem
from catalog.inventory import LIBRARY_PREFIX, Workspace
from catalog.lint import event, network, operation, ownership, shape
from catalog.lint.finding import Finding, Rule, Severity

RULES: tuple[Rule, ...] = (*operation.RULES, *event.RULES, *shape.RULES, *network.RULES, *ownership.RULES)


def lint(workspace: Workspace, *, is_library_included: bool = False) -> list[Finding]:
    """Findings on a loaded workspace, by file and place; those on the built-in library only when asked for."""
    findings = [
        Finding(rule.id, rule.severity, Problem(place.message, place.pointer, place.file, rule.remedy, rule.id))
        for rule in RULES
        for place in rule.check(workspace)
        if is_library_included or not place.file.startswith(LIBRARY_PREFIX)
    ]
    return sorted(findings, key=lambda finding: (finding.problem.file, finding.problem.pointer, finding.rule))


__all__ = ["RULES", "Finding", "Rule", "Severity", "lint"]
