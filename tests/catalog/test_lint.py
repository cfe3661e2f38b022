"""Lint rules: each has an example that breaks it; the good workspace and the library keep them."""

import pytest

from catalog.inventory import FOLDERS
from catalog.lint import RULES, lint
from catalog.lint.stray import stray
from catalog.workspace import load, read_directory
from tests.catalog.workspace import GOOD

OPENAPI = "contracts/orders/purchases/1.1.0/openapi.yaml"
ASYNCAPI = "contracts/orders/purchase-events/1.0.0/asyncapi.yaml"
MESSAGE = '      received: {$ref: "#/components/messages/received"}\n'
VALIDATION = b"""
  /purchase-validations:
    post:
      operationId: purchases.validate
      responses: {default: {description: Done., content: {application/problem+json: {schema: {type: object}}}}}
      x-waybill: {object: purchase, id: $request.header.purchase, event: purchase.validated, safe: true}
components:
"""


def findings(path=None, old="", new="", more=None):
    files = {**read_directory(GOOD), **(more or {})}
    if path is not None:
        assert old.encode() in files[path]
        files[path] = files[path].replace(old.encode(), new.encode())
    return [(finding.rule, finding.problem.file) for finding in lint(load(files))]


def test_good():
    """There is nothing to say about the good workspace."""
    assert findings() == []


SCHEMA = b'{"$id": "canonical:bill@1.0.0", "properties": {"netTotal": {"type": "number"}}}'
PLAIN = {  # a template that makes no bindings and grants nothing
    "templates/clinic.yaml": read_directory(GOOD)["templates/clinic.yaml"].partition(b"bindings:")[0],
    "records/purchase.yaml": b"- {object: purchase, system: erp}",
}
EXPERIENCE = {
    "systems/erp.yaml": read_directory(GOOD)["systems/erp.yaml"] + b"layer: process\n",
    "consumers/app.yaml": b"{consumer: app, name: App, owner: x, layer: experience, entities: ['*'], "
    b"contracts: {orders.purchases: [read]}}",
}
BREACHES = [
    ("money-needs-key", OPENAPI, "idempotency: required", "idempotency: optional", {}),
    ("key-offered", OPENAPI, "idempotency: optional", "idempotency: none", {}),
    ("outcome-reconciled", OPENAPI, "idempotency: optional", "idempotency: required", {}),
    ("errors-are-problems", OPENAPI, "application/problem+json: {schema: {type: object}}", "text/plain: {}", {}),
    ("lists-are-paged", OPENAPI, "- {name: cursor, in: query, schema: {type: string}}", "", {}),
    ("changes-need-scope", OPENAPI, "operationId: purchases.receive\n      security: [{waybill: [write]}]",
     "operationId: purchases.receive\n      security: [{waybill: []}]", {}),
    ("money-is-exact", None, "", "", {
        "schemas/bill/1.0.0.json": SCHEMA, "schemas/bill/schema.yaml": b"{schema: bill, owner: x, steward: y}"}),
    ("canonical-by-reference", OPENAPI, "components:\n", "components:\n  schemas: {Money: {type: object}}\n", {}),
    ("owner-named", "systems/erp.yaml", "owner: erp-team", "owner: ''", {}),
    ("contract-bound", "bindings/all.yaml", "major: 1", "major: 2",
     {**PLAIN, "contracts/orders/purchases/2.0.0/openapi.yaml": read_directory(GOOD)[OPENAPI],
      "contracts/orders/purchases/contract.yaml":
          read_directory(GOOD)["contracts/orders/purchases/contract.yaml"] + b"  2.0.0: {state: draft}\n"}),
    ("consumer-may-call", "consumers/buyer.yaml", "entities: [north, annex]", "entities: []",
     PLAIN),
    ("layer-bypass", "contracts/orders/purchases/contract.yaml", "layer: process", "layer: system", EXPERIENCE),
    ("record-reachable", "records/purchase.yaml", "- {object: purchase, system: erp}",
     "- {object: purchase, system: master}",
     {"systems/master.yaml": b"{system: master, name: M, region: x, base_url: 'http://127.0.0.1:9', owner: x}"}),
    ("owner-missing", "measures/own.yaml", "owner: procurement-integration", "owner: ''", {}),
    ("steward-missing", "slos/purchases.yaml", ", waybill.dev/steward: head-of-buying}", "}", {}),
    ("not-enforced", OPENAPI, "- {name: reference, in: query, schema: {type: string}}",
     "- {name: reference, in: query, schema: {type: string, format: isbn}}", {}),
    ("nullable-enum-has-null", OPENAPI, "- {name: reference, in: query, schema: {type: string}}",
     "- {name: reference, in: query, schema: {type: string, nullable: true, enum: [a]}}",
     {OPENAPI: read_directory(GOOD)[OPENAPI].replace(b"openapi: 3.1.0", b"openapi: 3.0.3")}),
    ("question-is-a-call", ASYNCAPI, MESSAGE, MESSAGE + "      asked: {name: purchase.validated, payload: {}}\n",
     {OPENAPI: read_directory(GOOD)[OPENAPI].replace(b"\ncomponents:\n", VALIDATION)}),
    ("change-has-event", ASYNCAPI, "name: purchase.received", "name: purchase.returned", {}),
    ("event-named", ASYNCAPI, MESSAGE, MESSAGE + "      noun: {name: purchase.receipt, payload: {}}\n", {}),
    ("operation-named", OPENAPI, "      operationId: purchases.receive\n", "", {}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "path", "old", "new", "more"), BREACHES, ids=[breach[0] for breach in BREACHES])
def test_breaches(rule, path, old, new, more):
    """Each rule finds its breach, and no other rule is broken by it."""
    assert {found for found, _ in findings(path, old, new, more)} == {rule}


def test_every_rule_has_a_breach():
    """Ids are unique, and each rule is shown to find something."""
    assert sorted(rule.id for rule in RULES) == sorted(breach[0] for breach in BREACHES)


def test_the_library_keeps_the_rules():
    """Nothing but notes on what is not enforced is to be said of the built-in library (unbound as it is)."""
    workspace = load({"waybill.yaml": b"{workspace: x, include: [procure-to-pay]}"})
    told = {finding.rule for finding in lint(workspace, is_library_included=True)}
    assert told <= {"not-enforced", "contract-bound", "change-has-event", "owner-missing", "steward-missing"}
    assert lint(workspace) == []


@pytest.mark.parametrize(
    ("path", "old", "told"),
    [
        ("contracts/orders/purchases/contract.yaml", "steward: head-of-buying", ["steward-missing"]),
        ("schemas/money/schema.yaml", "owner: data-office, steward: treasurer,", ["owner-missing", "steward-missing"]),
        ("slos/purchases.yaml", "    waybill.dev/owner: procurement-integration\n", ["owner-missing"]),
        ("measures/own.yaml", ", steward: head-of-buying", ["steward-missing"]),
    ],
)
def test_somebody_answers_for_everything(path, old, told):
    """Contracts, schemas, objectives and measures name an owner and a steward; the finding names their file."""
    assert findings(path, old, "") == [(rule, path) for rule in told]


def test_a_schema_without_owners_is_told_where_it_is():
    """When there is no schema.yaml, the newest version's file is named."""
    files = read_directory(GOOD)
    del files["schemas/money/schema.yaml"]
    told = {(finding.rule, finding.problem.file) for finding in lint(load(files))}
    place = "schemas/money/1.0.0.json"
    assert told == {("owner-missing", place), ("steward-missing", place)}


def test_what_nobody_reads_is_told(tmp_path):
    """Misspelt folders and settings, and folders of documents that belong to no kind; others are left alone."""
    for name in (
        *("waybill.yaml", "Waybill.yml", "entity/a.yaml", "policy/p.yaml", "entities/a.yaml", "systems.yaml"),
        *("extra/deep/b.json", "keys/jwks.json", ".waybill/c.json", "docs/readme.md", "README.md", "notes.yaml"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    found = stray(tmp_path, {"waybill.yaml", "entities/a.yaml", "keys/jwks.json"})
    assert {finding.severity for finding in found} == {"warning"}
    assert {finding.problem.file: finding.problem.remedy.partition(";")[0] for finding in found} == {
        "Waybill.yml": "did you mean waybill.yaml?",
        "entity/": "did you mean entities/?",
        "policy/": "did you mean policies/?",
        "systems.yaml": "put it into the folder systems/",
        "extra/": f"folders are {', '.join(FOLDERS)}",
    }
