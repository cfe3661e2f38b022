"""The group's state in one SQLite file, for one gateway process (design §11.1).

WAL with `synchronous=FULL`: what `begin`, `finish` and their like have returned from survives the loss of power. A
crash may lose the last records that nobody waited for (reads, 401, 404); a stop with `close` loses nothing.

When the disk refuses, whoever waits gets `Unavailable`; outcomes and records are tried again until it takes them.
When more lines wait to be shipped than `max_backlog_bytes`, mutating calls get `Unavailable` and reads go on, still
journalled until the file itself may not grow; then their records are dropped, counted in `dropped_records`.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from catalog.errors import Unavailable, WaybillError
from gateway.state import recovery, statement
from gateway.state.backlog import Retention
from gateway.state.connection import Connection
from gateway.state.group import GroupStore, Limits
from gateway.state.quota import Quotas
from gateway.state.schema import StateLock, open_reader, open_writer
from gateway.state.store import Claim, ClaimKey, CrossReference, Intent, Outcome
from gateway.state.writer import Resolved, Rows

log = logging.getLogger(__name__)

FILE = "state.sqlite3"

_BATCH = "INSERT INTO batch (stream_id, first, last, committed_us, lines) VALUES (?, ?, ?, ?, ?)"

_MOST_REFERENCES = 4_096  # objects whose cross-references are remembered

T = TypeVar("T")


class SqliteSession:
    """The writing connection of the file (`writer.Session`)."""

    def __init__(self, connection: sqlite3.Connection, stream_id: int) -> None:
        self._connection = connection
        self._stream_id = stream_id

    def begin(self) -> Connection:
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection

    def bulk(self, rows: dict[str, list[tuple[Any, ...]]]) -> Mapping[str, Claim]:
        for sql in statement.ORDER:
            if sql in rows:
                self._connection.executemany(sql, rows[sql])
        return {}  # this process alone has the file, and looked before it queued the intent

    def commit(self, first: int, last: int, at_us: int, lines: bytes) -> None:
        if lines:
            self._connection.execute(_BATCH, (self._stream_id, first, last, at_us, lines))
        self._connection.execute("COMMIT")

    def undo(self, error: Exception) -> Exception:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as second:
            log.error("rollback failed: %s", second)
        is_ours = isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError)
        if isinstance(error, sqlite3.DatabaseError) and not is_ours:
            return Unavailable(f"the state file refuses to write: {error}")
        if not isinstance(error, WaybillError):
            log.error("a write was refused", exc_info=error)
        return error

    def ascertain(self) -> bool:
        return False  # a commit of SQLite's is never unclear

    def close(self) -> None:
        self._connection.close()


class SqliteStore(GroupStore):
    """`Store` over one file. Opened and used on the event loop's thread."""

    def __init__(
        self,
        path: Path,
        lock: StateLock,
        connection: sqlite3.Connection,
        epoch: recovery.Epoch,
        limits: Limits,
        retention: Retention,
        clock: Callable[[], float],
    ) -> None:
        self._lock = lock
        self._written_bytes = epoch.backlog_bytes  # of stream lines; changed by the writer's thread only
        self._shipped_bytes = 0  # changed on the loop only
        self._quotas = Quotas()
        self._references: dict[tuple[str, str], tuple[CrossReference, ...]] = {}  # looked up, not written since
        self._reader = open_reader(path)
        self._background = open_reader(path)
        self._background_lock = threading.Lock()
        session = SqliteSession(connection, epoch.stream_id)
        super().__init__(session, epoch.stream_id, epoch.stream, limits, retention, clock)

    @classmethod
    async def open(
        cls,
        state_dir: Path,
        gateway: str,
        slot: int = 0,
        limits: Limits | None = None,
        retention: Retention | None = None,
        clock: Callable[[], float] = time.time,
    ) -> SqliteStore:
        """Open `state_dir`/state.sqlite3, made when missing, under the slot's next epoch; intents of dead epochs come
        into doubt. Raises: Conflict (another process has it), Unavailable, Invalid (a file of another version)."""
        limits = limits or Limits()
        path = state_dir / FILE
        lock = StateLock(path, slot)
        now_us = int(clock() * 1e6)
        try:
            connection = open_writer(path, limits.max_database_bytes)
            epoch = recovery.open_epoch(connection, gateway, slot, now_us)
            store = cls(path, lock, connection, epoch, limits, retention or Retention(), clock)
        except BaseException:
            lock.release()
            raise
        doubted = await store._write(step=partial(recovery.doubt_unfinished, now_us=now_us))
        if doubted:
            log.warning("%d calls of an earlier process are in doubt", doubted)
        return store

    async def begin(self, intent: Intent, outcome: Outcome | None = None) -> Claim | None:
        """See `Store.begin`. Uniqueness is decided here, on the loop's thread, before anything is queued."""
        self._refuse_beyond_backlog()
        rows: Rows = ()
        if intent.claim is not None:
            known = self._claim(intent.claim)
            if known is not None and known.state != "not_executed":
                return known
            if known is not None:
                rows = ((statement.RELEASE_CLAIM, (known.exchange_id,)),)
        row = (statement.INSERT_INTENT, statement.intent_row(intent, self._stream_id, self._now_us()))
        await self._begin(intent, outcome, (*rows, row))
        return None

    async def claim(self, key: ClaimKey) -> Claim | None:
        """See `Store.claim`."""
        return self._claim(key)

    async def cross_references(self, object_type: str, value: str) -> tuple[CrossReference, ...]:
        """See `Store.cross_references`. What was found stands until this process, alone with the file, writes more."""
        found = self._references.get((object_type, value))
        if found is None:
            try:
                rows = self._reader.execute(statement.CROSS_REFERENCES, (object_type, value)).fetchall()
            except sqlite3.Error as error:
                raise Unavailable(f"the state file cannot be read: {error}") from error
            if len(self._references) >= _MOST_REFERENCES:
                self._references.clear()
            found = self._references[object_type, value] = tuple(CrossReference(*row) for row in rows)
        return found

    async def take(
        self, key: tuple[Any, ...], emission_interval_s: float, burst_s: float, now_s: float
    ) -> tuple[float, float]:
        """See `Store.take`."""
        return self._quotas.take(key, emission_interval_s, burst_s, now_s)

    async def note_generation(self, generation: int) -> bool:
        """See `Store.note_generation`. There is no other process."""
        return True

    @property
    def backlog_bytes(self) -> int:
        """Stream lines that the control plane does not have yet."""
        return self._written_bytes - self._shipped_bytes

    async def close(self) -> None:
        """Write everything queued, then let the file go."""
        if self._is_closed:
            return
        self._is_closed = True
        self._writer.hand_over()
        await asyncio.get_running_loop().run_in_executor(None, self._writer.stop)
        self._reader.close()
        with self._background_lock:
            self._background.close()
        self._lock.release()

    def _claim(self, key: ClaimKey) -> Claim | None:
        held = self._view.claim(key)
        if held is not None or self._view.is_free(key):
            return held
        try:
            row = self._reader.execute(statement.CLAIM, (key.key, key.consumer, key.entity, key.operation)).fetchone()
        except sqlite3.Error as error:
            raise Unavailable(f"the state file cannot be read: {error}") from error
        if row is None:
            self._view.note_free(key)  # so that `begin` need not look again
            return None
        return statement.claim_of(row)

    def _resolve(self, resolved: Resolved) -> None:
        """What was read before a commit is forgotten before anybody is told of it."""
        for write, error in resolved:
            if error is None:
                for reference in write.references:
                    self._references.pop((reference.object, reference.value), None)
        super()._resolve(resolved)

    def _grow(self, size_bytes: int) -> None:
        self._written_bytes += size_bytes

    def _shrink(self, size_bytes: int) -> None:
        self._shipped_bytes += size_bytes

    async def _read(self, read: Callable[[Connection], T]) -> T:
        def run() -> T:
            with self._background_lock:
                return read(self._background)

        try:
            return await asyncio.to_thread(run)
        except sqlite3.Error as error:
            raise Unavailable(f"the state file cannot be read: {error}") from error
