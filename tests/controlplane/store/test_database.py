"""Transactions: one state for a reader, all or nothing for a writer, schema changes included."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from controlplane.store.database import Database

numbers = Table("number", MetaData(), Column("value", Integer, primary_key=True))


@pytest.fixture
def database(tmp_path):
    opened = Database.sqlite(tmp_path / "test.sqlite3")
    with opened.write() as connection:
        numbers.create(connection)
    yield opened
    opened.close()


def put(database: Database, value: int) -> None:
    with database.write() as connection:
        connection.execute(insert(numbers).values(value=value))


def values(connection) -> list[int]:
    return list(connection.scalars(select(numbers.c.value).order_by(numbers.c.value)))


def test_a_reader_sees_one_state_throughout(database: Database) -> None:
    """What is committed between its reads does not show, so that parts read one after another fit together."""
    put(database, 1)
    with database.read() as reader:
        assert values(reader) == [1]
        put(database, 2)
        assert values(reader) == [1]
    with database.read() as reader:
        assert values(reader) == [1, 2]


def test_a_failed_write_leaves_nothing_not_even_tables(database: Database) -> None:
    other = Table("other", MetaData(), Column("value", Integer))
    with pytest.raises(RuntimeError), database.write() as connection:
        other.create(connection)
        connection.execute(insert(numbers).values(value=1))
        raise RuntimeError
    with database.read() as connection:
        assert values(connection) == []
        assert connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name = 'other'").all() == []


def test_writers_take_turns(database: Database) -> None:
    """Each sees what the one before it committed: no increment is lost."""

    def add_next() -> None:
        with database.write() as connection:
            connection.execute(insert(numbers).values(value=len(values(connection))))

    threads = [threading.Thread(target=add_next) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        assert values(connection) == list(range(20))
