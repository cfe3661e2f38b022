"""The writing connection of a process: fenced transactions, sorted keys, and what becomes of a commit that broke off.

Each transaction begins with an update of the epoch's own row. It counts the transaction, renews the lease, finds the
epoch dead if it is, and keeps others from declaring it dead until the commit. After a connection broke in the middle of
a commit the count says whether it was written: the row is locked until the broken session is out of the way.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from psycopg import errors

from catalog.errors import Unavailable, WaybillError
from gateway.state import statement
from gateway.state.postgres.epoch import hold_slot
from gateway.state.postgres.schema import DURABLE, Connection, connect
from gateway.state.store import Claim
from gateway.state.writer import Broken, Lost, Uncertain

log = logging.getLogger(__name__)

INSERT_INTENT = f"{statement.INSERT_INTENT} ON CONFLICT DO NOTHING"

_FENCE = (
    "UPDATE stream SET written = ?, written_bytes = ?, renewed_us = now_us() WHERE stream_id = ? AND died_us IS NULL"
)
_BATCH = "INSERT INTO batch (stream_id, first, last, committed_us, lines) VALUES (?, ?, ?, ?, ?)"
_WRITTEN = "SELECT written, died_us FROM stream WHERE stream_id = ? FOR UPDATE"
_END = "UPDATE stream SET died_us = now_us(), written_bytes = ? WHERE stream_id = ? AND died_us IS NULL"
_OWN = "SELECT exchange_id FROM intent WHERE stream_id = ? AND exchange_id = ANY(?)"

#: nothing was written, and the same may pass when it is tried again
_PASSING = (errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable, errors.QueryCanceled)


class PostgresSession:
    """`writer.Session`. Reconnects when it is used after its connection broke."""

    def __init__(
        self, url: str, connection: Connection, gateway: str, slot: int, stream_id: int, size_bytes: Callable[[], int]
    ) -> None:
        self._url = url
        self._connection: Connection | None = connection
        self._gateway = gateway
        self._slot = slot
        self._stream_id = stream_id
        self._size_bytes = size_bytes  # stream lines that this epoch has written
        self._written = 0  # transactions committed
        self._since_s = time.monotonic()

    @property
    def connected_s(self) -> float:
        """For how long it has been connected without a break."""
        return time.monotonic() - self._since_s

    def begin(self) -> Connection:
        return self._connected()

    def bulk(self, rows: dict[str, list[tuple[Any, ...]]]) -> Mapping[str, Claim]:
        connection = self._connected()
        inserted = None
        intents = sorted(rows.get(statement.INSERT_INTENT, ()), key=_claim_key)
        with connection.raw.pipeline():
            connection.execute("BEGIN")
            fenced = connection.execute(_FENCE, (self._written + 1, self._size_bytes(), self._stream_id))
            if intents:
                inserted = connection.executemany(INSERT_INTENT, intents)
            for sql in statement.ORDER:
                if sql in rows and sql != statement.INSERT_INTENT:
                    connection.executemany(sql, sorted(rows[sql]) if sql in statement.SHARED else rows[sql])
        if fenced.rowcount == 0:
            raise Lost("the group has declared this process dead")
        if inserted is None or inserted.rowcount == len(intents):
            return {}
        return self._in_the_way(connection, intents)

    def commit(self, first: int, last: int, at_us: int, lines: bytes) -> None:
        connection = self._connected()
        try:
            with connection.raw.pipeline():
                if lines:
                    connection.execute(_BATCH, (self._stream_id, first, last, at_us, lines))
                connection.execute("COMMIT")
        except psycopg.Error as error:  # may have come after the commit: a session can be ended at any moment
            connection.raw.close()
            raise Uncertain(f"the state database went away: {error}".rstrip()) from error
        self._written += 1

    def undo(self, error: Exception) -> Exception:
        connection = self._connection
        if connection is not None and not connection.is_broken:
            try:
                connection.execute("ROLLBACK")
            except psycopg.Error as second:
                log.debug("rollback failed: %s", second)
                connection.raw.close()
        if isinstance(error, _PASSING) or (connection is not None and connection.is_broken):
            return (
                error if isinstance(error, WaybillError) else Broken(f"the state database went away: {error}".rstrip())
            )
        if isinstance(error, psycopg.OperationalError):
            return Unavailable(f"the state database refuses to write: {error}".rstrip())
        if not isinstance(error, WaybillError):
            log.error("a write was refused", exc_info=error)
        return error

    def ascertain(self) -> bool:
        connection = self._connected()
        try:
            with connection.raw.transaction():
                row = connection.execute(_WRITTEN, (self._stream_id,)).fetchone()
        except psycopg.Error as error:
            raise Unavailable(f"the state database went away: {error}".rstrip()) from error
        if row is None or row[1] is not None:
            raise Lost("the group has declared this process dead")
        is_written = bool(row[0] > self._written)
        self._written = row[0]
        return is_written

    def close(self) -> None:
        """This epoch ends: others may ship what is left of it and finish what it began."""
        if self._connection is None or self._connection.is_broken:
            return
        try:
            self._connection.execute(_END, (self._size_bytes(), self._stream_id))
        except psycopg.Error as error:
            log.warning("the epoch's end could not be told, its lease will run out: %s", error)
        self._connection.raw.close()

    def _connected(self) -> Connection:
        """Raises: Broken (not reachable, or the broken session still holds the slot), Lost."""
        if self._connection is not None and not self._connection.is_broken:
            return self._connection
        try:
            connection = connect(self._url, DURABLE)
        except Unavailable as error:
            raise Broken(error.detail) from error
        try:
            row = connection.execute("SELECT died_us FROM stream WHERE stream_id = ?", (self._stream_id,)).fetchone()
            is_dead = row is None or row[0] is not None
            is_held = not is_dead and hold_slot(connection, self._gateway, self._slot)
        except psycopg.Error as error:
            raise Broken(f"the state database went away: {error}".rstrip()) from error
        if is_dead or not is_held:
            connection.raw.close()
            raise Lost("the group has declared this process dead") if is_dead else Broken("the slot is not free yet")
        self._connection = connection
        self._since_s = time.monotonic()
        log.info("the state database is back")
        return connection

    def _in_the_way(self, connection: Connection, intents: list[tuple[Any, ...]]) -> dict[str, Claim]:
        """Claims of other processes, by exchange id of the intents that they refuse."""
        ids = [row[0] for row in intents]
        own = {row[0] for row in connection.execute(_OWN, (self._stream_id, ids))}
        found = {}
        for row in intents:
            if row[0] in own:
                continue
            known = find_claim(connection, row)
            if known is None:
                raise Broken("a claim was freed meanwhile")
            found[row[0]] = known
        return found


def find_claim(connection: Any, intent_row: tuple[Any, ...]) -> Claim | None:
    """The claim that holds the key of a row of `statement.intent_row`."""
    consumer, entity, operation, key = intent_row[3:7]
    row = connection.execute(statement.CLAIM, (key, consumer, entity, operation)).fetchone()
    return None if row is None else statement.claim_of(row)


def _claim_key(row: tuple[Any, ...]) -> tuple[str, ...]:
    """Keys are taken in one order by everybody, so that no two transactions wait for each other."""
    return tuple(part or "" for part in (row[6], *row[3:6]))
