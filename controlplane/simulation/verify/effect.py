"""Per object: what systems did, and what the gateway says was executed; nothing twice."""

from __future__ import annotations

from typing import Any

from catalog.record import Exchange
from controlplane.simulation.verify.difference import Difference
from controlplane.simulation.verify.evidence import Evidence
from controlplane.simulation.verify.exchange import Index, record_of_request
from controlplane.simulation.verify.ledger import Ledger


def effect_differences(evidence: Evidence, records: Index, ledger: Ledger) -> list[Difference]:
    """Effects of systems and `executed` of records, both ways. Unknown outcomes need a fault or a settlement."""
    final = {record.exchange_id: record for record in evidence.records}  # the last word on each exchange
    effects: dict[str, dict[str, Any]] = {}
    found: list[Difference | None] = []
    for line in evidence.requests:
        record = record_of_request(line, records)
        if line["effect"] and record is not None:
            effects[record.exchange_id] = line
        if line["effect"]:
            found.append(_undeclared(line, record and final[record.exchange_id]))
    executed = [
        one
        for one in final.values()
        if one.exchange_id in evidence.intents and not one.is_replay and one.system  # events end at the gateway
    ]
    found += [_claimed(record, effects, ledger) for record in executed]
    return [one for one in found if one is not None] + _doubles(evidence)


def _undeclared(line: dict[str, Any], record: Exchange | None) -> Difference | None:
    if record is not None and record.executed in ("yes", "unknown"):
        return None  # an unknown outcome is judged by `_claimed`
    says = "no record" if record is None else f"executed {record.executed}"
    subject = "/".join(line["object"]) or line["exchange"]
    return Difference("effect-not-recorded", subject, {line["system"]: line["operation"], "gateway": says})


def _claimed(record: Exchange, effects: dict[str, dict[str, Any]], ledger: Ledger) -> Difference | None:
    effect = effects.get(record.exchange_id)
    if record.executed == "unknown":
        fault = ledger.of_system(record.system, record.started_us, record.started_us + record.duration_us)
        does = "no effect" if effect is None else f"did {effect['operation']}"
        return Difference("outcome-unknown", record.exchange_id, {"gateway": "unknown", record.system: does}, fault)
    if record.executed == "yes" and effect is None:
        sides = {"gateway": "executed", record.system: "no effect"}
        return Difference("executed-without-effect", record.exchange_id, sides)
    return None


def _doubles(evidence: Evidence) -> list[Difference]:
    """No system did the same operation twice for one idempotency key, or for one reference of the caller's."""
    seen: dict[tuple[str, str, str, str], int] = {}
    for line in evidence.requests:
        for name in ("key", "reference"):
            if line["effect"] and line[name]:
                place = (line["system"], line["operation"], name, line[name])
                seen[place] = seen.get(place, 0) + 1
    return [
        Difference("executed-twice", f"{operation} {name} {value}", {system: f"{count} effects"})
        for (system, operation, name, value), count in seen.items()
        if count > 1
    ]
