"""The share of calls that the gateway refused, and which policy did."""

from __future__ import annotations

from sqlalchemy import select

from catalog.measure import Measure
from controlplane.lineage.store import call_rollup
from controlplane.overview.figure import Detail, Reading, Scope
from controlplane.overview.latency import segments_of
from controlplane.store.column import sum_of


def calls_by_refusal(scope: Scope) -> dict[str, int]:
    """Calls of the window by what refused them; "" for those that were not."""
    table = call_rollup.c
    query = select(table.refusal, sum_of(table.calls)).where(segments_of(scope, table.grain, table.bucket))
    rows = scope.connection.execute(scope.narrow(query.group_by(table.refusal), table))
    return {refusal: calls for refusal, calls in rows if calls}


def refusals(_: Measure, scope: Scope) -> Reading:
    """What policies in shadow mode would have refused does not count."""
    calls = calls_by_refusal(scope)
    total = sum(calls.values())
    refused = total - calls.pop("", 0)
    ratio = refused / total if total else None
    worst_first = sorted(calls.items(), key=lambda item: (-item[1], item[0]))
    return Reading(
        unit="ratio",
        value=ratio,
        judged=ratio,
        numerator=refused,
        denominator=total,
        denominator_label="calls",
        exclusions="calls of unknown callers, who belong to no entity" if scope.sight.scope is not None else "",
        detail=[Detail(policy, count, count / total) for policy, count in worst_first[:8]],
        query={"refused": "1"},
    )
