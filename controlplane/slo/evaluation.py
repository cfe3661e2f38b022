"""How objectives stand: reads roll-ups, so that the cost grows with windows and not with traffic.

Source of the arithmetic: Beyer et al., The Site Reliability Workbook, chapter 5: budget = 1 - target; burn rate =
error ratio / budget. Ratios are never averaged over parts of a window: good and bad are summed over all of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from catalog.record import Amount, ObjectRef
from catalog.slo import HttpSource, LifecycleSource, SloSpec
from controlplane.lineage.cover import covers
from controlplane.lineage.rollup import Window
from controlplane.lineage.sight import Sight
from controlplane.lineage.store import business_object
from controlplane.slo.projection import Definition
from controlplane.slo.store import slo_contribution, slo_rollup
from controlplane.store.column import sum_of

WARNING_BUDGET_LEFT = Fraction(1, 4)
#: "2 % of the budget spent in one hour" pages in the workbook's table; here it warns.
WARNING_SPENT_IN_HOUR = Fraction(2, 100)
MINIMUM_BAD = 2  # one bad event in a quiet hour is no trend
HOUR_S = 3600

State = Literal["ok", "warning", "breached", "no_data"]


class Standing(msgspec.Struct, frozen=True):
    """One objective at one time. `bad` includes objects overdue; `open` are those whose deadline is to come."""

    name: str
    title: str
    service: str
    target: str
    window: str
    good: int
    bad: int
    total: int
    open: int
    overdue: int  # of `bad`: still not finished
    ratio: float | None
    budget_left_ratio: float | None
    burn_rate_1h: float | None
    money_at_risk: list[Amount]  # open amounts of the overdue objects
    state: State
    objective: str
    owner: str
    steward: str
    as_of_us: int
    is_stale: bool


class SloObject(msgspec.Struct, frozen=True):
    """An object behind an objective's figure."""

    object: ObjectRef
    state: Literal["open", "overdue", "late"]
    legal_entity: str
    started_us: int
    deadline_us: int
    finished_us: int | None
    amount: Amount | None


class Tally(msgspec.Struct, frozen=True):
    """Sums over a window."""

    good: int
    bad: int  # overdue ones included
    overdue: int

    @property
    def total(self) -> int:
        return self.good + self.bad

    def burn(self, budget: Fraction) -> Fraction | None:
        return Fraction(self.bad, self.total) / budget if self.total else None


def evaluate_all(
    connection: Connection, definitions: Sequence[Definition], as_of_us: int, is_stale: bool, sight: Sight
) -> list[Standing]:
    """Every objective at `as_of_us`, for the legal entities in `sight`, in the order given.

    Asked together: the cost of a statement is mostly that of making it.
    """
    read = _Read(connection, as_of_us, sight)
    pending = _pending(read, [item.slo_id for item in definitions])
    found: dict[int, Standing] = {}
    for window_s, some in by_window(definitions).items():
        slo_ids, window = [item.slo_id for item in some], Window.ending(as_of_us, window_s)
        tallies, hours = read.tallies(slo_ids, window), read.tallies(slo_ids, Window.ending(as_of_us, HOUR_S))
        money = _money_at_risk(read, slo_ids, window)
        for item in some:
            number = item.slo_id
            counted = tallies[number], hours[number], pending.get(number, 0), sum_money(money[number])
            found[number] = _standing(item.spec, *counted, as_of_us, is_stale)
    return [found[item.slo_id] for item in definitions]


def by_window(definitions: Sequence[Definition]) -> dict[int, list[Definition]]:
    """Objectives by the length of their window in seconds."""
    found: defaultdict[int, list[Definition]] = defaultdict(list)
    for item in definitions:
        found[item.spec.window_s].append(item)
    return found


def _standing(
    spec: SloSpec, tally: Tally, hour: Tally, pending: int, money: list[Amount], as_of_us: int, is_stale: bool
) -> Standing:
    budget = 1 - Fraction(spec.target_ratio)
    burn, burn_1h = tally.burn(budget), hour.burn(budget)
    return Standing(
        name=spec.name,
        title=spec.title,
        service=spec.service,
        target=spec.target,
        window=spec.window,
        good=tally.good,
        bad=tally.bad,
        total=tally.total,
        open=pending,
        overdue=tally.overdue,
        ratio=float(Fraction(tally.good, tally.total)) if tally.total else None,
        budget_left_ratio=float(1 - burn) if burn is not None else None,
        burn_rate_1h=float(burn_1h) if burn_1h is not None else None,
        money_at_risk=money,
        state=state_of(spec, burn, burn_1h, hour.bad),
        objective=objective_text(spec),
        owner=spec.owner,
        steward=spec.steward,
        as_of_us=as_of_us,
        is_stale=is_stale,
    )


def state_of(spec: SloSpec, burn: Fraction | None, burn_1h: Fraction | None, bad_1h: int) -> State:
    """Breached: the budget is overdrawn. Warning: little is left, or the last hour spent too much of it."""
    if burn is None:
        return "no_data"
    if burn > 1:
        return "breached"
    limit = WARNING_SPENT_IN_HOUR * Fraction(max(spec.window_s, HOUR_S), HOUR_S)
    is_fast = burn_1h is not None and burn_1h >= max(limit, Fraction(1)) and bad_1h >= MINIMUM_BAD
    return "warning" if is_fast or 1 - burn < WARNING_BUDGET_LEFT else "ok"


class _Read(NamedTuple):
    connection: Connection
    as_of_us: int
    sight: Sight

    def tallies(self, slo_ids: Sequence[int], window: Window) -> dict[int, Tally]:
        """Closed contributions of the window, and the open ones whose deadline passed in it; of each objective."""
        table = slo_rollup.c
        mine = covers(table, window, table.slo_id.in_(slo_ids))
        query = select(table.slo_id, sum_of(table.good), sum_of(table.bad)).where(mine)
        rows = self.connection.execute(self.sight.narrow(query.group_by(table.slo_id), table))
        closed = {number: (good, bad) for number, good, bad in rows}
        overdue = self.counts(_overdue(slo_ids, window, self.as_of_us))
        return {
            number: Tally(good, bad + overdue.get(number, 0), overdue.get(number, 0))
            for number, (good, bad) in ((number, closed.get(number, (0, 0))) for number in slo_ids)
        }

    def counts(self, wanted: ColumnElement[bool]) -> dict[int, int]:
        """Contributions that are `wanted`, by objective."""
        table = slo_contribution.c
        query = select(table.slo_id, func.count()).where(wanted).group_by(table.slo_id)
        return dict(map(tuple, self.connection.execute(self.sight.narrow(query, table))))


def tallies_of(
    connection: Connection, slo_ids: Sequence[int], window: Window, as_of_us: int, sight: Sight
) -> dict[int, Tally]:
    """The sums of each objective over the window; every one of `slo_ids` has a tally."""
    return _Read(connection, as_of_us, sight).tallies(slo_ids, window)


def objects_of(
    connection: Connection,
    definition: Definition,
    state: Literal["bad", "open"],
    as_of_us: int,
    sight: Sight,
    limit: int,
) -> list[SloObject]:
    """`open`: all that are not finished. `bad`: finished too late, or overdue. The longest overdue first."""
    table, thing = slo_contribution.c, business_object.c
    window = Window.ending(as_of_us, definition.spec.window_s)
    wanted: ColumnElement[bool] = and_(table.slo_id == definition.slo_id, table.state == "open")
    if state == "bad":
        late = and_(
            table.slo_id == definition.slo_id, table.state == "bad", table.minute.between(window.first, window.last)
        )
        wanted = or_(_overdue([definition.slo_id], window, as_of_us), late)
    query = (
        select(slo_contribution, thing.type, thing.assigner, thing.value, thing.amount, thing.currency)
        .join_from(slo_contribution, business_object, table.object_id == thing.object_id)
        .where(wanted)
        .order_by(table.deadline_us, table.object_id)
        .limit(limit)
    )
    rows = connection.execute(sight.narrow(query, table))
    return [_slo_object(row, as_of_us) for row in rows]


def sum_money(pairs: Iterable[tuple[str, str]]) -> list[Amount]:
    """Exact sums per currency, of decimal texts."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for amount, currency in pairs:
        sums[currency] += Decimal(amount)
    return [Amount(format(total, "f"), currency) for currency, total in sorted(sums.items())]


def objective_text(spec: SloSpec) -> str:
    """The objective in words."""
    percent = format((spec.target_ratio * 100).normalize(), "f")
    if isinstance(spec.source, HttpSource):
        what = f"of calls are answered within {spec.source.threshold_ms} ms"
    else:
        source = spec.source
        objects = f"{source.object.replace('_', ' ')}s"
        ended, begun = (event.replace("_", " ").replace(".", " ") for event in (source.to_event, source.from_event))
        what = f"of {objects}: “{ended}” within {_in_words(source)} of “{begun}”"
    text = f"{percent} % {what}, over {spec.window[:-1]} {spec.window[-1]}"
    return f"{spec.meaning.rstrip('.')}: {text}" if spec.meaning else text


def _in_words(source: LifecycleSource) -> str:
    """A deadline of `259200` seconds as `3 d`, of `900` as `15 min`; business days as such."""
    if source.deadline_s is None:
        days = source.deadline_business_days
        return f"{days} business day{'' if days == 1 else 's'}"
    length_s = source.deadline_s
    units = ((86_400, "d"), (3_600, "h"), (60, "min"))
    return next((f"{length_s // size} {unit}" for size, unit in units if length_s % size == 0), f"{length_s} s")


def _overdue(slo_ids: Sequence[int], window: Window, as_of_us: int) -> ColumnElement[bool]:
    table = slo_contribution.c
    is_open = and_(table.slo_id.in_(slo_ids), table.state == "open")
    return and_(is_open, table.deadline_us.between(window.first_us, as_of_us))


def pending_of(connection: Connection, slo_id: int, as_of_us: int, sight: Sight) -> int:
    """How many objects of an objective are open with their deadline to come."""
    return _pending(_Read(connection, as_of_us, sight), [slo_id]).get(slo_id, 0)


def _pending(read: _Read, slo_ids: Sequence[int]) -> dict[int, int]:
    table = slo_contribution.c
    return read.counts(and_(table.slo_id.in_(slo_ids), table.state == "open", table.deadline_us > read.as_of_us))


def _money_at_risk(read: _Read, slo_ids: Sequence[int], window: Window) -> dict[int, list[tuple[str, str]]]:
    thing = business_object.c
    query = (
        select(slo_contribution.c.slo_id, thing.amount, thing.currency)
        .join_from(slo_contribution, business_object, slo_contribution.c.object_id == thing.object_id)
        .where(_overdue(slo_ids, window, read.as_of_us), thing.amount.is_not(None))
    )
    found: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    for number, amount, currency in read.connection.execute(read.sight.narrow(query, slo_contribution.c)):
        found[number].append((amount, currency))
    return found


def _slo_object(row: Any, as_of_us: int) -> SloObject:
    state: Literal["open", "overdue", "late"] = "late"
    if row.state == "open":
        state = "overdue" if row.deadline_us <= as_of_us else "open"
    amount = Amount(row.amount, row.currency) if row.amount is not None else None
    ref = ObjectRef(row.type, row.assigner, row.value)
    return SloObject(ref, state, row.legal_entity, row.started_us, row.deadline_us, row.finished_us, amount)
