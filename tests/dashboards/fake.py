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


STANDING = {
    "name": "receipt-reaches-erp",
    "title": "Receipt reaches the ERP",
    "objective": "99 % of receipts are accepted in time",
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
        self.answers: dict[str, Any] = {
            "/whoami": WHO,
            "/entities": {"items": [{"entity": "mercy-health"}, {"entity": "sankt-marien"}]},
            "/overview": OVERVIEW,
            "/lineage/search": {"items": []},
            "/lineage/chain": CHAIN,
            "/exchanges": {"items": []},
            "/slos": {"items": [STANDING]},
            "/slos/receipt-reaches-erp/objects": {"items": [OVERDUE]},
            "/exchanges/e1": {**EXCHANGE, "exchange": {**EXCHANGE["exchange"], "exchange_id": "e1"}},
            "/exchanges/e2": EXCHANGE,
            **more,
        }

    def get(self, path: str, **parameters: str | int) -> Any:
        self.asked.append((path, parameters))
        if path not in self.answers:
            raise ClientError(f"nothing known of {path}")
        return self.answers[path]
