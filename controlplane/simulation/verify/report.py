"""The report of a run: what was planned, what happened, and every difference between the accounts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from controlplane.simulation.verify.difference import Difference
from controlplane.simulation.verify.effect import effect_differences
from controlplane.simulation.verify.evidence import Evidence
from controlplane.simulation.verify.exchange import (
    call_differences,
    index,
    record_differences,
    request_differences,
)
from controlplane.simulation.verify.figure import figure_differences, lifecycle_differences, refusals_by_policy
from controlplane.simulation.verify.ledger import Ledger, ledger_differences
from controlplane.simulation.verify.scenario import late_differences, withheld_differences
from controlplane.simulation.verify.stream import log_differences, stream_differences
from controlplane.simulation.verify.telling import last_words


class Report(msgspec.Struct, frozen=True):
    """`unexplained` must be 0; `differences` lists all, unexplained ones first."""

    seed: int
    plan_sha256: list[str]  # one for each segment
    faults_sha256: list[str]
    unexplained: int
    explained: dict[str, int]  # fault -> differences that it explains
    gave_up: dict[str, int]  # caller -> attempts whose answer it did not wait for; no fault, and nothing unexplained
    counts: dict[str, int]
    throughput: dict[str, float]  # per second, over the time in which clients called
    latency_ms: dict[str, float]  # of the clients' attempts that were answered
    statuses: dict[str, int]  # what clients were answered
    refusals: dict[str, int]  # by policy
    figures: dict[str, Any]  # the overview as the API gave it
    differences: list[Difference]

    @property
    def is_clean(self) -> bool:
        return self.unexplained == 0


def verify(evidence: Evidence) -> Report:
    """Compare everything with everything."""
    records, ledger = index(evidence.records), Ledger(evidence.faults)
    differences = [
        *log_differences(evidence),
        *stream_differences(evidence),
        *ledger_differences(evidence),
        *call_differences(evidence, records, ledger),
        *record_differences(evidence, records),
        *request_differences(evidence, records, ledger),
        *effect_differences(evidence, records, ledger),
        *lifecycle_differences(evidence, records, ledger),
        *figure_differences(evidence),
        *withheld_differences(evidence, ledger),
        *late_differences(evidence, ledger),
    ]
    differences.sort(key=lambda one: (one.is_explained, one.kind, one.subject))
    return _report(evidence, differences)


def _report(evidence: Evidence, differences: list[Difference]) -> Report:
    clients = [line for name, lines in evidence.logs.items() if name.startswith("clients") for line in lines]
    calls = [line for line in clients if line["kind"] == "call"]
    span_s = (max(line["at_us"] for line in calls) - min(line["at_us"] for line in calls)) / 1e6 if calls else 0.0
    records = last_words(evidence.records)
    effects = Counter(line["object"][0] for line in evidence.requests if line["effect"])
    return Report(
        seed=evidence.plans[0].seed,
        plan_sha256=[plan.sha256 for plan in evidence.plans],
        faults_sha256=[plan.faults_sha256 for plan in evidence.plans],
        unexplained=sum(not one.is_explained for one in differences),
        explained=_by_cause(one for one in differences if one.is_explained and not one.is_given_up),
        gave_up=_by_cause(one for one in differences if one.is_given_up),
        counts={
            "transactions": sum(len(plan.transactions) for plan in evidence.plans),
            "client_attempts": len(calls),
            "system_attempts": len(evidence.calls) - len(calls),
            "exchanges": len(records),
            "entries": len(evidence.entries),
            "requests_at_systems": len(evidence.requests),
            "replays": sum(record.is_replay for record in records),
            "reconciled": sum(record.is_reconciled for record in records),
            "in_doubt": sum(record.executed == "unknown" for record in records),
            **{f"effects_{kind}": count for kind, count in sorted(effects.items())},
        },
        throughput={
            "client_attempts": round(len(calls) / span_s, 1) if span_s else 0.0,
            "exchanges": round(len(records) / span_s, 1) if span_s else 0.0,
        },
        latency_ms=_percentiles([line["duration_us"] / 1000 for line in calls if line["status"]]),
        statuses=dict(sorted(Counter(str(line["status"]) for line in calls).items())),
        refusals=refusals_by_policy(records),
        figures=evidence.figures["overview"],
        differences=differences,
    )


def _by_cause(differences: Iterable[Difference]) -> dict[str, int]:
    return dict(sorted(Counter(one.explained_by for one in differences).items()))


def _percentiles(values: list[float]) -> dict[str, float]:
    """Nearest rank."""
    ordered = sorted(values)
    if not ordered:
        return {}
    ranks = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(ordered[math.ceil(share * len(ordered)) - 1], 2) for name, share in ranks.items()}
