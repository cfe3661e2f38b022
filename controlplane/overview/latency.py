"""The 95th percentile of how long some operations take, within 2 %."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement, or_, select, tuple_

from catalog.measure import Measure
from controlplane.lineage.histogram import RELATIVE_ERROR, quantile
from controlplane.lineage.store import call_rollup, latency_rollup
from controlplane.overview.figure import Detail, Reading, Scope
from controlplane.store.column import sum_of

RATIO = 0.95


def latency(measure: Measure, scope: Scope) -> Reading:
    """Of the calls that went on to the system; refused ones are fast and would flatter."""
    wanted = [tuple(name.split("/", 1)) for name in measure.operations]
    steps: Counter[int] = Counter()
    by_operation: Counter[str] = Counter()
    for row in _rows(scope, wanted):
        steps[row.step] += row.calls
        by_operation[row.operation] += row.calls
    found_us = quantile(steps, RATIO)
    value_ms = round(found_us / 1000, 1) if found_us is not None else None
    total, refused = sum(steps.values()), _refused(scope, wanted)
    contracts = {contract for contract, _ in wanted}
    return Reading(
        unit="ms",
        value=value_ms,
        judged=value_ms,
        numerator=math.ceil(RATIO * total),
        denominator=total,
        denominator_label=f"calls answered within that time, known to {RELATIVE_ERROR:.0%}",
        exclusions=f"{refused} refused before the system was asked" if refused else "",
        detail=[Detail(name, calls, calls / total) for name, calls in sorted(by_operation.items())],
        query={"contract": contracts.pop()} if len(contracts) == 1 else {},
    )


def segments_of(scope: Scope, grain: Any, bucket: Any) -> ColumnElement[bool]:
    """The roll-up buckets that make up the window."""
    return or_(*((grain == part.grain) & bucket.between(part.first, part.last) for part in scope.window.segments()))


def _rows(scope: Scope, wanted: list[tuple[str, ...]]) -> list[Any]:
    table = latency_rollup.c
    query = (
        select(table.operation, table.step, sum_of(table.calls).label("calls"))
        .where(tuple_(table.contract, table.operation).in_(wanted), segments_of(scope, table.grain, table.bucket))
        .group_by(table.operation, table.step)
    )
    rows = scope.connection.execute(scope.narrow(query, table))
    return [row for row in rows if row.calls]


def _refused(scope: Scope, wanted: list[tuple[str, ...]]) -> int:
    table = call_rollup.c
    query = (
        select(sum_of(table.calls))
        .where(segments_of(scope, table.grain, table.bucket))
        .where(tuple_(table.contract, table.operation).in_(wanted), table.refusal != "")
    )
    return scope.connection.scalar(scope.narrow(query, table)) or 0
