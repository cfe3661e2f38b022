"""Keeps contributions and their roll-ups: subtracts what an exchange or object added before, adds what it adds now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, tuple_

from catalog.slo import HttpSource, LifecycleSource, SloSpec
from controlplane.lineage.projection import COLUMNS
from controlplane.lineage.rollup import GRAINS, Change
from controlplane.lineage.store import business_object, exchange
from controlplane.lineage.summary import Summary
from controlplane.slo.contribution import Contribution, Milestone, contribution_of, counts, is_good_call
from controlplane.slo.store import slo_contribution, slo_definition, slo_generation, slo_rollup
from controlplane.store.upsert import Merge, chunks, upsert

MERGE = Merge(add=["good", "bad"])

Generation = Callable[[Connection], int]  # the one in force
Specs = Callable[[Connection], Sequence[SloSpec]]  # its objectives


class Definition(msgspec.Struct, frozen=True):
    """An objective in force under its number."""

    slo_id: int
    spec: SloSpec


class SloProjection:
    """A `lineage.projection.Follower` for the definitions in force."""

    def __init__(self, generation: Generation, specs: Specs) -> None:
        self._generation = generation
        self._specs = specs

    def follow(self, connection: Connection, changes: Sequence[Change]) -> None:
        renewed = self.sync(connection)  # those have read the batch's exchanges already
        for definition in definitions(connection):
            if definition.slo_id not in renewed:
                _follow(connection, definition, changes)

    def clear(self, connection: Connection) -> None:
        for table in (slo_rollup, slo_contribution, slo_definition, slo_generation):
            connection.execute(delete(table))

    def is_current(self, connection: Connection) -> bool:
        """Whether the contributions follow the definitions in force."""
        return self._generation(connection) == connection.scalar(select(slo_generation.c.generation))

    def sync(self, connection: Connection) -> set[int]:
        """Follow the published workspace: drop what is gone, compute what is new from all exchanges; the new ones."""
        generation = self._generation(connection)
        if generation == connection.scalar(select(slo_generation.c.generation)):
            return set()
        wanted = {(spec.name, spec.sha256): spec for spec in self._specs(connection)}
        for known in definitions(connection):
            if wanted.pop((known.spec.name, known.spec.sha256), None) is None:
                _drop(connection, known.slo_id)
        renewed = {_add(connection, spec) for spec in wanted.values()}
        connection.execute(delete(slo_generation))
        connection.execute(insert(slo_generation).values(only=1, generation=generation))
        return renewed


def definitions(connection: Connection) -> list[Definition]:
    """All objectives in force, by name."""
    rows = connection.execute(select(slo_definition).order_by(slo_definition.c.name))
    return [Definition(row.slo_id, msgspec.json.decode(row.spec, type=SloSpec)) for row in rows]


def _drop(connection: Connection, slo_id: int) -> None:
    for table in (slo_rollup, slo_contribution, slo_definition):
        connection.execute(delete(table).where(table.c.slo_id == slo_id))


def _add(connection: Connection, spec: SloSpec) -> int:
    text = msgspec.json.encode(spec).decode()
    row = insert(slo_definition).values(name=spec.name, sha256=spec.sha256, spec=text)
    definition = Definition(connection.execute(row.returning(slo_definition.c.slo_id)).scalar_one(), spec)
    for some in _history(connection, spec.source):
        _follow(connection, definition, some)
    return definition.slo_id


def _history(connection: Connection, source: HttpSource | LifecycleSource) -> Iterable[Sequence[Change]]:
    """All exchanges that an objective is about, as if they came just now."""
    if isinstance(source, HttpSource):
        names = [tuple(name.split("/", 1)) for name in source.operations]
        wanted: ColumnElement[bool] = tuple_(exchange.c.contract, exchange.c.operation).in_(names)
    else:
        wanted = exchange.c.event.in_((source.from_event, source.to_event))
    rows = connection.execute(select(*COLUMNS).where(wanted)).partitions(5_000)
    return ([Change(None, Summary(*row)) for row in some] for some in rows)


def _follow(connection: Connection, definition: Definition, changes: Sequence[Change]) -> None:
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
        _renew(connection, definition.slo_id, source, some)


Delta = tuple[int, str, int, int]  # minute, legal entity, good, bad


def _calls(source: HttpSource, changes: Iterable[Change]) -> Iterable[Delta]:
    for change in changes:
        for sign, call in change.signed():
            if counts(source, call):
                is_good = is_good_call(source, call)
                yield call.minute, call.legal_entity, sign * is_good, sign * (not is_good)


def _add_up(connection: Connection, slo_id: int, deltas: Iterable[Delta]) -> None:
    sums: defaultdict[tuple[int, int, str], list[int]] = defaultdict(lambda: [0, 0])
    for minute, legal_entity, good, bad in deltas:
        for grain in GRAINS:
            counted = sums[(grain, minute // grain, legal_entity)]
            counted[0] += good
            counted[1] += bad
    rows = [
        {"slo_id": slo_id, "grain": grain, "bucket": bucket, "legal_entity": legal_entity, "good": good, "bad": bad}
        for (grain, bucket, legal_entity), (good, bad) in sums.items()
        if good or bad
    ]
    upsert(connection, slo_rollup, rows, MERGE)


def _renew(connection: Connection, slo_id: int, source: LifecycleSource, object_ids: Sequence[int]) -> None:
    """The contributions of some objects anew from all their events."""
    table = slo_contribution.c
    mine = (table.slo_id == slo_id) & table.object_id.in_(object_ids)
    old = {row.object_id: row for row in connection.execute(select(slo_contribution).where(mine))}
    new = _contributions(connection, source, object_ids)
    deltas = [_closed(row.state, row.minute, row.legal_entity, -1) for row in old.values()]
    deltas += [_closed(item.state, item.minute, item.legal_entity, 1) for item in new.values()]
    _add_up(connection, slo_id, deltas)
    connection.execute(delete(slo_contribution).where(mine))
    rows = [{"slo_id": slo_id, "object_id": number, **item._asdict()} for number, item in new.items()]
    if rows:
        connection.execute(insert(slo_contribution), rows)


def _closed(state: str, minute: int, legal_entity: str, sign: int) -> Delta:
    return minute, legal_entity, sign * (state == "good"), sign * (state == "bad")


def _contributions(
    connection: Connection, source: LifecycleSource, object_ids: Collection[int]
) -> dict[int, Contribution]:
    call, thing = exchange.c, business_object.c
    types = connection.execute(select(thing.object_id, thing.type).where(thing.object_id.in_(object_ids)))
    wanted = [number for number, kind in types if kind == source.object]
    is_milestone = or_(call.event == source.from_event, call.event == source.to_event)
    query = select(
        call.object_id, call.at_us + call.duration_us, call.stream, call.seq, call.event, call.legal_entity
    ).where(call.object_id.in_(wanted), is_milestone, ~call.is_replay)
    found: defaultdict[int, list[Milestone]] = defaultdict(list)
    for number, *rest in connection.execute(query):
        found[number].append(Milestone(*rest))
    told = {number: contribution_of(source, milestones) for number, milestones in found.items()}
    return {number: item for number, item in told.items() if item is not None}
