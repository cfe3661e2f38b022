"""Insert-or-merge, the write of every projection. The same words on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Table,
    any_,
    bindparam,
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


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    merge: Merge,
    returning: tuple[Column[Any], ...] = (),
) -> Sequence[Row[Any]] | None:
    """Insert `rows`; where the primary key (or `merge.keys`) exists already, merge as told.

    PostgreSQL gives `returning` of every row in the same round trip; None from a store that would have to be asked.
    """
    if not rows:
        return []
    if connection.dialect.name != "postgresql":
        connection.execute(_merging_each(table, merge), rows)
        return None
    names = tuple(rows[0])
    found = connection.execute(_merging(table, names, merge, returning), _arrays(table, names, rows))
    return found.all() if returning else None


def insert_all(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows`, none of which exists."""
    if rows and connection.dialect.name == "postgresql":
        names = tuple(rows[0])
        connection.execute(_inserting(table, names), _arrays(table, names, rows))
    elif rows:
        connection.execute(insert(table), rows)


def among(connection: Connection, some: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Whether a column has one of `values`. PostgreSQL gets them as one array: a statement that it knows already,
    however many they are."""
    if connection.dialect.name == "postgresql":
        return some == any_(literal(_array(some, list(values)), _type(some)))
    return some.in_(values)


# The statements are the same for every batch; building one takes longer than running it.


@lru_cache(maxsize=64)
def _merging_each(table: Table, merge: Merge) -> Any:
    statement = sqlite.insert(table)
    return merge.applied(table, statement)


@lru_cache(maxsize=64)
def _merging(table: Table, names: tuple[str, ...], merge: Merge, returning: tuple[Column[Any], ...]) -> Any:
    statement = merge.applied(table, _inserting(table, names))
    return statement.returning(*returning) if returning else statement


@lru_cache(maxsize=64)
def _inserting(table: Table, names: tuple[str, ...]) -> postgresql.Insert:
    """All rows in one statement, as an array for each column: row by row takes PostgreSQL several times as long."""
    arrays = [bindparam(f"all_{name}", type_=_type(table.c[name])) for name in names]
    told = func.unnest(*arrays).table_valued(*(column(name, table.c[name].type) for name in names), name="told")
    return postgresql.insert(table).from_select(names, select(told.render_derived()))


def _arrays(table: Table, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {f"all_{name}": _array(table.c[name], [row[name] for row in rows]) for name in names}


def _array(some: Column[Any], values: list[Any]) -> str:
    """Values of a column as an array of PostgreSQL's. The driver would write each item on its own, in Python."""
    return f"{{{_texts(values) if some.type.python_type is str else _plain(values)}}}"


def _texts(values: Sequence[str | None]) -> str:
    """Every item in quotes; a null is the word without them. Source: PostgreSQL 15 manual, 8.15.6."""
    if values and None not in values:
        told = '","'.join(cast("Sequence[str]", values))  # several times as fast as one by one
        if "\\" not in told and told.count('"') == 2 * len(values) - 2:
            return f'"{told}"'
    return ",".join("NULL" if value is None else f'"{value.translate(_ESCAPES)}"' for value in values)


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"'})


def _plain(values: list[int | None]) -> str:
    """Numbers and truth values as Python writes a list of them; None is NULL."""
    return str(values)[1:-1].replace("None", "NULL")


def _type(some: Column[Any]) -> _Array:
    return _Array(_ARRAY_OF[some.type.python_type])


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
    """What becomes of each column when the row exists: all of it is commutative, but for `replace`.

    `add` sums; `least` and `greatest` pass over nulls; `latest` maps a mark column to the columns that follow the
    greatest mark; `replace` takes what is new, for rows that are derived anew as a whole. Columns not named stay as
    they are.
    """

    def __init__(
        self,
        keys: Sequence[str] = (),
        add: Sequence[str] = (),
        least: Sequence[str] = (),
        greatest: Sequence[str] = (),
        latest: Mapping[str, Sequence[str]] | None = None,
        replace: Sequence[str] = (),
    ) -> None:
        self.keys = list(keys)
        self._add, self._least, self._greatest, self._latest = add, least, greatest, latest or {}
        self._replace = replace

    def applied(self, table: Table, statement: Any) -> Any:
        """An INSERT of either dialect that merges."""
        keys = self.keys or [column.name for column in table.primary_key]
        changes = self._changes(table, statement.excluded)
        if changes:
            return statement.on_conflict_do_update(index_elements=keys, set_=changes)
        return statement.on_conflict_do_nothing(index_elements=keys)

    def _changes(self, table: Table, new: Any) -> dict[str, ColumnElement[Any]]:
        """The SET clause."""
        changes: dict[str, ColumnElement[Any]] = {name: table.c[name] + new[name] for name in self._add}
        changes |= {name: new[name] for name in self._replace}
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
