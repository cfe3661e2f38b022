"""Per exchange: what callers logged, what systems logged, and the gateway's one record of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from catalog.record import Exchange
from controlplane.simulation.verify.difference import Difference
from controlplane.simulation.verify.evidence import Evidence
from controlplane.simulation.verify.ledger import DRIFTED, SYSTEM_CODES, UNREACHED, Ledger

#: ends that the caller chose itself: it did not wait, or was stopped
OWN_DOING = frozenset({"ConnectTimeout", "ReadTimeout", "WriteTimeout", "PoolTimeout", "Cancelled"})


class Index(NamedTuple):
    """Records by exchange id, by the caller's span for callers that never saw an exchange id, and by the gateway's own
    span, which is what a system sees."""

    by_id: dict[str, Exchange]
    by_span: dict[tuple[str, str], Exchange]
    by_own_span: dict[tuple[str, str], Exchange]


def index(records: list[Exchange]) -> Index:
    """The first record of each exchange; later ones of the same exchange are judged by `record_differences`."""
    by_id: dict[str, Exchange] = {}
    for record in records:
        by_id.setdefault(record.exchange_id, record)
    by_span = {(record.trace_id, record.parent_span_id): record for record in by_id.values()}
    by_own_span = {(record.trace_id, record.upstream_span_id): record for record in by_id.values()}
    return Index(by_id, by_span, by_own_span)


def call_differences(evidence: Evidence, records: Index, ledger: Ledger) -> list[Difference]:
    """Every attempt has its record with the same status and body; every answer was reckoned with or explained."""
    found: list[Difference] = []
    for line in evidence.calls:
        record = record_of(line, records)
        if record is None:
            found += _without_record(line)
        elif not line["exchange"]:
            sides = {line["caller"]: f"no answer: {line['error']}", "gateway": f"status {record.status}"}
            is_own = line["error"] in OWN_DOING
            kind = "caller-gave-up" if is_own else "connection-lost"
            found.append(Difference(kind, record.exchange_id, sides, line["caller"] if is_own else ""))
        else:
            found += _compare(line, record)
        found += _unexpected(line, record, ledger)
    return found


def record_differences(evidence: Evidence, records: Index) -> list[Difference]:
    """Every record has exactly one attempt, and an exchange has one record (one more when it was settled later)."""
    found: list[Difference] = []
    attempts: dict[str, int] = {}
    for line in evidence.calls:
        record = record_of(line, records)
        if record is not None:
            attempts[record.exchange_id] = attempts.get(record.exchange_id, 0) + 1
    for name, record in records.by_id.items():
        count = attempts.get(name, 0)
        if count != 1:
            sides = {"gateway": f"{record.method} {record.operation} {record.status}", "callers": f"{count} attempts"}
            found.append(Difference("record-without-call" if count == 0 else "calls-share-record", name, sides))
    seen: set[str] = set()
    for record in evidence.records:
        if record.exchange_id in seen and not (record.is_reconciled or record.is_recovered):
            found.append(Difference("record-twice", record.exchange_id, {"gateway": f"status {record.status}"}))
        seen.add(record.exchange_id)
    return found


def request_differences(evidence: Evidence, records: Index, ledger: Ledger) -> list[Difference]:
    """Every request that a system received is an exchange that went there, with the same body and status."""
    found: list[Difference] = []
    received: dict[str, list[dict[str, Any]]] = {}
    doubtful = {record.system for record in evidence.records if record.executed == "unknown"}
    for line in evidence.requests:
        record = record_of_request(line, records)
        if record is None:
            if not (is_look_up(line) and line["system"] in doubtful):
                sides = {line["system"]: f"{line['method']} {line['target']}", "gateway": "no record"}
                found.append(Difference("request-without-record", line["exchange"] or line["span"] or "?", sides))
            continue
        received.setdefault(record.exchange_id, []).append(line)
        found += _compare_request(line, record, ledger)
    for name, record in records.by_id.items():
        lines = received.get(name, [])
        went_up = record.upstream_status > 0 and not record.is_replay
        if went_up and not lines:
            sides = {"gateway": f"{record.system} answered {record.upstream_status}", record.system: "no request"}
            found.append(Difference("record-without-request", name, sides))
        if len(lines) > 1 and name in evidence.intents:
            sides = {"gateway": "one mutating call", record.system: f"{len(lines)} requests"}
            found.append(Difference("request-twice", name, sides))
    return found


def record_of(line: dict[str, Any], records: Index) -> Exchange | None:
    """The record of a caller's attempt: by the exchange id answered, else by the span it sent."""
    if line["exchange"]:
        return records.by_id.get(line["exchange"])
    return records.by_span.get((line["trace"], line["span"]))


def record_of_request(line: dict[str, Any], records: Index) -> Exchange | None:
    """The record of a request that a system received: by the exchange id it was told, else by the gateway's span."""
    if line["exchange"]:
        return records.by_id.get(line["exchange"])
    return records.by_own_span.get((line["trace"], line["span"]))


def is_look_up(line: dict[str, Any]) -> bool:
    """Whether the gateway may have asked on its own behalf what became of a mutating call (reconcile): no caller's
    trace, and nothing is changed."""
    return line["method"] == "GET" and not line["trace"]


def _without_record(line: dict[str, Any]) -> list[Difference]:
    if line["exchange"]:
        sides = {line["caller"]: f"answered {line['status']}", "gateway": "no record"}
        return [Difference("answer-without-record", line["exchange"], sides)]
    sides = {line["caller"]: f"{line['method']} {line['target']}: {line['error']}", "gateway": "no record"}
    if line["is_sent"]:
        return [Difference("attempt-without-record", line["span"], sides)]
    explained_by = line["caller"] if line["error"] in OWN_DOING else ""
    return [Difference("gateway-unreachable", line["span"], sides, explained_by)]


def _compare(line: dict[str, Any], record: Exchange) -> list[Difference]:
    found: list[Difference] = []
    pairs = {
        "status-differs": (line["status"], record.status),
        "span-differs": (line["span"], record.parent_span_id),
        "replay-differs": (line["is_replay"], record.is_replay),
    }
    if record.consumer:
        pairs["caller-differs"] = (line["caller"], record.consumer)
    if record.request_sha256:
        pairs["request-body-differs"] = (line["request_sha256"], record.request_sha256)
    for kind, (theirs, ours) in pairs.items():
        if theirs != ours:
            sides = {line["caller"]: str(theirs), "gateway": str(ours)}
            found.append(Difference(kind, record.exchange_id, sides))
    return found


def _unexpected(line: dict[str, Any], record: Exchange | None, ledger: Ledger) -> list[Difference]:
    """A status that the caller did not reckon with must be some fault's doing."""
    if line["status"] in line["expect"] and not line["fault"]:
        return []
    if line["status"] == 0:
        return []
    fault = ledger.of_call(line["fault"]) if line["fault"] else ""
    if not fault and record is not None and (kinds := _causes(line, record)):
        fault = ledger.of_system(record.system, line["at_us"] - line["duration_us"], line["at_us"], kinds)
    sides = {line["caller"]: f"expected {line['expect']}", "gateway": f"{line['status']} {line['code']}"}
    return [Difference("unexpected-answer", line["exchange"] or line["span"], sides, fault)]


def _causes(line: dict[str, Any], record: Exchange) -> frozenset[str]:
    """The kinds of a system's faults that can be behind the answer: it refused, did not answer, or not as agreed."""
    if line["code"] == "response-violation":
        return DRIFTED
    is_passed_on = record.upstream_status == line["status"] == 503
    return UNREACHED if is_passed_on or line["code"] in SYSTEM_CODES else frozenset()


def _compare_request(line: dict[str, Any], record: Exchange, ledger: Ledger) -> list[Difference]:
    found: list[Difference] = []
    name, system = record.exchange_id, line["system"]
    if record.system != system:
        found.append(Difference("system-differs", name, {system: "received it", "gateway": f"sent to {record.system}"}))
    if record.request_sha256 and record.request_sha256 != line["request_sha256"]:
        sides = {system: line["request_sha256"], "gateway": record.request_sha256}
        found.append(Difference("upstream-body-differs", name, sides))
    if record.upstream_status != line["status"]:
        started_us = record.started_us
        fault = "" if record.upstream_status else ledger.of_system(system, started_us, started_us + record.duration_us)
        sides = {system: f"answered {line['status']}", "gateway": f"got {record.upstream_status or 'no answer'}"}
        found.append(Difference("upstream-status-differs", name, sides, fault))
    return found
