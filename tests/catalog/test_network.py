"""The network of a workspace: templates, members, layers, systems of record, governance."""

from __future__ import annotations

import pytest

from catalog.errors import Invalid
from catalog.governance import Escalation
from catalog.network import Binding, Entity, representatives
from catalog.workspace import load, read_directory
from tests.catalog.workspace import GOOD

CLINIC = "templates/clinic.yaml"


def files(**more: str) -> dict[str, bytes]:
    """The good workspace; `more` adds files, by path with `/` written as `__`."""
    added = {f"{name.replace('__', '/')}.yaml": text.encode() for name, text in more.items()}
    return {**read_directory(GOOD), **added}


def edited(path: str, old: str, new: str, **more: str) -> dict[str, bytes]:
    content = files(**more)
    assert old.encode() in content[path]
    return {**content, path: content[path].replace(old.encode(), new.encode())}


def told(content: dict[str, bytes]) -> list[tuple[str, str, str]]:
    """(file, pointer, remedy) of every problem."""
    with pytest.raises(Invalid) as caught:
        load(content)
    return [(problem.file, problem.pointer, problem.remedy) for problem in caught.value.problems]


# ---- templates


def test_an_entity_has_what_its_template_gives():
    """One file of a few lines is a whole legal entity: fields, binding and grant come from the template."""
    workspace = load(files(entities__harbour="{entity: harbour, name: Harbour Clinic, template: clinic}"))
    assert workspace.entities["harbour"] == Entity(
        "harbour", "Harbour Clinic", "eu-north", "NOK", parent="north", timezone="Europe/Oslo", calendar="norway",
        template="clinic",
    )  # fmt: skip
    assert Binding("orders.purchases", 1, "harbour", "clinics") in workspace.bindings
    assert workspace.consumers["buyer"].entities == ["north", "annex", "fjord", "harbour"]


def test_what_an_entity_says_itself_wins():
    """Its own field, and its own binding of the contract's major."""
    workspace = load(
        files(
            entities__pier="{entity: pier, name: Pier, template: clinic, currency: EUR}",
            bindings__pier="{contract: orders.purchases, major: 1, entity: pier, system: erp}",
        )
    )
    assert (workspace.entities["pier"].currency, workspace.entities["pier"].region) == ("EUR", "eu-north")
    assert [item.system for item in workspace.bindings if item.entity == "pier"] == ["erp"]


def test_a_consumer_of_all_entities_needs_no_grant():
    """`*` stays as it is."""
    workspace = load(edited("consumers/buyer.yaml", "[north, annex]", '["*"]'))
    assert workspace.consumers["buyer"].entities == ["*"]


def test_what_neither_gives_is_missing():
    """The remedy names both places."""
    content = edited(CLINIC, "region: eu-north, ", "")
    remedy = f"add region: text, here or under entity: in {CLINIC}"
    assert told(content) == [("entities/fjord.yaml", "", remedy)]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("currency: NOK", "currency: crowns", "/entity/currency"),
        ("Europe/Oslo", "Europe/Trondheim", "/entity/timezone"),
        ("parent: north", "parent: south", "/entity/parent"),
        ("calendar: norway", "calendar: sweden", "/entity/calendar"),
        ("system: clinics", "system: clinic", "/bindings/0/system"),
        ("orders.purchases", "orders.purchase", "/bindings/0/contract"),
        ("consumers: [buyer]", "consumers: [seller]", "/consumers/0"),
    ],
)
def test_a_wrong_template_is_told_once_and_at_home(old, new, place):
    """However many entities are made of it."""
    more = {f"entities__{name}": f"{{entity: {name}, name: {name}, template: clinic}}" for name in ("pier", "quay")}
    assert [(file, pointer) for file, pointer, _ in told(edited(CLINIC, old, new, **more))] == [(CLINIC, place)]


def test_an_unknown_template_names_the_nearest():
    """A misspelt name costs nobody an hour."""
    content = files(entities__pier="{entity: pier, name: Pier, template: clinics}")
    assert told(content) == [("entities/pier.yaml", "/template", "did you mean clinic?")]


# ---- members


def test_a_centre_may_act_for_its_members():
    """Each entity may be acted for in its own name and in that of the centres it is a member of; no further."""
    entities = load(files()).entities
    assert representatives(entities) == {
        "north": frozenset({"north"}),
        "annex": frozenset({"annex", "centre"}),
        "fjord": frozenset({"fjord", "centre"}),
        "centre": frozenset({"centre"}),
    }


# ---- layers


def test_an_experience_contract_binds_to_no_system():
    """The refusal stands at the binding; a process application will do."""
    contract = "contracts/orders/purchases/contract.yaml"
    content = edited(contract, "layer: process", "layer: experience")
    remedy = "bind it to a process application, or write layer: process in systems/erp.yaml if it is one"
    assert told(content) == [("bindings/all.yaml", "/0/system", remedy)]
    content["systems/erp.yaml"] += b"layer: process\n"
    assert load(content).contracts["orders.purchases"].layer == "experience"


def test_an_experience_operation_binds_to_no_system_either():
    """What an operation says of its layer goes before what its contract says."""
    path = "contracts/orders/purchases/1.1.0/openapi.yaml"
    content = edited(path, "object: purchase\n", "object: purchase\n        layer: experience\n")
    assert {(file, pointer) for file, pointer, _ in told(content)} == {("bindings/all.yaml", "/0/system")}


# ---- systems of record


@pytest.mark.parametrize(
    ("item", "pointer", "remedy"),
    [
        ("{object: purchas, system: erp}", "/0/object", "did you mean purchase?"),
        ("{object: purchase, system: erp, fields: [/totl]}", "/0/fields/0", "did you mean /total?"),
        ("{object: purchase, system: erp, fields: [total]}", "/0/fields/0", "such as /bank_accounts"),
        ("{object: purchase, system: erp, entities: []}", "/0/entities",
         'leave it out, or write ["*"], for every entity'),
        ("{object: purchase, system: erp, fields: [/total/amount], entities: [fjord]}", "/0/fields/0",
         "records/purchase.yaml#/1 gives it to clinics: one system owns a field"),
        ("{object: purchase, system: clinics, entities: [north, '*']}", "/0/system",
         "records/purchase.yaml#/0 gives it to erp: one system owns a field"),
    ],
)  # fmt: skip
def test_a_wrong_record_is_refused(item, pointer, remedy):
    """A name or a pointer that means nothing would protect nothing; two owners of one field are one too many."""
    assert told(files(records__xtra=f"[{item}]")) == [("records/xtra.yaml", pointer, remedy)]


def test_an_entity_of_its_own_goes_before_all():
    """Declared for `*` and for one entity: no contradiction."""
    workspace = load(files(records__xtra="[{object: purchase, system: clinics, entities: [north]}]"))
    assert [record.name for record in workspace.records] == ["purchase/*", "purchase#/total/fjord", "purchase/north"]


# ---- certificates


def test_two_consumers_are_never_one_certificate():
    """The same distinguished name in another spelling is the same."""
    content = files(
        consumers__one="{consumer: one, name: One, mtls: [{subject: 'CN=erp,O=Lakeside'}, {san: 'dns:erp.example'}]}",
        consumers__two="{consumer: two, name: II, mtls: [{subject: 'CN=\\65rp,O=Lakeside'}, {san: 'dns:ERP.example'}]}",
    )
    remedy = "give each consumer a certificate of its own"
    expected = [("consumers/two.yaml", "/mtls/0", remedy), ("consumers/two.yaml", "/mtls/1", remedy)]
    assert told(content) == expected


# ---- governance


def test_governance_is_read():
    """Absent: none. Ages in seconds."""
    workspace = load(files())
    assert workspace.governance is not None
    assert workspace.governance.approvals.required == ["contract", "schema", "measure"]
    assert workspace.governance.approvals.escalate == [Escalation("12h", "owner"), Escalation("3d", "admin")]
    assert [step.after_s for step in workspace.governance.approvals.escalate] == [43_200, 259_200]
    bare = {path: data for path, data in files().items() if path != "governance.yaml"}
    assert load(bare).governance is None


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("{approvals: {required: [contracts]}}", "/approvals/required/0"),
        ("{approvals: {escalate: [{after: soon, to: owner}]}}", "/approvals/escalate/0/after"),
        ("{approvals: {escalate: [{after: 1d, to: nobody}]}}", "/approvals/escalate/0/to"),
        ("{approvals: {escalate: [{after: 1d, to: owner}, {after: 24h, to: admin}]}}", "/approvals/escalate/1/after"),
        ("{approvals: {rules: [{by: []}]}}", "/approvals/rules/0/by"),
        ("{approvals: {rules: [{by: [executive]}]}}", "/approvals/rules/0/by/0"),
        ("{approvals: {rules: [{by: [steward], count: 0}]}}", "/approvals/rules/0/count"),
        ("{approvals: {rules: [{by: [steward], bumps: [huge]}]}}", "/approvals/rules/0/bumps/0"),
        ("{approvals: {rules: [{by: [steward], bumps: [major], kinds: [slo]}]}}", "/approvals/rules/0/bumps"),
        ("{approvals: {rules: [{by: [steward], domains: [orders], kinds: [schema]}]}}", "/approvals/rules/0/domains"),
        ("{approvals: {rules: [{by: [steward], domains: [nowhere]}]}}", "/approvals/rules/0/domains/0"),
    ],
)
def test_a_wrong_governance_is_refused(text, pointer):
    """File, pointer and remedy, like everywhere."""
    content = {**files(), "governance.yaml": text.encode()}
    ((file, place, remedy),) = told(content)
    assert (file, place) == ("governance.yaml", pointer)
    assert remedy
