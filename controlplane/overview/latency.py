"""The 95th percentile of how long some operations take, within 2 %."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_, select, tuple_

from catalog.measure import Measure
from controlplane.lineage.cover import covers
from controlplane.lineage.histogram import RELATIVE_ERROR, quantile
from controlplane.lineage.rollup import Window
from controlplane.lineage.store import call_rollup, latency_rollup
from controlplane.overview.figure import Detail, Reading, Scope
from controlplane.store.column import sum_of

RATIO = 0.95


def latency(measure: Measure, scope: Scope) -> Reading:
    """Of the calls that went on to the system; refused ones are fast and would flatter."""
    steps: Counter[int] = Counter()
    by_operation: Counter[str] = Counter()
    for row in _rows(scope, measure.operations):
        steps[row.step] += row.calls
        by_operation[row.operation] += row.calls
    found_us = quantile(steps, RATIO)
    value_ms = round(found_us / 1000, 1) if found_us is not None else None
    total, refused = sum(steps.values()), _refused(scope, measure.operations)
    contracts = {contract for contract, _ in pairs_of(measure.operations)}
    return Reading(
        unit="ms",
        value=value_ms,
        judged=value_ms,
        numerator=math.ceil(RATIO * total),
        denominator=total,
        denominator_label=f"calls answered within that time (± {RELATIVE_ERROR * 100:.0f} %)",
        exclusions=f"{refused} refused before the system was asked" if refused else "",
        detail=[Detail(name, calls, calls / total) for name, calls in sorted(by_operation.items())],
        query={"contract": contracts.pop()} if len(contracts) == 1 else {},
    )


def pairs_of(operations: Sequence[str]) -> list[tuple[str, str]]:
    """Contract and operation of each `<contract>/<operation>`."""
    return [(contract, operation) for contract, _, operation in (name.partition("/") for name in operations)]


def covers_operations(table: Any, window: Window, operations: Sequence[str]) -> ColumnElement[bool]:
    """Buckets of a roll-up by operation that fill the window; an alternative for each operation, as `covers` says."""
    wanted = pairs_of(operations)
    return or_(*(covers(table, window, table.contract == one, table.operation == other) for one, other in wanted))


def _rows(scope: Scope, operations: Sequence[str]) -> list[Any]:
    table = latency_rollup.c
    query = (
        select(table.operation, table.step, sum_of(table.calls).label("calls"))
        .where(covers_operations(table, scope.window, operations))
        .group_by(table.operation, table.step)
    )
    rows = scope.connection.execute(scope.narrow(query, table))
    return [row for row in rows if row.calls]


def _refused(scope: Scope, operations: Sequence[str]) -> int:
    table = call_rollup.c
    wanted = tuple_(table.contract, table.operation).in_(pairs_of(operations))
    query = select(sum_of(table.calls)).where(covers(table, scope.window), wanted, table.refusal != "")
    return scope.connection.scalar(scope.narrow(query, table)) or 0
