"""`governance.yaml` against the contracts that it speaks of."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.errors import Problem
from catalog.inventory import GOVERNANCE, Workspace
from catalog.pointer import join


def approval_domains(workspace: Workspace) -> Iterator[Problem]:
    """A rule about a domain that no contract has would ask nobody for anything."""
    known = {contract.domain for contract in workspace.contracts.values()}
    rules = workspace.governance.approvals.rules if workspace.governance else []
    for index, rule in enumerate(rules):
        for place, domain in enumerate(rule.domains):
            if domain not in known:
                pointer = join("/approvals/rules", index, "domains", place)
                remedy = f"known are {', '.join(sorted(known)) or 'none'}"
                yield Problem(f"no contract is of the domain {domain!r}", pointer, GOVERNANCE, remedy, "governance")
