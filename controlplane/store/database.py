"""The control plane's database: one SQLAlchemy engine, one metadata, schema by Alembic.

SQLite by default (WAL, one writer at a time, held by `Database.write`). Every domain declares its
tables on `metadata` in its own `store.py` and is imported by `controlplane.store.migration.env`.

The driver's own transaction handling is switched off: it would begin a transaction only at the first change, so that
two reads would not see one state and a schema change would commit halfway. Source: SQLAlchemy, dialects, pysqlite.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event

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


class Database:
    """Connections to the control plane's store.

    `read` gives a connection that sees one committed state throughout; `write` a transaction that commits when the
    block ends and rolls back when it raises. Both are for worker threads, never for the event loop.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writing = threading.Lock()

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

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self._writing, self.engine.connect() as plain:
            connection = plain.execution_options(is_writing=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        self.engine.dispose()
