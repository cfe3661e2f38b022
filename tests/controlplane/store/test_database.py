"""Transactions: one state for a reader, all or nothing for a writer, schema changes included."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, inspect, select

from catalog.errors import Invalid
from controlplane.store.database import Database
from tests.controlplane.engine import ENGINES

numbers = Table("number", MetaData(), Column("value", Integer, primary_key=True))


@pytest.fixture(params=ENGINES)
def database(request, tmp_path):
    is_file = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'test.sqlite3'}" if is_file else request.getfixturevalue("postgres").database()
    opened = Database.open(url)
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
        assert inspect(connection).get_table_names() == ["number"]


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


def test_writers_of_two_processes_take_turns(postgres) -> None:
    """Nothing but the database joins them: each sees what the other committed, and no increment is lost."""
    url = postgres.database()
    databases = [Database.open(url) for _ in range(2)]
    with databases[0].write() as connection:
        numbers.create(connection)

    def add_many(database: Database) -> None:
        for _ in range(20):
            with database.write() as connection:
                connection.execute(insert(numbers).values(value=len(values(connection))))

    threads = [threading.Thread(target=add_many, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with databases[1].read() as connection:
        assert values(connection) == list(range(40))
    for database in databases:
        database.close()


@pytest.mark.parametrize(
    "url", ["", "waybill.sqlite3", "mysql://me@host/waybill", "sqlite://", "postgresql+pg8000://h/d"]
)
def test_an_address_that_is_no_store_is_refused_with_the_forms_that_are(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        Database.open(url)
    assert "sqlite:///PATH" in refused.value.problems[0].remedy
