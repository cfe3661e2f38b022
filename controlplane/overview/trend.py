"""Where a figure comes from: its value in the window before, and a point for each slice of both windows.

All is told as it is known now. A point is the measure over its slice alone; of what is open, the count at its end.
Everything but `exceptions` and `in_doubt` is read from roll-ups; those two read the partial indexes of what went
wrong, so that the common exchange is never looked at.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from catalog.measure import Measure
from controlplane.lineage.cover import covers
from controlplane.lineage.exchange import IS_IN_DOUBT
from controlplane.lineage.histogram import quantile
from controlplane.lineage.rollup import MINUTE_US, Window
from controlplane.lineage.store import business_object, call_rollup, exchange, latency_rollup
from controlplane.lineage.summary import SAFE_METHODS
from controlplane.overview.exception import exception_times
from controlplane.overview.figure import Point, Scope, Trend
from controlplane.overview.latency import RATIO, covers_operations, pairs_of
from controlplane.overview.slice import Slices, before_of
from controlplane.slo.evaluation import Tally, tallies_of
from controlplane.slo.store import slo_contribution, slo_delay_rollup, slo_rollup
from controlplane.store.column import sum_of

Value = int | float | None


def trend_of(measure: Measure, scope: Scope) -> Trend:
    slices = Slices.of(scope.window)
    previous, values = SERIES[measure.kind](measure, scope, slices)
    return _trend(slices, previous, values)


def objective_trends(slo_ids: Sequence[int], scope: Scope) -> dict[int, Trend]:
    """The share of good events of each objective, over the same window."""
    slices, before = Slices.of(scope.window), _tallies_before(slo_ids, scope)
    return {
        number: _trend(slices, _ratio(before[number].good, before[number].total), shares)
        for number, shares in _shares(slo_ids, scope, slices).items()
    }


def _trend(slices: Slices, previous: Value, values: Sequence[Value]) -> Trend:
    points = [Point(at_us, value) for at_us, value in zip(slices.starts_us, values, strict=True)]
    return Trend(previous, slices.step * 60, points)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


Series = Callable[[Measure, Scope, Slices], tuple[Value, list[Value]]]


def _refusals(_: Measure, scope: Scope, slices: Slices) -> tuple[Value, list[Value]]:
    table = call_rollup.c
    is_refused = table.refusal != ""
    query = select(table.bucket, is_refused, sum_of(table.calls)).where(slices.holds(table))
    rows = scope.connection.execute(scope.narrow(query, table).group_by(table.bucket, is_refused))
    pairs = [(bucket, calls * refused, calls) for bucket, refused, calls in rows]
    values = [_ratio(*counts) for counts in slices.sums(pairs, slices.of_bucket, 2)]
    before = select(is_refused, sum_of(table.calls)).where(covers(table, before_of(scope.window))).group_by(is_refused)
    counts = dict(scope.connection.execute(scope.narrow(before, table)).all())
    return _ratio(counts.get(True, 0), sum(counts.values())), list(values)


def _latency(measure: Measure, scope: Scope, slices: Slices) -> tuple[Value, list[Value]]:
    table, operations = latency_rollup.c, measure.operations
    wanted = [
        and_(table.contract == one, table.operation == other, slices.holds(table))
        for one, other in pairs_of(operations)
    ]
    before = covers_operations(table, before_of(scope.window), operations)
    return _percentiles(table, table.calls, or_(*wanted), before, scope, slices)


def _delay(measure: Measure, scope: Scope, slices: Slices) -> tuple[Value, list[Value]]:
    table = slo_delay_rollup.c
    mine = table.slo_id == _slo_id(measure, scope)
    before = covers(table, before_of(scope.window), mine)
    return _percentiles(table, table.objects, and_(mine, slices.holds(table)), before, scope, slices)


def _percentiles(
    table: Any, count: Any, wanted: ColumnElement[bool], before: ColumnElement[bool], scope: Scope, slices: Slices
) -> tuple[Value, list[Value]]:
    """The 95th percentile in ms of a histogram's roll-up: of the rows `before`, and of those `wanted` by slice."""
    query = select(table.bucket, table.step, sum_of(count)).where(wanted)
    steps: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for bucket, step, many in scope.connection.execute(scope.narrow(query, table).group_by(table.bucket, table.step)):
        steps[slices.of_bucket(bucket)][step] += many
    query = select(table.step, sum_of(count)).where(before).group_by(table.step)
    earlier = dict(scope.connection.execute(scope.narrow(query, table)).all())
    return _ms(earlier), [_ms(steps[slot]) for slot in range(len(slices.starts_us))]


def _ms(steps: dict[int, int]) -> float | None:
    found_us = quantile({step: many for step, many in steps.items() if many}, RATIO)
    return round(found_us / 1000, 1) if found_us is not None else None


def _slo_id(measure: Measure, scope: Scope) -> int:
    """0, which none has, when the objective is not in force."""
    return next((item.slo_id for item in scope.definitions if item.spec.name == measure.slo), 0)


def _open(measure: Measure, scope: Scope, slices: Slices) -> tuple[Value, list[Value]]:
    return _levels([_slo_id(measure, scope)], scope, slices)


def _backlog(measure: Measure, scope: Scope, slices: Slices) -> tuple[Value, list[Value]]:
    return _levels([item.slo_id for item in scope.definitions if item.spec.name in measure.slos], scope, slices)


def _levels(slo_ids: Sequence[int], scope: Scope, slices: Slices) -> tuple[Value, list[Value]]:
    """How many were open at the end of each slice: all that had begun by then, less all that had ended."""
    table = slo_rollup.c
    change = sum_of(table.begun) - sum_of(table.ended)

    def standing_at(minute: int) -> int:
        query = select(change).where(covers(table, Window(0, minute), table.slo_id.in_(slo_ids)))
        return int(scope.connection.scalar(scope.narrow(query, table)) or 0)

    query = select(table.bucket, change).where(table.slo_id.in_(slo_ids), slices.holds(table)).group_by(table.bucket)
    changes = slices.sums(scope.connection.execute(scope.narrow(query, table)), slices.of_bucket)
    values: list[Value] = []
    level = standing_at(slices.window.first - 1)
    for (changed,) in changes:
        level += changed
        values.append(level)
    return standing_at(scope.window.first - 1), values


def _budget(_: Measure, scope: Scope, slices: Slices) -> tuple[Value, list[Value]]:
    """Of the objective that has least left now: its budget in the window before; the points are its good share."""
    known = [item for item in scope.standings if item.budget_left_ratio is not None]
    if not known:
        return None, [None] * len(slices.starts_us)
    tightest = min(known, key=lambda item: (item.budget_left_ratio, item.name))
    definition = next(item for item in scope.definitions if item.spec.name == tightest.name)
    own = scope._replace(window=Window.ending(scope.as_of_us, definition.spec.window_s))
    burn = _tally_before(definition.slo_id, own).burn(1 - Fraction(definition.spec.target_ratio))
    points = _good(definition.slo_id, scope, slices)
    return (float(1 - burn) if burn is not None else None), points


def _tally_before(slo_id: int, scope: Scope) -> Tally:
    return _tallies_before([slo_id], scope)[slo_id]


def _tallies_before(slo_ids: Sequence[int], scope: Scope) -> dict[int, Tally]:
    before = before_of(scope.window)
    return tallies_of(scope.connection, slo_ids, before, before.end_us - 1, scope.sight)


def _good(slo_id: int, scope: Scope, slices: Slices) -> list[Value]:
    """The good share of an objective by slice."""
    return _shares([slo_id], scope, slices)[slo_id]


def _shares(slo_ids: Sequence[int], scope: Scope, slices: Slices) -> dict[int, list[Value]]:
    """Closed contributions, and open ones whose deadline has passed, which are bad; of each objective."""
    table, item = slo_rollup.c, slo_contribution.c
    query = select(table.slo_id, table.bucket, sum_of(table.good), sum_of(table.bad))
    query = query.where(table.slo_id.in_(slo_ids), slices.holds(table)).group_by(table.slo_id, table.bucket)
    closed = scope.connection.execute(scope.narrow(query, table))
    day = item.deadline_us // (slices.grain * MINUTE_US)
    due = item.deadline_us.between(slices.window.first_us, scope.as_of_us)
    overdue = select(item.slo_id, day, func.count()).where(item.slo_id.in_(slo_ids), item.state == "open", due)
    late = scope.connection.execute(scope.narrow(overdue, item).group_by(item.slo_id, day))
    rows: defaultdict[int, list[Any]] = defaultdict(list)
    for number, *counted in [*closed, *((number, bucket, 0, many) for number, bucket, many in late)]:
        rows[number].append(counted)
    sums = {number: slices.sums(rows[number], slices.of_bucket, 2) for number in slo_ids}
    return {number: [_ratio(good, good + bad) for good, bad in counts] for number, counts in sums.items()}


def _exceptions(measure: Measure, scope: Scope, slices: Slices) -> tuple[Value, list[Value]]:
    """Objects by the slice of their last refusal, or of their last event while their status asks for a person."""
    before = before_of(scope.window)
    both = Window(min(before.first, slices.window.first), scope.window.last)
    times = exception_times(measure, scope._replace(window=both))
    counts = [counted for (counted,) in slices.sums([(at_us, 1) for at_us in times.values()], slices.of_time)]
    earlier = sum(before.first_us <= at_us < before.end_us for at_us in times.values())
    if not measure.is_share:
        return earlier, list(counts)
    thing = business_object.c
    slot = thing.last_us // (slices.step * MINUTE_US)
    is_seen = (thing.type == measure.object) & thing.last_us.between(slices.window.first_us, slices.window.end_us)
    query = scope.narrow(select(slot, func.count()).where(is_seen), thing).group_by(slot)
    seen = slices.sums(scope.connection.execute(query), lambda number: number - slices.first)
    wanted = (thing.type == measure.object) & thing.last_us.between(before.first_us, before.end_us - 1)
    total = scope.connection.scalar(scope.narrow(select(func.count()).where(wanted), thing)) or 0
    return _ratio(earlier, total), [_ratio(part, whole) for part, (whole,) in zip(counts, seen, strict=True)]


def _in_doubt(_: Measure, scope: Scope, slices: Slices) -> tuple[Value, list[Value]]:
    """Those still in doubt by when they began; how many there were before is not kept."""
    call = exchange.c
    begun = call.at_us.between(slices.window.first_us, scope.window.end_us)
    query = select(call.at_us, func.count()).where(
        IS_IN_DOUBT, begun, call.method.not_in(sorted(SAFE_METHODS)), ~call.is_replay
    )
    counts = slices.sums(scope.connection.execute(scope.narrow(query, call).group_by(call.at_us)), slices.of_time)
    return None, [counted for (counted,) in counts]


SERIES: dict[str, Series] = {
    "exceptions": _exceptions,
    "open": _open,
    "backlog": _backlog,
    "latency": _latency,
    "delay": _delay,
    "refusals": _refusals,
    "in_doubt": _in_doubt,
    "budget": _budget,
}
