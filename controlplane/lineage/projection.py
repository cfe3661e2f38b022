"""Writes lineage, call counters and exchange summaries for a batch of entries, in a handful of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, select, update

from catalog.record import ObjectRef
from controlplane.ingest.batch import Located
from controlplane.lineage.rollup import Change, Deltas
from controlplane.lineage.store import (
    business_object,
    call_rollup,
    exchange,
    latency_rollup,
    link,
    object_axis,
    usage_rollup,
)
from controlplane.lineage.summary import Sighting, Summary, Telling, is_event, summarise
from controlplane.store.upsert import Merge, among, chunks, insert_all, upsert

#: children before parents
TABLES = (usage_rollup, latency_rollup, call_rollup, exchange, link, object_axis, business_object)
COLUMNS = [exchange.c[name] for name in Summary.__struct_fields__]

MERGE_OBJECT = Merge(
    keys=("type", "assigner", "value", "is_synthetic"),
    least=("first_us", "mentioned_us"),
    greatest=("last_us",),
    latest={"entity_mark": ["legal_entity"], "amount_mark": ["amount", "currency"]},
)
MERGE_LINK = Merge()
MERGE_AXIS = Merge(latest={"mark": ["value"]})
MERGE_COUNT = Merge(add=["calls"])
MERGE_USAGE = Merge(add=["calls", "refused"])

#: An object's number and what it is known by
KEY = (business_object.c.object_id, business_object.c.type, business_object.c.assigner, business_object.c.value)

Edge = tuple[ObjectRef, str, str, ObjectRef]  # source, kind, relation, target


class Follower(Protocol):
    """A projection of exchanges rather than of entries; called once the exchanges are written."""

    def follow(self, connection: Connection, changes: Sequence[Change]) -> None: ...

    def clear(self, connection: Connection) -> None: ...


class LineageProjection:
    """An `ingest.projection.Projection` of `exchange` entries."""

    def __init__(self, followers: Sequence[Follower] = ()) -> None:
        self._followers = followers

    def apply(self, connection: Connection, entries: Sequence[Located]) -> None:
        tellings = [Telling(entry.committed, entry.exchange) for entry in entries if entry.exchange is not None]
        if not tellings:
            return
        changes: list[Change] = []
        for some in _by_kind(tellings):
            changes += _write_exchanges(connection, some, _write_objects(connection, some))
        deltas = Deltas(changes)
        upsert(connection, call_rollup, deltas.calls(), MERGE_COUNT)
        upsert(connection, latency_rollup, deltas.latencies(), MERGE_COUNT)
        upsert(connection, usage_rollup, deltas.usage(), MERGE_USAGE)
        for follower in self._followers:
            follower.follow(connection, changes)

    def clear(self, connection: Connection) -> None:
        for follower in self._followers:
            follower.clear(connection)
        for table in TABLES:
            connection.execute(delete(table))


def _by_kind(tellings: Sequence[Telling]) -> Iterator[list[Telling]]:
    """Real ones and synthetic ones apart: they do not know each other's objects."""
    for mark in (False, True):
        if some := [telling for telling in tellings if telling.is_synthetic is mark]:
            yield some


def _write_objects(connection: Connection, tellings: Sequence[Telling]) -> dict[ObjectRef, int]:
    """Objects, axes and links of tellings of one kind; the numbers of all objects they name."""
    sightings, edges = _gather(tellings)
    mark = tellings[0].is_synthetic
    rows = [_object_row(sighting) | {"is_synthetic": mark} for sighting in sightings.values()]
    told = upsert(connection, business_object, rows, MERGE_OBJECT, KEY)
    ids = _object_ids(connection, list(sightings), mark) if told is None else _numbers(told)
    axes = [
        {"object_id": ids[ref], "axis": axis, "value": value, "mark": mark}
        for ref, sighting in sightings.items()
        for axis, (mark, value) in sighting.axes.items()
    ]
    upsert(connection, object_axis, axes, MERGE_AXIS)
    links = [
        {"source_id": ids[source], "kind": kind, "relation": relation, "target_id": ids[target]}
        for source, kind, relation, target in edges
    ]
    upsert(connection, link, links, MERGE_LINK)
    return ids


def _gather(tellings: Sequence[Telling]) -> tuple[dict[ObjectRef, Sighting], set[Edge]]:
    sightings: dict[ObjectRef, Sighting] = {}
    edges: set[Edge] = set()
    for telling in tellings:
        told = telling.exchange
        if told.object is None:
            continue
        subject = _sighted(sightings, told.object, told.started_us)
        subject.learn(told, telling.mark)
        if is_event(told) and not told.is_replay:
            subject.own_event(told.started_us)
        for alias in told.aliases:
            if alias != told.object:
                _sighted(sightings, alias, told.started_us)
                edges.add((told.object, "alias", "same_as", alias))
        if told.executed == "no" and told.status >= 400:
            continue  # a refused call ties nothing together
        for tie in told.links:
            _sighted(sightings, tie.target, told.started_us)
            edges.add((told.object, tie.kind, tie.relation, tie.target))
    return sightings, edges


def _sighted(sightings: dict[ObjectRef, Sighting], ref: ObjectRef, at_us: int) -> Sighting:
    sighting = sightings.get(ref)
    if sighting is None:
        sighting = sightings[ref] = Sighting(ref, at_us)
    sighting.mention(at_us)
    return sighting


def _object_row(sighting: Sighting) -> dict[str, Any]:
    amount = sighting.amount
    return {
        "type": sighting.ref.type,
        "assigner": sighting.ref.assigner,
        "value": sighting.ref.value,
        "search_key": sighting.ref.value.casefold(),
        "legal_entity": sighting.legal_entity,
        "entity_mark": sighting.entity_mark,
        "amount": amount.amount if amount else None,
        "currency": amount.currency if amount else None,
        "amount_mark": sighting.amount_mark,
        "first_us": sighting.first_us,
        "last_us": sighting.last_us,
        "mentioned_us": sighting.mentioned_us,
    }


def _numbers(told: Iterable[Row[Any]]) -> dict[ObjectRef, int]:
    return {ObjectRef(row.type, row.assigner, row.value): row.object_id for row in told}


def _object_ids(connection: Connection, refs: Sequence[ObjectRef], mark: bool) -> dict[ObjectRef, int]:
    """Looked up by (type, assigner): SQLite would read the whole index for a list of triples."""
    table = business_object.c
    values: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for ref in refs:
        values[ref.type, ref.assigner].append(ref.value)
    ids: dict[ObjectRef, int] = {}
    for (kind, assigner), wanted in values.items():
        of_kind = (table.type == kind) & (table.assigner == assigner) & (table.is_synthetic == mark)
        for some in chunks(wanted):
            query = select(table.object_id, table.value).where(of_kind, among(connection, table.value, some))
            ids |= {ObjectRef(kind, assigner, value): number for number, value in connection.execute(query)}
    return ids


def _write_exchanges(connection: Connection, tellings: Sequence[Telling], ids: Mapping[ObjectRef, int]) -> list[Change]:
    """Of what a gateway tells of one exchange, that which was committed last stands."""
    newest: dict[tuple[str, str], Summary] = {}
    for telling in tellings:
        ref = telling.exchange.object
        row = msgspec.structs.replace(summarise(telling), object_id=ids[ref] if ref else None)
        known = newest.get(row.key)
        if known is None or known.committed < row.committed:
            newest[row.key] = row
    stored = _stored(connection, [exchange_id for _, exchange_id in newest])
    changes = [
        Change(old, new)
        for new in newest.values()
        if (old := stored.get(new.key)) is None or old.committed < new.committed
    ]
    insert_all(connection, exchange, [_row(change.new) for change in changes if change.old is None])
    is_same = (exchange.c.exchange_id == bindparam("known_id")) & (exchange.c.gateway == bindparam("known_gateway"))
    again = [
        {**_row(change.new), "known_id": change.new.exchange_id, "known_gateway": change.new.gateway}
        for change in changes
        if change.old
    ]
    if again:
        connection.execute(update(exchange).where(is_same), again)
    return changes


def _row(summary: Summary) -> dict[str, Any]:
    return msgspec.structs.asdict(summary)


def _stored(connection: Connection, exchange_ids: Sequence[str]) -> dict[tuple[str, str], Summary]:
    stored: dict[tuple[str, str], Summary] = {}
    for some in chunks(exchange_ids):
        for row in connection.execute(select(*COLUMNS).where(among(connection, exchange.c.exchange_id, some))):
            summary = Summary(*row)
            stored[summary.key] = summary
    return stored
