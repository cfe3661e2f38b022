"""Objects that were refused and have not got through since, or that stand in a status that asks for a person."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, exists, func, select

from catalog.measure import Measure
from catalog.record import Amount
from controlplane.lineage.exchange import IS_FAILED
from controlplane.lineage.store import business_object, exchange, object_axis
from controlplane.overview.figure import Detail, Reading, Scope, parts_of, plural
from controlplane.slo.evaluation import sum_money
from controlplane.store.upsert import chunks


def exceptions(measure: Measure, scope: Scope) -> Reading:
    """Numerator: objects in exception; denominator: objects of the type with an event in the window."""
    reasons = _refused(measure, scope)
    for number, value in _by_status(measure, scope):
        reasons[number].append(f"{measure.axis}: {value}".replace("_", " "))
    seen = _seen(measure, scope)
    count = len(reasons)
    worth = worth_of(scope, list(reasons))
    by_reason = Counter(reason for found in reasons.values() for reason in sorted(set(found)))
    figure: float | None = count if seen or count else None
    if measure.is_share:
        figure = count / seen if seen else None
    return Reading(
        unit="ratio" if measure.is_share else "count",
        value=figure,
        judged=figure,
        numerator=count,
        denominator=seen,
        denominator_label=f"{plural(measure.object or 'object')} seen",
        exclusions=without_amount(worth.unpriced),
        money=worth.money,
        where=worth.where,
        detail=[Detail(reason, many, many / count) for reason, many in by_reason.most_common(8)],
        query={"refused": "1", "type": measure.object or ""},
    )


def without_amount(unpriced: int) -> str:
    return f"the money of {unpriced} without an amount" if unpriced else ""


class Worth(NamedTuple):
    """What objects are worth, and whose they are."""

    money: list[Amount]  # exact sums per currency
    unpriced: int  # objects without an amount
    where: list[Detail]  # by legal entity, most objects first


def worth_of(scope: Scope, object_ids: Sequence[int]) -> Worth:
    """An object that no legal entity has claimed belongs to the one that has given it its key."""
    thing = business_object.c
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    entities: Counter[str] = Counter()
    unpriced = 0
    columns = (thing.amount, thing.currency, thing.legal_entity, thing.assigner)
    for some in chunks(object_ids):
        rows = scope.connection.execute(select(*columns).where(thing.object_id.in_(some))).all()
        unpriced += sum(row.amount is None for row in rows)
        entities.update(row.legal_entity or row.assigner for row in rows)
        for part in sum_money((row.amount, row.currency) for row in rows if row.amount is not None):
            sums[part.currency] += Decimal(part.amount)
    return Worth(sum_money((str(total), currency) for currency, total in sums.items()), unpriced, parts_of(entities))


def exception_times(measure: Measure, scope: Scope) -> dict[int, int]:
    """When each object was last refused, or had its last event while its status asks for a person (UTC µs)."""
    thing = business_object.c
    of_type = func.coalesce(thing.type, "") == measure.object  # so that the walk starts at the failures
    refused = (
        select(exchange.c.object_id, func.max(exchange.c.at_us))
        .join_from(exchange, business_object, exchange.c.object_id == thing.object_id)
        .where(_is_unsettled(scope), of_type)
        .group_by(exchange.c.object_id)
    )
    times: dict[int, int] = dict(map(tuple, scope.connection.execute(scope.narrow(refused, thing))))
    if measure.axis is not None:
        standing = _standing(measure, scope).with_only_columns(thing.object_id, thing.last_us)
        times |= dict(map(tuple, scope.connection.execute(scope.narrow(standing, thing))))
    return times


def _is_unsettled(scope: Scope) -> ColumnElement[bool]:
    """An attempt of the window that failed, of an operation that has not succeeded on the object."""
    success = exchange.alias("success")
    has_succeeded = exists().where(
        success.c.object_id == exchange.c.object_id,
        success.c.contract == exchange.c.contract,
        success.c.operation == exchange.c.operation,
        success.c.is_event,
        ~success.c.is_failed,
    )
    in_window = exchange.c.at_us.between(scope.window.first_us, scope.window.end_us - 1)
    return and_(IS_FAILED, in_window, ~has_succeeded)


def _refused(measure: Measure, scope: Scope) -> defaultdict[int, list[str]]:
    """Codes of the refusals of the window whose operation has not succeeded on the object, by object."""
    query = (
        select(exchange.c.object_id, exchange.c.code, exchange.c.status)
        .where(_is_unsettled(scope))
        .order_by(exchange.c.at_us, exchange.c.stream, exchange.c.seq)
    )
    rows = scope.connection.execute(query)
    latest = {row.object_id: row.code or f"refused by the system ({row.status})" for row in rows}
    reasons: defaultdict[int, list[str]] = defaultdict(list)
    for some in chunks(list(latest)):
        for number, kind in scope.connection.execute(_types(scope, some)):
            if kind == measure.object:
                reasons[number].append(latest[number])
    return reasons


def _types(scope: Scope, object_ids: Sequence[int]) -> Any:
    thing = business_object.c
    query = select(thing.object_id, thing.type).where(thing.object_id.in_(object_ids))
    return scope.narrow(query, thing)


def _by_status(measure: Measure, scope: Scope) -> list[tuple[int, str]]:
    if measure.axis is None:
        return []
    rows = scope.connection.execute(scope.narrow(_standing(measure, scope), business_object.c))
    return [(row.object_id, row.value) for row in rows]


def _standing(measure: Measure, scope: Scope) -> Select[tuple[int, str]]:
    """Objects with an event since the window began whose status is one of those that count."""
    thing = business_object.c
    return (
        select(object_axis.c.object_id, object_axis.c.value)
        .join_from(object_axis, business_object, object_axis.c.object_id == thing.object_id)
        .where(object_axis.c.axis == measure.axis, object_axis.c.value.in_(measure.values))
        .where(thing.type == measure.object, thing.last_us >= scope.window.first_us)
    )


def _seen(measure: Measure, scope: Scope) -> int:
    thing = business_object.c
    wanted = (thing.type == measure.object) & (thing.last_us >= scope.window.first_us)
    query = scope.narrow(select(func.count()).where(wanted), thing)
    return scope.connection.scalar(query) or 0
