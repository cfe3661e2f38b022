"""The rules as a whole: ids, words, and that each mirrors the rule of the change that undoes it."""

from __future__ import annotations

import re

import pytest

from catalog.compatibility.contract import RULES
from catalog.compatibility.contract.rule import content, event, shape, surface


def test_ids_are_unique_and_readable() -> None:
    listed = [*surface.RULES, *content.RULES, *shape.RULES, *event.RULES]
    assert len(listed) == len(RULES) >= 120
    assert [rule.id for rule in listed if not re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.id)] == []


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_every_rule_of_a_request_has_its_twin_of_a_response(rule) -> None:
    """What narrows for who sends widens for who reads: the change that undoes this one weighs the same with the sides
    exchanged. Where it does not, the rule says why."""
    opposite = RULES[rule.opposite]
    assert rule.title and rule.explanation.endswith(".") and len(rule.explanation) > 5
    if (rule.request, rule.response) != (opposite.response, opposite.request):
        assert rule.reason, "neither a mirror nor a reason"
    elif rule.request == rule.response:
        assert rule.reason, "weighs the same in both directions without a reason"


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_pair_names_each_other(rule) -> None:
    """Two rules without a reason are each other's opposite."""
    if not rule.reason:
        assert RULES[rule.opposite].opposite == rule.id
