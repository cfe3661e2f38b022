"""The control plane's database: one SQLAlchemy engine, one metadata, schema by Alembic, on SQLite or PostgreSQL.

Both promise the same: a reader sees one committed state throughout, and there is one writer at a time. On SQLite the
file's own lock sees to that, on PostgreSQL an advisory lock of the database, held to the end of the transaction, so
that any number of control-plane processes may share it. Every domain declares its tables on `metadata` in its own
`store.py` and is imported by `controlplane.store.migration.env`.

SQLite's driver must not begin transactions itself: it would at the first change only, so that two reads would not see
one state and a schema change would commit halfway. Source: SQLAlchemy, dialects, pysqlite.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from catalog.errors import Invalid, Problem

metadata = MetaData()

#: Pages are cached up to 32 MiB a connection and moved out of the WAL every 32 MiB: with the defaults (2 MiB and
#: 4 MiB) the same pages of large indexes are read and written over and over while entries stream in.
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "busy_timeout=10000",
    "cache_size=-32768",
    "wal_autocheckpoint=8000",
)

#: Advisory locks are the database's own, so any number that nobody else takes will do: the bytes of "waybill".
WRITER_LOCK = int.from_bytes(b"waybill")

#: A writer waits this long for another process' transaction. Compiling our short statements would take longer than
#: running them.
POSTGRESQL_OPTIONS = "-c lock_timeout=30000 -c jit=off -c timezone=UTC"
POOL_SIZE = 20  # connections of one process; requests beyond that wait for one
CONNECT_TIMEOUT_S = 10
FORMS = "write sqlite:///PATH or postgresql://USER@HOST/DATABASE"


class Database:
    """Connections to the control plane's store.

    `read` gives a connection that sees one committed state throughout; `write` a transaction that commits when the
    block ends and rolls back when it raises. Both are for worker threads, never for the event loop.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._is_shared = engine.dialect.name == "postgresql"
        self._reader, self._writer = engine, engine.execution_options(is_writing=True)
        if self._is_shared:
            self._reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            self._writer = engine.execution_options(isolation_level="READ COMMITTED")
        self._writing = threading.Lock()

    @classmethod
    def open(cls, url: str) -> Database:
        """`sqlite:///path` or `postgresql://user@host/database`. Raises: Invalid."""
        try:
            wanted = make_url(url)
        except ArgumentError as error:
            raise _unusable("not a database URL") from error
        if wanted.get_backend_name() == "sqlite" and wanted.database:
            return cls.sqlite(Path(wanted.database))
        if wanted.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
            return cls.postgresql(wanted)
        raise _unusable(f"no store for {wanted.drivername!r}")

    @classmethod
    def sqlite(cls, path: Path) -> Database:
        engine = create_engine(f"sqlite:///{path}")

        @event.listens_for(engine, "connect")
        def configure(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # transactions begin where `begin` below says so
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            is_writing = connection.get_execution_options().get("is_writing", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")

        return cls(engine)

    @classmethod
    def postgresql(cls, url: URL) -> Database:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args={"options": POSTGRESQL_OPTIONS, "connect_timeout": CONNECT_TIMEOUT_S},
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_pre_ping=True,  # a server that was restarted costs nobody a request
        )
        return cls(engine)

    @property
    def is_shared(self) -> bool:
        """Whether other processes may write to it as well."""
        return self._is_shared

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._reader.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self._writing, self._writer.begin() as connection:
            if self._is_shared:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
            yield connection

    def analyse(self) -> None:
        """Tell PostgreSQL's planner at once how much there is, rather than when its own time comes. SQLite plans
        without statistics, and the queries are written for that."""
        if self._is_shared:
            with self._writer.begin() as connection:
                connection.exec_driver_sql("ANALYZE")

    def close(self) -> None:
        self.engine.dispose()


def _unusable(message: str) -> Invalid:
    return Invalid(message, [Problem(message, pointer="--database-url", rule="database-url", remedy=FORMS)])
