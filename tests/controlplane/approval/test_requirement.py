"""What a change needs and who may answer: a table of cases, and what holds for every ladder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.governance import Escalation
from controlplane.approval.requirement import (
    Requirement,
    asked,
    is_overdue,
    is_same_person,
    may_answer,
    requirements,
    unanswered,
)
from controlplane.identity.principal import Role, User
from controlplane.registry.plan import PlanItem

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
    (found,) = requirements([item(kind, name)], ["contract", "schema", "measure", "consumer"], NOW, WANTED)
    assert (found.kind, found.name, found.owner, found.steward) == expected


def test_kinds_that_are_not_governed_need_nobody_and_things_count_once() -> None:
    items = [
        item("system", "erp"),
        item("contract", "finance.receipts@1.1.0"),
        item("contract", "finance.receipts@1.0.0"),
    ]
    assert len(requirements(items, ["contract"], NOW, WANTED)) == 1
    assert requirements(items, [], NOW, WANTED) == []


@pytest.mark.parametrize(
    ("requirement", "age_s", "expected"),
    [
        (Requirement("contract", "c", "erp", "stella"), 0, ("steward",)),
        (Requirement("contract", "c", "erp", "stella"), DAY_S, ("steward", "owner")),
        (Requirement("contract", "c", "erp", "stella"), 3 * DAY_S, ("steward", "owner", "admin")),
        (Requirement("contract", "c", "erp", ""), 0, ("owner",)),
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
    assert [each.name for each in unanswered(needed, [("contract", "a")])] == ["b"]
