"""The schema's history: from nothing to what the code declares, and again without effect."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
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
        connection.exec_driver_sql("INSERT INTO token VALUES ('t', 'n', 'admin', 'x', 1, 'me', NULL, NULL)")
    upgrade(database)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM token").scalar() == 1
    database.close()


def test_revisions_are_numbered_in_one_line() -> None:
    files = sorted(path.name for path in VERSIONS.glob("[0-9]*.py"))
    assert [name[:4] for name in files] == [f"{number:04}" for number in range(1, len(files) + 1)]
