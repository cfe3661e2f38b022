"""The schema's history: from nothing to what the code declares, and again without effect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Column, MetaData, Table, insert, inspect, text

from controlplane.store.database import Database, metadata
from controlplane.store.migration import upgrade
from tests.controlplane.engine import ENGINES, linguistic

VERSIONS = Path(__file__).parents[3] / "controlplane" / "store" / "migration" / "versions"


@pytest.fixture(params=ENGINES)
def database(request, tmp_path) -> Iterator[Database]:
    """An empty one."""
    is_file = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'new.sqlite3'}" if is_file else linguistic(request.getfixturevalue("postgres"))
    opened = Database.open(url)
    yield opened
    opened.close()


def test_migrations_lead_from_nothing_to_the_declared_tables(database: Database) -> None:
    """No drift: a new column without a migration, or the reverse, fails here."""
    upgrade(database)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_both_stores_have_the_same_partial_indexes(database: Database) -> None:
    """A comparison with the metadata does not look at what an index leaves out."""
    upgrade(database)
    with database.read() as connection:
        query = {"sqlite": "SELECT name FROM sqlite_master WHERE sql LIKE '%% WHERE %%' AND type = 'index'"}
        query["postgresql"] = (
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexdef LIKE '%% WHERE %%'"
        )
        found = set(connection.scalars(text(query[connection.dialect.name].replace("%%", "%"))))
    declared = {
        index.name
        for table in metadata.tables.values()
        for index in table.indexes
        if index.dialect_options[database.engine.dialect.name]["where"] is not None
    }
    assert found == declared
    assert {"exchange_refused", "exchange_failed", "exchange_in_doubt"} <= declared


def test_an_upgrade_of_the_newest_changes_nothing(database: Database) -> None:
    upgrade(database)
    with database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO token (token_id, name, role, sha256, created_us, created_by) "
            "VALUES ('t', 'n', 'admin', 'x', 1, 'me')"
        )
    upgrade(database)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM token").scalar() == 1


def test_revisions_are_numbered_in_one_line() -> None:
    files = sorted(path.name for path in VERSIONS.glob("[0-9]*.py"))
    assert [name[:4] for name in files] == [f"{number:04}" for number in range(1, len(files) + 1)]


def test_exchanges_of_older_databases_get_their_gateway(database: Database) -> None:
    """0003 takes it from the stream's name."""
    config = Config()
    config.set_main_option("script_location", str(VERSIONS.parent))
    config.set_main_option("path_separator", "os")
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        table = Table("exchange", MetaData(), autoload_with=connection)
        needed = [column for column in table.c if not column.nullable]
        row = {column.name: "north/0/1" if column.name == "stream" else _any(column) for column in needed}
        connection.execute(insert(table), row)
    upgrade(database)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT gateway FROM exchange").scalar() == "north"


def _any(column: Column[Any]) -> Any:
    """A value that fits."""
    return {int: 1, bool: True}.get(column.type.python_type, "1")
