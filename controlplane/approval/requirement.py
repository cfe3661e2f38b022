"""What a change needs before it is published, and who may answer for it. Pure: no store, no clock.

What `required` names needs one answer; rules may ask for more, by the bump of a release and the domain of its contract.
The steward of each thing that is touched answers for it, as the workspace *in force* names them: whoever takes a
contract over cannot approve that himself. Where no steward is named the owner answers, and an admin where neither is.
While nobody answers, more people may, step by step (`escalate`): a function of the age and of the ladder alone.
Nobody answers for a change of his own (four eyes; NIST SP 800-53 AC-5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec

from catalog.governance import ApprovalRule, Approvals, Escalation
from catalog.pointer import join
from controlplane.identity.principal import Role, User
from controlplane.registry.plan import Plan, PlanItem

#: parsed contents of things by (kind, name)
Documents: TypeAlias = Mapping[tuple[str, str], Any]
#: of a requirement: kind and name of the thing, and what asks for it
Key: TypeAlias = tuple[str, str, str]

#: the rules themselves wait for an admin, whatever they say: else the first change would be to drop them
RULES = "governance"
#: who owns a canonical schema stands beside it
OWNERSHIP = "ownership"
VERSIONED = frozenset({"contract", "schema"})


class Requirement(msgspec.Struct, frozen=True, omit_defaults=True):
    """A thing that is touched, who answers for it, and how many of them."""

    kind: str
    name: str  # without version
    owner: str
    steward: str
    rule: str = ""  # JSON pointer into governance.yaml of what asks for it; "" for `required`
    by: tuple[str, ...] = ()  # whom the rule asks: "owner" or "steward" of the thing, or roles
    count: int = 1  # different people
    because: str = ""  # what of it changes, and in which domain

    @property
    def key(self) -> Key:
        return self.kind, self.name, self.rule


def requirements(plan: Plan, rules: Approvals, now: Documents, wanted: Documents) -> list[Requirement]:
    """What each governed thing that `plan` adds, changes or removes waits for, sorted by thing."""
    items = (*plan.added, *plan.changed, *plan.removed)
    touched: dict[tuple[str, str], list[PlanItem]] = {}
    for item in items:
        touched.setdefault(_thing(item), []).append(item)
    found = []
    for (kind, name), parts in sorted(touched.items()):
        owner, steward = answering(kind, name, now) or answering(kind, name, wanted) or ("", "")
        one = Requirement(kind, name, owner, steward)
        found += [one] if kind == RULES or kind in rules.required else []
        if kind != RULES:
            domain = _domain(kind, name, now) or _domain(kind, name, wanted)
            found += _by_rules(one, domain, _bumps(parts, plan, now), rules.rules)
    return found


def _by_rules(
    thing: Requirement, domain: str, bumps: Mapping[str, str], rules: Sequence[ApprovalRule]
) -> Iterator[Requirement]:
    for index, rule in enumerate(rules):
        if rule.is_about(thing.kind, domain, bumps):
            meant = [text for bump, text in bumps.items() if not rule.bumps or bump in rule.bumps]
            because = f"{' and '.join(meant)}{f' in {domain}' if domain else ''}"
            pointer = join("/approvals/rules", index)
            yield msgspec.structs.replace(thing, rule=pointer, by=tuple(rule.by), count=rule.count, because=because)


def _bumps(items: Iterable[PlanItem], plan: Plan, now: Documents) -> dict[str, str]:
    """How a thing changes -> in words. A version that the law has nothing to say of is the first, or was there before;
    one that asks for nothing counts as a patch."""
    releases = {(release.kind, release.name): release for release in plan.releases}
    found: dict[str, str] = {}
    for item in items:
        release = releases.get((item.kind, item.name))
        is_new = item in plan.added and item.kind in VERSIONED
        if release is not None:
            bump = "patch" if release.weight == "none" else release.weight
            found[bump] = f"{bump} release {item.name.partition('@')[2]}"
        elif is_new and not _versions(item.kind, item.name.partition("@")[0], now):
            found["first"] = "first release"
        else:
            found["other"] = "change of what is published"
    return found


def _domain(kind: str, name: str, documents: Documents) -> str:
    named = _versions(kind, name, documents) if kind == "contract" else []
    return documents[named[-1]]["contract"].get("domain", "") if named else ""


def _versions(kind: str, name: str, documents: Documents) -> list[tuple[str, str]]:
    return sorted(key for key in documents if key[0] == kind and key[1].partition("@")[0] == name)


def _thing(item: PlanItem) -> tuple[str, str]:
    kind = "schema" if item.kind == OWNERSHIP else item.kind
    return kind, item.name.split("@", 1)[0] if kind in VERSIONED else item.name


def answering(kind: str, name: str, documents: Documents) -> tuple[str, str] | None:
    """Owner and steward of a thing as `documents` name them; None when it is not among them."""
    document: Any = None
    if kind == "contract":
        named = _versions(kind, name, documents)
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
    first = [_at_hand(requirement, who) for who in requirement.by or ("steward",)]
    return tuple(dict.fromkeys([*first, *(step.to for step in ladder if step.after_s <= age_s)]))


def _at_hand(requirement: Requirement, who: str) -> str:
    """The owner where no steward is named, an admin where neither is."""
    if who == "steward" and not requirement.steward:
        who = "owner"
    return Role.admin.value if who == "owner" and not requirement.owner else who


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


class Approved(NamedTuple):
    """Who approved, and the keys of what he answers for."""

    who_id: str
    who: str
    keys: frozenset[Key]

    def is_by(self, user: User) -> bool:
        return is_same_person(self.who_id, self.who, user)


def approvers(requirement: Requirement, answers: Iterable[Approved]) -> list[str]:
    """The different people who approved it, in order; one person counts once, whichever way he came in."""
    ids: set[str] = set()
    names: dict[str, str] = {}  # case-folded -> as told
    for each in answers:
        if requirement.key in each.keys and each.who_id not in ids:
            ids.add(each.who_id)
            names.setdefault(each.who.strip().casefold(), each.who)
    return list(names.values())


def unanswered(needed: Iterable[Requirement], answers: Sequence[Approved]) -> Iterator[Requirement]:
    """Those of `needed` that too few have approved."""
    return (each for each in needed if len(approvers(each, answers)) < each.count)
