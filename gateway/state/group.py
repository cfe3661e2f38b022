"""What every store does alike: queueing writes, keeping the view of them, the SQL that both databases understand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec

from catalog.errors import Unavailable
from catalog.record import AckEntry, AttentionEntry, Exchange, OutcomeEntry
from gateway.state import attention, backlog, statement
from gateway.state.backlog import Retention
from gateway.state.connection import Connection
from gateway.state.store import Answer, Batch, ClaimState, CrossReference, Intent, Outcome, PendingIntent
from gateway.state.view import View
from gateway.state.writer import Beat, Entries, Resolved, Rows, Session, Step, Write, Writer

log = logging.getLogger(__name__)

T = TypeVar("T")


class Limits(msgspec.Struct, frozen=True):
    max_waiting: int = 10_000  # queued writes; one more is refused
    max_backlog_bytes: int = 1 << 30  # unshipped stream lines; beyond it mutating calls are refused
    max_database_bytes: int | None = None  # hard size of SQLite's file; None: the disk decides


class GroupStore:
    """The part of `Store` that does not depend on the database. Opened and used on the event loop's thread."""

    def __init__(
        self,
        session: Session,
        stream_id: int,
        stream: str,
        limits: Limits,
        retention: Retention,
        clock: Callable[[], float],
        beat: Beat | None = None,
    ) -> None:
        self.stream = stream
        self.dropped_records = 0
        self.lost = asyncio.Event()
        self._stream_id = stream_id
        self._clock = clock
        self._limits = limits
        self._retention = retention
        self._view = View()
        self._is_closed = False
        self._loop = asyncio.get_running_loop()
        self._writer = Writer(session, self._grow, clock, self._loop, self._resolve, beat)
        self._writer.start()

    # calls

    async def finish(self, outcome: Outcome) -> None:
        """See `Store.finish`. Kept and tried again when the store refuses, whatever becomes of the waiter."""
        exchange_id = outcome.entry.exchange_id
        self._view.change(exchange_id, outcome.state, outcome.answer, is_checked=False)
        await self._write(
            self._finish_rows(outcome),
            (("outcome", outcome.entry),),
            exchange_id=exchange_id,
            is_kept=True,
            references=outcome.cross_references,
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
        is_settled = bool(await self._write(step=step, references=outcome.cross_references))
        if is_settled:
            self._view.drop(exchange_id)  # from here on the store knows
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
                log.error("records are being dropped: the state does not keep up")
            return
        self._submit(Write(rows, (("exchange", record),), is_kept=True, exchange_id=record.exchange_id))

    async def append_durably(self, record: Exchange) -> None:
        """See `Store.append_durably`."""
        self._refuse_beyond_backlog()
        await self._write(self._record_rows(record), (("exchange", record),), exchange_id=record.exchange_id)

    async def append_entry(self, kind: str, body: msgspec.Struct) -> None:
        """See `Store.append_entry`."""
        step = None
        if kind == "ack" and isinstance(body, AckEntry):
            step = partial(attention.acknowledge, ack=body, now_us=self._now_us())
        await self._write((), () if step else ((kind, body),), step=step)

    # what is in doubt

    async def doubtful(self, exchange_id: str) -> PendingIntent | None:
        """See `Store.doubtful`."""
        row = await self._read(lambda connection: connection.execute(statement.DOUBTFUL, (exchange_id,)).fetchone())
        return None if row is None else statement.pending_of(row)

    async def pending(self, limit: int) -> list[PendingIntent]:
        """See `Store.pending`."""
        if not await self.leads():
            return []
        rows = await self._read(lambda connection: connection.execute(statement.PENDING, (limit,)).fetchall())
        return [statement.pending_of(row) for row in rows]

    async def open_attention(self, entry: AttentionEntry) -> None:
        """See `Store.open_attention`."""
        await self._write(step=self._attention_step(entry))

    async def close_attention(self, entry: AttentionEntry) -> bool:
        """See `Store.close_attention`."""
        return bool(await self._write(step=partial(attention.close, entry=entry, now_us=self._now_us())))

    async def attention(self, attention_id: str) -> AttentionEntry | None:
        return await self._read(partial(attention.find, attention_id=attention_id))

    async def attention_of(self, exchange_id: str) -> AttentionEntry | None:
        """See `Store.attention_of`."""
        return await self._read(partial(attention.of_exchange, exchange_id=exchange_id))

    async def cross_references_of(self, objects: Sequence[tuple[str, str]]) -> list[CrossReference]:
        """See `Store.cross_references_of`."""

        def read(connection: Connection) -> list[CrossReference]:
            found = (row for known in objects for row in connection.execute(statement.CROSS_REFERENCES, known))
            return [CrossReference(*row) for row in found]

        return await self._read(read)

    async def is_acknowledged(self, command_id: str) -> bool:
        return await self._read(partial(attention.is_acknowledged, command_id=command_id))

    async def note_absence(self, exchange_id: str) -> int:
        """See `Store.note_absence`."""
        return int(await self._write(step=partial(attention.note_absence, exchange_id=exchange_id)))

    async def note_attempt(self, exchange_id: str, retry_at_s: float | None) -> int:
        """See `Store.note_attempt`."""
        step = partial(attention.note_attempt, exchange_id=exchange_id, retry_at_s=retry_at_s)
        return int(await self._write(step=step))

    # streams

    async def leads(self) -> bool:
        """See `Store.leads`. A process that shares its state with no other leads always."""
        return True

    async def listens(self) -> bool:
        """See `Store.listens`."""
        return True

    async def unshipped(self, limit_bytes: int) -> Batch | None:
        """See `Store.unshipped`."""
        is_leader = await self.leads()
        oldest = partial(backlog.oldest_unshipped, own=self._stream_id, is_leader=is_leader, limit_bytes=limit_bytes)
        return await self._read(oldest)

    async def shipped(self, stream: str, last: int) -> None:
        """See `Store.shipped`."""

        def step(connection: Connection) -> tuple[int, Entries]:
            return backlog.mark_shipped(connection, stream, last), ()

        self._shrink(int(await self._write(step=step)))

    async def prune(self, now_s: float) -> int:
        """See `Store.prune`."""
        if not await self.leads():
            return 0

        def step(connection: Connection) -> tuple[int, Entries]:
            return backlog.prune(connection, now_s, self._retention), ()

        return int(await self._write(step=step))

    # what stores differ in

    @property
    def backlog_bytes(self) -> int:
        raise NotImplementedError

    async def _read(self, read: Callable[[Connection], T]) -> T:
        """Off the loop's thread, over a connection of its own. Raises: Unavailable."""
        raise NotImplementedError

    def _grow(self, size_bytes: int) -> None:
        """Lines were written; on the writer's thread."""
        raise NotImplementedError

    def _shrink(self, size_bytes: int) -> None:
        """Lines were shipped; on the loop."""
        raise NotImplementedError

    # inside

    def _now_us(self) -> int:
        return int(self._clock() * 1e6)

    def _refuse_beyond_backlog(self) -> None:
        if self.backlog_bytes > self._limits.max_backlog_bytes:
            raise Unavailable("too much of the journal waits to be shipped")

    async def _begin(self, intent: Intent, outcome: Outcome | None, rows: Rows = (), step: Step | None = None) -> Any:
        """Queue a new intent, with its outcome where that is known, and wait for its commit: None, or what stood in
        its way."""
        exchange_id = intent.entry.exchange_id
        self._view.hold(exchange_id, intent.claim, intent.fingerprint)
        try:
            in_the_way = await self._write(
                rows if step or outcome is None else (*rows, *self._finish_rows(outcome)),
                () if step else begun(intent, outcome),
                step,
                exchange_id,
                undo=partial(self._undo_of, exchange_id),
                references=outcome.cross_references if outcome is not None else (),
            )
        except asyncio.CancelledError:
            self._abandon(exchange_id)
            raise
        except BaseException:
            self._view.drop(exchange_id)
            raise
        if in_the_way is not None:
            self._view.drop(exchange_id)
        elif outcome is not None:
            self._view.change(exchange_id, outcome.state, outcome.answer, is_checked=False)
        return in_the_way

    async def _write(
        self,
        rows: Rows = (),
        entries: Entries = (),
        step: Step | None = None,
        exchange_id: str = "",
        is_kept: bool = False,
        undo: Callable[[], Write] | None = None,
        references: tuple[CrossReference, ...] = (),
    ) -> Any:
        if self._writer.waiting() >= self._limits.max_waiting and not is_kept:
            raise Unavailable("the state does not keep up")
        future: asyncio.Future[Any] = self._loop.create_future()
        self._submit(Write(rows, entries, step, is_kept, exchange_id, future, undo, references))
        return await future

    def _submit(self, write: Write) -> None:
        if self._is_closed:
            raise Unavailable("the state is closed")
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

    def _abandon(self, exchange_id: str) -> None:
        """The caller of `begin` went away before it learnt of the commit: it cannot have sent anything."""
        if self._is_closed:
            return
        outcome = Outcome(OutcomeEntry(exchange_id, "no"), "not_executed")
        self._view.change(exchange_id, "not_executed", None, is_checked=False)
        entries: Entries = (("outcome", outcome.entry),)
        self._submit(Write(self._finish_rows(outcome), entries, is_kept=True, exchange_id=exchange_id))

    def _undo_of(self, exchange_id: str) -> Write:
        """For an intent that was written although its caller was told that it was not, and answered 503."""
        outcome = Outcome(OutcomeEntry(exchange_id, "no"), "not_executed")
        rows = (*self._finish_rows(outcome), *statement.record_rows(exchange_id, is_checked=True))
        return Write(rows, (("outcome", outcome.entry),), is_kept=True)

    def _finish_rows(self, outcome: Outcome) -> Rows:
        row = (statement.FINISH, statement.finish_row(outcome, self._now_us()))
        return (row, *statement.cross_reference_rows(outcome.cross_references))

    def _record_rows(self, record: Exchange) -> Rows:
        """Rows that mark the record's intent, when it has one."""
        is_checked = record.executed != "unknown" and not record.is_recovered
        if not self._view.record(record.exchange_id, is_checked) and not record.is_recovered:
            return ()
        return statement.record_rows(record.exchange_id, is_checked)

    def _attention_step(self, entry: AttentionEntry) -> Step:
        return partial(attention.open_once, entry=entry, now_us=self._now_us())

    def _settle(
        self,
        exchange_id: str,
        outcome: Outcome,
        record: Exchange,
        settled: AttentionEntry | None,
        expected: ClaimState,
        connection: Connection,
    ) -> tuple[bool, Entries]:
        is_checked = outcome.state != "executed"  # the others hold nothing that a system said
        blob = statement.answer_blob(outcome.answer)
        values = (outcome.state, blob, int(is_checked), b"", exchange_id, expected)
        if connection.execute(statement.SETTLE, values).rowcount == 0:
            return False, ()
        for sql, row in statement.cross_reference_rows(outcome.cross_references):
            connection.execute(sql, row)
        entries: Entries = (("outcome", outcome.entry), ("exchange", record))
        if settled is not None and attention.close(connection, settled, self._now_us())[0]:
            entries += (("attention", settled),)
        return True, entries


def begun(intent: Intent, outcome: Outcome | None) -> Entries:
    """Stream entries of a call that begins, and has ended already where its outcome is known."""
    return (("intent", intent.entry),) if outcome is None else (("intent", intent.entry), ("outcome", outcome.entry))
