"""What a change needs and who may answer: a table of cases, and what holds for every ladder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.compatibility.release import Release
from catalog.governance import ApprovalRule, Approvals, Escalation
from controlplane.approval.requirement import (
    Approved,
    Requirement,
    approvers,
    asked,
    is_overdue,
    is_same_person,
    may_answer,
    requirements,
    unanswered,
)
from controlplane.identity.principal import Role, User
from controlplane.registry.plan import Plan, PlanItem

LADDER = [Escalation("1d", "owner"), Escalation("3d", "admin")]
DAY_S = 86_400
NOW = {
    ("contract", "finance.receipts@1.0.0"): {"contract": {"owner": "erp", "steward": "stella"}},
    ("ownership", "supplier"): {"schema": "supplier", "owner": "masters", "steward": "sam"},
    ("measure", "refused"): {"owner": "quality", "steward": "quinn"},
    ("consumer", "shop"): {"consumer": {"owner": "web"}},
}
WANTED = {
    ("contract", "finance.receipts@1.1.0"): {"contract": {"owner": "thief", "steward": "thief"}},
    ("contract", "finance.new@1.0.0"): {"contract": {"owner": "erp", "steward": "nora"}},
}


def item(kind: str, name: str) -> PlanItem:
    return PlanItem(kind, name, "0" * 64, "")


def plan(added: list[PlanItem], *releases: Release, changed: tuple[PlanItem, ...] = ()) -> Plan:
    return Plan(tuple(added), changed, (), (), 1, releases=releases)


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("contract", "finance.receipts@1.1.0", ("contract", "finance.receipts", "erp", "stella")),
        ("contract", "finance.new@1.0.0", ("contract", "finance.new", "erp", "nora")),
        ("schema", "supplier@1.2.0", ("schema", "supplier", "masters", "sam")),
        ("ownership", "supplier", ("schema", "supplier", "masters", "sam")),
        ("measure", "refused", ("measure", "refused", "quality", "quinn")),
        ("consumer", "shop", ("consumer", "shop", "web", "")),
        ("schema", "unknown@1.0.0", ("schema", "unknown", "", "")),
        ("governance", "workspace", ("governance", "workspace", "", "")),
    ],
)
def test_each_thing_is_answered_for_by_those_in_force(kind: str, name: str, expected: tuple[str, ...]) -> None:
    """A version is its contract's; a new thing is answered for by those it names itself."""
    rules = Approvals(required=["contract", "schema", "measure", "consumer"])
    (found,) = requirements(plan([item(kind, name)]), rules, NOW, WANTED)
    assert (found.kind, found.name, found.owner, found.steward) == expected


def test_kinds_that_are_not_governed_need_nobody_and_things_count_once() -> None:
    items = [
        item("system", "erp"),
        item("contract", "finance.receipts@1.1.0"),
        item("contract", "finance.receipts@1.0.0"),
    ]
    assert len(requirements(plan(items), Approvals(required=["contract"]), NOW, WANTED)) == 1
    assert requirements(plan(items), Approvals(), NOW, WANTED) == []


@pytest.mark.parametrize(
    ("requirement", "age_s", "expected"),
    [
        (Requirement("contract", "c", "erp", "stella"), 0, ("steward",)),
        (Requirement("contract", "c", "erp", "stella"), DAY_S, ("steward", "owner")),
        (Requirement("contract", "c", "erp", "stella"), 3 * DAY_S, ("steward", "owner", "admin")),
        (Requirement("contract", "c", "erp", ""), 0, ("owner",)),
        (Requirement("contract", "c", "erp", "", "/r", ("steward", "approver")), 0, ("owner", "approver")),
        (Requirement("contract", "c", "", "", "/r", ("steward", "owner")), 0, ("admin",)),
        (Requirement("contract", "c", "e", "s", "/r", ("approver",)), DAY_S, ("approver", "owner")),
        (Requirement("contract", "c", "", ""), 0, ("admin",)),
        (Requirement("governance", "workspace", "erp", "stella"), 9 * DAY_S, ("admin",)),
    ],
)
def test_who_is_asked_follows_from_age_and_ladder(requirement, age_s: float, expected: tuple[str, ...]) -> None:
    assert asked(requirement, age_s, LADDER) == expected


ROLES = st.sampled_from(["owner", "steward", "approver", "architect", "operator", "executive", "admin"])
LADDERS = st.lists(st.builds(Escalation, st.integers(1, 99).map(lambda days: f"{days}d"), ROLES), max_size=5)
AGES = st.floats(0, 100 * DAY_S)


@given(LADDERS, AGES, AGES)
def test_waiting_only_widens_who_may_answer(ladder: list[Escalation], one: float, other: float) -> None:
    """Whoever may answer today may tomorrow; something unanswered always has somebody who is asked."""
    younger, older = sorted((one, other))
    requirement = Requirement("contract", "c", "erp", "stella")
    assert set(asked(requirement, younger, ladder)) <= set(asked(requirement, older, ladder))
    assert asked(requirement, 0, ladder) == ("steward",)
    assert is_overdue(older, ladder) >= is_overdue(younger, ladder)
    assert not is_overdue(older, [])


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (User("1", "Stella", Role.steward), True),
        (User("2", "sub-2", Role.steward, also=frozenset({"stella@x", "stella"})), True),
        (User("3", "olaf", Role.architect), False),
        (User("4", "eve", Role.steward), False),
        (User("5", "", Role.steward), False),
    ],
)
def test_a_steward_is_a_name_an_address_or_a_group(user: User, expected: bool) -> None:
    assert may_answer(user, Requirement("contract", "c", "olaf", "stella"), ["steward"]) is expected
    assert not may_answer(user, Requirement("contract", "c", "", ""), ["steward", "owner"])


def test_the_same_person_is_known_by_id_and_by_name() -> None:
    assert is_same_person("token:1", "a", User("token:1", "b", Role.admin))
    assert is_same_person("token:1", "A@x", User("oidc:i|1", "s", Role.admin, also=frozenset({"a@x"})))
    assert not is_same_person("token:1", "a", User("token:2", "b", Role.admin))


def test_what_is_answered_is_left_out() -> None:
    needed = [Requirement("contract", "a", "", ""), Requirement("contract", "b", "", "")]
    answers = [Approved("token:1", "ann", frozenset({("contract", "a", "")}))]
    assert [each.name for each in unanswered(needed, answers)] == ["b"]


RECEIPTS = {
    ("contract", "finance.receipts@1.0.0"): {"contract": {"owner": "erp", "steward": "stella", "domain": "finance"}}
}


def by_rules(made: Plan, *rules: ApprovalRule) -> list[tuple[str, int, str]]:
    found = requirements(made, Approvals(rules=list(rules)), RECEIPTS, {})
    return [(each.rule, each.count, each.because) for each in found]


@pytest.mark.parametrize(
    ("rule", "weight", "is_asked"),
    [
        (ApprovalRule(["steward"]), "patch", True),
        (ApprovalRule(["steward"], bumps=["major"]), "major", True),
        (ApprovalRule(["steward"], bumps=["major"]), "minor", False),
        (ApprovalRule(["steward"], bumps=["minor", "patch"]), "minor", True),
        (ApprovalRule(["steward"], bumps=["patch"]), "none", True),
        (ApprovalRule(["steward"], domains=["finance"]), "minor", True),
        (ApprovalRule(["steward"], domains=["logistics"]), "minor", False),
        (ApprovalRule(["steward"], kinds=["schema"]), "minor", False),
        (ApprovalRule(["steward"], kinds=["contract"], domains=["finance"], bumps=["major"]), "major", True),
    ],
)
def test_a_rule_is_about_the_bumps_and_domains_that_it_names(rule: ApprovalRule, weight, is_asked: bool) -> None:
    version = Release("contract", "finance.receipts@2.0.0", "1.0.0", "major", "major", weight=weight)
    found = by_rules(plan([item("contract", "finance.receipts@2.0.0")], version), rule)
    bump = "patch" if weight == "none" else weight
    assert found == ([("/approvals/rules/0", 1, f"{bump} release 2.0.0 in finance")] if is_asked else [])


def test_what_is_no_new_version_is_another_change_and_a_draft_asks_nobody() -> None:
    rules = [ApprovalRule(["steward"], bumps=["other"]), ApprovalRule(["steward"], bumps=["first"])]
    published = item("contract", "finance.receipts@1.0.0")
    other = [("/approvals/rules/0", 1, "change of what is published in finance")]
    assert by_rules(plan([], changed=(published,)), *rules) == other
    assert by_rules(plan([item("contract", "finance.new@1.0.0")]), *rules) == [
        ("/approvals/rules/1", 1, "first release")
    ]
    drafts = [ApprovalRule(["steward"], kinds=["contract"])]
    assert by_rules(plan([item("draft", "finance.receipts@1.1.0")]), *drafts) == []


def test_people_are_counted_once() -> None:
    """By id and by name, so that a second token of one name is no second person."""
    requirement = Requirement("contract", "c", "erp", "stella", "/approvals/rules/0", ("steward",), 2)
    key = frozenset({requirement.key})
    other = frozenset({("contract", "c", "")})
    same = [Approved("token:1", "ann", key), Approved("token:1", "anna", key), Approved("token:2", "Ann", key)]
    assert approvers(requirement, [*same, Approved("token:3", "bob", other)]) == ["ann"]
    assert list(unanswered([requirement], same)) == [requirement]
    assert not list(unanswered([requirement], [*same, Approved("token:3", "bob", key)]))
