"""What a change needs before it is published, and who may answer for it. Pure: no store, no clock.

The steward of each thing that is touched answers for it, as the workspace *in force* names them: whoever takes a
contract over cannot approve that himself. Where no steward is named the owner answers, and an admin where neither is.
While nobody answers, more people may, step by step (`escalate`): a function of the age and of the ladder alone.
Nobody answers for a change of his own (four eyes; NIST SP 800-53 AC-5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from catalog.governance import Escalation
from controlplane.identity.principal import Role, User
from controlplane.registry.plan import PlanItem

#: parsed contents of things by (kind, name)
Documents: TypeAlias = Mapping[tuple[str, str], Any]

#: the rules themselves wait for an admin, whatever they say: else the first change would be to drop them
RULES = "governance"
#: who owns a canonical schema stands beside it
OWNERSHIP = "ownership"
VERSIONED = frozenset({"contract", "schema"})


class Requirement(msgspec.Struct, frozen=True):
    """A thing that is touched, and who answers for it."""

    kind: str
    name: str  # without version
    owner: str
    steward: str


def requirements(
    items: Iterable[PlanItem], required: Iterable[str], now: Documents, wanted: Documents
) -> list[Requirement]:
    """One for each governed thing among `items` (what a plan adds, changes and removes), sorted."""
    kinds = {*required, RULES}
    things = {(kind, name) for kind, name in map(_thing, items) if kind in kinds}
    found = []
    for kind, name in sorted(things):
        owner, steward = answering(kind, name, now) or answering(kind, name, wanted) or ("", "")
        found.append(Requirement(kind, name, owner, steward))
    return found


def _thing(item: PlanItem) -> tuple[str, str]:
    kind = "schema" if item.kind == OWNERSHIP else item.kind
    return kind, item.name.split("@", 1)[0] if kind in VERSIONED else item.name


def answering(kind: str, name: str, documents: Documents) -> tuple[str, str] | None:
    """Owner and steward of a thing as `documents` name them; None when it is not among them."""
    document: Any = None
    if kind == "contract":
        named = sorted(key for key in documents if key[0] == kind and key[1].split("@", 1)[0] == name)
        document = documents[named[-1]]["contract"] if named else None
    else:
        document = documents.get((OWNERSHIP if kind == "schema" else kind, name))
        if kind == "consumer" and document is not None:
            document = document["consumer"]
    return None if document is None else (document.get("owner") or "", document.get("steward") or "")


def asked(requirement: Requirement, age_s: float, ladder: Sequence[Escalation]) -> tuple[str, ...]:
    """Who may answer after `age_s` without an answer: "steward" or "owner" of the thing, or a role."""
    if requirement.kind == RULES:
        return (Role.admin.value,)
    first = "steward" if requirement.steward else "owner" if requirement.owner else Role.admin.value
    return tuple(dict.fromkeys([first, *(step.to for step in ladder if step.after_s <= age_s)]))


def is_overdue(age_s: float, ladder: Sequence[Escalation]) -> bool:
    """Whether the first ones asked have let it lie for so long that others may answer."""
    return bool(ladder) and age_s >= ladder[0].after_s


def may_answer(user: User, requirement: Requirement, who: Iterable[str]) -> bool:
    """Whether `user` is one of `who`; that the change is another's is for the caller to see."""
    return any(_is(user, requirement, each) for each in who)


def _is(user: User, requirement: Requirement, who: str) -> bool:
    if who == "steward":
        return is_known_as(user, requirement.steward)
    return is_known_as(user, requirement.owner) if who == "owner" else user.role.value == who


def is_known_as(user: User, name: str) -> bool:
    """A steward or owner is named by a token's name, or by the e-mail address or a group of whoever signed in."""
    wanted = name.strip().casefold()
    return bool(wanted) and wanted in {known.casefold() for known in (user.name, *user.also)}


def is_same_person(requested_id: str, requested_by: str, user: User) -> bool:
    """Whether a request is `user`'s own, whichever way he came in."""
    return requested_id == user.id or is_known_as(user, requested_by)


def unanswered(needed: Iterable[Requirement], answered: Iterable[tuple[str, str]]) -> Iterator[Requirement]:
    """Those of `needed` for which nobody has answered; `answered` are (kind, name)."""
    done = set(answered)
    return (each for each in needed if (each.kind, each.name) not in done)
