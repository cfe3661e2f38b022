"""Systems of record, layers and members, away from the gateway."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.contract import Extension
from catalog.network import Consumer, ConsumerBlob, Entity, SystemOfRecord, representatives
from policies.builtin.entity import Config as EntityConfig
from policies.builtin.entity import EntityAuthorization
from policies.builtin.layer import Config as LayerConfig
from policies.builtin.layer import Layer
from policies.builtin.system_of_record import Config, Owners, SystemOfRecordCheck, owners_of
from tests.policies.calling import around, operation, request

MASTER = SystemOfRecord("supplier", "master")
BANK = SystemOfRecord("supplier", "erp", ["/bank_accounts", "/terms/net_days"])
CHANGE = Extension(object="supplier", id="$request.body#/id", legal_entity="$request.body#/legal_entity")


def portal(system: str | None = None, **more: object) -> Consumer:
    return Consumer("portal", "Portal", entities=["north"], system=system, **more)  # type: ignore[arg-type]


def check(records: tuple[SystemOfRecord, ...], bound: str = "master", **more: object) -> SystemOfRecordCheck | None:
    changed = operation(extension=CHANGE, **more)
    return SystemOfRecordCheck.compile(Config(), around(changed, records=records, bound={"*": bound}))


def pointers(
    policy: SystemOfRecordCheck | None, document: object, caller: Consumer, entity: str = "north"
) -> list[str]:
    """Where a call is refused; empty when it is let through."""
    assert policy is not None
    body = b"" if document is None else json.dumps(document).encode()
    decision = policy.decide(request(body=body, document=document, consumer=caller, entity=entity), {})
    assert (decision.kind == "allow") == (not decision.violations)
    if decision.violations:
        assert (decision.kind, decision.status, decision.code) == ("reject", 403, "not-system-of-record")
        assert {violation.rule for violation in decision.violations} == {"system-of-record"}
    return [violation.pointer for violation in decision.violations]


@pytest.mark.parametrize(
    ("bound", "caller", "document", "expected"),
    [
        ("master", None, {"name": "A"}, []),  # the write goes to the record
        ("erp", "master", {"name": "A"}, []),  # the record tells another
        ("erp", None, {"name": "A"}, [""]),
        ("erp", "crm", {"name": "A"}, [""]),
        ("master", None, {"name": "A", "bank_accounts": []}, ["/bank_accounts"]),
        ("master", "erp", {"name": "A", "bank_accounts": []}, []),  # one owner is called, the other calls
        ("erp", None, {"id": "S-1", "legal_entity": "north", "bank_accounts": []}, []),  # who it is, is no change
        ("erp", None, {"id": "S-1", "bank_accounts": [], "name": "A"}, [""]),
        ("crm", None, {"bank_accounts": None, "terms": {"net_days": 30}}, ["/bank_accounts", "/terms/net_days"]),
        ("erp", None, {"terms": {"net_days": 30}}, []),  # nothing beside what the group names
        ("erp", None, {"terms": {"net_days": 30, "text": "x"}}, [""]),
        ("erp", None, {"terms": [30]}, [""]),
        ("erp", None, None, [""]),  # no body: what no group names
        ("master", None, None, []),
        ("master", None, [{"bank_accounts": []}], ["/bank_accounts", "/terms/net_days"]),  # cannot be told apart
        ("erp", None, {}, []),
    ],
)
def test_only_the_record_changes_what_it_owns(bound, caller, document, expected):
    """Each field group by itself; what is refused is named by pointer."""
    assert pointers(check((MASTER, BANK), bound), document, portal(caller)) == expected


def test_what_is_not_declared_is_not_restricted():
    """No declaration of the object, or only of a group: no step, or all else is free. Nothing safe is judged."""
    assert check((SystemOfRecord("invoice", "erp"),)) is None
    assert check((MASTER,), method="GET") is None
    assert pointers(check((BANK,)), {"name": "A"}, portal()) == []
    assert pointers(check((BANK,)), None, portal()) == []


def test_an_entity_named_goes_before_all_others():
    """For the object as a whole and for a field group."""
    south = (SystemOfRecord("supplier", "legacy", entities=["south"]),)
    policy = check((MASTER, BANK, *south))
    assert pointers(policy, {"name": "A"}, portal()) == []
    assert pointers(policy, {"name": "A"}, portal(), "south") == [""]
    assert pointers(policy, {"name": "A"}, portal("legacy"), "south") == []
    assert owners_of((MASTER, BANK, *south), "south") == Owners(
        (("/bank_accounts", "erp"), ("/terms/net_days", "erp")), "legacy"
    )
    inner = SystemOfRecord("supplier", "treasury", ["/terms"], ["south"])
    assert owners_of((MASTER, BANK, inner), "south").groups == (("/terms", "treasury"), ("/bank_accounts", "erp"))


def test_without_a_bound_system_only_the_record_may_tell():
    """An event ends at the gateway: its publisher must be the record; its data are judged, not its envelope."""
    changed = operation(
        extension=Extension(object="supplier", id="$request.body#/data/id"), messages={"supplier.changed": "x"}
    )
    policy = SystemOfRecordCheck.compile(Config(), around(changed, records=(MASTER, BANK)))
    event = {"id": "e-1", "type": "supplier.changed", "data": {"id": "S-1", "bank_accounts": []}}
    assert pointers(policy, event, portal("erp")) == []
    assert pointers(policy, event, portal("master")) == ["/data/bank_accounts"]
    assert pointers(policy, event | {"data": {"id": "S-1", "name": "A"}}, portal("erp")) == ["/data"]
    assert pointers(policy, event | {"data": {"id": "S-1", "name": "A"}}, portal("master")) == []


MEMBERS = st.dictionaries(
    st.sampled_from(["id", "name", "terms", "bank_accounts"]), st.none() | st.just({}), max_size=4
)


@given(MEMBERS, st.sampled_from(["master", "erp", "crm"]), st.sampled_from(["master", "erp", None]))
def test_no_field_is_written_by_both_strangers(document, bound, caller):
    """Whatever is let through, each owner of what it carries is called or calls."""
    owners = {"name": "master", "terms": "master", "bank_accounts": "erp"}
    needed = {owners[name] for name in document if name in owners}
    refused = pointers(check((MASTER, BANK), bound), document, portal(caller))
    assert (not refused) == (needed <= {bound, caller})


def test_a_centre_s_consumer_acts_for_members_and_no_others():
    """Granted the centre: the centre and its members. Granted a member: that member only."""
    entities = {name: Entity(name, name, "us", "USD") for name in ("north", "clinic")}
    entities["centre"] = Entity("centre", "Centre", "us", "USD", members=["clinic"])
    policy = EntityAuthorization.compile(
        EntityConfig(), around(entities=entities, representing=representatives(entities))
    )
    assert policy is not None

    def allowed(*granted: str) -> list[str]:
        caller = Consumer("c", "C", entities=list(granted))
        return [
            name
            for name in (*entities, "nowhere")
            if policy.decide(request(consumer=caller, entity=name), {}).kind == "allow"
        ]

    assert allowed("centre") == ["clinic", "centre"]
    assert allowed("clinic") == ["clinic"]
    assert allowed("*") == ["north", "clinic", "centre"]
    assert allowed() == []


def test_an_experience_that_calls_a_system_is_flagged():
    """No step at all where no experience is a consumer, or where the contract is of another layer."""
    app = portal(layer="experience")
    consumers = {"portal": ConsumerBlob(app)}
    policy = Layer.compile(LayerConfig(), around(consumers=consumers))
    assert policy is not None
    decision = policy.decide(request(consumer=app), {})
    assert (decision.kind, decision.code) == ("flag", "layer-bypass")
    assert policy.decide(request(consumer=portal(layer="process")), {}).kind == "allow"
    assert Layer.compile(LayerConfig(), around()) is None
    process = operation(extension=Extension(layer="process"))
    assert Layer.compile(LayerConfig(), around(process, consumers=consumers)) is None
