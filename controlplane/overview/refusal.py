"""The share of calls that the gateway refused, and which policy did."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select

from catalog.measure import Measure
from controlplane.lineage.cover import covers
from controlplane.lineage.store import call_rollup
from controlplane.overview.figure import Detail, Reading, Scope, parts_of
from controlplane.store.column import sum_of


def calls_by_refusal(scope: Scope) -> Counter[tuple[str, str]]:
    """Calls of the window by what refused them ("" for those that were not) and legal entity."""
    table = call_rollup.c
    what = (table.refusal, table.legal_entity)
    query = select(*what, sum_of(table.calls)).where(covers(table, scope.window)).group_by(*what)
    rows = scope.connection.execute(scope.narrow(query, table))
    return Counter({(refusal, entity): calls for refusal, entity, calls in rows if calls})


def refusals(_: Measure, scope: Scope) -> Reading:
    """What policies in shadow mode would have refused does not count."""
    calls = calls_by_refusal(scope)
    by_refusal: Counter[str] = Counter()
    by_entity: Counter[str] = Counter()
    for (refusal, entity), many in calls.items():
        if refusal:
            by_refusal[refusal] += many
            by_entity[entity] += many
    total, refused = calls.total(), by_refusal.total()
    ratio = refused / total if total else None
    worst_first = sorted(by_refusal.items(), key=lambda item: (-item[1], item[0]))
    return Reading(
        unit="ratio",
        value=ratio,
        judged=ratio,
        numerator=refused,
        denominator=total,
        denominator_label="calls",
        exclusions="calls of unknown callers, who belong to no entity" if scope.sight.scope is not None else "",
        detail=[Detail(policy, count, count / total) for policy, count in worst_first[:8]],
        where=parts_of(by_entity),
        query={"refused": "1"},
    )
