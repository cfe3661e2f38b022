"""`Store` over PostgreSQL: the group's state for several processes and hosts.

What `begin`, `finish` and their like have returned from survives a crash of the database (`synchronous_commit`). While
the database is away, whoever waits gets `Unavailable`; outcomes and records are tried again until it takes them. A
process that the group has declared dead writes nothing more and must end (`lost`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock
from typing import Any, TypeVar

import psycopg

from catalog.errors import Unavailable
from gateway.state import backlog, recovery, statement
from gateway.state.backlog import Retention
from gateway.state.connection import Connection as AnyConnection
from gateway.state.group import GroupStore, Limits, begun
from gateway.state.postgres import epoch as life
from gateway.state.postgres.lookup import FORGET_QUOTAS, Lookup
from gateway.state.postgres.schema import DURABLE, READ_ONLY, Connection, connect, prepare
from gateway.state.postgres.session import INSERT_INTENT, PostgresSession, find_claim
from gateway.state.store import Claim, ClaimKey, CrossReference, Intent, Outcome
from gateway.state.writer import Beat, Entries, Lost, Resolved, Rows, Write

log = logging.getLogger(__name__)

LEASE_S = 8.0  # without a sign of life for so long, an epoch is dead
BEATS = 8  # signs of life in one lease
SLOT_PATIENCE_S = 12.0  # a session that was cut off holds its slot until the database notices

_RELEASE = (
    "UPDATE intent SET claim_key = NULL WHERE claim_key = ? AND consumer = ? AND entity = ? AND operation = ? "
    "AND state = 'not_executed'"
)

_CROSS_REFERENCES_OF = (
    "SELECT c.object, c.value, c.entity, c.system, c.trace_id, c.span_id FROM cross_reference c "
    "JOIN unnest(?::text[], ?::text[]) AS w (object, value) ON c.object = w.object AND c.value = w.value "
    "ORDER BY c.entity, c.system"
)

T = TypeVar("T")


class PostgresStore(GroupStore):
    """Opened and used on the event loop's thread."""

    def __init__(
        self,
        url: str,
        connection: Connection,
        gateway: str,
        slot: int,
        epoch: recovery.Epoch,
        lease_s: float,
        limits: Limits,
        retention: Retention,
        clock: Callable[[], float],
    ) -> None:
        self._url = url
        self._gateway = gateway
        self._is_leader = False  # these three are changed by the writer's thread only
        self._is_listening = False
        self._others_bytes = 0
        self._written_bytes = 0
        self._shipped_bytes = 0  # of this stream; changed on the loop only
        self._background: Connection | None = None
        self._background_lock = Lock()
        self._lookup = Lookup(url, asyncio.get_running_loop())
        self._lease_s = lease_s
        self._session = PostgresSession(url, connection, gateway, slot, epoch.stream_id, lambda: self._written_bytes)
        beat = Beat(lease_s / BEATS, lambda: Write(step=self._look_around))
        super().__init__(self._session, epoch.stream_id, epoch.stream, limits, retention, clock, beat)

    @classmethod
    async def open(
        cls,
        url: str,
        gateway: str,
        slot: int = 0,
        shared_by: str = "",
        limits: Limits | None = None,
        retention: Retention | None = None,
        clock: Callable[[], float] = time.time,
        lease_s: float = LEASE_S,
        patience_s: float = SLOT_PATIENCE_S,
    ) -> PostgresStore:
        """Open the state at `url`, made when missing, under the slot's next epoch; intents of dead epochs come into
        doubt. `shared_by` names the group whose state it is. Raises: Conflict (another process has the slot),
        Unavailable, Invalid (tables of another version, another group's state)."""

        def take() -> tuple[Connection, recovery.Epoch]:
            connection = connect(url, DURABLE)
            try:
                prepare(connection, shared_by or f"gateway {gateway}")
                life.wait_for_slot(connection, gateway, slot, patience_s)
                return connection, life.open_epoch(connection, gateway, slot, lease_s)
            except BaseException:
                connection.raw.close()
                raise

        connection, epoch = await asyncio.to_thread(take)
        store = cls(url, connection, gateway, slot, epoch, lease_s, limits or Limits(), retention or Retention(), clock)
        doubted = await store._write(step=store._look_around)
        if doubted:
            log.warning("%d calls of dead processes are in doubt", doubted)
        return store

    async def begin(self, intent: Intent, outcome: Outcome | None = None) -> Claim | None:
        """See `Store.begin`. Among the calls of this process uniqueness is decided here, among all by the database."""
        self._refuse_beyond_backlog()
        known = None if intent.claim is None else self._view.claim(intent.claim)
        if known is not None and known.state != "not_executed":
            return known
        row = statement.intent_row(intent, self._stream_id, self._now_us())
        if known is None:
            found: Claim | None = await self._begin(intent, outcome, ((statement.INSERT_INTENT, row),))
            if found is None or found.state != "not_executed":
                return found
        finished = () if outcome is None else self._finish_rows(outcome)
        step = partial(_take_over, begun(intent, outcome), row, finished)
        taken: Claim | None = await self._begin(intent, outcome, step=step)
        return taken

    async def claim(self, key: ClaimKey) -> Claim | None:
        """See `Store.claim`."""
        held = self._view.claim(key)
        if held is not None:
            return held
        rows = await self._lookup.rows(statement.CLAIM, (key.key, key.consumer, key.entity, key.operation))
        return statement.claim_of(rows[0]) if rows else None

    async def cross_references(self, object_type: str, value: str) -> tuple[CrossReference, ...]:
        """See `Store.cross_references`."""
        rows = await self._lookup.rows(statement.CROSS_REFERENCES, (object_type, value))
        return tuple(CrossReference(*row) for row in rows)

    async def cross_references_of(self, objects: Sequence[tuple[str, str]]) -> list[CrossReference]:
        """See `Store.cross_references_of`; in one round trip."""
        clean = [[part.replace("\x00", "\ufffd") for part in known] for known in objects]
        wanted = [kind for kind, _ in clean], [value for _, value in clean]
        rows = await self._read(lambda connection: connection.execute(_CROSS_REFERENCES_OF, wanted).fetchall())
        return [CrossReference(*row) for row in rows]

    async def take(
        self, key: tuple[Any, ...], emission_interval_s: float, burst_s: float, now_s: float
    ) -> tuple[float, float]:
        """See `Store.take`; `now_s` is not asked for."""
        return await self._lookup.take(key, emission_interval_s, burst_s)

    async def leads(self) -> bool:
        """See `Store.leads`: as of the last beat."""
        return self._is_leader

    async def listens(self) -> bool:
        """See `Store.listens`: as of the last beat."""
        return self._is_listening

    async def note_generation(self, generation: int) -> bool:
        """See `Store.note_generation`. Written first and read then: of two processes the later one sees both."""

        def step(connection: AnyConnection) -> tuple[None, Entries]:
            connection.execute("UPDATE stream SET generation = ? WHERE stream_id = ?", (generation, self._stream_id))
            return None, ()

        await self._write(step=step)
        sql = "SELECT min(generation) FROM stream WHERE gateway = ? AND died_us IS NULL"
        (oldest,) = await self._read(lambda connection: connection.execute(sql, (self._gateway,)).fetchone())
        return bool(oldest is not None and oldest >= generation)

    async def shipped(self, stream: str, last: int) -> None:
        """See `Store.shipped`."""

        def step(connection: AnyConnection) -> tuple[int, Entries]:
            size_bytes = backlog.mark_shipped(connection, stream, last)
            sql = "UPDATE stream SET shipped_bytes = shipped_bytes + ? WHERE name = ?"
            connection.execute(sql, (size_bytes, stream))
            return size_bytes, ()

        size_bytes = await self._write(step=step)
        if stream == self.stream:
            self._shipped_bytes += size_bytes

    async def prune(self, now_s: float) -> int:
        """See `Store.prune`; buckets that are full again go too."""
        removed = await super().prune(now_s)
        if self._is_leader:
            await self._lookup.rows(FORGET_QUOTAS, (backlog.STEP,))
        return removed

    @property
    def backlog_bytes(self) -> int:
        """Stream lines that the control plane does not have yet; those of other processes as of the last beat."""
        return self._written_bytes - self._shipped_bytes + self._others_bytes

    async def close(self) -> None:
        """Write everything queued, tell the group that this epoch has ended, let the database go."""
        if self._is_closed:
            return
        self._is_closed = True
        self._writer.hand_over()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._writer.stop)
        await loop.run_in_executor(None, self._lookup.stop)
        with self._background_lock:
            if self._background is not None:
                self._background.raw.close()

    def _look_around(self, connection: AnyConnection) -> tuple[int, Entries]:
        """A writer's step: who is dead, what they left, who leads, what waits to be shipped."""
        if self._session.connected_s > self._lease_s:
            life.bury(connection, self._stream_id)
        doubted, entries = recovery.doubt_unfinished(connection, self._now_us())
        of_group, of_gateway = life.first_alive(connection, self._gateway)
        self._is_leader, self._is_listening = of_group == self._stream_id, of_gateway == self._stream_id
        self._others_bytes = life.others_bytes(connection, self._stream_id)
        return doubted, entries

    def _grow(self, size_bytes: int) -> None:
        self._written_bytes += size_bytes

    def _resolve(self, resolved: Resolved) -> None:
        super()._resolve(resolved)
        if any(isinstance(error, Lost) for _, error in resolved) and not self.lost.is_set():
            self._is_leader = self._is_listening = False
            log.critical("%s was declared dead by its group: this process must end", self.stream)
            self.lost.set()

    async def _read(self, read: Callable[[AnyConnection], T]) -> T:
        def run() -> T:
            with self._background_lock:
                if self._background is None or self._background.is_broken:
                    self._background = connect(self._url, READ_ONLY)
                return read(self._background)

        for is_last in (False, True):  # the connection may have died while nobody read
            try:
                return await asyncio.to_thread(run)
            except psycopg.Error as error:
                if is_last:
                    raise Unavailable(f"the state database cannot be read: {error}".rstrip()) from error
        raise AssertionError("not reached")


def _take_over(
    entries: Entries, row: tuple[Any, ...], finished: Rows, connection: AnyConnection
) -> tuple[Claim | None, Entries]:
    """A writer's step: take the key of a call that was not executed, unless another process was faster."""
    consumer, entity, operation, key = row[3:7]
    connection.execute(_RELEASE, (key, consumer, entity, operation))
    if connection.execute(INSERT_INTENT, row).rowcount:
        for sql, values in finished:
            connection.execute(sql, values)
        return None, entries
    known = find_claim(connection, row)
    if known is None:
        raise Unavailable("the claim was freed meanwhile")
    return known, ()
