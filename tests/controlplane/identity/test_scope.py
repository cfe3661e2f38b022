"""Whoever acts for some legal entities sees nothing of others: every read route is tried against another's data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import pytest
from litestar.handlers.http_handlers import HTTPRouteHandler

from catalog.measure import Measure
from catalog.record import AttentionEntry, DecisionRecord, Exchange
from controlplane.identity import guard
from controlplane.identity.scope import resolve
from controlplane.ingest.service import IngestService
from controlplane.projection import projections
from tests.controlplane.conftest import Api, is_problem
from tests.controlplane.journal import Calls, S, Stream, procure_to_pay, receipt_slo, validation_slo
from tests.controlplane.publication import put_in_force
from tests.controlplane.test_app import api_routes
from tests.controlplane.workspace import workspace

OWN, FOREIGN = "mercy", "lakeside"
VALIDATE = "procurement.requisitions/requisitions.validate"

#: people's routes that may be asked by everybody who reads and tell nothing of any legal entity
WITHOUT_ENTITY = {
    "GET /api/v1/whoami",
    "GET /api/v1/installation",
    "GET /api/v1/signing-key",
    "GET /api/v1/contracts",
    "GET /api/v1/contracts/{name}",
    "GET /api/v1/contracts/{name}/{version}/document",
    "GET /api/v1/contracts/{name}/comparison",
    "GET /api/v1/schemas/{name}/comparison",
    "GET /api/v1/catalog/search",
    "GET /api/v1/catalog",
    "GET /api/v1/schemas",
    "GET /api/v1/schemas/{name}/{version}",
    "GET /api/v1/gateways",
    "GET /api/v1/streams",
    "GET /api/v1/synthetic-streams",
}


class Attempt(NamedTuple):
    """A request for what is another's. `is_missing`: it answers 404; else its answer holds nothing foreign."""

    route: str
    path: str
    query: dict[str, str]
    is_missing: bool = False
    body: dict[str, Any] | None = None


#: what a call tells of its fields, and of a draft that would have refused it
TOLD: dict[str, Any] = {
    "request_fields": ("body:/lake",),
    "decisions": (DecisionRecord("request-schema", "reject", "shadow", "schema-violation", ("/lake",), "2.0.0"),),
}
DRAFT = "/contracts/payables.invoices/drafts/2.0.0"
FOREIGN_ORDER = {"type": "purchase_order", "assigner": FOREIGN, "value": "PO-7"}
ATTEMPTS = [
    Attempt("GET /api/v1/lineage/search", "/lineage/search", {"q": "PO-7"}),
    Attempt("GET /api/v1/lineage/search", "/lineage/search", {"q": "4500007"}),  # an alias
    Attempt("GET /api/v1/lineage/search", "/lineage/search", {"q": "PO-7", "entity": FOREIGN}, is_missing=True),
    Attempt("GET /api/v1/lineage/chain", "/lineage/chain", FOREIGN_ORDER, is_missing=True),
    Attempt(
        "GET /api/v1/lineage/chain",
        "/lineage/chain",
        {"type": "purchase_order", "assigner": "lake-erp", "value": "4500007"},
        is_missing=True,
    ),
    Attempt("GET /api/v1/lineage/chain", "/lineage/chain", {"type": "invoice", "assigner": OWN, "value": "INV-SHARED"}),
    Attempt("GET /api/v1/exchanges", "/exchanges", {"limit": "500"}),
    Attempt("GET /api/v1/exchanges", "/exchanges", FOREIGN_ORDER),
    Attempt("GET /api/v1/exchanges", "/exchanges", {"consumer": "lake-procurement"}),
    Attempt("GET /api/v1/exchanges", "/exchanges", {"refused": "true"}),
    Attempt("GET /api/v1/exchanges", "/exchanges", {"executed": "unknown"}),
    Attempt("GET /api/v1/exchanges", "/exchanges", {"entity": FOREIGN}, is_missing=True),
    Attempt("GET /api/v1/exchanges/{exchange_id}", "/exchanges/{foreign}", {}, is_missing=True),
    Attempt("GET /api/v1/slos", "/slos", {"entity": FOREIGN}, is_missing=True),
    Attempt("GET /api/v1/slos/{name}/objects", "/slos/receipt-reaches-erp/objects", {"state": "open"}),
    Attempt("GET /api/v1/slos/{name}/objects", "/slos/receipt-reaches-erp/objects", {"state": "bad"}),
    Attempt(
        "GET /api/v1/slos/{name}/objects", "/slos/receipt-reaches-erp/objects", {"entity": FOREIGN}, is_missing=True
    ),
    Attempt("GET /api/v1/overview", "/overview", {}),
    Attempt("GET /api/v1/overview", "/overview", {"entity": FOREIGN}, is_missing=True),
    Attempt("GET /api/v1/trends", "/trends", {"slo": "receipt-reaches-erp", "entity": FOREIGN}, is_missing=True),
    Attempt("GET /api/v1/slo-trends", "/slo-trends", {}),
    Attempt("GET /api/v1/slo-trends", "/slo-trends", {"entity": FOREIGN}, is_missing=True),
    Attempt("GET /api/v1/traffic", "/traffic", {"window": "28d"}),
    Attempt("GET /api/v1/traffic", "/traffic", {"entity": FOREIGN}, is_missing=True),
    Attempt("GET /api/v1/systems", "/systems", {"window": "28d"}),
    Attempt("GET /api/v1/systems", "/systems", {"entity": FOREIGN}, is_missing=True),
    Attempt("GET /api/v1/contracts/{name}/users", "/contracts/procurement.purchase-orders/users", {"days": "400"}),
    Attempt(
        "GET /api/v1/contracts/{name}/users",
        "/contracts/procurement.purchase-orders/users",
        {"entity": FOREIGN},
        is_missing=True,
    ),
    Attempt("GET /api/v1/contracts/{name}/fields", "/contracts/payables.invoices/fields", {"days": "400"}),
    Attempt(
        "GET /api/v1/contracts/{name}/fields",
        "/contracts/payables.invoices/fields",
        {"entity": FOREIGN},
        is_missing=True,
    ),
    Attempt("GET /api/v1/contracts/{name}/drafts/{version}", DRAFT, {"days": "400"}, is_missing=True),
    Attempt("GET /api/v1/contracts/{name}/drafts/{version}", DRAFT, {"entity": FOREIGN}, is_missing=True),
    Attempt("GET /api/v1/attention", "/attention", {"state": "all"}),
    Attempt(
        "POST /api/v1/attention/{attention_id}/settle",
        "/attention/lake-1/settle",
        {},
        is_missing=True,
        body={"resolution": "executed", "note": ""},
    ),
]
#: tested over a whole workspace, below and in `tests/controlplane/comparison`
IN_WORKSPACE = {
    "GET /api/v1/entities",
    "GET /api/v1/consumers",
    "GET /api/v1/schemas/{name}/{version}/impact",
}


def routes() -> Iterator[tuple[str, HTTPRouteHandler]]:
    """Routes of people that are open to who acts for some entities only."""
    for method, path, handler in api_routes():
        if handler.guards and handler.guards[0] in guard.RULES and not guard.RULES[handler.guards[0]].is_network_wide:
            yield f"{method} {path.rstrip('/')}", handler


def test_every_route_is_network_wide_or_tried_here() -> None:
    """A new route cannot be forgotten."""
    assert {route for route, _ in routes()} == WITHOUT_ENTITY | IN_WORKSPACE | {each.route for each in ATTEMPTS}


@pytest.fixture
def network(api: Api, context, clock) -> dict[str, str]:
    """Records of two legal entities, one of whose invoices bills an order of the other; a foreign exchange's id."""
    own, foreign = Calls(entity=OWN), Calls(entity=FOREIGN)
    stream = Stream("north/0/1")
    stream.log(*procure_to_pay(own, 1))
    theirs = [_lake(told) for told in procure_to_pay(foreign, 7)]
    stream.log(*theirs)
    shared = foreign.ref("invoice", "LAKE-SHARED")
    order = own.ref("invoice", "INV-SHARED")
    stream.log(
        own.make("payables.invoices/invoices.submit", "invoice.received", order, "10.00", [("bills", shared)]),
        _lake(foreign.make("payables.invoices/invoices.submit", "invoice.received", shared, "77777.00", **TOLD)),
        _lake(foreign.make("receiving.receipts/receipts.post", "receipt.posted", foreign.ref("receipt", "LAKE-OPEN"))),
        _lake(foreign.refused(VALIDATE, foreign.ref("requisition", "LAKE-R"), "shape", "lake-code")),
        _lake(foreign.make(VALIDATE, "", foreign.ref("requisition", "LAKE-D"), executed="unknown", status=504)),
        own.make(VALIDATE, "", own.ref("requisition", "REQ-V")),
    )
    waits = AttentionEntry("lake-1", "in_doubt", "open", theirs[0].exchange_id, legal_entity=FOREIGN)
    stream.write(waits, foreign.now_us + S, "attention")
    measures = [
        Measure("refused", "Refused", "refusals", definition="d", page="Transactions"),
        Measure("open", "Open", "open", definition="d", page="Transactions", slo="receipt-reaches-erp"),
    ]
    put_in_force(context, [validation_slo(), receipt_slo(deadline_s=1)], measures)
    stream.send(IngestService(context, projections()))
    clock.move(60)
    return {"foreign": theirs[0].exchange_id}


def _lake(told: Exchange) -> Exchange:
    return msgspec.structs.replace(
        told,
        consumer="lake-procurement",
        system="lake-erp",
        aliases=tuple(msgspec.structs.replace(alias, assigner="lake-erp") for alias in told.aliases),
    )


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda each: f"{each.route} {each.query}")
def test_nothing_foreign_is_told(api: Api, network, attempt: Attempt) -> None:
    """The same request tells somebody who acts for all of it: otherwise it would prove nothing."""
    method = attempt.route.split(" ", 1)[0]
    path = attempt.path.format(**network)
    role = "operator" if method == "POST" else "executive"
    more = {"params": attempt.query} | ({"json": attempt.body} if attempt.body is not None else {})
    mine = api.call(method, path, token=api.token(role, OWN), **more)
    if attempt.is_missing:
        assert is_problem(mine, 404, "not-found")
    else:
        assert mine.status_code == 200, mine.text
        assert "lake" not in mine.text.lower()
        assert "77777" not in mine.text
    everything = api.call(method, path, role, **more)
    if attempt.body is None:
        assert everything.status_code == 200, everything.text
        assert everything.text != mine.text
    else:
        assert everything.status_code != mine.status_code or "nothing known" not in everything.text


def counted(document: dict[str, Any]) -> Any:
    """Without what figures of all say about callers of no entity."""
    return [
        {name: value for name, value in item.items() if name != "exclusions"}
        for item in document.get("figures") or document["items"]
    ]


@pytest.mark.parametrize("path", ["/overview", "/slos"])
def test_figures_of_some_are_those_of_their_entity(api: Api, network, path: str) -> None:
    """Sums, ratios and money are counted over what may be seen, not shown less of."""
    scoped = api.get(path, token=api.token("executive", OWN)).json()
    assert scoped == api.get(path, params={"entity": OWN}).json()
    assert scoped != api.get(path).json()
    both = api.get(path, token=api.token("executive", OWN, FOREIGN)).json()
    assert counted(both) == counted(api.get(path).json())


@pytest.mark.parametrize(
    ("method", "path", "handler"),
    [
        pytest.param(method, path, handler, id=f"{method} {path}")
        for method, path, handler in api_routes()
        if handler.guards and handler.guards[0] in guard.RULES and guard.RULES[handler.guards[0]].is_network_wide
    ],
)
def test_what_cannot_be_narrowed_is_for_who_acts_for_all(api: Api, method: str, path: str, handler) -> None:
    """Raw streams, whole workspaces, tokens, keys, proposals, the audit: 403, also for an admin of one entity."""
    address = path.removeprefix("/api/v1").replace("{", "").replace("}", "")
    answer = api.call(method, address, token=api.token("admin", OWN))
    assert is_problem(answer, 403, "forbidden")
    assert "all legal entities" in answer.json()["detail"]


def test_entities_and_consumers_are_told_as_far_as_they_concern_one(api: Api) -> None:
    """A consumer of both is told with the own entity only; a foreign one not at all."""
    more = {
        "entities/lakeside.yaml": "entity: lakeside\nname: L\nregion: r\ncurrency: EUR\n",
        "consumers/both.yaml": "consumer: both\nname: B\nentities: [main, lakeside]\ncontracts: {}\n",
        "consumers/lake.yaml": "consumer: lake\nname: L\nentities: [lakeside]\ncontracts: {}\n",
    }
    assert api.post("/workspace/apply", {"files": workspace(**more)}).status_code == 200
    token = api.token("executive", "main")
    assert [item["entity"] for item in api.get("/entities", token=token).json()["items"]] == ["main"]
    told = {item["consumer"]: item["entities"] for item in api.get("/consumers", token=token).json()["items"]}
    assert told == {"both": ["main"], "shop": ["main"]}
    assert len(api.get("/consumers").json()["items"]) == 3


def test_a_grant_covers_children_and_the_members_of_a_centre(api: Api) -> None:
    """As the workspace in force says: a newly published child is covered at once."""
    entities = {
        "entities/centre.yaml": "entity: centre\nname: C\nregion: r\ncurrency: EUR\nmembers: [main]\n",
        "entities/network.yaml": "entity: network\nname: N\nregion: r\ncurrency: EUR\n",
        "entities/clinic.yaml": "entity: clinic\nname: K\nregion: r\ncurrency: EUR\nparent: centre\n",
    }
    api.post("/workspace/apply", {"files": workspace(**entities)})
    token = api.token("executive", "centre")
    assert api.get("/whoami", token=token).json()["sees"] == ["centre", "clinic", "main"]
    below = {"entities/ward.yaml": "entity: ward\nname: W\nregion: r\ncurrency: EUR\nparent: clinic\n"}
    assert api.post("/workspace/apply", {"files": workspace(**entities, **below)}).status_code == 200
    assert api.get("/whoami", token=token).json()["sees"] == ["centre", "clinic", "main", "ward"]


def test_resolving_ends_whatever_the_entities_say() -> None:
    """Cycles of parents and members, unknown names, nobody below."""
    tangled = {"a": {"parent": "b", "members": ["c"]}, "b": {"parent": "a"}, "c": {"members": ["a"]}}
    assert resolve(["a"], tangled) == {"a", "b", "c"}
    assert resolve(["unknown"], tangled) == {"unknown"}
    assert resolve(["d"], {"d": {}}) == {"d"}
    assert resolve(["*", "a"], tangled) is None
    assert resolve([], tangled) == frozenset()
