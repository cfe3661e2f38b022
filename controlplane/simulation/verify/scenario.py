"""What was planned to go wrong without breaking anything: answers kept back and payments told late. Each must show."""

from __future__ import annotations

from catalog.slo import LifecycleSource
from controlplane.simulation.verify.difference import Difference
from controlplane.simulation.verify.evidence import Evidence
from controlplane.simulation.verify.ledger import DRIFTED, Ledger
from controlplane.simulation.verify.telling import last_words, lifecycle_standing


def withheld_differences(evidence: Evidence, ledger: Ledger) -> list[Difference]:
    """Executed calls whose answers were kept back: a drifted schema is the cause, and a person is asked to look."""
    shown = {item["exchange_id"] for item in evidence.figures["attention"]["items"]}
    found: list[Difference] = []
    for record in last_words(evidence.records):
        if record.is_verified or record.is_replay:
            continue
        name, ended_us = record.exchange_id, record.started_us + record.duration_us
        fault = ledger.of_system(record.system, record.started_us, ended_us, DRIFTED)
        sides = {record.system: f"answered {record.upstream_status}", "gateway": f"{record.status} {record.code}"}
        found.append(Difference("answer-withheld", name, sides, fault))
        if name not in shown:
            found.append(Difference("withheld-not-shown", name, {"gateway": "withheld", "api": "no item"}))
    return found


def late_differences(evidence: Evidence, ledger: Ledger) -> list[Difference]:
    """Objects that were planned to finish late: those that finished are told as late by an objective."""
    planned, records = ledger.touched("late_payment"), last_words(evidence.records)
    late: set[str] = set()
    finished: set[str] = set()
    for name, spec in evidence.slos.items():
        if isinstance(spec.source, LifecycleSource):
            as_of_us = next(item["as_of_us"] for item in evidence.figures["slos"]["items"] if item["name"] == name)
            late |= {ref.value for ref in lifecycle_standing(spec.source, records, as_of_us, evidence.times).late}
            finished |= {one.object.value for one in records if one.object and one.event == spec.source.to_event}
    sides = {"plan": "late", "log": "late"}
    found = [Difference("finished-late", name, sides, fault) for name, fault in planned.items() if name in late]
    hidden = (planned.keys() & finished) - late
    return found + [Difference("lateness-not-shown", name, {"plan": "late", "log": "in time"}) for name in hidden]
