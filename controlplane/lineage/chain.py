"""The chain of a business object: everything that flow links tie to it, with all that happened, in order.

A chain follows flow links in both directions and never reference links, so that a supplier does not tie everything
together (design §5). An alias stands for its object, if only one object claims it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select, text

from catalog.errors import NotFound
from catalog.record import Amount, ObjectRef
from controlplane.lineage.sight import EVERYTHING, Sight, has_synthetic
from controlplane.lineage.store import business_object, exchange, link, object_axis

MAX_OBJECTS = 200
MAX_EVENTS = 2_000

# An alias that two objects claim proves nothing: it ties neither of them to what others say of it.
_IS_TIE = """link.kind = 'flow' OR NOT EXISTS (
            SELECT 1 FROM link AS claim
            WHERE claim.target_id = link.target_id AND claim.kind = 'alias' AND claim.source_id != link.source_id)"""

# UNION keeps each object once, so a cycle ends by itself; LIMIT bounds the walk. SQLite bounds it inside; PostgreSQL
# takes one recursive member only, and makes no more rows than the outer query asks for.
_SQLITE = f"""
    WITH RECURSIVE chain(object_id) AS (
      VALUES (:root)
      UNION SELECT link.target_id FROM chain CROSS JOIN link
            ON link.source_id = chain.object_id AND link.kind IN ('flow', 'alias') WHERE {_IS_TIE}
      UNION SELECT link.source_id FROM chain CROSS JOIN link
            ON link.target_id = chain.object_id AND link.kind IN ('flow', 'alias') WHERE {_IS_TIE}
      LIMIT :limit)
    SELECT object_id FROM chain
    """  # noqa: S608 - constants only
_POSTGRESQL = f"""
    WITH RECURSIVE chain(object_id) AS (
      SELECT CAST(:root AS BIGINT)
      UNION SELECT next.object_id FROM chain CROSS JOIN LATERAL (
          SELECT link.target_id FROM link
          WHERE link.source_id = chain.object_id AND link.kind IN ('flow', 'alias') AND ({_IS_TIE})
          UNION ALL SELECT link.source_id FROM link
          WHERE link.target_id = chain.object_id AND link.kind IN ('flow', 'alias') AND ({_IS_TIE})
      ) AS next(object_id))
    SELECT object_id FROM chain LIMIT :limit
    """  # noqa: S608 - constants only
WALK = {"sqlite": text(_SQLITE), "postgresql": text(_POSTGRESQL)}


class ChainObject(msgspec.Struct, frozen=True):
    """An object of a chain. Times are null for one that is known by mention only."""

    object: ObjectRef
    amount: Amount | None
    status_axes: dict[str, str]
    first_us: int | None
    last_us: int | None
    legal_entity: str
    is_root: bool
    events: int
    aliases: list[ObjectRef]


class ChainLink(msgspec.Struct, frozen=True):
    source: ObjectRef
    target: ObjectRef
    relation: str
    kind: str


class ChainEvent(msgspec.Struct, frozen=True):
    """Something that happened to an object, or was refused: then `type` is "" and `code` says why."""

    exchange_id: str
    at_us: int
    occurred_at: str
    type: str
    object: ObjectRef
    contract: str
    version: str
    operation: str
    consumer: str
    system: str
    status: int
    executed: str
    refused_by: str
    code: str
    is_verified: bool
    is_replay: bool
    duration_us: int
    upstream_us: int
    since_previous_us: int | None  # time that passed since the event before, of any object of the chain


class Chain(msgspec.Struct, frozen=True):
    root: ObjectRef
    objects: list[ChainObject]
    links: list[ChainLink]
    events: list[ChainEvent]
    as_of_us: int
    truncated: bool
    is_synthetic: bool
    has_synthetic: bool  # whether any synthetic history was taken in, of this object or others


def read_chain(connection: Connection, wanted: ObjectRef, as_of_us: int, sight: Sight = EVERYTHING) -> Chain:
    """The chain of an object or of an alias of one, without what is out of `sight`; a real one before one
    of synthetic history. Raises: NotFound."""
    key = business_object.c
    is_wanted = (key.type == wanted.type) & (key.assigner == wanted.assigner) & (key.value == wanted.value)
    root = select(key.object_id).where(is_wanted, sight.kind(key)).order_by(key.is_synthetic).limit(1)
    root_id = connection.scalar(root)
    if root_id is None:
        raise NotFound("no such business object")
    found = list(connection.scalars(WALK[connection.dialect.name], {"root": root_id, "limit": MAX_OBJECTS + 1}))
    ids = found[:MAX_OBJECTS]
    aliases = _aliases(connection, ids)
    rows = {row.object_id: row for row in connection.execute(select(business_object).where(key.object_id.in_(ids)))}
    ids = [number for number in ids if sight.sees(rows[aliases.get(number, number)])]
    if root_id not in ids:
        raise NotFound("no such business object")
    refs = {number: _ref(rows[aliases.get(number, number)]) for number in ids}
    rows = {number: rows[number] for number in ids}
    aliases = {alias: meant for alias, meant in aliases.items() if alias in refs}
    happened = connection.execute(sight.narrow(_events_of(ids), exchange.c)).all()
    events = _events(happened[:MAX_EVENTS], refs)
    objects = _objects(connection, rows, aliases, refs[root_id], events)
    return Chain(
        root=refs[root_id],
        objects=objects,
        links=_links(connection, ids, refs),
        events=events,
        as_of_us=as_of_us,
        is_synthetic=rows[root_id].is_synthetic,
        has_synthetic=has_synthetic(connection),
        truncated=len(found) > MAX_OBJECTS or len(happened) > MAX_EVENTS,
    )


def _ref(row: Any) -> ObjectRef:
    return ObjectRef(row.type, row.assigner, row.value)


def _aliases(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    """Alias -> object, as far as both are in the chain."""
    is_alias = (link.c.kind == "alias") & link.c.target_id.in_(ids)
    query = select(link.c.target_id, link.c.source_id).where(is_alias).order_by(link.c.target_id, link.c.source_id)
    pairs: dict[int, int] = {}
    for alias, meant in connection.execute(query):
        if meant in ids and pairs.get(meant) != alias:  # two names of each other: the first one stays the object
            pairs.setdefault(alias, meant)
    return pairs


def _objects(
    connection: Connection,
    rows: dict[int, Row[Any]],
    aliases: dict[int, int],
    root: ObjectRef,
    events: Iterable[ChainEvent],
) -> list[ChainObject]:
    counted: dict[ObjectRef, int] = {}
    for event in events:
        counted[event.object] = counted.get(event.object, 0) + 1
    axes: dict[int, dict[str, str]] = {}
    for row in connection.execute(select(object_axis).where(object_axis.c.object_id.in_(list(rows)))):
        axes.setdefault(aliases.get(row.object_id, row.object_id), {})[row.axis] = row.value
    objects = []
    for number, row in sorted(rows.items(), key=lambda item: (item[1].first_us or item[1].mentioned_us, item[0])):
        if number in aliases:
            continue
        ref = _ref(row)
        known_as = [_ref(rows[alias]) for alias, meant in aliases.items() if meant == number]
        amount = Amount(row.amount, row.currency) if row.amount is not None else None
        happened = counted.get(ref, 0)
        about = (axes.get(number, {}), row.first_us, row.last_us, row.legal_entity)
        objects.append(ChainObject(ref, amount, *about, ref == root, happened, known_as))
    return objects


def _links(connection: Connection, ids: Collection[int], refs: dict[int, ObjectRef]) -> list[ChainLink]:
    inside = (link.c.kind == "flow") & link.c.source_id.in_(ids) & link.c.target_id.in_(ids)
    query = select(link).where(inside).order_by(link.c.source_id, link.c.target_id, link.c.relation)
    found = [
        ChainLink(refs[row.source_id], refs[row.target_id], row.relation, row.kind) for row in connection.execute(query)
    ]
    return list(dict.fromkeys(found))


def _events_of(ids: Collection[int]) -> Any:
    call = exchange.c
    order = (call.at_us + 0, call.stream, call.seq)  # a sum, so that PostgreSQL does not walk the index of all times
    wanted = call.object_id.in_(ids) & call.is_event
    return select(exchange).where(wanted).order_by(*order).limit(MAX_EVENTS + 1)


def _events(rows: Iterable[Row[Any]], refs: dict[int, ObjectRef]) -> list[ChainEvent]:
    events: list[ChainEvent] = []
    previous_us: int | None = None
    for row in rows:
        since_us = row.at_us - previous_us if previous_us is not None else None
        previous_us = row.at_us
        told = row._mapping
        plain = {name: told[name] for name in ChainEvent.__struct_fields__ if name in told}
        events.append(ChainEvent(**plain, type=row.event, object=refs[row.object_id], since_previous_us=since_us))
    return events
