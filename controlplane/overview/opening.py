"""Objects that began a life cycle and have not finished it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import select

from catalog.measure import Measure
from catalog.slo import LifecycleSource
from controlplane.lineage.cover import covers
from controlplane.overview.exception import without_amount, worth_of
from controlplane.overview.figure import Detail, Reading, Scope, parts_of, plural
from controlplane.slo.store import slo_contribution, slo_rollup
from controlplane.store.column import sum_of


def opening(measure: Measure, scope: Scope) -> Reading:
    """Numerator: all open objects, whenever they began; denominator: those that began in the window."""
    named = [item for item in scope.definitions if item.spec.name == measure.slo]
    source = named[0].spec.source if named else None
    if not isinstance(source, LifecycleSource):
        return Reading("count", None, None, 0, 0, "", exclusions=f"the objective {measure.slo} is not in force")
    mine = slo_contribution.c.slo_id == named[0].slo_id
    table = slo_contribution.c
    open_ones = select(table.object_id, table.deadline_us, table.legal_entity).where(mine, table.state == "open")
    rows = scope.connection.execute(scope.narrow(open_ones, table)).all()
    overdue = sum(row.deadline_us <= scope.as_of_us for row in rows)
    pending = len(rows) - overdue
    denominator = begun(scope, [named[0].slo_id])
    worth = worth_of(scope, [row.object_id for row in rows])
    has_data = bool(rows or denominator)
    return Reading(
        unit="count",
        value=len(rows) if has_data else None,
        judged=overdue if has_data else None,
        numerator=len(rows),
        denominator=denominator,
        denominator_label=f"{plural(source.object)} begun",
        exclusions=without_amount(worth.unpriced),
        still_open=pending,
        overdue=overdue,
        judged_label="past the deadline",
        money=worth.money,
        where=parts_of(Counter(row.legal_entity for row in rows)),
        detail=[Detail("past the deadline", overdue), Detail("within the deadline", pending)] if rows else [],
        query={"slo": named[0].spec.name, "state": "open"},
    )


def begun(scope: Scope, slo_ids: Sequence[int]) -> int:
    """How many began in the window, of all these objectives."""
    table = slo_rollup.c
    query = select(sum_of(table.begun)).where(covers(table, scope.window, table.slo_id.in_(slo_ids)))
    return scope.connection.scalar(scope.narrow(query, table)) or 0
