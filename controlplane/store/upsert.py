"""Insert-or-merge, the write of every projection. The same words on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, case, func
from sqlalchemy.dialects import postgresql, sqlite

CHUNK = 500  # keys per IN list: far below SQLite's limit of 32,766 parameters, and few statements to compile

T = TypeVar("T")


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], merge: Merge) -> None:
    """Insert `rows`; where the primary key (or `merge.keys`) exists already, merge as told."""
    if not rows:
        return
    maker = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = maker(table)
    keys = merge.keys or [column.name for column in table.primary_key]
    changes = merge.changes(table, statement.excluded)
    if changes:
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes), rows)
    else:
        connection.execute(statement.on_conflict_do_nothing(index_elements=keys), rows)


class Merge:
    """What becomes of each column when the row exists: all of it is commutative.

    `add` sums; `least` and `greatest` pass over nulls; `latest` maps a mark column to the columns that follow the
    greatest mark. Columns not named stay as they are.
    """

    def __init__(
        self,
        keys: Sequence[str] = (),
        add: Sequence[str] = (),
        least: Sequence[str] = (),
        greatest: Sequence[str] = (),
        latest: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.keys = list(keys)
        self._add, self._least, self._greatest, self._latest = add, least, greatest, latest or {}

    def changes(self, table: Table, new: Any) -> dict[str, ColumnElement[Any]]:
        """The SET clause."""
        changes: dict[str, ColumnElement[Any]] = {name: table.c[name] + new[name] for name in self._add}
        for name in self._least:
            changes[name] = _preferred(new[name] < table.c[name], table.c[name], new[name])
        for name in self._greatest:
            changes[name] = _preferred(new[name] > table.c[name], table.c[name], new[name])
        for mark, names in self._latest.items():
            for name in (mark, *names):
                changes[name] = case((new[mark] > table.c[mark], new[name]), else_=table.c[name])
        return changes


def _preferred(is_better: ColumnElement[bool], old: Any, new: Any) -> ColumnElement[Any]:
    return func.coalesce(case((is_better, new), else_=old), new)


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """`items` in slices of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
