"""One exchange as rows of facts: who, what, decisions, hashes and its place in the audit stream."""

from __future__ import annotations

from html import escape
from typing import Any

from dashboards.view.call import reference, title
from dashboards.view.money import money
from dashboards.view.time import moment, span
from dashboards.view.word import reason

EXECUTED = {"yes": "yes", "no": "no", "unknown": "unknown: the system may or may not have acted"}


def facts(document: dict[str, Any]) -> dict[str, str]:
    """Name → text, in reading order; absent facts are left out."""
    record = document["exchange"]
    refused_by = record.get("refused_by", "")
    rows = {
        "Synthetic": "yes: invented for demonstration, never evaluated" if document.get("is_synthetic") else "",
        "What happened": title(record),
        "Exchange": record["exchange_id"],
        "Trace": record["trace_id"],
        "Started": moment(record["started_us"]),
        "Answered": f"{record['status']} in {span(record['duration_us'])}",
        "At the system": span(record["upstream_us"]) if record.get("upstream_us") else "",
        "Caller": " ".join(part for part in (record.get("consumer"), record.get("principal")) if part),
        "Operation": f"{record.get('contract', '')}@{record.get('version', '')} {record.get('operation', '')}",
        "Document": reference(record["object"]) if record.get("object") else "",
        "Amount": money(record.get("amount")),
        "Legal entity": record.get("legal_entity", ""),
        "System": record.get("system", ""),
        "Executed": EXECUTED.get(record["executed"], record["executed"]),
        "Fault": record["fault"] if record["fault"] != "none" else "",
        "Refused by": f"{refused_by}: {reason(refused_by)}" if refused_by else "",
        "Problem": record.get("code", ""),
        **_history(record),
        "Snapshot": record.get("snapshot", ""),
        "Request SHA-256": record.get("request_sha256", ""),
        "Response SHA-256": record.get("response_sha256", ""),
        "Audit stream": f"{document['stream']} entry {document['seq']}",
        "Entry SHA-256": document["entry_sha256"],
        "Entry before": document.get("prev", ""),
        "Anchored": "yes, under a signed head" if document.get("is_anchored") else "not yet",
    }
    return {name: text for name, text in rows.items() if text.strip(" @")}


def _history(record: dict[str, Any]) -> dict[str, str]:
    """What is out of the ordinary about how the record came to be."""
    return {
        "Answer": "" if record.get("is_verified", True) else "withheld: not as the contract declares",
        "Reconciled": "yes: the outcome was looked up at the system" if record.get("is_reconciled") else "",
        "Recovered": "yes: written after a crash of the gateway" if record.get("is_recovered") else "",
        "Replay of": record.get("first_exchange_id", ""),
    }


def table(rows: dict[str, str]) -> str:
    """Facts as a description list: nothing is cut off, on a phone each name stands over its text."""
    return f'<dl class="wb-facts" data-testid="facts">{"".join(map(_fact, rows.items()))}</dl>'


def _fact(row: tuple[str, str]) -> str:
    name, text = map(escape, row)
    return f'<dt>{name}</dt><dd data-fact="{name}">{text}</dd>'


def decisions(document: dict[str, Any]) -> list[str]:
    """The policies that spoke, in order: name, decision, mode, reason, where."""
    return [_decision(entry) for entry in document["exchange"].get("decisions", ())]


def _decision(entry: dict[str, Any]) -> str:
    mode = " (in shadow, not acted on)" if entry.get("mode") == "shadow" else ""
    code = entry.get("code", "")
    because = f": {reason(code)} [{code}]" if code else ""
    where = f" at {', '.join(entry['pointers'])}" if entry.get("pointers") else ""
    return f"{entry['policy']} {entry['kind']}{mode}{because}{where}"


def bullets(lines: list[str]) -> str:
    return f'<ul class="wb-list" data-testid="decisions">{"".join(f"<li>{escape(text)}</li>" for text in lines)}</ul>'
