"""The control plane's figures beside the same figures computed anew from the log."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

from catalog.measure import Measure
from catalog.record import Exchange, ObjectRef
from catalog.slo import LifecycleSource, SloSpec
from controlplane.simulation.verify.difference import Difference
from controlplane.simulation.verify.evidence import Evidence
from controlplane.simulation.verify.exchange import Index, record_of_request
from controlplane.simulation.verify.ledger import Ledger
from controlplane.simulation.verify.telling import (
    Standing,
    exceptions,
    http_standing,
    in_doubt,
    last_words,
    lifecycle_standing,
    milestones,
    refusal,
)

SKETCH_ERROR = 0.021  # the control plane promises its percentiles within 2 %
ROUNDING_MS = 0.051  # latencies are told to a tenth of a millisecond


def standing(spec: SloSpec, records: list[Exchange], as_of_us: int, evidence: Evidence) -> Standing:
    if isinstance(spec.source, LifecycleSource):
        return lifecycle_standing(spec.source, records, as_of_us, evidence.times)
    return http_standing(spec.source, records)


def figure_differences(evidence: Evidence) -> list[Difference]:
    """Objectives and overview as the API gave them at the end of the run."""
    records = last_words(evidence.records)
    told = {item["name"]: item for item in evidence.figures["slos"]["items"]}
    found: list[Difference] = []
    for name, spec in evidence.slos.items():
        if name not in told:
            found.append(Difference("objective-missing", name, {"workspace": "declared", "api": "unknown"}))
            continue
        ours = standing(spec, records, told[name]["as_of_us"], evidence)
        found += _compare(
            f"objective {name}",
            {"good": ours.good, "bad": ours.bad, "total": ours.good + ours.bad, "open": len(ours.open)},
            told[name],
        )
        found += _objects(evidence, name, ours)
    shown = {item["id"]: item for item in evidence.figures["overview"]["figures"]}
    for name, measure in evidence.measures.items():
        if name not in shown:
            found.append(Difference("figure-missing", name, {"workspace": "declared", "api": "unknown"}))
        elif measure.kind in KINDS:
            expected = KINDS[measure.kind](measure, records, evidence)
            found += _compare(f"figure {name}", expected, shown[name])
    return found


def lifecycle_differences(evidence: Evidence, records: Index, ledger: Ledger) -> list[Difference]:
    """What systems began and what systems finished, by their own logs; what is missing needs a fault and a figure."""
    events = {record.exchange_id: record.event for record in last_words(evidence.records)}
    effects = [
        (line, events[record.exchange_id])
        for line in evidence.requests
        if line["effect"] and (record := record_of_request(line, records)) is not None
    ]
    found: list[Difference] = []
    for name, spec in evidence.slos.items():
        source = spec.source
        if not isinstance(source, LifecycleSource):
            continue
        begun, finished = (
            {
                line["object"][1]: line["system"]
                for line, meant in effects
                if line["object"][0] == source.object and meant == event
            }
            for event in (source.from_event, source.to_event)
        )
        shown = {item["object"]["value"] for part in evidence.figures["objects"][name].values() for item in part}
        for value in sorted(begun.keys() - finished.keys()):
            sides = {begun[value]: source.from_event, "other systems": f"no {source.to_event}"}
            subject = f"{source.object}/{value}"
            found.append(Difference("never-finished", subject, sides, ledger.of_object(value)))
            if value not in shown:
                found.append(Difference("never-shown", subject, {"systems": "unfinished", "api": f"not in {name}"}))
    return found


def _objects(evidence: Evidence, name: str, ours: Standing) -> list[Difference]:
    """The objects behind an objective, one by one. The API lists at most what was asked for."""
    parts = evidence.figures["objects"].get(name, {})
    wanted = {"bad": ours.overdue | ours.late, "open": ours.open | ours.overdue}
    found: list[Difference] = []
    for state, expected in wanted.items():
        told = {ObjectRef(**item["object"]) for item in parts.get(state, [])}
        for subject in sorted(told ^ expected, key=lambda ref: ref.value):
            sides = {"log": str(subject in expected), "api": str(subject in told)}
            place = f"{subject.type}/{subject.assigner}/{subject.value}"
            found.append(Difference(f"objective-object-{state}", place, sides))
    return found


def _compare(subject: str, ours: dict[str, Any], theirs: dict[str, Any]) -> list[Difference]:
    return [
        Difference("figure-differs", f"{subject}: {name}", {"log": str(value), "api": str(theirs[name])})
        for name, value in ours.items()
        if not _is_same(value, theirs[name], ROUNDING_MS if name == "value" else 0.0)
    ]


def _is_same(ours: Any, theirs: Any, rounding: float) -> bool:
    if isinstance(ours, float) and isinstance(theirs, float | int):
        return abs(ours - theirs) <= SKETCH_ERROR * max(ours, theirs) + rounding
    return bool(ours == theirs)


def _refusals(_: Measure, records: list[Exchange], __: Evidence) -> dict[str, Any]:
    refused = sum(bool(refusal(record)) for record in records)
    return {"numerator": refused, "denominator": len(records)}


def _doubt(_: Measure, records: list[Exchange], __: Evidence) -> dict[str, Any]:
    return {"numerator": in_doubt(records), "denominator": len(records)}


def _latency(measure: Measure, records: list[Exchange], _: Evidence) -> dict[str, Any]:
    durations = sorted(
        record.duration_us
        for record in records
        if f"{record.contract}/{record.operation}" in measure.operations
        and not refusal(record)
        and not record.is_replay
    )
    return _p95(durations)


def _delay(measure: Measure, records: list[Exchange], evidence: Evidence) -> dict[str, Any]:
    source = evidence.slos[measure.slo or ""].source
    if not isinstance(source, LifecycleSource):
        return {"denominator": 0, "value": None}
    starts, finishes = milestones(source, records)
    return _p95(sorted(max(0, finishes[subject] - starts[subject]) for subject in starts.keys() & finishes.keys()))


def _p95(ordered_us: list[int]) -> dict[str, Any]:
    """Nearest rank, in milliseconds."""
    if not ordered_us:
        return {"denominator": 0, "value": None}
    return {"denominator": len(ordered_us), "value": ordered_us[math.ceil(0.95 * len(ordered_us)) - 1] / 1000}


def _exceptions(measure: Measure, records: list[Exchange], _: Evidence) -> dict[str, Any]:
    count, seen = exceptions(measure.object or "", measure.axis, measure.values, records)
    return {"numerator": count, "denominator": seen}


def _open(measure: Measure, records: list[Exchange], evidence: Evidence) -> dict[str, Any]:
    spec = evidence.slos[measure.slo or ""]
    ours = standing(spec, records, evidence.figures["overview"]["as_of_us"], evidence)
    begun = ours.good + ours.bad + len(ours.open)
    return {"numerator": len(ours.open | ours.overdue), "denominator": begun, "still_open": len(ours.open)}


def _backlog(measure: Measure, records: list[Exchange], evidence: Evidence) -> dict[str, Any]:
    as_of_us = evidence.figures["overview"]["as_of_us"]
    ours = [standing(evidence.slos[name], records, as_of_us, evidence) for name in measure.slos]
    unfinished = frozenset[ObjectRef]().union(*(each.open | each.overdue for each in ours))
    begun = sum(each.good + each.bad + len(each.open) for each in ours)
    return {"numerator": len(unfinished), "denominator": begun}


#: kinds of measures that are computed here too; the budget follows from the objectives, which are compared above
KINDS: dict[str, Callable[[Measure, list[Exchange], Evidence], dict[str, Any]]] = {
    "refusals": _refusals,
    "in_doubt": _doubt,
    "latency": _latency,
    "delay": _delay,
    "backlog": _backlog,
    "exceptions": _exceptions,
    "open": _open,
}


def refusals_by_policy(records: list[Exchange]) -> dict[str, int]:
    """Calls that were refused, by what refused them."""
    return dict(sorted(Counter(name for record in records if (name := refusal(record))).items()))
