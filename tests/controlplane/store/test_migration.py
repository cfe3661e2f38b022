"""The schema's history: from nothing to what the code declares, and again without effect."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from controlplane.store.database import Database, metadata
from controlplane.store.migration import upgrade

VERSIONS = Path(__file__).parents[3] / "controlplane" / "store" / "migration" / "versions"


def test_migrations_lead_from_nothing_to_the_declared_tables(tmp_path) -> None:
    """No drift: a new column without a migration, or the reverse, fails here."""
    database = Database.sqlite(tmp_path / "new.sqlite3")
    upgrade(database)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}
    database.close()


def test_an_upgrade_of_the_newest_changes_nothing(tmp_path) -> None:
    database = Database.sqlite(tmp_path / "again.sqlite3")
    upgrade(database)
    with database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO token (token_id, name, role, sha256, created_us, created_by) "
            "VALUES ('t', 'n', 'admin', 'x', 1, 'me')"
        )
    upgrade(database)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM token").scalar() == 1
    database.close()


def test_revisions_are_numbered_in_one_line() -> None:
    files = sorted(path.name for path in VERSIONS.glob("[0-9]*.py"))
    assert [name[:4] for name in files] == [f"{number:04}" for number in range(1, len(files) + 1)]


def test_exchanges_of_older_databases_get_their_gateway(tmp_path) -> None:
    """0003 takes it from the stream's name."""
    database = Database.sqlite(tmp_path / "old.sqlite3")
    config = Config()
    config.set_main_option("script_location", str(VERSIONS.parent))
    config.set_main_option("path_separator", "os")
    columns = [column for column in metadata.tables["exchange"].c if not column.nullable and column.name != "gateway"]
    row = {column.name: "north/0/1" if column.name == "stream" else "1" for column in columns}
    names, marks = ", ".join(row), ", ".join("?" for _ in row)
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.exec_driver_sql(f"INSERT INTO exchange ({names}) VALUES ({marks})", tuple(row.values()))
    upgrade(database)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT gateway FROM exchange").scalar() == "north"
    database.close()
