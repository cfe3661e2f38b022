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
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from catalog.errors import Unavailable
from catalog.record import AckEntry, AttentionEntry, Exchange, OutcomeEntry
from gateway.state import attention, backlog, recovery, statement
from gateway.state.backlog import Retention
from gateway.state.quota import Quotas
from gateway.state.schema import StateLock, open_reader, open_writer
from gateway.state.store import (
    Answer,
    Batch,
    Claim,
    ClaimKey,
    ClaimState,
    CrossReference,
    Intent,
    Outcome,
    PendingIntent,
)
from gateway.state.view import View
from gateway.state.writer import Entries, Resolved, Write, Writer

log = logging.getLogger(__name__)

FILE = "state.sqlite3"

T = TypeVar("T")


class Limits(msgspec.Struct, frozen=True):
    max_waiting: int = 10_000  # queued writes; one more is refused
    max_backlog_bytes: int = 1 << 30  # unshipped stream lines; beyond it mutating calls are refused
    max_database_bytes: int | None = None  # hard size of the file; None: the disk decides


class SqliteStore:
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
        self.stream = epoch.stream
        self.dropped_records = 0
        self._clock = clock
        self._limits = limits
        self._retention = retention
        self._lock = lock
        self._stream_id = epoch.stream_id
        self._written_bytes = epoch.backlog_bytes  # of stream lines; changed by the writer's thread only
        self._shipped_bytes = 0  # changed on the loop only
        self._view = View()
        self._quotas = Quotas()
        self._reader = open_reader(path)
        self._background = open_reader(path)
        self._background_lock = threading.Lock()
        self._is_closed = False
        self._loop = asyncio.get_running_loop()
        self._writer = Writer(
            connection, epoch.stream_id, statement.ORDER, self._grow, clock, self._loop, self._resolve
        )
        self._writer.start()

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
        doubted = await store._write(step=partial(recovery.doubt_unfinished, stream_id=epoch.stream_id, now_us=now_us))
        if doubted:
            log.warning("%d calls of an earlier process are in doubt", doubted)
        return store

    # calls

    async def begin(self, intent: Intent) -> Claim | None:
        """See `Store.begin`. Uniqueness is decided here, on the loop's thread, before anything is queued."""
        self._refuse_beyond_backlog()
        exchange_id = intent.entry.exchange_id
        rows: list[tuple[str, tuple[Any, ...]]] = []
        if intent.claim is not None:
            known = self.claim(intent.claim)
            if known is not None and known.state != "not_executed":
                return known
            if known is not None:
                rows.append((statement.RELEASE_CLAIM, (known.exchange_id,)))
        rows.append((statement.INSERT_INTENT, statement.intent_row(intent, self._stream_id, self._now_us())))
        self._view.hold(exchange_id, intent.claim, intent.fingerprint)
        try:
            await self._write(tuple(rows), (("intent", intent.entry),), exchange_id=exchange_id)
        except asyncio.CancelledError:
            self._abandon(intent)
            raise
        except BaseException:
            self._view.drop(exchange_id)
            raise
        return None

    async def finish(self, outcome: Outcome) -> None:
        """See `Store.finish`. Kept and tried again when the disk refuses, whatever becomes of the waiter."""
        exchange_id = outcome.entry.exchange_id
        self._view.change(exchange_id, outcome.state, outcome.answer, is_checked=False)
        await self._write(
            self._finish_rows(outcome), (("outcome", outcome.entry),), exchange_id=exchange_id, is_kept=True
        )

    async def settle(
        self,
        exchange_id: str,
        outcome: Outcome,
        record: Exchange,
        attention: AttentionEntry | None,
        expected: ClaimState = "in_doubt",
    ) -> bool:
        """See `Store.settle`."""
        step = partial(self._settle, exchange_id, outcome, record, attention, expected)
        is_settled = bool(await self._write(step=step))
        if is_settled:
            self._view.drop(exchange_id)  # from here on the file knows
        return is_settled

    async def withhold(self, exchange_id: str, answer: Answer, attention: AttentionEntry) -> None:
        """See `Store.withhold`."""
        self._view.change(exchange_id, "answered", answer, is_checked=True)
        await self._write(
            ((statement.WITHHOLD, (statement.answer_blob(answer), exchange_id)),),
            step=self._attention_step(attention),
            exchange_id=exchange_id,
            is_kept=True,
        )

    def append(self, record: Exchange) -> None:
        """See `Store.append`. Never raises: a record that finds the queue full is dropped and counted, unless it
        belongs to an intent (a successor would write it)."""
        rows = self._record_rows(record)
        if self._is_closed or self._writer.waiting() >= self._limits.max_waiting:
            self.dropped_records += 1
            if self.dropped_records == 1:
                log.error("records are being dropped: the state file does not keep up")
            return
        self._submit(Write(rows, (("exchange", record),), is_kept=True, exchange_id=record.exchange_id))

    async def append_durably(self, record: Exchange) -> None:
        self._refuse_beyond_backlog()
        await self._write(self._record_rows(record), (("exchange", record),), exchange_id=record.exchange_id)

    async def append_entry(self, kind: str, body: msgspec.Struct) -> None:
        """A stream entry of another kind. An `ack` of a command that was acknowledged before writes nothing."""
        step = None
        if kind == "ack" and isinstance(body, AckEntry):
            step = partial(attention.acknowledge, ack=body, now_us=self._now_us())
        await self._write((), () if step else ((kind, body),), step=step)

    # look-ups on the hot path

    def claim(self, key: ClaimKey) -> Claim | None:
        held = self._view.claim(key)
        if held is not None:
            return held
        row = self._read_one(statement.CLAIM, (key.key, key.consumer, key.entity, key.operation))
        return None if row is None else statement.claim_of(row)

    def cross_references(self, object_type: str, value: str) -> tuple[CrossReference, ...]:
        try:
            rows = self._reader.execute(statement.CROSS_REFERENCES, (object_type, value)).fetchall()
        except sqlite3.Error as error:
            raise Unavailable(f"the state file cannot be read: {error}") from error
        return tuple(CrossReference(object_type, value, entity, system) for entity, system in rows)

    def take(
        self, key: tuple[Any, ...], emission_interval_s: float, burst_s: float, now_s: float
    ) -> tuple[float, float]:
        return self._quotas.take(key, emission_interval_s, burst_s, now_s)

    # what is in doubt

    async def pending(self, limit: int) -> list[PendingIntent]:
        rows = await self._read(
            lambda connection: connection.execute(
                statement.PENDING, {"own": self._stream_id, "limit": limit}
            ).fetchall()
        )
        return [statement.pending_of(row) for row in rows]

    async def open_attention(self, entry: AttentionEntry) -> None:
        """Open it, once per exchange and kind: another one for the same is not written."""
        await self._write(step=self._attention_step(entry))

    async def close_attention(self, entry: AttentionEntry) -> bool:
        """Settle what is open; False when it was not."""
        return bool(await self._write(step=partial(attention.close, entry=entry, now_us=self._now_us())))

    async def attention(self, attention_id: str) -> AttentionEntry | None:
        return await self._read(partial(attention.find, attention_id=attention_id))

    async def attention_of(self, exchange_id: str) -> AttentionEntry | None:
        """What is open about the outcome in doubt of an exchange."""
        return await self._read(partial(attention.of_exchange, exchange_id=exchange_id))

    async def is_acknowledged(self, command_id: str) -> bool:
        return await self._read(partial(attention.is_acknowledged, command_id=command_id))

    async def doubtful(self, exchange_id: str) -> PendingIntent | None:
        """The intent when it is in doubt, whether or not reconcile still asks about it."""
        row = await self._read(
            lambda connection: connection.execute(
                statement.DOUBTFUL, {"own": self._stream_id, "exchange_id": exchange_id}
            ).fetchone()
        )
        return None if row is None else statement.pending_of(row)

    async def note_absence(self, exchange_id: str) -> int:
        return int(await self._write(step=partial(attention.note_absence, exchange_id=exchange_id)))

    async def note_attempt(self, exchange_id: str, retry_at_s: float | None) -> int:
        """Reconcile has asked; it may ask again at `retry_at_s`, or never by itself (None). Attempts so far."""
        step = partial(attention.note_attempt, exchange_id=exchange_id, retry_at_s=retry_at_s)
        return int(await self._write(step=step))

    # streams

    async def unshipped(self, limit_bytes: int) -> Batch | None:
        return await self._read(partial(backlog.oldest_unshipped, limit_bytes=limit_bytes))

    async def shipped(self, stream: str, last: int) -> None:
        def step(connection: sqlite3.Connection) -> tuple[int, Entries]:
            return backlog.mark_shipped(connection, stream, last), ()

        self._shipped_bytes += await self._write(step=step)

    async def prune(self, now_s: float) -> int:
        def step(connection: sqlite3.Connection) -> tuple[int, Entries]:
            return backlog.prune(connection, now_s, self._retention), ()

        return int(await self._write(step=step))

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

    # inside

    def _now_us(self) -> int:
        return int(self._clock() * 1e6)

    @property
    def backlog_bytes(self) -> int:
        """Stream lines that the control plane does not have yet."""
        return self._written_bytes - self._shipped_bytes

    def _refuse_beyond_backlog(self) -> None:
        if self.backlog_bytes > self._limits.max_backlog_bytes:
            raise Unavailable("too much of the journal waits to be shipped")

    async def _write(
        self,
        rows: tuple[tuple[str, tuple[Any, ...]], ...] = (),
        entries: Entries = (),
        step: Callable[[sqlite3.Connection], tuple[Any, Entries]] | None = None,
        exchange_id: str = "",
        is_kept: bool = False,
    ) -> Any:
        if self._writer.waiting() >= self._limits.max_waiting and not is_kept:
            raise Unavailable("the state file does not keep up")
        future: asyncio.Future[Any] = self._loop.create_future()
        self._submit(Write(rows, entries, step, is_kept, exchange_id, future))
        return await future

    def _submit(self, write: Write) -> None:
        if self._is_closed:
            raise Unavailable("the state file is closed")
        self._view.queued(write.exchange_id)
        self._writer.submit(write)

    def _resolve(self, resolved: Resolved) -> None:
        """On the loop, once per group."""
        for write, error in resolved:
            if error is None or not write.is_kept:
                self._view.written(write.exchange_id)
            if write.future is None or write.future.done():
                continue
            if error is None:
                write.future.set_result(write.result)
            else:
                write.future.set_exception(error)

    def _grow(self, size_bytes: int) -> None:
        self._written_bytes += size_bytes

    def _abandon(self, intent: Intent) -> None:
        """The caller of `begin` went away before it learnt of the commit: it cannot have sent anything."""
        exchange_id = intent.entry.exchange_id
        if self._is_closed:
            return
        outcome = Outcome(OutcomeEntry(exchange_id, "no"), "not_executed")
        self._view.change(exchange_id, "not_executed", None, is_checked=False)
        entries: Entries = (("outcome", outcome.entry),)
        self._submit(Write(self._finish_rows(outcome), entries, is_kept=True, exchange_id=exchange_id))

    def _finish_rows(self, outcome: Outcome) -> tuple[tuple[str, tuple[Any, ...]], ...]:
        row = (statement.FINISH, statement.finish_row(outcome, self._now_us()))
        return (row, *statement.cross_reference_rows(outcome.cross_references))

    def _record_rows(self, record: Exchange) -> tuple[tuple[str, tuple[Any, ...]], ...]:
        """Rows that mark the record's intent, when it has one."""
        exchange_id = record.exchange_id
        is_checked = record.executed != "unknown" and not record.is_recovered
        if not self._view.record(exchange_id, is_checked) and not record.is_recovered:
            return ()
        return (
            (statement.RECORD, (is_checked, is_checked, exchange_id)),
            (statement.FORGET, (exchange_id,)),
        )

    def _attention_step(self, entry: AttentionEntry) -> Callable[[sqlite3.Connection], tuple[Any, Entries]]:
        return partial(attention.open_once, entry=entry, now_us=self._now_us())

    def _settle(
        self,
        exchange_id: str,
        outcome: Outcome,
        record: Exchange,
        settled: AttentionEntry | None,
        expected: ClaimState,
        connection: sqlite3.Connection,
    ) -> tuple[bool, Entries]:
        found = connection.execute("SELECT state FROM intent WHERE exchange_id = ?", (exchange_id,)).fetchone()
        if found is None or found[0] != expected:
            return False, ()
        is_checked = outcome.state != "executed"  # the others hold nothing that a system said
        connection.execute(
            statement.SETTLE, (outcome.state, statement.answer_blob(outcome.answer), is_checked, exchange_id)
        )
        for sql, values in statement.cross_reference_rows(outcome.cross_references):
            connection.execute(sql, values)
        entries: Entries = (("outcome", outcome.entry), ("exchange", record))
        if settled is not None and attention.close(connection, settled, self._now_us())[0]:
            entries += (("attention", settled),)
        return True, entries

    def _read_one(self, sql: str, values: tuple[Any, ...]) -> Any:
        try:
            return self._reader.execute(sql, values).fetchone()
        except sqlite3.Error as error:
            raise Unavailable(f"the state file cannot be read: {error}") from error

    async def _read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Off the loop's thread, over a connection of its own. Raises: Unavailable."""

        def run() -> T:
            with self._background_lock:
                return read(self._background)

        try:
            return await asyncio.to_thread(run)
        except sqlite3.Error as error:
            raise Unavailable(f"the state file cannot be read: {error}") from error
