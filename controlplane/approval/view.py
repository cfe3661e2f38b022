"""Proposals as the API tells them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from catalog.governance import Escalation
from controlplane.approval.requirement import (
    Approved,
    Requirement,
    approvers,
    asked,
    is_overdue,
    is_same_person,
    may_answer,
    unanswered,
)
from controlplane.approval.store import answer
from controlplane.identity.principal import User
from controlplane.registry.plan import Plan


class RequirementView(msgspec.Struct, frozen=True):
    kind: str
    name: str
    owner: str
    steward: str
    asked: list[str]  # who may answer now: "steward", "owner" or a role
    approved_by: str | None  # once enough have approved
    count: int = 1  # different people whose approval it needs
    approvals: list[str] = []  # who has approved so far
    rule: str = ""  # JSON pointer into governance.yaml of the rule that asks; "" for `required`
    because: str = ""  # what of the thing changes, and in which domain


class Planned(Plan, frozen=True):
    """A plan, and whose approval its apply would wait for; without `needs` it is published at once."""

    needs: tuple[RequirementView, ...] = ()


class AnswerView(msgspec.Struct, frozen=True):
    decision: str
    who: str
    role: str
    at_us: int
    comment: str
    things: list[list[str]]  # [kind, name], and the rule where one asks for it


class ProposalView(msgspec.Struct, frozen=True):
    """A proposal; `plan` is what publishing it does. `stale`: something else was published since."""

    proposal_id: str
    state: str  # open | published | rejected | stale
    requested_by: str
    created_us: int
    age_s: int
    generation: int
    files_sha256: str
    is_overdue: bool
    waits_for_me: bool
    is_own: bool  # asked for by who looks: others must answer, he may withdraw it
    needs: list[RequirementView]
    answers: list[AnswerView]
    published_generation: int | None
    closed_us: int | None
    plan: dict[str, Any]


def view(
    connection: Connection, row: Row[Any], basis: str, ladder: Sequence[Escalation], now_us: int, user: User
) -> ProposalView:
    """`basis` is the state in force now; `user` is who looks."""
    state = "stale" if row.state == "open" and row.basis != basis else row.state
    age_s = ((row.closed_us or now_us) - row.created_us) / 1_000_000
    needed = msgspec.json.decode(row.needed, type=list[Requirement])
    told, answers = read_answers(connection, row.proposal_id)
    left = list(unanswered(needed, answers)) if state == "open" else []
    own = {key for each in answers if each.is_by(user) for key in each.keys}
    is_own = is_same_person(row.requested_id, row.requested_by, user)
    return ProposalView(
        proposal_id=row.proposal_id,
        state=state,
        requested_by=row.requested_by,
        created_us=row.created_us,
        age_s=int(age_s),
        generation=row.generation,
        files_sha256=row.files_sha256,
        is_overdue=bool(left) and is_overdue(age_s, ladder),
        waits_for_me=not is_own
        and any(each.key not in own and may_answer(user, each, asked(each, age_s, ladder)) for each in left),
        is_own=is_own,
        needs=need_views(needed, age_s, ladder, answers),
        answers=told,
        published_generation=row.published_generation,
        closed_us=row.closed_us,
        plan=json.loads(row.plan),
    )


def need_views(
    needed: Sequence[Requirement], age_s: float, ladder: Sequence[Escalation], answers: Sequence[Approved]
) -> list[RequirementView]:
    """Requirements with the approvals so far."""
    found = []
    for each in needed:
        names = approvers(each, answers)
        found.append(
            RequirementView(
                each.kind,
                each.name,
                each.owner,
                each.steward,
                list(asked(each, age_s, ladder)),
                ", ".join(names) if len(names) >= each.count else None,
                each.count,
                names,
                each.rule,
                each.because,
            )
        )
    return found


def read_answers(connection: Connection, proposal_id: str) -> tuple[list[AnswerView], list[Approved]]:
    """All answers in order, and of the approvals what each is for."""
    query = select(answer).where(answer.c.proposal_id == proposal_id).order_by(answer.c.answer_id)
    told, given = [], []
    for row in connection.execute(query):
        things = json.loads(row.things)
        told.append(AnswerView(row.decision, row.who, row.role, row.at_us, row.comment, things))
        if row.decision == "approved":
            keys = frozenset((kind, name, "".join(rule)) for kind, name, *rule in things)
            given.append(Approved(row.who_id, row.who, keys))
    return told, given
