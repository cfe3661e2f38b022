"""The objectives of the published workspace."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from catalog.calendar import Calendar, business_times
from catalog.network import Entity
from catalog.slo import SloSpec
from catalog.snapshot import canonical_json, sha256_hex
from controlplane.registry.store import documents
from controlplane.slo.deadline import Calendars


def published_specs(connection: Connection) -> list[SloSpec]:
    """All objectives in force, by name."""
    return [msgspec.convert(document, SloSpec) for document in documents(connection, "slo").values()]


def published_calendars(connection: Connection) -> Calendars:
    """The business time of every legal entity in force."""
    entities = msgspec.convert(list(documents(connection, "entity").values()), list[Entity])
    calendars = msgspec.convert(documents(connection, "calendar"), dict[str, Calendar])
    told = [[each.entity, each.timezone, each.calendar] for each in entities]
    sha256 = sha256_hex(canonical_json([told, msgspec.to_builtins(calendars)]))
    return Calendars(business_times(entities, calendars), sha256)
