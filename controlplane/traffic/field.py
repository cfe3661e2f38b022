"""Which fields of an operation were present: what gateways told of requests that they let through and of answers that
they passed on.

A gateway tells a field once a day and process, so that all that counts here is the first and the last day on which it
was seen. What a consumer reads of an answer cannot be seen: what was there is the most that it can have read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, select

from catalog.record import Exchange
from catalog.synthetic import is_synthetic
from controlplane.ingest.batch import Located
from controlplane.lineage.sight import Sight
from controlplane.store.upsert import Merge, upsert
from controlplane.traffic.store import field_usage
from controlplane.traffic.usage import DAY_US, day_text

MERGE_DAYS = Merge(least=["first_day"], greatest=["last_day"])
_KEYS = tuple(column.name for column in field_usage.primary_key)


class FieldUser(NamedTuple):
    """Whose fields: of one consumer, version, operation and direction ("request" or "response")."""

    consumer: str
    version: str
    operation: str
    direction: str


class FieldProjection:
    """An `ingest.projection.Projection`. Every telling of an exchange counts, one that another has overtaken too: they
    tell of the same call."""

    def apply(self, connection: Connection, entries: Sequence[Located]) -> None:
        days: dict[tuple[Any, ...], list[int]] = {}
        for entry in entries:
            if entry.exchange is None:
                continue
            day = entry.exchange.started_us // DAY_US
            for key in _keys(entry.exchange, is_synthetic(entry.stream)):
                seen = days.setdefault(key, [day, day])
                seen[0], seen[1] = min(seen[0], day), max(seen[1], day)
        names = (*_KEYS, "first_day", "last_day")
        rows = [dict(zip(names, (*key, *seen), strict=True)) for key, seen in days.items()]
        upsert(connection, field_usage, rows, MERGE_DAYS)

    def clear(self, connection: Connection) -> None:
        connection.execute(delete(field_usage))


def _keys(told: Exchange, mark: bool) -> Iterator[tuple[Any, ...]]:
    """In the order of the table's keys."""
    if not (told.consumer and told.operation):
        return
    for direction, fields in (("request", told.request_fields), ("response", told.response_fields)):
        for field in fields:
            what = (told.contract, told.version, told.operation, direction)
            yield (*what, told.consumer, told.legal_entity, mark, field)


def fields_of(
    connection: Connection, contract: str, days: int, now_us: int, sight: Sight
) -> dict[FieldUser, dict[str, str]]:
    """Fields seen within the last `days` UTC days with the last of these days ("2027-01-15"), by whom."""
    table = field_usage.c
    what = (table.consumer, table.version, table.operation, table.direction)
    query = (
        select(*what, table.field, func.max(table.last_day))
        .where(table.contract == contract, table.last_day > now_us // DAY_US - days)
        .group_by(*what, table.field)
        .order_by(*what, table.field)
    )
    found: dict[FieldUser, dict[str, str]] = {}
    for *user, field, day in connection.execute(sight.narrow(query, table)):
        found.setdefault(FieldUser(*user), {})[field] = day_text(day)
    return found
