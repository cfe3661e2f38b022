"""The projections of the log, in one explicit list."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from catalog.record import Entry
from controlplane.attention import service as attention
from controlplane.ingest.batch import Located
from controlplane.ingest.projection import Projection
from controlplane.lineage.projection import LineageProjection
from controlplane.registry.store import current_generation
from controlplane.slo.definition import published_calendars, published_specs
from controlplane.slo.projection import SloProjection
from controlplane.traffic.draft import DraftProjection
from controlplane.traffic.field import FieldProjection
from controlplane.traffic.projection import TrafficProjection


class AttentionProjection:
    """Attention and acknowledgements. They hold what people decided as well, so that a rebuild forgets nothing:
    applying an entry again changes nothing."""

    def apply(self, connection: Connection, entries: Sequence[Located]) -> None:
        for entry in entries:
            line = entry.line
            if line.kind not in ("attention", "ack"):
                continue
            try:
                attention.apply(connection, entry.stream, msgspec.convert(line, Entry, from_attributes=True))
            except msgspec.DecodeError:
                continue  # newer than this program; it stays in the log

    def clear(self, connection: Connection) -> None:
        return


def slo_projection() -> SloProjection:
    """Contributions to the objectives of the published workspace."""
    return SloProjection(current_generation, published_specs, published_calendars)


def projections() -> tuple[Projection, ...]:
    """Everything that is derived from the log."""
    return (
        LineageProjection([slo_projection(), TrafficProjection()]),
        FieldProjection(),
        DraftProjection(),
        AttentionProjection(),
    )
