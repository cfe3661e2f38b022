"""Proposals as the API tells them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from catalog.governance import Escalation
from controlplane.approval.requirement import (
    Requirement,
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
    approved_by: str | None


class Planned(Plan, frozen=True):
    """A plan, and whose approval its apply would wait for; without `needs` it is published at once."""

    needs: tuple[RequirementView, ...] = ()


class AnswerView(msgspec.Struct, frozen=True):
    decision: str
    who: str
    role: str
    at_us: int
    comment: str
    things: list[list[str]]  # [kind, name]


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
    told, done = read_answers(connection, row.proposal_id)
    left = list(unanswered(needed, done)) if state == "open" else []
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
        waits_for_me=not is_own and any(may_answer(user, each, asked(each, age_s, ladder)) for each in left),
        needs=need_views(needed, age_s, ladder, done),
        answers=told,
        published_generation=row.published_generation,
        closed_us=row.closed_us,
        plan=json.loads(row.plan),
    )


def need_views(
    needed: Sequence[Requirement], age_s: float, ladder: Sequence[Escalation], done: Mapping[tuple[str, str], str]
) -> list[RequirementView]:
    """`done` is by whom each (kind, name) was approved."""
    return [
        RequirementView(
            each.kind,
            each.name,
            each.owner,
            each.steward,
            list(asked(each, age_s, ladder)),
            done.get((each.kind, each.name)),
        )
        for each in needed
    ]


def read_answers(connection: Connection, proposal_id: str) -> tuple[list[AnswerView], dict[tuple[str, str], str]]:
    """All answers in order, and by whom each (kind, name) was approved."""
    query = select(answer).where(answer.c.proposal_id == proposal_id).order_by(answer.c.answer_id)
    told = [
        AnswerView(row.decision, row.who, row.role, row.at_us, row.comment, json.loads(row.things))
        for row in connection.execute(query)
    ]
    done = {(kind, name): each.who for each in told if each.decision == "approved" for kind, name in each.things}
    return told, done
