"""Whom a version of a canonical schema reaches: contracts, their operations by direction, and who calls those. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from catalog.compatibility.contract.rule import ORDER, Bump
from catalog.compatibility.fragment import bounded
from catalog.compatibility.impact import Impact, Use
from catalog.compatibility.release import Reason
from catalog.pointer import is_within, join, parse
from catalog.version import following
from controlplane.comparison.view import Verdict, verdict_of
from controlplane.traffic.usage import ContractUser

DAYS = 30  # of traffic that are looked at
MOST_CHANGES = 20  # of one contract that are told


class UseView(msgspec.Struct, frozen=True):
    """A place where a contract takes the schema in or gives it out, and what the change means there."""

    operation: str
    method: str
    path: str
    pointer: str
    direction: Literal["request", "response"]
    verdict: Verdict
    bump: Bump


class Caller(msgspec.Struct, frozen=True):
    """A consumer seen on those operations of that very version."""

    consumer: str
    owner: str
    calls: int
    operations: list[str]


class ReachedView(msgspec.Struct, frozen=True):
    contract: str  # name@version
    state: str
    owner: str
    pinned: list[str]
    verdict: Verdict
    bump: Bump
    as_version: str  # the least number of the release that would take the new schema over
    uses: list[UseView]
    changes: list[Reason]  # the heaviest first, at most `MOST_CHANGES`
    total: int
    callers: list[Caller]


class ImpactView(msgspec.Struct, frozen=True):
    """What it would mean if `schema` took the place of every other version of its object. Nobody is re-pinned."""

    schema: str
    verdict: Verdict
    bump: Bump
    days: int
    contracts: list[ReachedView]


def impact_view(schema: str, found: Sequence[Impact], users: Mapping[str, Iterable[ContractUser]]) -> ImpactView:
    """`users` by name of the contract."""
    told = [_reached(each, users.get(each.contract.partition("@")[0], ())) for each in found]
    bump: Bump = max((each.bump for each in told), key=ORDER.index, default="none")
    return ImpactView(schema, verdict_of(_all_changes(found)), bump, DAYS, told)


def _all_changes(found: Iterable[Impact]) -> list[Reason]:
    return [change for each in found for change in each.changes]


def _reached(each: Impact, users: Iterable[ContractUser]) -> ReachedView:
    version = each.contract.partition("@")[2]
    return ReachedView(
        each.contract,
        each.state,
        each.owner,
        list(each.pinned),
        each.verdict,
        each.bump,
        following(version, each.bump),
        [_use(use, each.changes) for use in each.uses],
        [msgspec.structs.replace(change, witness=bounded(change.witness)) for change in each.changes[:MOST_CHANGES]],
        len(each.changes),
        list(_callers(each, version, users)),
    )


def _use(use: Use, changes: Sequence[Reason]) -> UseView:
    tokens = parse(use.pointer)
    home = join("", *tokens[: 3 if tokens[0] == "paths" else 2])
    answers = join(home, "responses")
    here = [
        change
        for change in changes
        if is_within(change.location, home) and is_within(change.location, answers) == (use.direction == "response")
    ]
    bump: Bump = max((change.severity for change in here), key=ORDER.index, default="none")
    return UseView(use.operation, use.method, use.path, use.pointer, use.direction, verdict_of(here), bump)


def _callers(each: Impact, version: str, users: Iterable[ContractUser]) -> Iterable[Caller]:
    operations = {use.operation for use in each.uses}
    for user in users:
        seen = [use for use in user.uses if use.version == version and use.operation in operations]
        if seen:
            names = sorted({use.operation for use in seen})
            yield Caller(user.consumer, user.owner, sum(use.calls for use in seen), names)
