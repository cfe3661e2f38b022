"""The buckets of a roll-up that make up a window, as a condition that an index answers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from controlplane.lineage.rollup import Window


def covers(table: Any, window: Window, *keys: ColumnElement[bool]) -> ColumnElement[bool]:
    """Buckets of a roll-up `table` (its columns) that fill the window.

    `keys` narrow what comes before `grain` in its primary key. They stand in every alternative: outside of them, SQLite
    would look for the keys alone and read all the buckets that there ever were. Source: SQLite, query planner,
    OR optimisation.
    """
    parts = window.segments()
    return or_(*(and_(*keys, table.grain == part.grain, table.bucket.between(part.first, part.last)) for part in parts))
