"""Insert-or-merge, the write of every projection. The same words on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    any_,
    case,
    column,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import UserDefinedType

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


def among(connection: Connection, some: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Whether a column has one of `values`. PostgreSQL gets them as one array: a statement that it knows already,
    however many they are."""
    if connection.dialect.name == "postgresql":
        return some == any_(_array(some, list(values)))
    return some.in_(values)


def _at_once(table: Table, rows: Sequence[Mapping[str, Any]]) -> postgresql.Insert:
    """All rows in one statement, as an array for each column: row by row takes PostgreSQL several times as long."""
    names = list(rows[0])
    arrays = [_array(table.c[name], [row[name] for row in rows]) for name in names]
    told = func.unnest(*arrays).table_valued(*(column(name, table.c[name].type) for name in names), name="told")
    return postgresql.insert(table).from_select(names, select(told.render_derived()))


def _array(some: Column[Any], values: Sequence[Any]) -> ColumnElement[Any]:
    """Values of a column as an array of PostgreSQL's. The driver would write each item on its own, in Python."""
    text = _texts(values) if some.type.python_type is str else _plain(values)
    return literal(f"{{{text}}}", _Array(_ARRAY_OF[some.type.python_type]))


def _texts(values: Sequence[str | None]) -> str:
    """Every item in quotes; a null is the word without them. Source: PostgreSQL 15 manual, 8.15.6."""
    given = [value for value in values if value is not None]
    told = "".join(given)
    if given and len(given) == len(values) and '"' not in told and "\\" not in told:
        return '"' + '","'.join(given) + '"'  # several times as fast as one by one
    return ",".join("NULL" if value is None else f'"{value.translate(_ESCAPES)}"' for value in values)


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"'})


def _plain(values: Sequence[int | None]) -> str:
    """Numbers and truth values as they are; None is NULL."""
    return ",".join("NULL" if value is None else str(value) for value in values)


class _Array(UserDefinedType[str]):
    """A parameter that PostgreSQL reads as an array when it arrives, not each time it is looked at."""

    cache_ok = True
    render_bind_cast = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        return self.name


_ARRAY_OF: dict[type[Any], str] = {str: "TEXT[]", int: "BIGINT[]", bool: "BOOLEAN[]"}


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
