"""Files changes that need approval, takes answers, and publishes exactly what was approved."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from catalog.errors import Conflict, Forbidden, NotFound
from catalog.governance import Approvals, Governance
from catalog.snapshot import canonical_json, sha256_hex
from controlplane.act.store import remember
from controlplane.approval.requirement import (
    Documents,
    Requirement,
    asked,
    is_overdue,
    is_same_person,
    may_answer,
    requirements,
    unanswered,
)
from controlplane.approval.store import answer, proposal
from controlplane.approval.view import Planned, ProposalView, need_views, read_answers, view
from controlplane.context import Context
from controlplane.identity.principal import User
from controlplane.registry.plan import Plan
from controlplane.registry.service import Applied, Prepared, RegistryService, counted
from controlplane.registry.store import current_generation, documents, item

Decision = Literal["approved", "rejected"]


class Stale(Conflict):
    """Something was published since the proposal was filed."""

    code = "proposal-stale"


class ApprovalService:
    """Blocking: for worker threads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._database = context.database
        self._registry = RegistryService(context)

    def plan(self, files: Mapping[str, str]) -> Planned:
        """What applying `files` would do, and whose approval it would wait for."""
        return self._planned(self._registry.plan(files), lambda: self._registry.prepare(files))

    def plan_revision(self, files: Mapping[str, str]) -> Planned:
        """The same of one contract.yaml in place of its states in force (`RegistryService.revise`)."""
        return self._planned(self._registry.plan_revision(files), lambda: self._registry.revise(files))

    def _planned(self, plan: Plan, prepare: Callable[[], Prepared]) -> Planned:
        with self._database.read() as connection:
            rules, is_governed = rules_in_force(connection), bool(documents(connection, "governance"))
        needed: list[Requirement] = []
        if is_governed and not plan.refused and not plan.is_empty:
            needed = _needed(rules, prepare())
        return Planned(**msgspec.structs.asdict(plan), needs=tuple(need_views(needed, 0.0, rules.escalate, ())))

    def apply(self, files: Mapping[str, str], by: User) -> Applied:
        """Put `files` in force, or file them as a proposal when the rules in force ask for somebody's approval.

        Raises: Refused; Conflict when somebody else published meanwhile.
        """
        return self._submit(files, self._registry.prepare(files), by)

    def revise(self, files: Mapping[str, str], by: User) -> Applied:
        """The same of one contract.yaml in place of its states in force. Raises as `apply`."""
        return self._submit(files, self._registry.revise(files), by)

    def _submit(self, files: Mapping[str, str], prepared: Prepared, by: User) -> Applied:
        if prepared.is_without_effect:
            return Applied(prepared.plan, prepared.plan.generation, is_published=False)
        with self._database.write() as connection:
            needed = _needed(rules_in_force(connection), prepared)
            if needed:
                filed = self._file(connection, files, prepared, needed, by)
                return Applied(prepared.plan, prepared.plan.generation, is_published=False, proposal=filed)
            number = self._registry.put_in_force(connection, prepared, by.name)
            remember(connection, self._context.clock(), by, "workspace.applied", str(number), **_told_of(prepared))
        self._context.published.notify()
        return Applied(prepared.plan, number, is_published=True)

    def list_all(self, state: str, user: User) -> list[ProposalView]:
        """Proposals in `state` ("all" for every), the oldest open first."""
        query = select(proposal).order_by(proposal.c.created_us, proposal.c.proposal_id)
        with self._database.read() as connection:
            ladder, basis = rules_in_force(connection).escalate, basis_of(connection)
            now = self._context.clock()
            found = [view(connection, row, basis, ladder, now, user) for row in connection.execute(query).all()]
        return [each for each in found if state in ("all", each.state)]

    def show(self, proposal_id: str, user: User) -> ProposalView:
        """Raises: NotFound."""
        with self._database.read() as connection:
            rules, basis = rules_in_force(connection), basis_of(connection)
            return view(connection, _row(connection, proposal_id), basis, rules.escalate, self._context.clock(), user)

    def files(self, proposal_id: str) -> dict[str, str]:
        """The workspace that is proposed. Raises: NotFound."""
        with self._database.read() as connection:
            return _files(_row(connection, proposal_id))

    def planned(self, proposal_id: str) -> Plan:
        """What publishing the proposal does. Raises: NotFound."""
        with self._database.read() as connection:
            return msgspec.json.decode(_row(connection, proposal_id).plan, type=Plan)

    def decide(self, proposal_id: str, decision: Decision, comment: str, by: User) -> ProposalView:
        """Answer for all that `by` may answer for; the last approval publishes. The requester may only withdraw.

        Raises: NotFound; Forbidden; Conflict when it is closed or nothing is left to answer; Stale.
        """
        with self._database.read() as connection:
            row = _row(connection, proposal_id)
            self._check_open(connection, row)
        prepared = self._registry.prepare_again(_files(row)) if decision == "approved" else None
        number = None
        with self._database.write() as connection:
            row = _row(connection, proposal_id)
            self._check_open(connection, row)
            things = self._answerable(connection, row, decision, by)
            self._keep_answer(connection, row, decision, comment, things, by)
            if decision == "rejected":
                self._close(connection, row, "rejected")
            elif prepared is not None and not list(unanswered(_told(row), read_answers(connection, proposal_id)[1])):
                number = self._publish(connection, row, prepared, by)
        if number is not None:
            self._context.published.notify()
        return self.show(proposal_id, by)

    def _file(
        self,
        connection: Connection,
        files: Mapping[str, str],
        prepared: Prepared,
        needed: list[Requirement],
        by: User,
    ) -> str:
        """The id of the proposal; the same files by the same person wait only once."""
        if current_generation(connection) != prepared.plan.generation:
            raise Conflict("another generation was published meanwhile: plan and apply again")
        sha256, basis = sha256_hex(canonical_json(dict(files))), basis_of(connection)
        columns = proposal.c
        same = (columns.state == "open") & (columns.files_sha256 == sha256) & (columns.basis == basis)
        known = connection.scalar(select(columns.proposal_id).where(same, columns.requested_id == by.id))
        if known is not None:
            return str(known)
        proposal_id, now = self._context.new_id()[:12], self._context.clock()
        connection.execute(
            insert(proposal).values(
                proposal_id=proposal_id,
                state="open",
                requested_id=by.id,
                requested_by=by.name,
                created_us=now,
                generation=prepared.plan.generation,
                basis=basis,
                files_sha256=sha256,
                files=zlib.compress(canonical_json(dict(files))),
                plan=msgspec.json.encode(prepared.plan).decode(),
                needed=msgspec.json.encode(needed).decode(),
            )
        )
        told = {"files_sha256": sha256, "needs": [f"{each.kind}/{each.name}" for each in needed]}
        remember(connection, now, by, "proposal.filed", proposal_id, **told, **_told_of(prepared))
        return proposal_id

    def _check_open(self, connection: Connection, row: Row[Any]) -> None:
        if row.state != "open":
            raise Conflict(f"the proposal is {row.state} already")
        if row.basis != basis_of(connection):
            raise Stale(
                f"the proposal was planned against generation {row.generation}, and something else was published "
                "since: apply the workspace again"
            )

    def _answerable(self, connection: Connection, row: Row[Any], decision: Decision, by: User) -> list[Requirement]:
        """What `by` may answer for now. Raises: Forbidden; Conflict."""
        if is_same_person(row.requested_id, row.requested_by, by):
            if decision == "rejected":
                return []
            raise Forbidden("who asks for a change does not approve it")
        age_s = (self._context.clock() - row.created_us) / 1_000_000
        ladder = rules_in_force(connection).escalate
        mine = [each for each in _told(row) if may_answer(by, each, asked(each, age_s, ladder))]
        if not mine:
            raise Forbidden(f"{by.name!r} is not asked about this proposal; `waybill approval show` says who is")
        answers = read_answers(connection, row.proposal_id)[1]
        own = {key for each in answers if each.is_by(by) for key in each.keys}
        left = [each for each in unanswered(mine, answers) if each.key not in own]
        if not left and decision == "approved":
            raise Conflict("everything that you may answer for is approved already")
        return left

    def _keep_answer(
        self,
        connection: Connection,
        row: Row[Any],
        decision: Decision,
        comment: str,
        things: list[Requirement],
        by: User,
    ) -> None:
        now, named = self._context.clock(), [list(filter(None, each.key)) for each in things]
        connection.execute(
            insert(answer).values(
                proposal_id=row.proposal_id,
                decision=decision,
                who_id=by.id,
                who=by.name,
                role=by.role.value,
                at_us=now,
                comment=comment,
                things=json.dumps(named),
            )
        )
        told = {"comment": comment, "for": [f"{each.kind}/{each.name}" for each in things]}
        remember(connection, now, by, f"proposal.{decision}", row.proposal_id, **told)

    def _publish(self, connection: Connection, row: Row[Any], prepared: Prepared, by: User) -> int:
        """Exactly the plan that was approved, or nothing."""
        plan = msgspec.structs.replace(prepared.plan, generation=row.generation)
        if row.plan != msgspec.json.encode(plan).decode():
            raise Stale("the same files have another effect now than when they were planned: apply them again")
        number = self._registry.put_in_force(connection, prepared, row.requested_by)
        self._close(connection, row, "published", number)
        told = {"proposal": row.proposal_id, "requested_by": row.requested_by, **_told_of(prepared)}
        remember(connection, self._context.clock(), by, "workspace.applied", str(number), **told)
        return number

    def _close(self, connection: Connection, row: Row[Any], state: str, number: int | None = None) -> None:
        values = {"state": state, "closed_us": self._context.clock(), "published_generation": number}
        connection.execute(update(proposal).where(proposal.c.proposal_id == row.proposal_id).values(values))


def rules_in_force(connection: Connection) -> Approvals:
    """What the published `governance.yaml` asks for; nothing when there is none."""
    found = documents(connection, "governance")
    return msgspec.convert(next(iter(found.values())), Governance).approvals if found else Approvals()


def basis_of(connection: Connection) -> str:
    """SHA-256 over all that is in force. Keys are not in it: to issue one makes no proposal stale."""
    rows = connection.execute(select(item.c.kind, item.c.name, item.c.sha256).order_by(item.c.kind, item.c.name))
    return sha256_hex(canonical_json([list(row) for row in rows]))


def _needed(rules: Approvals, prepared: Prepared) -> list[Requirement]:
    plan, now = prepared.plan, prepared.now
    if not any(ref.kind == "governance" for ref in now.refs):
        return []
    before: Documents = {(ref.kind, ref.name): msgspec.json.decode(now.blobs[ref.sha256]) for ref in now.refs}
    after: Documents = {(ref.kind, ref.name): msgspec.json.decode(prepared.blobs[ref.sha256]) for ref in prepared.refs}
    return requirements(plan, rules, before, after)


def _told_of(prepared: Prepared) -> dict[str, Any]:
    """What was submitted, as the audit keeps it."""
    return {"about": prepared.about, **counted(prepared.plan)}


def _row(connection: Connection, proposal_id: str) -> Row[Any]:
    row = connection.execute(select(proposal).where(proposal.c.proposal_id == proposal_id)).one_or_none()
    if row is None:
        raise NotFound(f"no proposal {proposal_id!r}")
    return row


def _files(row: Row[Any]) -> dict[str, str]:
    return msgspec.json.decode(zlib.decompress(row.files), type=dict[str, str])


def _told(row: Row[Any]) -> list[Requirement]:
    return msgspec.json.decode(row.needed, type=list[Requirement])


def count_overdue(connection: Connection, now_us: int) -> int:
    """Open proposals that wait longer than the first step of the ladder, and are not stale."""
    ladder = rules_in_force(connection).escalate
    columns = proposal.c
    mine = (columns.state == "open") & (columns.basis == basis_of(connection))
    rows = connection.execute(select(columns.created_us).where(mine)).all()
    return sum(is_overdue((now_us - row.created_us) / 1_000_000, ladder) for row in rows)
