"""One exchange as rows of facts: who, what, decisions, hashes and its place in the audit stream."""

from __future__ import annotations

from typing import Any

from dashboards.view.time import moment, span


def facts(document: dict[str, Any]) -> dict[str, str]:
    """Name → text, in reading order; absent facts are left out."""
    record = document["exchange"]
    rows = {
        "Exchange": record["exchange_id"],
        "Trace": record["trace_id"],
        "Started": moment(record["started_us"]),
        "Answered": f"{record['status']} in {span(record['duration_us'])}",
        "At the system": span(record.get("upstream_us", 0)),
        "Caller": " ".join(part for part in (record.get("consumer"), record.get("principal")) if part),
        "Operation": f"{record.get('contract', '')}@{record.get('version', '')} {record.get('operation', '')}",
        "Legal entity": record.get("legal_entity", ""),
        "System": record.get("system", ""),
        "Executed": record["executed"],
        "Fault": record["fault"] if record["fault"] != "none" else "",
        "Refused by": record.get("refused_by", ""),
        "Replay of": record.get("first_exchange_id", ""),
        "Snapshot": record.get("snapshot", ""),
        "Request SHA-256": record.get("request_sha256", ""),
        "Response SHA-256": record.get("response_sha256", ""),
        "Audit stream": f"{document['stream']} entry {document['seq']}",
        "Entry SHA-256": document["entry_sha256"],
        "Anchored": "yes, under a signed head" if document.get("is_anchored") else "not yet",
    }
    return {name: text for name, text in rows.items() if text.strip(" @")}


def decisions(document: dict[str, Any]) -> list[dict[str, str]]:
    """The policies that spoke, in order: name, decision, mode, reason, where."""
    return [
        {
            "Policy": entry["policy"],
            "Decision": entry["kind"],
            "Mode": entry.get("mode", "enforce"),
            "Reason": entry.get("code", ""),
            "Where": ", ".join(entry.get("pointers", ())),
        }
        for entry in document["exchange"].get("decisions", ())
    ]
