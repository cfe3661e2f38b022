"""Column types that mean the same on SQLite and PostgreSQL, and sums that come back as integers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, String, cast, func

#: A number that the store gives. SQLite gives numbers to INTEGER keys only; PostgreSQL uses up one for each row that
#: an upsert merges, so that 32 bits would not last.
Number = BigInteger().with_variant(Integer, "sqlite")

#: Text that is compared by code point, as Python and SQLite do, whatever the database's own collation.
Plain = String().with_variant(String(collation="C"), "postgresql")


def sum_of(column: ColumnElement[Any]) -> ColumnElement[int]:
    """The sum of an integer column, 0 of none. PostgreSQL's own sum of a BIGINT is NUMERIC."""
    return func.coalesce(cast(func.sum(column), BigInteger), 0)
