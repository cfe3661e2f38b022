"""Objectives as they stand now."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection

from catalog.errors import NotFound
from controlplane.context import Context
from controlplane.lineage.sight import Sight, has_synthetic
from controlplane.slo.evaluation import SloObject, Standing, evaluate_all, objects_of
from controlplane.slo.projection import Definition, SloProjection, definitions
from controlplane.slo.watermark import Watermark, read_watermark


class SloService:
    """Blocking: for worker threads."""

    def __init__(self, context: Context, projection: SloProjection) -> None:
        self._database = context.database
        self._clock = context.clock
        self._projection = projection

    def follow_workspace(self) -> None:
        """Bring contributions in line with the definitions in force, when these have changed."""
        with self._database.read() as connection:
            if self._projection.is_current(connection):
                return
        with self._database.write() as connection:
            self._projection.sync(connection)

    def watermark(self, connection: Connection) -> Watermark:
        return read_watermark(connection, self._clock())

    def standings(self, connection: Connection, now: Watermark, sight: Sight) -> list[Standing]:
        """All objectives at the watermark, for what is in `sight`."""
        return evaluate_all(connection, definitions(connection), now.as_of_us, now.is_stale, sight)

    def list_all(self, sight: Sight) -> tuple[list[Standing], bool]:
        """All objectives, and whether any synthetic history was taken in."""
        self.follow_workspace()
        with self._database.read() as connection:
            return self.standings(connection, self.watermark(connection), sight), has_synthetic(connection)

    def objects(self, name: str, state: Literal["bad", "open"], sight: Sight, limit: int) -> list[SloObject]:
        """Objects behind an objective. Raises: NotFound."""
        self.follow_workspace()
        with self._database.read() as connection:
            as_of_us = self.watermark(connection).as_of_us
            return objects_of(connection, definition_of(connection, name), state, as_of_us, sight, limit)


def definition_of(connection: Connection, name: str) -> Definition:
    """Raises: NotFound."""
    for definition in definitions(connection):
        if definition.spec.name == name:
            return definition
    raise NotFound("no such objective")
