"""Both stores for tests: SQLite, and a PostgreSQL database under a collation that sorts unlike Python."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import Connection, inspect

from controlplane.store.database import Database
from controlplane.store.migration import upgrade
from tests.postgres import Cluster

ENGINES = ("sqlite", "postgresql")


class Shelf:
    """Migrated, empty databases for one test after another; migrating and creating one anew takes far longer."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "migrated.sqlite3"
        self._shared: Database | None = None

    def sqlite(self, path: Path) -> str:
        """URL of a migrated SQLite file at `path`."""
        if not self._file.exists():
            _migrate(f"sqlite:///{self._file}").close()
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self._file, path)
        return f"sqlite:///{path}"

    def postgresql(self, cluster: Cluster) -> str:
        """URL of a migrated PostgreSQL database. Each call empties the one that the call before gave."""
        if self._shared is None:
            self._shared = _migrate(linguistic(cluster))
        with self._shared.write() as connection:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # past triggers and foreign keys
            for name in set(inspect(connection).get_table_names()) - {"alembic_version"}:
                connection.exec_driver_sql(f'DELETE FROM "{name}"')
        self._shared.close()
        return self._shared.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def linguistic(cluster: Cluster) -> str:
    """URL of a new PostgreSQL database that sorts text as a dictionary does: case and punctuation count last."""
    url = cluster.database()
    name = url.rsplit("/", 1)[1]
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}"'.encode())
        how = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
        connection.execute(f'CREATE DATABASE "{name}" {how}'.encode())
    return url


def _migrate(url: str) -> Database:
    database = Database.open(url)
    upgrade(database)
    return database


@contextmanager
def away(database: Database) -> Iterator[None]:
    """The store cannot be reached as long as the block runs."""
    database.close()
    url = database.engine.url
    if database.engine.dialect.name == "sqlite":
        path = Path(str(url.database))
        kept = path.rename(path.with_suffix(".gone"))
        path.mkdir()
        yield
        path.rmdir()
        kept.rename(path)
        return
    allow = f'ALTER DATABASE "{url.database}" WITH ALLOW_CONNECTIONS'
    elsewhere = url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(elsewhere, autocommit=True) as connection:
        connection.execute(f"{allow} false".encode())
        yield
        connection.execute(f"{allow} true".encode())


class Access(NamedTuple):
    """How a plan reads a table: by which index, and whether it looks something up rather than reading all of it."""

    table: str
    index: str
    is_search: bool
    wanted: str = ""  # what the index is searched for


def accesses(connection: Connection, statement: str, parameters: Any = ()) -> list[Access]:
    """What the store would do for `statement`; PostgreSQL takes an index wherever one can serve at all."""
    if connection.dialect.name == "sqlite":
        found = [_STEP.match(step) for step in _sqlite_plan(connection, statement, parameters)]
        return [
            Access(step["table"], step["index"] or "", step["how"] == "SEARCH", step["wanted"] or "")
            for step in found
            if step
        ]
    return [access for node in _postgresql_plan(connection, statement, parameters) for access in _access(node)]


def sorts(connection: Connection, statement: str) -> bool:
    """Whether rows must be sorted, because no index gives them in order."""
    if connection.dialect.name == "sqlite":
        return any("USE TEMP B-TREE" in step for step in _sqlite_plan(connection, statement, ()))
    connection.exec_driver_sql("SET LOCAL enable_sort = off")
    return any(node["Node Type"] == "Sort" for node in _postgresql_plan(connection, statement, ()))


def literal(connection: Connection, query: Any) -> str:
    """A query of SQLAlchemy's as text, its values written out."""
    return str(query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))


_STEP = re.compile(
    r"(?P<how>SEARCH|SCAN) (?P<table>\w+)(?: USING (?:COVERING )?INDEX (?P<index>\w+))?(?: \((?P<wanted>.*)\))?"
)


def _sqlite_plan(connection: Connection, statement: str, parameters: Any) -> list[str]:
    return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]


def _postgresql_plan(connection: Connection, statement: str, parameters: Any) -> list[dict[str, Any]]:
    for way in ("seqscan", "mergejoin", "hashjoin"):  # taken where a table is as small as a test's
        connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
    told = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
    return list(_nodes(told[0]["Plan"], ""))


def _nodes(node: dict[str, Any], outer: str) -> Iterator[dict[str, Any]]:
    """Every node of a plan; below the scan of a bitmap, the table is named by the node above."""
    table = node.get("Relation Name", outer)
    yield {**node, "Relation Name": table}
    for inner in node.get("Plans", ()):
        yield from _nodes(inner, table)


def _access(node: dict[str, Any]) -> Iterator[Access]:
    if "Index Name" in node:
        yield Access(node["Relation Name"], node["Index Name"], "Index Cond" in node, node.get("Index Cond", ""))
    elif node["Node Type"] == "Seq Scan":
        yield Access(node["Relation Name"], "", False)
