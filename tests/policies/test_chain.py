"""Order, envelopes and the bundle: what is refused before a chain exists, and what the table says."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from catalog.envelope import Envelope, Match, PolicyBlob
from catalog.errors import Invalid
from policies import UNSHADOWABLE, default_bundle, policy_kinds
from policies.builtin import BUILTIN
from policies.chain import Compiler, matches, order
from policies.table import policy_table
from tests.policies.calling import around


def kind(name, phase="late", after=()):
    return SimpleNamespace(id=name, phase=phase, after=after)


def test_order_is_declared():
    """Phases first, `after` within a phase, the list's order where nothing is said."""
    kinds = {"a": kind("a", after=("c",)), "b": kind("b"), "c": kind("c"), "h": kind("h", "head")}
    assert sorted(order(kinds), key=order(kinds).get) == ["h", "b", "c", "a"]


@pytest.mark.parametrize(
    "kinds",
    [
        {"a": kind("a", after=("a",))},
        {"a": kind("a", after=("b",)), "b": kind("b", after=("a",))},
        {"a": kind("a", after=("nobody",))},
        {"a": kind("a", after=("h",)), "h": kind("h", "head")},
        {"a": kind("a", "tomorrow")},
    ],
)
def test_bad_orders_are_refused(kinds):
    """Cycles, unknown names, names of other phases and unknown phases never load."""
    with pytest.raises(Invalid):
        order(kinds)


def chain(*envelopes):
    return Compiler([PolicyBlob(envelope) for envelope in envelopes]).chain(around())


def test_the_bundle_makes_a_chain():
    """The default bundle compiles; what does not apply to an operation leaves no step."""
    labels = chain(*default_bundle()).labels()
    assert labels[0] == "api-key#identity"
    assert "lifecycle#late" not in labels
    assert [label for label in labels if label.endswith("#claim")] == ["idempotency#claim"]


def test_a_disabled_policy_leaves_nothing_behind():
    assert chain(Envelope("scope", "scope", enabled=False)).labels() == []


@pytest.mark.parametrize(
    "envelope",
    [
        Envelope("x", "no-such-policy"),
        Envelope("x", "rate-limit", config={"limit": 0}),
        Envelope("x", "rate-limit", config={"limits": 5}),
        Envelope("x", "entity", mode="shadow"),
        Envelope("x", "api-key", match=Match(consumers=["ap"])),
        Envelope("x", "shape", match=Match(entities=["north"])),
    ],
)
def test_bad_envelopes_are_refused(envelope):
    """Unknown policies, wrong configs, impossible shadows and matches are refused when the snapshot loads."""
    with pytest.raises(Invalid):
        chain(envelope)


def test_one_identity_one_claim():
    """Two envelopes of a policy that says who calls, or whether it ran, contradict each other."""
    with pytest.raises(Invalid, match="two envelopes"):
        chain(Envelope("one", "idempotency"), Envelope("two", "idempotency"))


def test_where_an_envelope_applies():
    """Contracts, operations and layers are settled when the chain is compiled."""
    for match, applies in (
        (Match(contracts=["buying.*"]), True),
        (Match(contracts=["finance.*"]), False),
        (Match(operations=["*.create"]), True),
        (Match(operations=["*.get"]), False),
        (Match(layers=["process"]), False),
    ):
        assert bool(chain(Envelope("scope", "scope", match=match)).head) == applies


def test_patterns():
    assert matches(["a*"], "abc")
    assert matches(["*c"], "abc")
    assert matches(["*b*"], "abc")
    assert not matches(["b", "a"], "abc")


def test_policies_without_which_nothing_is_safe_cannot_be_tried_out():
    assert {"api-key", "jwt", "mtls", "entity", "idempotency"} == UNSHADOWABLE


def test_configs_are_checked_with_pointers():
    """Every wrong field of a config is told, with its place."""
    problems = policy_kinds()["rate-limit"]({"limit": "many", "window": 1})
    assert {problem.pointer for problem in problems} == {"/limit", "/window"}
    assert policy_kinds()["scope"]({}) == []


def test_the_table_lists_every_policy_and_setting():
    """One row a policy, in the order in which they run, every setting named."""
    table = policy_table()
    rows = table.splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == sorted(BUILTIN, key=order(BUILTIN).get)
    assert "`max_depth`" in table
    assert "`leeway_s`" in table
