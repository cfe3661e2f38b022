"""The contracts of the built-in library: what they promise, and that their examples keep it."""

from __future__ import annotations

import functools
import json
from typing import Any, NamedTuple
from urllib.parse import urlencode

import jsonschema
import msgspec
import pytest
from openapi_spec_validator import validate as validate_openapi

from catalog.contract import ContractVersion, Operation, Reconcile
from catalog.expression import Context, compile_expression, json_template
from catalog.extension import texts
from catalog.lint import lint
from catalog.pointer import resolve
from catalog.record import Amount
from catalog.schema import Validators
from catalog.workspace import Workspace, load
from tests.catalog.library import LIBRARY, inlined

#: contract -> operation -> business event
PLAN = {
    "procurement.requisitions": {
        "requisitions.validate": "requisition.validated",
        "requisitions.create": "requisition.created",
        "requisitions.approve": "requisition.approved",
        "requisitions.get": None,
        "requisitions.list": None,
    },
    "procurement.purchase-orders": {
        "purchaseOrders.create": "purchase_order.created",
        "purchaseOrders.approve": "purchase_order.approved",
        "purchaseOrders.issue": "purchase_order.issued",
        "purchaseOrders.acknowledge": "purchase_order.acknowledged",
        "purchaseOrders.get": None,
        "purchaseOrders.list": None,
    },
    "procurement.suppliers": {
        "suppliers.validate": "supplier.validated",
        "suppliers.create": "supplier.created",
        "suppliers.get": None,
        "suppliers.list": None,
    },
    "receiving.receipts": {"receipts.post": "receipt.posted", "receipts.get": None, "receipts.list": None},
    "payables.invoices": {
        "invoices.submit": "invoice.received",
        "invoices.approve": "invoice.approved",
        "invoices.get": None,
        "invoices.list": None,
    },
    "finance.purchase-orders": {
        "purchaseOrders.post": "purchase_order.posted",
        "purchaseOrders.get": None,
        "purchaseOrders.list": None,
    },
    "finance.receipts": {"receipts.post": "receipt.accepted", "receipts.get": None, "receipts.list": None},
    "finance.invoices": {"invoices.post": "invoice.posted", "invoices.get": None, "invoices.list": None},
    "finance.payments": {
        "payments.release": "payment.released",
        "payments.confirm": "payment.confirmed",
        "payments.get": None,
        "payments.list": None,
    },
}
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
HELD = {"create", "approve", "issue", "submit", "post", "release"}
ALWAYS = {"400", "401", "403", "410", "422", "429", "502", "503", "504"}


class Case(NamedTuple):
    version: ContractVersion
    operation: Operation

    @property
    def node(self) -> dict[str, Any]:
        """The operation as the document has it."""
        node: dict[str, Any] = self.version.document["paths"][self.operation.path][self.operation.method.lower()]
        return node

    def followed(self, node: dict[str, Any]) -> dict[str, Any]:
        """`node`, its local reference followed."""
        if "$ref" not in node:
            return node
        found: dict[str, Any] = resolve(self.version.document, node["$ref"][1:])
        return found

    def examples(self, holder: dict[str, Any]) -> list[Any]:
        """Examples of the JSON content of a request body or response, in order."""
        (content,) = self.followed(holder)["content"].values()
        return [self.followed(example)["value"] for example in content.get("examples", {}).values()]

    def requests(self) -> list[Any]:
        return self.examples(self.node["requestBody"]) if "requestBody" in self.node else []

    def success(self) -> str:
        return "201" if "201" in self.node["responses"] else "200"

    def answers(self) -> list[Any]:
        return self.examples(self.node["responses"][self.success()])

    def context(self, request: Any, answer: Any) -> Context:
        """What expressions see of a call with the examples of body and parameters."""
        given: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}}
        for parameter in map(self.followed, self.node.get("parameters", [])):
            if "example" in parameter:
                given[parameter["in"]][parameter["name"]] = str(parameter["example"])
        return Context(
            document=request,
            path_parameters=given["path"],
            query=urlencode(given["query"]),
            headers=[(name.lower().encode(), value.encode()) for name, value in given["header"].items()],
            response_document=answer,
            reference="mercy-health",
        )


@functools.cache
def workspace() -> Workspace:
    return load({"waybill.yaml": b"workspace: library\ninclude: [procure-to-pay]\n"})


def cases() -> list[Any]:
    return [
        pytest.param(Case(version, operation), id=f"{version.contract.contract}/{operation.id}")
        for version in workspace().versions
        for operation in version.operations
    ]


every_operation = pytest.mark.parametrize("case", cases())
every_contract = pytest.mark.parametrize("version", [pytest.param(v, id=v.ref) for v in workspace().versions])


def test_the_contracts_are_those_that_were_planned() -> None:
    """Names, operations and business events of procure-to-pay, all published at 1.0.0."""
    found = {
        version.contract.contract: {operation.id: operation.extension.event for operation in version.operations}
        for version in workspace().versions
    }
    assert found == PLAN
    assert {(v.version, v.state.state) for v in workspace().versions} == {("1.0.0", "published")}


def test_nothing_important_goes_unenforced() -> None:
    """The only promise the gateway does not check is the Location header of a held call."""
    assert {"response header Location is not checked"} == {note.message for note in workspace().notes}


def test_lint_finds_nothing_to_mend() -> None:
    """What is left is what only a workspace can add: bindings, and the header that nobody checks."""
    assert {finding.rule for finding in lint(workspace(), is_library_included=True)} == {
        "contract-bound",
        "not-enforced",
    }


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
        assert str(compile_expression(extension.occurred_at).text_of(context)).startswith("2026-")
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
    case = next(Case(v, o) for v in workspace().versions for o in v.operations if o.id == "payments.release")
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
    assert {"supplier"} >= {link.object for link in links if link.kind == "reference"}


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
    """The declared look-up finds the object of the example, accepts what the call answered, and nothing earlier."""
    plan: Reconcile = case.operation.extension.reconcile  # type: ignore[assignment]
    found = next(op for op in case.version.operations if op.id == plan.operation)
    context = case.context(case.requests()[0], None)
    by = {name: json_template(text).text_of(context) for name, text in plan.by.items()}
    assert all(by.values())
    (shown,) = Case(case.version, found).answers()
    candidates = resolve(shown, plan.select)
    (candidate,) = candidates if isinstance(candidates, list) else [candidates]
    assert by == {name: candidate[name] for name in by}
    (answer,) = case.answers()
    assert is_proof(plan, answer)
    if case.operation.path.endswith("}/" + case.operation.id.partition(".")[2]):
        documents = case.version.document["components"]["examples"].values()
        states = [
            example["value"] for example in documents if "status" in example["value"] and "id" in example["value"]
        ]
        assert not all(is_proof(plan, state) for state in states), "the state before the call counts as proof"


def is_proof(plan: Reconcile, candidate: Any) -> bool:
    return all(resolve(candidate, pointer) in values for pointer, values in plan.where.items())


@every_operation
def test_failures_are_problems(case: Case) -> None:
    """Whatever goes wrong is declared, and is a problem document with its status."""
    responses = case.node["responses"]
    wanted = ALWAYS | (set() if case.operation.is_safe else {"404", "409"})
    if "{id}" in case.operation.path:
        wanted |= {"404"}
    assert wanted == {status for status in responses if status[0] in "45"}
    checker = Validators()
    for status in wanted:
        (schema,) = case.operation.response_schemas[status].values()
        assert case.operation.response_schemas[status].keys() == {"application/problem+json"}
        assert not checker.is_valid(checker.handle(schema), {"error": "no"})


@every_operation
def test_calls_that_may_wait_declare_it(case: Case) -> None:
    """Where a person may have to decide, 202 with a status URL is part of the contract from the start."""
    verb = case.operation.id.partition(".")[2]
    assert ("202" in case.node["responses"]) == (verb in HELD)
    if verb in HELD:
        held = case.followed(case.node["responses"]["202"])
        assert held["headers"]["Location"]["required"] is True
        assert "status_url" in case.examples(held)[0]


@every_operation
def test_scopes_fit_the_verb(case: Case) -> None:
    """Looking needs `read`, changing `write`, letting money go `approve`, whichever the credential."""
    verb = case.operation.id.partition(".")[2]
    scope = "read" if case.operation.is_safe else "approve" if verb in ("approve", "release") else "write"
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
    orders = next(v for v in workspace().versions if v.contract.contract == "procurement.purchase-orders")
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
