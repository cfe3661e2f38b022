"""Properties over random pairs: a schema of any dialect and a mutation of it (`pair.Maker`)."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.compatibility import compare_schemas
from catalog.compatibility.dialect import DIALECTS
from catalog.compatibility.document import Document
from catalog.compatibility.judge import Judge
from tests.catalog.compatibility.pair import VALUES, Maker

SEEDS = st.integers(min_value=0, max_value=2**40)


def judge(schema, dialect: str):
    """Whether `jsonschema` holds an instance valid; None when it cannot tell."""
    made = Judge(Document(schema, DIALECTS[dialect]), {})
    return lambda instance: made.is_valid(schema, instance)


def examples(request: pytest.FixtureRequest, few: int, many: int) -> settings:
    count = many if request.config.getoption("--prove") else few
    return settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def check_pair(seed: int, mode: str = "backward") -> None:
    """No instance refutes a "compatible", and every witness is one."""
    maker = Maker(seed)
    old, new = maker.pair()
    comparison = compare_schemas(old, new, mode=mode, dialect=maker.dialect)
    is_old, is_new = judge(old, maker.dialect), judge(new, maker.dialect)
    refuting = [change.witness for change in comparison.changes if change.verdict == "incompatible"]
    assert bool(refuting) == (comparison.verdict == "incompatible")
    for witness in refuting:
        accepted = (is_old(witness), is_new(witness))
        assert accepted == (True, False) or (mode == "full" and accepted == (False, True))
    if comparison.verdict == "compatible":
        for instance in [*VALUES, *maker.instances((old, new), 40)]:
            accepted = (is_old(instance), is_new(instance))
            assert accepted != (True, False), (maker.dialect, json.dumps(old), json.dumps(new), instance)
            assert mode != "full" or accepted != (False, True)


def test_no_instance_refutes_a_verdict(request) -> None:
    @examples(request, 150, 20_000)
    @given(SEEDS)
    def check(seed: int) -> None:
        check_pair(seed)

    check()


def test_no_instance_refutes_a_full_verdict(request) -> None:
    @examples(request, 50, 5_000)
    @given(SEEDS)
    def check(seed: int) -> None:
        check_pair(seed, "full")

    check()


def test_a_schema_is_compatible_with_itself_and_its_other_forms(request) -> None:
    """Written in another order, within an allOf, by reference, with annotations: fully compatible with no change in
    meaning; as a copy, without any change."""

    @examples(request, 60, 5_000)
    @given(SEEDS)
    def check(seed: int) -> None:
        maker = Maker(seed)
        schema = maker.document()
        copy = json.loads(json.dumps(schema))
        same = compare_schemas(schema, copy, mode="full", dialect=maker.dialect)
        assert (same.verdict, same.changes) == ("compatible", ())
        if not isinstance(schema, dict):
            return
        told = {"title": "told", **dict(reversed(schema.items()))}
        assert compare_schemas(schema, told, mode="full", dialect=maker.dialect).verdict == "compatible"
        definitions = {"definitions": schema["definitions"]} if "definitions" in schema else {}
        bare = {name: value for name, value in schema.items() if name != "definitions"}
        for other in ({"allOf": [bare], **definitions}, {"anyOf": [bare], **definitions}):
            assert compare_schemas(schema, other, mode="full", dialect=maker.dialect).verdict == "compatible"

    check()


def test_verdicts_do_not_depend_on_what_was_asked_before() -> None:
    """Runs repeat exactly: the budget counts steps, not time."""
    for seed in range(30):
        maker = Maker(seed)
        old, new = maker.pair()
        first = compare_schemas(old, new, mode="full", dialect=maker.dialect)
        assert compare_schemas(old, new, mode="full", dialect=maker.dialect) == first


@pytest.mark.parametrize("seed", range(20))
def test_the_wire_policy_never_refuses_what_the_strict_one_proves(seed: int) -> None:
    maker = Maker(seed)
    old, new = maker.pair()
    strict = compare_schemas(old, new, dialect=maker.dialect)
    wire = compare_schemas(old, new, policy="wire", dialect=maker.dialect)
    assert strict.verdict != "compatible" or wire.verdict == "compatible"
