"""Calls of which nobody knows yet whether they were carried out."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select

from catalog.measure import Measure
from controlplane.lineage.exchange import IS_IN_DOUBT
from controlplane.lineage.store import exchange
from controlplane.lineage.summary import SAFE_METHODS
from controlplane.overview.exception import without_amount
from controlplane.overview.figure import Detail, Reading, Scope, parts_of
from controlplane.overview.refusal import calls_by_refusal
from controlplane.slo.evaluation import sum_money


def doubt(_: Measure, scope: Scope) -> Reading:
    """Numerator: every call still in doubt, however old; denominator: calls of the window."""
    call = exchange.c
    query = select(call.system, call.amount, call.currency, call.legal_entity).where(
        IS_IN_DOUBT, call.method.not_in(sorted(SAFE_METHODS)), ~call.is_replay
    )
    rows = scope.connection.execute(scope.narrow(query, call)).all()
    total = calls_by_refusal(scope).total()
    by_system = Counter(row.system or "no system" for row in rows)
    has_data = bool(rows or total)
    return Reading(
        unit="count",
        value=len(rows) if has_data else None,
        judged=len(rows) if has_data else None,
        numerator=len(rows),
        denominator=total,
        denominator_label="calls",
        exclusions=without_amount(sum(row.amount is None for row in rows)),
        money=sum_money((row.amount, row.currency) for row in rows if row.amount is not None),
        detail=[Detail(name, count, count / len(rows)) for name, count in sorted(by_system.items())],
        where=parts_of(Counter(row.legal_entity for row in rows)),
        query={"executed": "unknown"},
    )
