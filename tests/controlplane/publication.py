"""Puts objectives and measures in force as an apply of a workspace does, without the rest of a workspace."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import delete, insert

from catalog.calendar import Calendar
from catalog.measure import Measure
from catalog.network import Entity
from catalog.slo import SloSpec
from catalog.snapshot import canonical_json
from controlplane.context import Context
from controlplane.registry.publication import publish
from controlplane.registry.store import item, keep_blob


def put_in_force(
    context: Context,
    slos: Iterable[SloSpec] = (),
    measures: Iterable[Measure] = (),
    entities: Iterable[Entity] = (),
    calendars: Iterable[Calendar] = (),
) -> int:
    """Replace everything in force; the new generation."""
    rows: list[tuple[str, str, msgspec.Struct]] = [("slo", slo.name, slo) for slo in slos]
    rows += [("measure", measure.id, measure) for measure in measures]
    rows += [("entity", entity.entity, entity) for entity in entities]
    rows += [("calendar", calendar.calendar, calendar) for calendar in calendars]
    with context.database.write() as connection:
        connection.execute(delete(item))
        for kind, name, told in rows:
            content = canonical_json(msgspec.to_builtins(told))
            sha256 = keep_blob(connection, content, context.clock())
            values = {"kind": kind, "name": name, "sha256": sha256, "size_bytes": len(content), "generation": 1}
            connection.execute(insert(item).values(values))
        return publish(connection, context, "test", "test")
