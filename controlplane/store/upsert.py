"""Insert-or-merge, the write of every projection. The same words on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Table,
    Text,
    bindparam,
    case,
    column,
    func,
    insert,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

CHUNK = 500  # keys per IN list: far below SQLite's limit of 32,766 parameters, and few statements to compile

T = TypeVar("T")


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], merge: Merge) -> None:
    """Insert `rows`; where the primary key (or `merge.keys`) exists already, merge as told."""
    if not rows:
        return
    is_postgresql = connection.dialect.name == "postgresql"
    statement: Any = _at_once(table, rows) if is_postgresql else sqlite.insert(table)
    keys = merge.keys or [column.name for column in table.primary_key]
    changes = merge.changes(table, statement.excluded)
    if changes:
        statement = statement.on_conflict_do_update(index_elements=keys, set_=changes)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    connection.execute(statement, None if is_postgresql else rows)


def insert_all(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows`, none of which exists."""
    if rows and connection.dialect.name == "postgresql":
        connection.execute(_at_once(table, rows))
    elif rows:
        connection.execute(insert(table), rows)


def _at_once(table: Table, rows: Sequence[Mapping[str, Any]]) -> postgresql.Insert:
    """All rows in one statement, as an array for each column: row by row takes PostgreSQL several times as long."""
    names = list(rows[0])
    kinds = {name: _ARRAY_OF[table.c[name].type.python_type] for name in names}
    arrays = [bindparam(name, [row[name] for row in rows], type_=postgresql.ARRAY(kinds[name])) for name in names]
    told = func.unnest(*arrays).table_valued(*(column(name, kinds[name]) for name in names), name="told")
    return postgresql.insert(table).from_select(names, select(told.render_derived()))


_ARRAY_OF: dict[type[Any], Any] = {str: Text, int: BigInteger, bool: Boolean}


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
