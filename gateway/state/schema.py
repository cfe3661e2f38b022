"""The state file: tables, connections, and the lock that lets one process at a time have it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

from catalog.errors import Conflict, Invalid, Unavailable

VERSION = 2

#: `intent.is_open`: not recorded yet, or in doubt. `claim_key` is null when the client sent no key, or when a later
#: call took the key over. `retry_at_us`: when reconcile may look next; null: never again by itself. A system's value is
#: the first legal entity's that had it (`cross_reference`): no later call can claim it for another.
TABLES = """
CREATE TABLE stream (
  stream_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, slot INTEGER NOT NULL, epoch INTEGER NOT NULL,
  opened_us INTEGER NOT NULL, shipped INTEGER NOT NULL DEFAULT 0, died_us INTEGER);
CREATE TABLE batch (
  stream_id INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, committed_us INTEGER NOT NULL,
  lines BLOB NOT NULL, UNIQUE (stream_id, first));
CREATE TABLE intent (
  exchange_id TEXT NOT NULL UNIQUE, stream_id INTEGER NOT NULL, begun_us INTEGER NOT NULL,
  consumer TEXT, entity TEXT, operation TEXT, claim_key TEXT, fingerprint TEXT NOT NULL,
  state TEXT NOT NULL, is_recorded INTEGER NOT NULL DEFAULT 0, is_checked INTEGER NOT NULL DEFAULT 0,
  is_open INTEGER NOT NULL DEFAULT 1, retry_at_us INTEGER, attempts INTEGER NOT NULL DEFAULT 0,
  absences INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL, answer BLOB);
CREATE UNIQUE INDEX intent_claim ON intent (claim_key, consumer, entity, operation) WHERE claim_key IS NOT NULL;
CREATE INDEX intent_open ON intent (is_open) WHERE is_open = 1;
CREATE INDEX intent_begun ON intent (begun_us);
CREATE TABLE cross_reference (
  object TEXT NOT NULL, value TEXT NOT NULL, entity TEXT NOT NULL, system TEXT NOT NULL,
  trace_id TEXT NOT NULL DEFAULT '', span_id TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (object, value, system)) WITHOUT ROWID;
CREATE TABLE attention (
  attention_id TEXT PRIMARY KEY, exchange_id TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
  changed_us INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (exchange_id, kind));
CREATE TABLE command (command_id TEXT PRIMARY KEY, at_us INTEGER NOT NULL) WITHOUT ROWID;
"""

#: from format 1, which had neither: the successor of a file's last process is alone with it
UPGRADE = """
ALTER TABLE stream ADD COLUMN died_us INTEGER;
ALTER TABLE cross_reference ADD COLUMN trace_id TEXT NOT NULL DEFAULT '';
ALTER TABLE cross_reference ADD COLUMN span_id TEXT NOT NULL DEFAULT '';
"""


class StateLock:
    """An exclusive lock beside the state file, held as long as the process lives. The kernel frees it on any death."""

    def __init__(self, database: Path, slot: int) -> None:
        """Raises: Conflict when another process holds it; Unavailable when the directory cannot be written."""
        self._path = database.with_name(database.name + ".lock")
        try:
            database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(f"the state directory {database.parent} cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._descriptor, 100).decode(errors="replace").strip() or "another process"
            os.close(self._descriptor)
            raise Conflict(
                f"{database} is in use by {holder}; slot {slot} cannot start. One gateway process owns a state "
                "directory: stop that one first, or give this one a state directory of its own"
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"slot {slot}, process {os.getpid()}".encode(), 0)

    def release(self) -> None:
        os.close(self._descriptor)


def open_writer(path: Path, max_database_bytes: int | None) -> sqlite3.Connection:
    """The one writing connection, tables made. Raises: Unavailable, Invalid (a file of another version)."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives its -wal and -shm the same mode
        connection = _connect(path)
        connection.execute("PRAGMA journal_mode=WAL").fetchone()
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_autocheckpoint=4000")  # 16 MiB: rarer checkpoints, steadier commits
        connection.execute("PRAGMA journal_size_limit=67108864")
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found in (0, 1):
            tables = UPGRADE if found else TABLES
            connection.executescript(f"BEGIN IMMEDIATE; {tables} PRAGMA user_version={VERSION}; COMMIT;")
        if max_database_bytes is not None:
            page_bytes = connection.execute("PRAGMA page_size").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count={max_database_bytes // page_bytes}").fetchone()
    except (sqlite3.Error, OSError) as error:
        raise Unavailable(f"the state file {path} cannot be opened: {error}") from error
    if found not in (0, 1, VERSION):
        connection.close()
        raise Invalid(f"the state file {path} has format {found}; this release reads formats 1 and {VERSION}")
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Raises: Unavailable."""
    try:
        connection = _connect(path)
        connection.execute("PRAGMA query_only=1")
    except sqlite3.Error as error:
        raise Unavailable(f"the state file {path} cannot be read: {error}") from error
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, timeout=5.0
    )
