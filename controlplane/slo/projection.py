"""Keeps contributions and their roll-ups: subtracts what an exchange or object added before, adds what it adds now."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, insert, select, tuple_

from catalog.slo import HttpSource, LifecycleSource, SloSpec
from controlplane.lineage.histogram import step_of
from controlplane.lineage.projection import COLUMNS
from controlplane.lineage.rollup import GRAINS, MINUTE_US, Change
from controlplane.lineage.store import business_object, exchange
from controlplane.lineage.summary import Summary
from controlplane.slo.contribution import Contribution, Delta, Milestone, contribution_of, counts, is_good_call
from controlplane.slo.deadline import Calendars, counts_days
from controlplane.slo.store import slo_contribution, slo_definition, slo_delay_rollup, slo_generation, slo_rollup
from controlplane.store.upsert import Merge, among, chunks, upsert

MERGE = Merge(add=["good", "bad", "begun", "ended"])
MERGE_DELAYS = Merge(add=["objects"])
MERGE_CONTRIBUTION = Merge(replace=Contribution._fields)
PLACE = ("grain", "bucket", "legal_entity", "is_synthetic")
TABLES = (slo_delay_rollup, slo_rollup, slo_contribution, slo_definition)  # children before parents

Generation = Callable[[Connection], int]  # the one in force
Specs = Callable[[Connection], Sequence[SloSpec]]  # its objectives
ReadCalendars = Callable[[Connection], Calendars]  # its business calendars


class Definition(msgspec.Struct, frozen=True):
    """An objective in force under its number. `spec.sha256` is its version together with its calendars."""

    slo_id: int
    spec: SloSpec


class Journey(NamedTuple):
    """A life cycle objective, and the objects whose contributions a batch may have changed."""

    slo_id: int
    source: LifecycleSource
    touched: set[int]


class Told(NamedTuple):
    """What is known of one object's way."""

    type: str
    is_synthetic: bool
    milestones: list[Milestone]


class Signed(NamedTuple):
    """A contribution that counts from now on (1), or no longer (-1)."""

    slo_id: int
    sign: int
    item: Contribution


class SloProjection:
    """A `lineage.projection.Follower` for the definitions in force."""

    def __init__(self, generation: Generation, specs: Specs, calendars: ReadCalendars = lambda _: Calendars()) -> None:
        self._generation = generation
        self._specs = specs
        self._calendars = calendars

    def follow(self, connection: Connection, changes: Sequence[Change]) -> None:
        renewed = self.sync(connection)  # those have read the batch's exchanges already
        known = [definition for definition in definitions(connection) if definition.slo_id not in renewed]
        calendars = self._calendars_for(connection, [definition.spec for definition in known])
        _follow(connection, known, changes, calendars)

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
        _follow(connection, [definition], some, calendars)
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


def _follow(
    connection: Connection, known: Sequence[Definition], changes: Sequence[Change], calendars: Calendars
) -> None:
    """All objectives in one pass: each statement is asked once, not once for every objective."""
    deltas: list[tuple[int, Delta]] = []
    journeys: list[Journey] = []
    for definition in known:
        slo_id, source = definition.slo_id, definition.spec.source
        if isinstance(source, HttpSource):
            deltas += [(slo_id, delta) for delta in _calls(source, changes)]
        elif touched := _touched(source, changes):
            journeys.append(Journey(slo_id, source, touched))
    signed: list[Signed] = []
    for some in chunks(sorted({number for journey in journeys for number in journey.touched})):
        signed += _renew(connection, journeys, some, calendars)
    deltas += [(one.slo_id, delta) for one in signed for delta in one.item.deltas(one.sign)]
    _add_up(connection, deltas)
    _add_delays(connection, signed)


def _touched(source: LifecycleSource, changes: Sequence[Change]) -> set[int]:
    """The objects that had one of the two events, or lost it."""
    events = (source.from_event, source.to_event)
    return {
        summary.object_id
        for change in changes
        for summary in change
        if summary is not None and summary.event in events and summary.object_id is not None
    }


def _calls(source: HttpSource, changes: Iterable[Change]) -> Iterable[Delta]:
    for change in changes:
        for sign, call in change.signed():
            if counts(source, call):
                is_good = is_good_call(source, call)
                yield Delta(call.minute, call.legal_entity, call.is_synthetic, sign * is_good, sign * (not is_good))


def _add_up(connection: Connection, deltas: Iterable[tuple[int, Delta]]) -> None:
    sums: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for slo_id, (minute, *where, good, bad, begun, ended) in deltas:
        for grain in GRAINS:
            counted = sums[(slo_id, grain, minute // grain, *where)]
            for place, count in enumerate((good, bad, begun, ended)):
                counted[place] += count
    names = ("slo_id", *PLACE, "good", "bad", "begun", "ended")
    rows = [dict(zip(names, (*key, *counted), strict=True)) for key, counted in sums.items() if any(counted)]
    upsert(connection, slo_rollup, rows, MERGE)


def _add_delays(connection: Connection, signed: Iterable[Signed]) -> None:
    """What ended, with the sign that it counts with, by how long it took."""
    sums: Counter[tuple[Any, ...]] = Counter()
    for slo_id, sign, item in signed:
        if item.ended_us is not None:
            minute, step = item.ended_us // MINUTE_US, step_of(item.ended_us - item.started_us)
            for grain in GRAINS:
                sums[(slo_id, grain, minute // grain, item.legal_entity, item.is_synthetic, step)] += sign
    names = ("slo_id", *PLACE, "step", "objects")
    rows = [dict(zip(names, (*key, objects), strict=True)) for key, objects in sums.items() if objects]
    upsert(connection, slo_delay_rollup, rows, MERGE_DELAYS)


def _renew(
    connection: Connection, journeys: Sequence[Journey], object_ids: Sequence[int], calendars: Calendars
) -> list[Signed]:
    """The contributions of some objects anew from all their events: what they were, taken back, and what they are."""
    table = slo_contribution.c
    columns = [table[name] for name in Contribution._fields]
    mine = among(connection, table.object_id, object_ids)
    rows = connection.execute(select(table.slo_id, table.object_id, *columns).where(mine))
    told = {(slo_id, number): Contribution(*rest) for slo_id, number, *rest in rows}
    found = _milestones(connection, journeys, object_ids)
    signed: list[Signed] = []
    renewed: list[dict[str, Any]] = []
    for slo_id, source, touched in journeys:
        old = {number: told[slo_id, number] for number in touched.intersection(object_ids) if (slo_id, number) in told}
        new = _contributions(source, touched, found, calendars)
        _forget(connection, slo_id, old.keys() - new.keys())
        renewed += [
            {"slo_id": slo_id, "object_id": number, **item._asdict()}
            for number, item in new.items()
            if old.get(number) != item
        ]
        signed += [Signed(slo_id, -1, item) for item in old.values()]
        signed += [Signed(slo_id, 1, item) for item in new.values()]
    upsert(connection, slo_contribution, renewed, MERGE_CONTRIBUTION)
    return signed


def _forget(connection: Connection, slo_id: int, object_ids: Collection[int]) -> None:
    """What has lost its beginning."""
    if object_ids:
        mine = (slo_contribution.c.slo_id == slo_id) & among(connection, slo_contribution.c.object_id, object_ids)
        connection.execute(delete(slo_contribution).where(mine))


def _contributions(
    source: LifecycleSource, touched: Collection[int], found: Mapping[int, Told], calendars: Calendars
) -> dict[int, Contribution]:
    told = {
        number: contribution_of(source, of.milestones, of.is_synthetic, calendars)
        for number, of in found.items()
        if number in touched and of.type == source.object
    }
    return {number: item for number, item in told.items() if item is not None}


def _milestones(connection: Connection, journeys: Sequence[Journey], object_ids: Sequence[int]) -> dict[int, Told]:
    """All events of some objects that any of the objectives is about."""
    call, thing = exchange.c, business_object.c
    events = sorted({name for journey in journeys for name in (journey.source.from_event, journey.source.to_event)})
    columns = (call.at_us + call.duration_us, call.stream, call.seq, call.event, call.legal_entity)
    query = select(thing.object_id, thing.type, thing.is_synthetic, *columns).join_from(exchange, business_object)
    mine = among(connection, call.object_id, object_ids)
    found: dict[int, Told] = {}
    for number, kind, mark, *rest in connection.execute(query.where(mine, call.event.in_(events), ~call.is_replay)):
        found.setdefault(number, Told(kind, mark, [])).milestones.append(Milestone(*rest))
    return found
