"""The 95th percentile of how long objects take from the beginning of a life cycle to its end, within 2 %."""

from __future__ import annotations

import math

from sqlalchemy import select

from catalog.measure import Measure
from catalog.slo import LifecycleSource
from controlplane.lineage.cover import covers
from controlplane.lineage.histogram import RELATIVE_ERROR, quantile
from controlplane.overview.figure import Reading, Scope, plural
from controlplane.overview.latency import RATIO
from controlplane.slo.evaluation import pending_of
from controlplane.slo.store import slo_delay_rollup
from controlplane.store.column import sum_of


def delay(measure: Measure, scope: Scope) -> Reading:
    """Of the objects that ended in the window; those that have not ended are named, since they would take longer."""
    named = [item for item in scope.definitions if item.spec.name == measure.slo]
    source = named[0].spec.source if named else None
    if not isinstance(source, LifecycleSource):
        return Reading("ms", None, None, 0, 0, "", exclusions=f"the objective {measure.slo} is not in force")
    table = slo_delay_rollup.c
    query = (
        select(table.step, sum_of(table.objects))
        .where(covers(table, scope.window, table.slo_id == named[0].slo_id))
        .group_by(table.step)
    )
    steps = {step: objects for step, objects in scope.connection.execute(scope.narrow(query, table)) if objects}
    found_us = quantile(steps, RATIO)
    value_ms = round(found_us / 1000, 1) if found_us is not None else None
    total = sum(steps.values())
    return Reading(
        unit="ms",
        value=value_ms,
        judged=value_ms,
        numerator=math.ceil(RATIO * total),
        denominator=total,
        denominator_label=f"{plural(source.object)} took no longer (± {RELATIVE_ERROR * 100:.0f} %)",
        exclusions="those that have not ended",
        still_open=pending_of(scope.connection, named[0].slo_id, scope.as_of_us, scope.sight),
        query={"slo": named[0].spec.name, "state": "open"},
    )
