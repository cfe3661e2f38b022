"""A client that answers from a table, shaped like the control plane's API, and remembers what it was asked."""

from __future__ import annotations

from typing import Any

from dashboards.client import ClientError

AT = 1_790_000_000_000_000


def ref(kind: str, value: str) -> dict[str, str]:
    return {"type": kind, "assigner": "mercy-health", "value": value}


def call(number: int, **more: Any) -> dict[str, Any]:
    """An exchange as the list of the API gives it."""
    return {
        "exchange_id": f"e{number}",
        "started_us": AT,
        "duration_us": 900,
        "upstream_us": 0,
        "method": "POST",
        "status": 201,
        "executed": "yes",
        "fault": "none",
        "contract": "payables.invoices",
        "version": "1.0.0",
        "operation": "invoices.submit",
        "consumer": "intake",
        "legal_entity": "mercy-health",
        "system": "payables",
        "refused_by": "",
        "code": "",
        "event": "",
        "is_verified": True,
        "is_replay": False,
        "object": ref("invoice", f"INV-{number}"),
        "amount": {"amount": "19.00", "currency": "USD"},
        "stream": "gw/0/1",
        "seq": number,
        **more,
    }


def figure(name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "title": f"Title of {name}",
        "unit": "count",
        "value": 3,
        "money": [],
        "numerator": 3,
        "denominator": 120,
        "denominator_label": "invoices",
        "exclusions": "",
        "still_open": 0,
        "window": "last 24 h",
        "as_of_us": AT,
        "state": "warning",
        "detail": [],
        "limits": {"warning": 2, "bad": 10.0, "label": ""},
        "where": [],
        "owner": "accounts-payable",
        "link": {"page": "Transactions", "query": {"refused": "1", "type": "invoice"}},
        "definition": f"How {name} is counted.",
        **more,
    }


OVERVIEW = {
    "sentence": "3 invoices worth 1,998.50 USD were refused.",
    "as_of_us": AT,
    "is_stale": False,
    "figures": [
        figure("invoices-in-exception", money=[{"amount": "1998.50", "currency": "USD"}]),
        figure("receipts-open", still_open=2),
        figure("validation-p95", unit="ms", value="231.4", state="ok"),
        figure("refused", unit="ratio", value="0.0142", detail=[{"label": "rate-limit", "count": 7}]),
        figure("in-doubt", value=0, state="ok"),
        figure("budget", unit="ratio", value=None, numerator=None, state="no_data", link=None),
    ],
}

CHAIN = {
    "root": ref("purchase_order", "PO-1"),
    "objects": [
        {"object": ref("requisition", "REQ-1"), "amount": None, "status_axes": {}, "is_root": False},
        {
            "object": ref("purchase_order", "PO-1"),
            "amount": {"amount": "19.00", "currency": "USD"},
            "status_axes": {"lifecycle": "issued"},
            "is_root": True,
        },
    ],
    "links": [
        {
            "source": ref("purchase_order", "PO-1"),
            "target": ref("requisition", "REQ-1"),
            "relation": "fulfils",
            "kind": "flow",
        }
    ],
    "events": [
        {
            "exchange_id": "e1",
            "at_us": AT,
            "type": "requisition.created",
            "object": ref("requisition", "REQ-1"),
            "contract": "procurement.requisitions",
            "version": "1.0.0",
            "operation": "requisitions.create",
            "consumer": "portal",
            "system": "saas",
            "status": 201,
            "executed": "yes",
            "refused_by": "",
            "code": "",
            "duration_us": 2100,
            "upstream_us": 1500,
            "since_previous_us": 0,
        },
        {
            "exchange_id": "e2",
            "at_us": AT + 5_000_000,
            "type": "",
            "object": ref("purchase_order", "PO-1"),
            "contract": "procurement.purchase-orders",
            "version": "1.0.0",
            "operation": "orders.create",
            "consumer": "buyer<script>",
            "system": "",
            "status": 422,
            "executed": "no",
            "refused_by": "request-schema",
            "code": "schema-violation",
            "duration_us": 800,
            "upstream_us": 0,
            "since_previous_us": 5_000_000,
        },
    ],
    "as_of_us": AT,
}

EXCHANGE: dict[str, Any] = {
    "exchange": {
        "exchange_id": "e2",
        "trace_id": "ab" * 16,
        "started_us": AT,
        "duration_us": 800,
        "status": 422,
        "executed": "no",
        "fault": "request",
        "consumer": "buyer",
        "contract": "procurement.purchase-orders",
        "version": "1.0.0",
        "operation": "orders.create",
        "request_sha256": "cd" * 32,
        "decisions": [
            {"policy": "request-schema", "kind": "reject", "code": "schema-violation", "pointers": ["/totals/gross"]}
        ],
    },
    "stream": "gw/0/1",
    "seq": 42,
    "entry_sha256": "ef" * 32,
    "is_anchored": True,
}


STANDING: dict[str, Any] = {
    "name": "receipt-reaches-erp",
    "title": "Receipt reaches the ERP",
    "service": "receiving.receipts",
    "objective": "99 % of receipts are accepted in time",
    "target": "0.99",
    "window": "28d",
    "good": 96,
    "bad": 4,
    "total": 100,
    "open": 7,
    "overdue": 2,
    "ratio": 0.96,
    "budget_left_ratio": -3.0,
    "burn_rate_1h": 2.5,
    "money_at_risk": [{"amount": "1250.50", "currency": "USD"}],
    "state": "breached",
    "as_of_us": AT,
    "is_stale": False,
    "owner": "receiving",
    "steward": "controller",
}

TREND = {"previous": 0.995, "step_s": 86_400, "points": [{"at_us": AT, "value": 0.99}, {"at_us": AT, "value": 0.96}]}

DOCUMENT = {
    "openapi": "3.1.0",
    "paths": {
        "/invoices/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "put": {
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Change"}}},
                },
                "responses": {"200": {"description": "Changed <b>now</b>"}, "404": {"description": "Unknown"}},
            },
        }
    },
    "components": {
        "schemas": {
            "Change": {
                "type": "object",
                "required": ["lines"],
                "properties": {
                    "supplier": {"$ref": "canonical:supplier@1.0.0"},
                    "lines": {
                        "type": "array",
                        "items": {"properties": {"net": {"type": "string", "pattern": "^[0-9]"}}},
                    },
                },
            }
        }
    },
}

CONTRACT: dict[str, Any] = {
    "name": "payables.invoices",
    "title": "Supplier invoices",
    "owner": "accounts-payable",
    "steward": "head-of-payables",
    "domain": "payables",
    "layer": "process",
    "base_path": "/payables/v{major}",
    "description": "",
    "compatibility": "backward",
    "versions": [
        {
            "version": "1.0.0",
            "state": "deprecated",
            "sha256": "ab" * 32,
            "deprecated_at": "2026-10-01T00:00:00Z",
            "sunset_at": "2027-01-01T00:00:00Z",
            "successor": "1.1.0",
            "pins": {},
            "kind": "openapi",
            "operations": [],
        },
        {
            "version": "1.1.0",
            "state": "published",
            "sha256": "cd" * 32,
            "deprecated_at": None,
            "sunset_at": None,
            "successor": None,
            "pins": {"supplier@1.0.0": "ef" * 32},
            "kind": "openapi",
            "operations": [
                {
                    "operation": "invoices.change",
                    "method": "PUT",
                    "path": "/invoices/{id}",
                    "object": "invoice",
                    "event": "invoice.changed",
                    "events": ["invoice.changed"],
                    "summary": "Change an invoice",
                    "meaning": {
                        "id": "$request.path.id",
                        "amount": "$request.body#/total",
                        "links": [{"object": "purchase_order", "id": "$request.body#/order", "relation": "bills"}],
                        "idempotency": "required",
                    },
                }
            ],
        },
    ],
}

ROW: dict[str, Any] = {
    **{name: CONTRACT[name] for name in ("name", "title", "domain", "layer", "owner", "steward")},
    "kind": "openapi",
    "operations": 1,
    "objects": ["invoice"],
    "versions": [{"version": "1.1.0", "state": "published", "sunset_at": None}],
}

USERS = [
    {
        "consumer": "intake",
        "name": "Invoice intake",
        "owner": "accounts-payable",
        "is_granted": True,
        "scopes": ["write"],
        "entities": ["*"],
        "uses": [
            {"version": "1.1.0", "operation": "invoices.change", "calls": 1200, "refused": 3, "last_day": "2026-11-22"}
        ],
    },
    {
        "consumer": "dock",
        "name": "dock",
        "owner": "",
        "is_granted": False,
        "scopes": [],
        "entities": ["mercy-health"],
        "uses": [
            {"version": "1.1.0", "operation": "invoices.change", "calls": 6, "refused": 6, "last_day": "2026-11-20"}
        ],
    },
]

SCHEMA = {
    "schema": "supplier",
    "title": "Supplier",
    "owner": "supplier-master",
    "steward": "head-of-supplier-management",
    "versions": [{"version": "1.0.0", "sha256": "ef" * 32, "users": ["payables.invoices@1.1.0"]}],
}

SPREAD = {"p50_us": 1_000, "p95_us": 30_000, "p99_us": 1_600_000, "calls": 1_230}
NO_SPREAD = {"p50_us": None, "p95_us": None, "p99_us": None, "calls": 0}

TRAFFIC: dict[str, Any] = {
    "window": "24h",
    "as_of_us": AT,
    "is_stale": False,
    "silent": [],
    "has_synthetic": False,
    "now": {"calls": 1_300, "refused": 26, "failed": 13},
    "before": {"calls": 1_000, "refused": 10, "failed": 20},
    "in_doubt": 2,
    "waiting": SPREAD,
    "overhead": {**SPREAD, "p95_us": 4_000},
    "refusals": [{"refusal": "rate-limit", "calls": 20}, {"refusal": "own-rule", "calls": 6}],
    "gateways": [{"gateway": "edge-1", "calls": 1_300, "refused": 26}],
    "operations": [{"contract": "payables.invoices", "operation": "invoices.change", "calls": 1_206, "refused": 9}],
    "step_s": 3_600,
    "points": [{"at_us": AT, "calls": 1_000, "refused": 10, "failed": 20}] * 2,
}

SYSTEMS = [
    {
        "system": "erp-one",
        "name": "Cloud ERP",
        "owner": "erp-team",
        "region": "us-east",
        "layer": "system",
        "contracts": ["finance.invoices@1"],
        "entities": ["mercy-health"],
        "traffic": {
            "calls": 800,
            "failed": 8,
            "in_doubt": 2,
            "calls_before": 700,
            "failed_before": 0,
            "waiting": SPREAD,
            "overhead": {**SPREAD, "p95_us": 4_000},
        },
    },
    {
        "system": "idle",
        "name": "",
        "owner": "",
        "region": "",
        "layer": "",
        "contracts": [],
        "entities": [],
        "traffic": {
            "calls": 0,
            "failed": 0,
            "in_doubt": 0,
            "calls_before": 0,
            "failed_before": 0,
            "waiting": NO_SPREAD,
            "overhead": NO_SPREAD,
        },
    },
]


def gateway(name: str, **more: Any) -> dict[str, Any]:
    return {
        "gateway": name,
        "name": name,
        "group": "default",
        "state": "ack",
        "is_stale": False,
        "generation": 7,
        "running_generation": 7,
        "detail": "",
        "enrolled_us": AT,
        "last_seen_us": AT,
        "reported_us": AT,
        "streams": {f"{name}/0/1": 42},
        "halted": {},
        "revoked_us": None,
        "revoked_by": None,
        **more,
    }


def stream(name: str, **more: Any) -> dict[str, Any]:
    return {
        "stream": name,
        "last": 4_200,
        "head": "ab" * 32,
        "signature": "c2ln",
        "signed_at": "2026-09-21T14:13:20Z",
        "signed_at_us": AT,
        "last_at_us": AT,
        "lag_us": 206_000,
        "unread": 0,
        "is_closed": False,
        "is_synthetic": False,
        **more,
    }


ACT = {
    "act_id": 9,
    "at_us": AT,
    "who_id": "token:x",
    "who": "ada",
    "role": "architect",
    "what": "workspace.applied",
    "target": "12",
    "detail": {"added": [f"contract/{number}" for number in range(9)], "changed": [], "reason": "<script>"},
}

READINESS: dict[str, Any] = {
    "contract": "payables.invoices@2.0.0",
    "days": 30,
    "touched": [
        {
            "consumer": "intake",
            "owner": "team <b>",
            "version": "1.1.0",
            "operation": "invoices.create",
            "calls": 1200,
            "fields": ["body:/total"],
            "is_field_known": True,
        }
    ],
    "not_touched": 2,
    "grounds": [
        {"rule": "tested-in-part", "message": "the last run exercised 1 of 3 operations by 2 requests"},
        {"rule": "approval-needed", "message": "not told here"},
    ],
    "last_run": None,
}
PROPOSAL: dict[str, Any] = {
    "proposal_id": "p1",
    "state": "open",
    "requested_by": "ada",
    "created_us": AT,
    "age_s": 90_000,
    "generation": 11,
    "files_sha256": "ab" * 32,
    "is_overdue": True,
    "waits_for_me": True,
    "is_own": False,
    "needs": [
        {
            "kind": "contract",
            "name": "payables.invoices",
            "owner": "accounts-payable",
            "steward": "head-of-payables",
            "asked": ["steward", "owner"],
            "approved_by": None,
        }
    ],
    "answers": [],
    "published_generation": None,
    "closed_us": None,
    "plan": {
        "changed": [{"kind": "contract", "name": "payables.invoices@1.1.0", "detail": "published"}],
        "releases": [
            {
                "kind": "contract",
                "name": "payables.invoices@2.0.0",
                "previous": "1.1.0",
                "declared": "major",
                "needed": "major",
                "changes": 2,
                "is_draft": False,
                "reasons": [
                    {"message": "total <b>: a required property was added", "severity": "major"},
                    {
                        "message": "note: a pattern was added",
                        "severity": "major",
                        "is_waived": True,
                        "waived_by": "nobody sends <i> (ann, until 2027-01-31)",
                    },
                ],
            }
        ],
        "reached": [
            {
                "schema": "supplier@1.1.0",
                "contract": "payables.invoices@1.1.0",
                "owner": "accounts-payable",
                "pinned": ["1.0.0"],
                "verdict": "incompatible",
                "bump": "major",
                "as_version": "2.0.0",
                "uses": 1,
                "changes": 1,
            }
        ],
    },
}

PUT = "/paths/~1invoices~1{id}/put"

COMPARISON: dict[str, Any] = {
    "kind": "contract",
    "name": "payables.invoices",
    "title": "Supplier invoices",
    "old": "1.0.0",
    "new": "1.1.0",
    "verdict": "incompatible",
    "bump": "major",
    "declared": "minor",
    "policy": "wire",
    "compatibility": "backward",
    "total": 2,
    "counts": {"major": 1, "minor": 1},
    "offset": 0,
    "changes": [
        {
            "rule": "max-length-lowered",
            "title": "The greatest length was lowered",
            "explanation": "Longer texts are refused.",
            "operation": "PUT /invoices/{id}",
            "location": f"{PUT}/requestBody/content/application~1json/schema/properties/no/maxLength",
            "direction": "request",
            "severity": "major",
            "message": "maxLength 10 → 5: the greatest length was lowered",
            "fingerprint": "ab" * 32,
            "is_undecided": False,
            "has_witness": True,
            "witness": "<script>",
            "accepted_by": "1.0.0",
            "refused_by": "1.1.0",
            "fragment": {
                "old": {"type": "string", "maxLength": 10},
                "new": {"type": "string", "maxLength": 5},
                "has_old": True,
                "has_new": True,
            },
        },
        {
            "rule": "property-added",
            "title": "A property was added",
            "explanation": "Nobody counts on it.",
            "operation": "PUT /invoices/{id}",
            "location": f"{PUT}/responses/200/content/application~1json/schema/properties/note",
            "direction": "response",
            "severity": "minor",
            "message": "note: an optional property was added",
            "fingerprint": "cd" * 32,
            "is_undecided": False,
            "has_witness": False,
            "witness": None,
            "accepted_by": "",
            "refused_by": "",
            "fragment": {"old": None, "new": {"type": "string"}, "has_old": False, "has_new": True},
        },
    ],
}

IMPACT: dict[str, Any] = {
    "schema": "supplier@1.0.0",
    "verdict": "incompatible",
    "bump": "major",
    "days": 30,
    "contracts": [
        {
            "contract": "payables.invoices@1.1.0",
            "state": "published",
            "owner": "accounts-payable",
            "pinned": ["1.0.0"],
            "verdict": "incompatible",
            "bump": "major",
            "as_version": "2.0.0",
            "uses": [
                {
                    "operation": "invoices.change",
                    "method": "PUT",
                    "path": "/invoices/{id}",
                    "pointer": "/paths/~1invoices~1{id}/put/requestBody/content/application~1json/schema",
                    "direction": direction,
                    "verdict": verdict,
                    "bump": "major",
                }
                for direction, verdict in (("request", "compatible"), ("response", "incompatible"))
            ],
            "changes": [
                {"severity": "major", "operation": "PUT /invoices/{id}", "location": "/x", "message": "more values"}
            ],
            "total": 1,
            "callers": [{"consumer": "intake", "owner": "ap", "calls": 1200, "operations": ["invoices.change"]}],
        }
    ],
}

HITS: dict[str, Any] = {
    "total": 2,
    "items": [
        {
            "kind": "contract",
            "name": "payables.invoices",
            "title": "Supplier invoices",
            "contract": "payables.invoices",
            "schema": "",
            "version": "1.1.0",
            "carriers": ["payables.invoices"],
        },
        {
            "kind": "property",
            "name": "tax_id",
            "title": "",
            "contract": "",
            "schema": "supplier",
            "version": "1.0.0",
            "carriers": ["payables.invoices", "procurement.suppliers"],
        },
    ],
}

DEPRECATION: dict[str, Any] = {
    "sunset": "2027-04-15T00:00:00Z",
    "successor": "1.0.0",
    "file": "contracts/payables/invoices/contract.yaml",
    "text": "contract: payables.invoices\n",
    "plan": {
        "added": [],
        "changed": [{"kind": "contract", "name": "payables.invoices@1.1.0", "detail": "published → deprecated"}],
        "removed": [],
        "refused": [],
        "notes": [{"message": "1.1.0 ends 10 days after it was deprecated", "remedy": "leave 90 days or more"}],
        "needs": [],
    },
}

OVERDUE = {
    "object": ref("receipt", "GR-1"),
    "state": "overdue",
    "legal_entity": "mercy-health",
    "started_us": AT,
    "deadline_us": AT,
    "finished_us": None,
    "amount": {"amount": "5.00", "currency": "EUR"},
}


WHO = {
    "id": "token:abcdefgh",
    "name": "cfo",
    "role": "executive",
    "entities": ["*"],
    "sees": None,
    "permissions": ["audit", "read"],
}


class FakeClient:
    """Answers by path; a path that is not in the table fails as the real client would."""

    def __init__(self, **more: Any) -> None:
        self.asked: list[tuple[str, dict[str, str | int]]] = []
        self.done: list[tuple[str, Any]] = []
        self.answers: dict[str, Any] = {
            "/whoami": WHO,
            "/synthetic-streams": {"items": []},
            "/entities": {"items": [{"entity": "mercy-health"}, {"entity": "sankt-marien"}]},
            "/overview": OVERVIEW,
            "/lineage/search": {"items": []},
            "/lineage/chain": CHAIN,
            "/exchanges": {"items": []},
            "/slos": {"items": [STANDING]},
            "/slo-trends": {"items": [{"id": "receipt-reaches-erp", "trend": TREND}]},
            "/catalog": {"items": [ROW], "total": 23},
            "/contracts/payables.invoices": CONTRACT,
            "/contracts/payables.invoices/users": {"days": 28, "as_of_us": AT, "items": USERS},
            "/contracts/payables.invoices/1.0.0/document": {},
            "/contracts/payables.invoices/1.1.0/document": DOCUMENT,
            "/schemas": {"items": [SCHEMA]},
            "/schemas/supplier/1.0.0": {"properties": {"legal_name": {"type": "string"}}, "required": ["legal_name"]},
            "/traffic": TRAFFIC,
            "/systems": {"items": SYSTEMS},
            "/gateways": {"items": [gateway("edge-1")], "newest_generation": 7},
            "/streams": [stream("edge-1/0/1")],
            "/audit": {"items": [ACT]},
            "/approvals": {"items": [PROPOSAL]},
            "/approvals/p1": PROPOSAL,
            "/approvals/p1/comparison": COMPARISON,
            "/approvals/p1/readiness": READINESS,
            "/approvals/p1/impact": IMPACT,
            "/contracts/payables.invoices/comparison": COMPARISON,
            "/contracts/payables.invoices/1.1.0/deprecation/plan": DEPRECATION,
            "/schemas/supplier/1.0.0/impact": IMPACT,
            "/catalog/search": HITS,
            "/slos/receipt-reaches-erp/objects": {"items": [OVERDUE]},
            "/exchanges/e1": {**EXCHANGE, "exchange": {**EXCHANGE["exchange"], "exchange_id": "e1"}},
            "/exchanges/e2": EXCHANGE,
            **more,
        }

    def post(self, path: str, body: Any) -> Any:
        self.done.append((path, body))
        return self.answers.get(path, {})

    def ask(self, path: str, body: Any) -> Any:
        return self.get(path, **body)

    def get(self, path: str, **parameters: str | int) -> Any:
        self.asked.append((path, parameters))
        if path not in self.answers:
            raise ClientError(f"nothing known of {path}")
        return self.answers[path]
