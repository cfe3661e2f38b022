"""Finds business objects by any key or alias: a prefix of it, in any case, read from an index."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select

from catalog.record import Amount, ObjectRef
from controlplane.lineage.sight import EVERYTHING, Sight
from controlplane.lineage.store import business_object, link, object_axis

LAST_CHARACTER = "\U0010ffff"


class Found(msgspec.Struct, frozen=True):
    """An object, and whether its own key or an alias matched. Times are null for one known by mention only."""

    object: ObjectRef
    matched: Literal["id", "alias"]
    amount: Amount | None
    status_axes: dict[str, str]
    first_us: int | None
    last_us: int | None
    legal_entity: str
    is_synthetic: bool


def search(connection: Connection, text: str, limit: int, sight: Sight = EVERYTHING) -> list[Found]:
    """Objects whose key, or a key of an alias, begins with `text`; exact ones first, each object once."""
    key = text.strip().casefold()
    if not key:
        return []
    thing = business_object.c
    meant_one = business_object.alias("meant_one")
    hits = (
        select(thing.object_id, thing.search_key, link.c.source_id)
        .join_from(
            business_object, link, (link.c.target_id == thing.object_id) & (link.c.kind == "alias"), isouter=True
        )
        .join(meant_one, meant_one.c.object_id == func.coalesce(link.c.source_id, thing.object_id))
        .where(_begins(key), sight.objects(meant_one.c))
        .order_by(thing.search_key, thing.object_id)
        .limit(limit * 4)  # an object may be hit by its key and by several aliases
    )
    matched: dict[int, Literal["id", "alias"]] = {}
    for number, _, meant in connection.execute(hits):
        if meant is None:
            matched[number] = "id"
        else:
            matched.setdefault(meant, "alias")
    found = connection.execute(select(business_object).where(thing.object_id.in_(list(matched))))
    rows = {row.object_id: row for row in found}
    wanted = [number for number in matched if number in rows][:limit]
    axes = _axes(connection, wanted)
    return [_found(rows[number], matched[number], axes.get(number, {})) for number in wanted]


def _begins(key: str) -> ColumnElement[bool]:
    column = business_object.c.search_key
    return (column >= key) & (column < key + LAST_CHARACTER)


def _axes(connection: Connection, ids: list[int]) -> dict[int, dict[str, str]]:
    axes: dict[int, dict[str, str]] = {}
    for row in connection.execute(select(object_axis).where(object_axis.c.object_id.in_(ids))):
        axes.setdefault(row.object_id, {})[row.axis] = row.value
    return axes


def _found(row: Any, matched: Literal["id", "alias"], axes: dict[str, str]) -> Found:
    amount = Amount(row.amount, row.currency) if row.amount is not None else None
    ref = ObjectRef(row.type, row.assigner, row.value)
    return Found(ref, matched, amount, axes, row.first_us, row.last_us, row.legal_entity, row.is_synthetic)
