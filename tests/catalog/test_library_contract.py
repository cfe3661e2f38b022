"""The contracts of the built-in library: what they promise, and that their examples keep it."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import jsonschema
import msgspec
import pytest
from openapi_spec_validator import validate as validate_openapi

from catalog.contract import ContractVersion, Reconcile
from catalog.expression import compile_expression
from catalog.extension import texts
from catalog.lint import lint
from catalog.record import Amount
from catalog.schema import Validators
from gateway.finding import judge
from gateway.plan import ReconcileTemplate
from tests.catalog.library import LIBRARY, OBJECTS, inlined
from tests.catalog.library_case import Case, cases, versions, workspace
from tests.catalog.library_event import EVENTS

#: flow links of the chain requisition -> order -> receipt -> invoice -> payment
FLOW = {
    "procurement.purchase-orders": ("fulfils", "requisition"),
    "finance.purchase-orders": ("fulfils", "requisition"),
    "receiving.receipts": ("fulfils", "purchase_order"),
    "finance.receipts": ("fulfils", "purchase_order"),
    "payables.invoices": ("bills", "purchase_order"),
    "finance.invoices": ("bills", "purchase_order"),
    "finance.payments": ("settles", "invoice"),
}
#: where a person may have to decide before it takes effect
HELD = {
    *("create", "approve", "issue", "submit", "post", "release", "change", "unhold", "activate", "unblock", "resume"),
    *("adjust", "void", "changeBankAccounts"),
    *("finance.invoices/invoices.reverse", "finance.receipts/receipts.reverse", "receiving.receipts/receipts.reverse"),
    *("finance.periods/periods.open", "finance.periods/periods.close", "finance.periods/periods.reopen"),
}
#: what lets money go, lifts a safeguard or decides on behalf of others
DECIDING = {
    *(
        "approve",
        "reject",
        "release",
        "activate",
        "unblock",
        "resume",
        "adjust",
        "void",
        "changeBankAccounts",
        "retire",
    ),
    *("payables.invoices/invoices.unhold", "finance.invoices/invoices.unhold"),
    *("finance.periods/periods.open", "finance.periods/periods.close", "finance.periods/periods.reopen"),
}
WRITING = {"inventory.positions/inventoryPositions.adjust"}  # stock is corrected where it is counted


every_operation = pytest.mark.parametrize("case", cases())
every_contract = pytest.mark.parametrize("version", [pytest.param(v, id=v.ref) for v in versions()])


def test_the_contracts_are_those_that_were_planned() -> None:
    """Names, operations and business events of procure-to-pay and what it stands on, all published at 1.0.0."""
    found = {
        version.contract.contract: {operation.id: operation.extension.event for operation in version.operations}
        for version in versions()
    }
    assert found == EVENTS
    assert {(v.version, v.state.state) for v in versions()} == {("1.0.0", "published")}


def test_nothing_important_goes_unenforced() -> None:
    """The only promise the gateway does not check is the Location header of a held call."""
    assert {"response header Location is not checked"} == {note.message for note in workspace().notes}


def test_lint_finds_nothing_to_mend() -> None:
    """No error, and no warning but what only a workspace can mend: bindings."""
    found = [each for each in lint(workspace(), is_library_included=True) if each.severity != "hint"]
    assert {finding.rule for finding in found} == {"contract-bound"}


@every_contract
def test_documents_are_valid_openapi(version: ContractVersion) -> None:
    """A third-party validator accepts each document, once canonical schemas sit in its components."""
    validate_openapi(inlined(version.document))


@every_operation
def test_examples_are_valid(case: Case) -> None:
    """Requests and answers that readers copy are valid; the reference validator says so too."""
    schema_of = case.operation.request_schemas.get("application/json", True)
    for example in case.requests():
        jsonschema.Draft202012Validator(schema_of).validate(example)
    for status, holder in case.node["responses"].items():
        (schema,) = case.operation.response_schemas[status].values()
        shown = case.examples(holder)
        assert shown, f"{status} has no example"
        for example in shown:
            jsonschema.Draft202012Validator(schema).validate(example)


@every_operation
def test_answers_have_real_schemas(case: Case) -> None:
    """An empty object is no answer: every success schema asks for something, and for the status of an object."""
    schema = case.operation.response_schemas[case.success()]["application/json"]
    checker = Validators()
    assert not checker.is_valid(checker.handle(schema), {})
    for answer in case.answers():
        if "status" in answer:
            assert checker.is_valid(checker.handle(schema), answer)
            for broken in ({**answer, "status": {}}, {k: v for k, v in answer.items() if k != "id"}):
                assert not checker.is_valid(checker.handle(schema), broken)


@every_operation
def test_expressions_resolve_in_the_examples(case: Case) -> None:
    """What a call means can be read from the contract's own examples, every expression of it."""
    extension = case.operation.extension
    context = case.context(next(iter(case.requests()), None), case.answers()[0])
    assert not extension.id or any(compile_expression(text).text_of(context) for text in texts(extension.id))
    for text in texts(extension.legal_entity):
        assert compile_expression(text).text_of(context) in ("mercy-health", "sankt-marien"), text
    for text in [*extension.aliases, *(link.id for link in extension.links)]:
        if not is_further_allocation(text):
            assert compile_expression(text).text_of(context), text
    if extension.amount:
        assert msgspec.convert(compile_expression(extension.amount).resolve(context), Amount)
    if extension.occurred_at:
        assert datetime.fromisoformat(str(compile_expression(extension.occurred_at).text_of(context))).year >= 2025
    if extension.status:
        assert msgspec.convert(compile_expression(extension.status).resolve(context), dict[str, str])


def is_further_allocation(text: str) -> bool:
    """A payment settles one to eight invoices: only the first must be there."""
    return "/allocations/" in text and "/allocations/0/" not in text


@every_operation
def test_other_examples_name_object_and_entity_too(case: Case) -> None:
    """A second example may leave out what is optional, but never whom the call is about."""
    for request in case.requests()[1:]:
        context = case.context(request, case.answers()[0])
        assert all(compile_expression(text).text_of(context) for text in texts(case.operation.extension.legal_entity))
        assert any(compile_expression(text).text_of(context) for text in texts(case.operation.extension.id))


def test_a_payment_links_every_invoice_it_may_settle() -> None:
    """As many links as allocations are allowed: none is lost to lineage."""
    case = next(Case(v, o) for v in versions() for o in v.operations if o.id == "payments.release")
    (request,) = case.requests()
    most = case.version.document["components"]["schemas"]["payment_release"]["properties"]["allocations"]["maxItems"]
    request = {**request, "allocations": [{**request["allocations"][0], "invoice_id": f"INV-{n}"} for n in range(most)]}
    context = case.context(request, case.answers()[0])
    links = [link for link in case.operation.extension.links if link.object == "invoice"]
    assert [f"INV-{n}" for n in range(most)] == [compile_expression(link.id).text_of(context) for link in links]


@every_contract
def test_flow_links_make_one_chain(version: ContractVersion) -> None:
    """Each object is tied to the one before it, and to its supplier by reference only."""
    links = [link for operation in version.operations for link in operation.extension.links]
    flow = {(link.relation, link.object) for link in links if link.kind == "flow"}
    assert flow == ({FLOW[version.contract.contract]} if version.contract.contract in FLOW else set())
    assert {"supplier", "inventory_position"} >= {link.object for link in links if link.kind == "reference"}


def test_every_object_and_link_target_has_a_canonical_schema() -> None:
    """What lineage can show is what the library describes."""
    extensions = [operation.extension for version in versions() for operation in version.operations]
    named = {extension.object for extension in extensions} | {
        link.object for extension in extensions for link in extension.links
    }
    assert {f"{name}@1.0.0" for name in named} <= workspace().schemas.keys()
    assert named == set(OBJECTS), "an object that no operation speaks of"


def test_an_event_means_one_thing() -> None:
    """No two operations share a business event, and each is named after its object."""
    named = [
        (operation.extension.event, operation.extension.object)
        for version in versions()
        for operation in version.operations
        if operation.extension.event
    ]
    assert len({event for event, _ in named}) == len(named)
    for event, object_ in named:
        assert re.fullmatch(rf"{object_}\.[a-z]+(_[a-z]+)*", event), event


@every_operation
def test_effects_need_a_key_and_can_be_looked_up(case: Case) -> None:
    """Every call that changes something takes an Idempotency-Key and says how to learn what became of it."""
    extension = case.operation.extension
    assert extension.delivery == "sync"
    assert extension.layer == case.version.contract.layer
    declared = {parameter.name for parameter in case.operation.parameters if parameter.required}
    if case.operation.is_safe:
        assert extension.idempotency in (None, "none")
        assert "Idempotency-Key" not in declared
    else:
        assert extension.idempotency == "required"
        assert "Idempotency-Key" in declared
        assert extension.reconcile is not None
        assert extension.event


def effects() -> list[Any]:
    return [param for param in cases() if not param.values[0].operation.is_safe]


@pytest.mark.parametrize("case", effects())
def test_a_look_up_tells_done_from_not_done(case: Case) -> None:
    """The look-up that a gateway makes of the example asks for what the call answered; a system that says so settles
    it as done, one that still shows the state before as not done."""
    declared: Reconcile = case.operation.extension.reconcile  # type: ignore[assignment]
    lookup = next(op for op in case.version.operations if op.id == declared.operation)
    (answer,) = case.answers()
    context = case.context(case.requests()[0], None)
    context.entity = answer["legal_entity"]
    context.path_parameters = {"id": answer["id"]}
    plan = ReconcileTemplate(case.operation, lookup).plan(context, deadline_s=0)
    assert lookup.method == "GET"
    assert plan is not None
    path, _, query = plan.target.partition("?")
    assert path == lookup.path.replace("{id}", answer["id"])
    asked = dict(parse_qsl(query))
    assert asked.items() <= answer.items()

    def told(state: dict[str, Any]) -> str:
        is_listed = asked.items() <= state.items()
        shown = {"items": [state] if is_listed else []} if plan.select else state
        return judge(200, json.dumps(shown).encode(), plan.select, plan.where).found

    assert told(answer) == "one"
    if "{id}" in case.operation.path:
        documents = [each["value"] for each in case.version.document["components"]["examples"].values()]
        states = {told(state) for state in documents if "status" in state and state.get("object")}
        assert "absent" in states, "the state before the call counts as proof"


@every_operation
def test_failures_are_problems(case: Case) -> None:
    """Whatever goes wrong, at the gateway or behind it, is a problem document with its status."""
    checker = Validators()
    assert {"4XX", "5XX"} == {status for status in case.node["responses"] if status[0] in "45"}
    for status in ("4XX", "5XX"):
        (schema,) = case.operation.response_schemas[status].values()
        assert case.operation.response_schemas[status].keys() == {"application/problem+json"}
        assert not checker.is_valid(checker.handle(schema), {"error": "no"})


@every_operation
def test_calls_that_may_wait_declare_it(case: Case) -> None:
    """Where a person may have to decide, 202 with a status URL is part of the contract from the start."""
    assert ("202" in case.node["responses"]) == case.is_in(HELD)
    if case.is_in(HELD):
        held = case.followed(case.node["responses"]["202"])
        assert held["headers"]["Location"]["required"] is True
        assert "status_url" in case.examples(held)[0]


@every_operation
def test_scopes_fit_the_verb(case: Case) -> None:
    """Looking needs `read`, changing `write`, deciding and letting money go `approve`, whichever the credential."""
    is_deciding = case.is_in(DECIDING) and case.name not in WRITING
    scope = "read" if case.operation.is_safe else "approve" if is_deciding else "write"
    assert ((scope,),) == case.operation.scopes
    assert [{"waybill": [scope]}, {"oauth": [scope]}] == case.node["security"]


@pytest.mark.parametrize("case", [param for param in cases() if param.values[0].operation.id.endswith(".list")])
def test_lists_are_paged_and_belong_to_one_entity(case: Case) -> None:
    """A list names its legal entity, is bounded, goes on by cursor and finds objects by business key."""
    parameters = {parameter.name: parameter for parameter in case.operation.parameters}
    assert parameters["legal_entity"].required
    assert {"limit", "cursor", "id", "external_reference"} < parameters.keys()
    page = case.version.document["components"]["schemas"]["page"]
    assert page["properties"]["items"]["maxItems"] == parameters["limit"].schema["maximum"]  # type: ignore[index]


@pytest.mark.parametrize("case", [p for p in effects() if "{" not in p.values[0].operation.path])
def test_callers_do_not_set_what_the_system_decides(case: Case) -> None:
    """A creation that brings its own status, or a member nobody declared, is refused."""
    schema = case.operation.request_schemas["application/json"]
    checker = Validators()
    handle = checker.handle(schema)
    for request in case.requests():
        assert not checker.validate(handle, request)
        for extra in ("status", "created_at", "totl"):
            assert [(found.pointer, found.rule) for found in checker.validate(handle, {**request, extra: {}})] == [
                ("", "additionalProperties")
            ]
        for name in ("legal_entity", "external_reference"):
            rest = {key: value for key, value in request.items() if key != name}
            assert [f"/{name}"] == [found.pointer for found in checker.validate(handle, rest)]


def test_a_typical_order_has_a_typical_size() -> None:
    """Three lines are 2 to 2.5 kB of compact JSON, the size that the benchmarks speak of."""
    orders = next(v for v in versions() if v.contract.contract == "procurement.purchase-orders")
    for name in ("to_create", "issued"):
        order = orders.document["components"]["examples"][name]["value"]
        assert len(order["lines"]) == 3
        assert 2_000 <= len(json.dumps(order, separators=(",", ":"), ensure_ascii=False).encode()) <= 2_500


def test_documents_stay_readable() -> None:
    """Files that people read by hand have lines of at most 120 characters."""
    long = [
        f"{path.relative_to(LIBRARY)}:{number}"
        for path in sorted(LIBRARY.rglob("*.yaml"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > 120
    ]
    assert long == []
