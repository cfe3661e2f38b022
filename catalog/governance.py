"""`governance.yaml`: what of a workspace needs somebody's approval before it is published, and who is asked next.

    approvals:
      required: [contract, schema, measure]          # whatever changes of these, one answer
      rules:                                         # and what a release needs besides, by its bump and domain
        - {bumps: [major], domains: [finance], by: [steward, approver], count: 2}
      escalate: [{after: 1d, to: owner}, {after: 3d, to: admin}]
    publishing:
      require_test: true

Absent: whoever may apply publishes at once. Rules add up: a change waits until each that is about it has its answers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from catalog.errors import Problem
from catalog.pointer import join

_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNIT_S = {"m": 60, "h": 3600, "d": 86_400}

#: kinds that may be made to wait for an approval
Governed = Literal[
    "contract", "schema", "measure", "slo", "policy", "entity", "system", "binding", "consumer", "calendar", "record"
]
#: who may be asked: a role of people, or the owner or steward of the very thing
Asked = Literal["owner", "steward", "approver", "architect", "operator", "executive", "admin"]


class Escalation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is asked when nobody has answered for `after`."""

    after: Annotated[str, Meta(pattern=f"^{_DURATION.pattern}$")]  # such as 12h, 3d
    to: Asked  # a role, or the owner or steward of the very thing

    @property
    def after_s(self) -> int:
        return int(self.after[:-1]) * _UNIT_S[self.after[-1]]


#: what of a thing changes: a version's number, or anything else of it (its life cycle, its owner)
Bumped = Literal["first", "major", "minor", "patch", "other"]
#: those of `Asked` who may answer proposals at all
Answering = Literal["owner", "steward", "approver", "architect", "admin"]


class ApprovalRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How many people must answer for some changes. What is left out narrows nothing."""

    by: Annotated[list[Answering], Meta(min_length=1)]  # who may answer: owner or steward of the thing, or a role
    count: Annotated[int, Meta(ge=1, le=9)] = 1  # different people whose answers are needed
    kinds: list[Governed] = []  # of things
    bumps: list[Bumped] = []  # of contracts and schemas; a waived change counts as what it breaks
    domains: list[str] = []  # business domains of contracts

    def is_about(self, kind: str, domain: str, bumps: Collection[str]) -> bool:
        """Whether a thing of `kind` and `domain` ("" for none) that changes by `bumps` is meant."""
        pairs = ((self.kinds, {kind}), (self.domains, {domain}), (self.bumps, bumps))
        return all(not named or not set(named).isdisjoint(found) for named, found in pairs)


class Approvals(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which changes wait for a person, and who is asked when nobody answers."""

    required: list[Governed] = []  # kinds whose additions, changes and removals wait for an approval
    rules: list[ApprovalRule] = []  # what changes need besides, by kind, bump and domain
    escalate: list[Escalation] = []  # who else is asked, and after how long; ages grow


class Publishing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is asked of a new version before it is published."""

    require_test: bool = False  # a recorded run of `waybill contract test` that conforms, of the very document


class Governance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`governance.yaml` at the root of a workspace."""

    approvals: Approvals = Approvals()  # what waits for an approval
    publishing: Publishing = Publishing()  # what a new version needs besides


def governance_problems(governance: Governance, file: str) -> Iterator[Problem]:
    """What the shape alone does not forbid."""
    for index, rule in enumerate(governance.approvals.rules):
        yield from _rule_problems(rule, join("/approvals/rules", index), file)
    ages = [step.after_s for step in governance.approvals.escalate]
    for index, (earlier, later) in enumerate(pairwise(ages), 1):
        if later <= earlier:
            place = join("/approvals/escalate", index, "after")
            yield Problem("must be longer than the step before", place, file, "sort the steps by age", "governance")


def _rule_problems(rule: ApprovalRule, place: str, file: str) -> Iterator[Problem]:
    versioned = {"contract", "schema"}
    wanted = (("bumps", rule.bumps, versioned), ("domains", rule.domains, {"contract"}))
    for name, told, kinds in wanted:
        if told and rule.kinds and kinds.isdisjoint(rule.kinds):
            remedy = f"remove it, or name {' or '.join(sorted(kinds))} in kinds"
            yield Problem(f"says nothing about {', '.join(rule.kinds)}", join(place, name), file, remedy, "governance")
