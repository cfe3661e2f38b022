"""Gathers what speaks for and against publishing a version: the plan, lint, traffic, recorded runs, approvals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from catalog import lint
from catalog.compatibility.contract.rule import BREAKS
from catalog.compatibility.governing import contract_reasons
from catalog.compatibility.release import Release
from catalog.compatibility.usage import Caller, Hit, hits
from catalog.contract import ContractVersion
from catalog.errors import Invalid, Problem
from catalog.inventory import Workspace
from catalog.version import version_key
from controlplane.approval.service import ApprovalService
from controlplane.approval.view import Planned
from controlplane.conformance.service import RunView, runs
from controlplane.context import Context
from controlplane.lineage.sight import Sight
from controlplane.readiness import ground
from controlplane.readiness.draft import as_published
from controlplane.readiness.ground import Ground, Touched
from controlplane.registry.candidate import load_workspace
from controlplane.registry.plan import InForce
from controlplane.registry.proof import RULE, demands_test
from controlplane.registry.service import in_force
from controlplane.slo.watermark import read_watermark
from controlplane.traffic.draft import DraftUse, uses_of
from controlplane.traffic.field import FieldUser, fields_of
from controlplane.traffic.usage import users_of


class Readiness(msgspec.Struct, frozen=True):
    """The answer. `release` is null for a first version, or where nothing could be compared."""

    contract: str
    can_publish: bool
    sha256: str  # of the version that was judged; "" where the workspace is not valid
    release: Release | None
    grounds: list[Ground]  # what blocks first
    days: int  # of traffic that were looked at
    touched: list[Touched]  # consumers that a breaking change touches
    not_touched: int  # consumers that were seen on the contract and are not
    last_run: RunView | None  # against a system, of whichever document


def readiness(context: Context, files: Mapping[str, str], name: str, version: str, days: int) -> Readiness:
    """Whether `name`@`version` of the workspace in `files` could be published. Raises: NotFound."""
    wanted = as_published(files, name, version)
    planned = ApprovalService(context).plan(wanted)
    with context.database.read() as connection:
        now = in_force(connection)
        try:
            workspace = load_workspace(wanted, now.published())
        except Invalid:
            grounds = list(ground.refusals(planned.refused))
            return Readiness(f"{name}@{version}", False, "", None, grounds, days, [], 0, None)
        return _judged(context, connection, _Asked(workspace, now, planned, name, version, days))


class _Asked(msgspec.Struct, frozen=True):
    workspace: Workspace
    now: InForce
    planned: Planned
    name: str
    version: str
    days: int

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def candidate(self) -> ContractVersion:
        return next(each for each in self.workspace.versions if each.ref == self.ref)


def _judged(context: Context, connection: Connection, asked: _Asked) -> Readiness:
    source = asked.workspace.sources.get(f"contract/{asked.ref}", "")
    new, recorded = asked.candidate, runs(connection, asked.name, asked.version)
    release = next((each for each in asked.planned.releases if each.name == asked.ref), None)
    calls = list(_calls(context, connection, asked))
    found = list(_touched(asked.workspace, new, calls))
    grounds = [
        *ground.life_cycle(new.state.state, f"contract/{asked.ref}" in asked.now.versions),
        *ground.refusals(each for each in asked.planned.refused if (each.rule, each.file) != (RULE, source)),
        *ground.lint_errors(_lint_errors(asked)),
        *ground.tests(recorded, asked.ref, new.sha256, demands_test(asked.now.refs, asked.now.blobs)),
        *ground.consumers(found, asked.version, asked.days),
        *ground.shadow(_shadow(context, connection, asked), asked.ref, asked.days),
        *ground.waivers(release),
        *ground.approvals(asked.planned.needs),
    ]
    hit, seen = {each.consumer for each in found}, {call.caller.consumer for call in calls}
    return Readiness(
        contract=asked.ref,
        can_publish=not any(each.is_blocking for each in grounds),
        sha256=new.sha256,
        release=release,
        grounds=sorted(grounds, key=lambda each: not each.is_blocking),
        days=asked.days,
        touched=found,
        not_touched=len(seen - hit),
        last_run=recorded[0] if recorded else None,
    )


def _shadow(context: Context, connection: Connection, asked: _Asked) -> list[DraftUse]:
    now_us = read_watermark(connection, context.clock()).as_of_us
    return uses_of(connection, asked.name, asked.version, asked.days, now_us, Sight(None, False))


def _lint_errors(asked: _Asked) -> list[Problem]:
    """Findings of severity error on files of the contract."""
    folder = asked.workspace.sources.get(f"contract/{asked.name}", "").rpartition("/")[0]
    found = lint.examine(asked.workspace).findings
    return [
        each.problem
        for each in found
        if each.severity == "error" and folder and each.problem.file.startswith(f"{folder}/")
    ]


class _Called(NamedTuple):
    """What one consumer was seen with on one operation of one version."""

    owner: str
    version: str
    operation: str
    calls: int
    caller: Caller


def _calls(context: Context, connection: Connection, asked: _Asked) -> Iterator[_Called]:
    """What consumers were seen with on other versions of the contract; what was only refused is no use."""
    sight = Sight(None, False)
    now_us = read_watermark(connection, context.clock()).as_of_us
    fields = fields_of(connection, asked.name, asked.days, now_us, sight)
    for user in users_of(connection, asked.name, asked.days, now_us, sight):
        for use in user.uses:
            if use.calls > use.refused and use.version != asked.version:
                who = (user.consumer, use.version, use.operation)
                seen = (frozenset(fields.get(FieldUser(*who, way), ())) for way in ("request", "response"))
                yield _Called(user.owner, use.version, use.operation, use.calls, Caller(user.consumer, *seen))


def _touched(workspace: Workspace, new: ContractVersion, calls: list[_Called]) -> Iterator[Touched]:
    """Each version that is in use is compared with the new one, where that is a later one."""
    for old in workspace.versions:
        mine = [call for call in calls if call.version == old.version]
        is_older = version_key(old.version) < version_key(new.version)
        if old.contract.contract != new.contract.contract or not (mine and is_older):
            continue
        breaks = [each for each in contract_reasons(workspace.schemas, old, new) if each.severity == BREAKS]
        for operation in old.operations:
            here = {call.caller.consumer: call for call in mine if call.operation == operation.id}
            for hit in hits(breaks, operation, [call.caller for call in here.values()]):
                yield _told(hit, here[hit.consumer])


def _told(hit: Hit, call: _Called) -> Touched:
    fields = sorted({place.field for place in hit.places if place.field})
    rules = sorted({place.rule for place in hit.places})
    return Touched(hit.consumer, call.owner, call.version, call.operation, call.calls, fields, hit.is_known, rules)
