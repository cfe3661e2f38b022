"""Keeps contributions and their roll-ups: subtracts what an exchange or object added before, adds what it adds now."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, tuple_

from catalog.slo import HttpSource, LifecycleSource, SloSpec
from controlplane.lineage.histogram import step_of
from controlplane.lineage.projection import COLUMNS
from controlplane.lineage.rollup import GRAINS, MINUTE_US, Change
from controlplane.lineage.store import business_object, exchange
from controlplane.lineage.summary import Summary
from controlplane.slo.contribution import Contribution, Delta, Milestone, contribution_of, counts, is_good_call
from controlplane.slo.deadline import Calendars, counts_days
from controlplane.slo.store import slo_contribution, slo_definition, slo_delay_rollup, slo_generation, slo_rollup
from controlplane.store.upsert import Merge, among, chunks, insert_all, upsert

MERGE = Merge(add=["good", "bad", "begun", "ended"])
MERGE_DELAYS = Merge(add=["objects"])
PLACE = ("grain", "bucket", "legal_entity", "is_synthetic")
TABLES = (slo_delay_rollup, slo_rollup, slo_contribution, slo_definition)  # children before parents

Generation = Callable[[Connection], int]  # the one in force
Specs = Callable[[Connection], Sequence[SloSpec]]  # its objectives
ReadCalendars = Callable[[Connection], Calendars]  # its business calendars


class Definition(msgspec.Struct, frozen=True):
    """An objective in force under its number. `spec.sha256` is its version together with its calendars."""

    slo_id: int
    spec: SloSpec


class SloProjection:
    """A `lineage.projection.Follower` for the definitions in force."""

    def __init__(self, generation: Generation, specs: Specs, calendars: ReadCalendars = lambda _: Calendars()) -> None:
        self._generation = generation
        self._specs = specs
        self._calendars = calendars

    def follow(self, connection: Connection, changes: Sequence[Change]) -> None:
        renewed = self.sync(connection)  # those have read the batch's exchanges already
        known = definitions(connection)
        calendars = self._calendars_for(connection, [definition.spec for definition in known])
        for definition in known:
            if definition.slo_id not in renewed:
                _follow(connection, definition, changes, calendars)

    def clear(self, connection: Connection) -> None:
        for table in (*TABLES, slo_generation):
            connection.execute(delete(table))

    def is_current(self, connection: Connection) -> bool:
        """Whether the contributions follow the definitions in force."""
        return self._generation(connection) == connection.scalar(select(slo_generation.c.generation))

    def sync(self, connection: Connection) -> set[int]:
        """Follow the published workspace: drop what is gone, compute what is new from all exchanges; the new ones."""
        generation = self._generation(connection)
        if generation == connection.scalar(select(slo_generation.c.generation)):
            return set()
        specs = self._specs(connection)
        calendars = self._calendars_for(connection, specs)
        versions = [msgspec.structs.replace(spec, sha256=calendars.version_of(spec)) for spec in specs]
        wanted = {(spec.name, spec.sha256): spec for spec in versions}
        for known in definitions(connection):
            if wanted.pop((known.spec.name, known.spec.sha256), None) is None:
                _drop(connection, known.slo_id)
        renewed = {_add(connection, spec, calendars) for spec in wanted.values()}
        connection.execute(delete(slo_generation))
        connection.execute(insert(slo_generation).values(only=1, generation=generation))
        return renewed

    def _calendars_for(self, connection: Connection, specs: Iterable[SloSpec]) -> Calendars:
        """Read only where they decide a deadline."""
        return self._calendars(connection) if any(map(counts_days, specs)) else Calendars()


def definitions(connection: Connection) -> list[Definition]:
    """All objectives in force, by name."""
    rows = connection.execute(select(slo_definition).order_by(slo_definition.c.name))
    return [Definition(row.slo_id, _spec(row.spec)) for row in rows]


@lru_cache(maxsize=500)
def _spec(text: str) -> SloSpec:
    """Read once: every figure asks for the definitions."""
    return msgspec.json.decode(text, type=SloSpec)


def _drop(connection: Connection, slo_id: int) -> None:
    for table in TABLES:
        connection.execute(delete(table).where(table.c.slo_id == slo_id))


def _add(connection: Connection, spec: SloSpec, calendars: Calendars) -> int:
    text = msgspec.json.encode(spec).decode()
    row = insert(slo_definition).values(name=spec.name, sha256=spec.sha256, spec=text)
    definition = Definition(connection.execute(row.returning(slo_definition.c.slo_id)).scalar_one(), spec)
    for some in _history(connection, spec.source):
        _follow(connection, definition, some, calendars)
    return definition.slo_id


def _history(connection: Connection, source: HttpSource | LifecycleSource) -> Iterable[Sequence[Change]]:
    """All exchanges that an objective is about, as if they came just now."""
    if isinstance(source, HttpSource):
        names = [tuple(name.split("/", 1)) for name in source.operations]
        wanted: ColumnElement[bool] = tuple_(exchange.c.contract, exchange.c.operation).in_(names)
    else:
        wanted = exchange.c.event.in_((source.from_event, source.to_event))
    query = select(*COLUMNS).where(wanted).execution_options(yield_per=5_000)
    rows = connection.execute(query).partitions()
    return ([Change(None, Summary(*row)) for row in some] for some in rows)


def _follow(connection: Connection, definition: Definition, changes: Sequence[Change], calendars: Calendars) -> None:
    source = definition.spec.source
    if isinstance(source, HttpSource):
        _add_up(connection, definition.slo_id, _calls(source, changes))
        return
    events = {source.from_event, source.to_event}
    touched = {
        summary.object_id
        for change in changes
        for _, summary in change.signed()
        if summary.event in events and summary.object_id is not None
    }
    for some in chunks(sorted(touched)):
        _renew(connection, definition.slo_id, source, some, calendars)


def _calls(source: HttpSource, changes: Iterable[Change]) -> Iterable[Delta]:
    for change in changes:
        for sign, call in change.signed():
            if counts(source, call):
                is_good = is_good_call(source, call)
                yield Delta(call.minute, call.legal_entity, call.is_synthetic, sign * is_good, sign * (not is_good))


def _add_up(connection: Connection, slo_id: int, deltas: Iterable[Delta]) -> None:
    sums: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for minute, *where, good, bad, begun, ended in deltas:
        for grain in GRAINS:
            counted = sums[(grain, minute // grain, *where)]
            for place, count in enumerate((good, bad, begun, ended)):
                counted[place] += count
    names = ("slo_id", *PLACE, "good", "bad", "begun", "ended")
    rows = [dict(zip(names, (slo_id, *key, *counted), strict=True)) for key, counted in sums.items() if any(counted)]
    upsert(connection, slo_rollup, rows, MERGE)


def _add_delays(connection: Connection, slo_id: int, delays: Iterable[tuple[int, Contribution]]) -> None:
    """What ended, with the sign that it counts with, by how long it took."""
    sums: Counter[tuple[Any, ...]] = Counter()
    for sign, item in delays:
        if item.ended_us is not None:
            minute, step = item.ended_us // MINUTE_US, step_of(item.ended_us - item.started_us)
            for grain in GRAINS:
                sums[(grain, minute // grain, item.legal_entity, item.is_synthetic, step)] += sign
    names = ("slo_id", *PLACE, "step", "objects")
    rows = [dict(zip(names, (slo_id, *key, objects), strict=True)) for key, objects in sums.items() if objects]
    upsert(connection, slo_delay_rollup, rows, MERGE_DELAYS)


def _renew(
    connection: Connection, slo_id: int, source: LifecycleSource, object_ids: Sequence[int], calendars: Calendars
) -> None:
    """The contributions of some objects anew from all their events."""
    table = slo_contribution.c
    mine = (table.slo_id == slo_id) & among(connection, table.object_id, object_ids)
    columns = [table[name] for name in Contribution._fields]
    old = [Contribution(*row) for row in connection.execute(select(*columns).where(mine))]
    new = _contributions(connection, source, object_ids, calendars)
    signed = [(-1, item) for item in old] + [(1, item) for item in new.values()]
    _add_up(connection, slo_id, (delta for sign, item in signed for delta in item.deltas(sign)))
    _add_delays(connection, slo_id, signed)
    connection.execute(delete(slo_contribution).where(mine))
    rows = [{"slo_id": slo_id, "object_id": number, **item._asdict()} for number, item in new.items()]
    insert_all(connection, slo_contribution, rows)


def _contributions(
    connection: Connection, source: LifecycleSource, object_ids: Collection[int], calendars: Calendars
) -> dict[int, Contribution]:
    call, thing = exchange.c, business_object.c
    columns = (thing.object_id, thing.type, thing.is_synthetic)
    types = connection.execute(select(*columns).where(among(connection, thing.object_id, object_ids)))
    wanted = {number: mark for number, kind, mark in types if kind == source.object}
    is_milestone = or_(call.event == source.from_event, call.event == source.to_event)
    query = select(
        call.object_id, call.at_us + call.duration_us, call.stream, call.seq, call.event, call.legal_entity
    ).where(among(connection, call.object_id, wanted), is_milestone, ~call.is_replay)
    found: defaultdict[int, list[Milestone]] = defaultdict(list)
    for number, *rest in connection.execute(query):
        found[number].append(Milestone(*rest))
    told = {
        number: contribution_of(source, milestones, wanted[number], calendars) for number, milestones in found.items()
    }
    return {number: item for number, item in told.items() if item is not None}
