"""The one thread that writes: everything queued goes into one transaction, one commit, one wake-up of the loop.

What somebody waits for is handed over once per turn of the loop and committed at once; under load a group is whatever
arrived during the commit before. What nobody waits for gathers for a moment, or until something that is waited for. A
group that fails is done again write by write, so that only the writes at fault fail. Sequence numbers are given at the
commit: a failed write leaves no gap in the stream.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

import msgspec

from catalog.errors import Unavailable, WaybillError
from gateway.stream import Chain

log = logging.getLogger(__name__)

RETRY_S = 0.2  # pause before writes that must not be lost are tried again on a disk that refuses
MAX_GROUP = 512  # writes of one transaction; bounds how long the first of them waits
LINGER_S = 0.01  # how long a write that nobody waits for may gather others: a commit costs the same for all

_BATCH = "INSERT INTO batch (stream_id, first, last, committed_us, lines) VALUES (?, ?, ?, ?, ?)"

Entries = tuple[tuple[str, msgspec.Struct], ...]
Step = Callable[[sqlite3.Connection], tuple[Any, Entries]]


class Write:
    """One queued write. `rows` are plain statements, done together with those of the whole group; `step` runs in the
    same transaction after them and gives the result and the stream entries. A write that `is_kept` states a fact that
    must not be lost: it is tried again until the disk takes it, although its waiter is told at once that it did not.
    """

    __slots__ = ("entries", "exchange_id", "future", "is_kept", "result", "rows", "step")

    def __init__(
        self,
        rows: tuple[tuple[str, tuple[Any, ...]], ...] = (),
        entries: Entries = (),
        step: Step | None = None,
        is_kept: bool = False,
        exchange_id: str = "",
        future: asyncio.Future[Any] | None = None,
    ) -> None:
        self.rows = rows
        self.entries = entries
        self.step = step
        self.is_kept = is_kept
        self.exchange_id = exchange_id
        self.future = future
        self.result: Any = None


Resolved = list[tuple[Write, Exception | None]]


class Writer:
    """Owns the writing connection and the stream's chain; `submit` may be called from the loop's thread only."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        stream_id: int,
        statement_order: tuple[str, ...],
        on_commit: Callable[[int], None],
        clock: Callable[[], float],
        loop: asyncio.AbstractEventLoop,
        on_resolved: Callable[[Resolved], None],
    ) -> None:
        self._connection = connection
        self._stream_id = stream_id
        self._order = statement_order
        self._on_commit = on_commit
        self._clock = clock
        self._loop = loop
        self._on_resolved = on_resolved
        self._chain = Chain()
        self._queue: SimpleQueue[list[Write] | None] = SimpleQueue()
        self._gathered: list[Write] = []  # on the loop, not handed over yet
        self._handover: asyncio.Handle | None = None
        self._is_urgent = False
        self._submitted = 0  # changed on the loop only
        self._taken = 0  # changed by the writer's thread only
        self._kept: list[Write] = []
        self._thread = threading.Thread(target=self._run, name="state-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, write: Write) -> None:
        """Queue it, in order. What somebody waits for goes with this turn of the loop, the rest with the next such
        write or after LINGER_S."""
        self._gathered.append(write)
        self._submitted += 1
        if write.future is not None and not self._is_urgent:
            self._is_urgent = True
            if self._handover is not None:
                self._handover.cancel()
            self._handover = self._loop.call_soon(self.hand_over)
        elif self._handover is None:
            self._handover = self._loop.call_later(LINGER_S, self.hand_over)

    def hand_over(self) -> None:
        """Give the thread all that has gathered. On the loop's thread."""
        self._handover, self._is_urgent = None, False
        if self._gathered:
            self._queue.put(self._gathered)
            self._gathered = []

    def waiting(self) -> int:
        """Writes queued and not yet taken up."""
        return self._submitted - self._taken + len(self._kept)

    def stop(self) -> None:
        """Write everything handed over, then end the thread and close the connection. Blocks."""
        self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        is_open = True
        while is_open:
            group, is_open = self._next_group()
            resolved = self._commit(group) if group else []
            failed = [write for write, error in resolved if error is not None and write.is_kept]
            self._kept += failed
            self._tell(resolved)
            if failed and is_open and self._queue.empty():
                time.sleep(RETRY_S)
        if self._kept:
            log.error("%d outcomes or records could not be written before the end", len(self._kept))

    def _next_group(self) -> tuple[list[Write], bool]:
        """What is to be written next, and whether more may come. Waits when there is nothing."""
        group, self._kept = self._kept, []
        try:
            writes = self._queue.get_nowait() if group else self._queue.get()
            while writes is not None:
                group += writes
                self._taken += len(writes)
                if len(group) >= MAX_GROUP:
                    break
                writes = self._queue.get_nowait()
        except Empty:
            return group, True
        return group, writes is not None

    def _commit(self, group: list[Write]) -> Resolved:
        error = self._try(group)
        if error is None:
            return [(write, None) for write in group]
        if len(group) == 1:
            return [(group[0], error)]
        return [(write, self._try([write])) for write in group]

    def _try(self, group: list[Write]) -> Exception | None:
        chain = self._chain.copy()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._bulk(group)
            size_bytes = self._write_lines(chain, self._entries(group))
            self._connection.execute("COMMIT")
        except Exception as error:  # whatever it is, the thread lives on and the waiter is told
            return self._undo(error)
        self._chain = chain
        self._on_commit(size_bytes)
        return None

    def _entries(self, group: list[Write]) -> list[tuple[str, msgspec.Struct]]:
        entries: list[tuple[str, msgspec.Struct]] = []
        for write in group:
            found = write.entries
            if write.step is not None:
                write.result, found = write.step(self._connection)
            entries += found
        return entries

    def _bulk(self, group: list[Write]) -> None:
        rows: dict[str, list[tuple[Any, ...]]] = {}
        for write in group:
            for statement, values in write.rows:
                rows.setdefault(statement, []).append(values)
        for statement in self._order:
            if statement in rows:
                self._connection.executemany(statement, rows[statement])

    def _write_lines(self, chain: Chain, entries: list[tuple[str, msgspec.Struct]]) -> int:
        """Link the entries, one row for all of them; bytes written."""
        if not entries:
            return 0
        at_us = int(self._clock() * 1e6)
        first = chain.last + 1
        lines = b"".join([chain.link(kind, body, at_us) for kind, body in entries])
        self._connection.execute(_BATCH, (self._stream_id, first, chain.last, at_us, lines))
        return len(lines)

    def _undo(self, error: Exception) -> Exception:
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

    def _tell(self, resolved: Resolved) -> None:
        if not resolved:
            return
        try:
            self._loop.call_soon_threadsafe(self._on_resolved, resolved)
        except RuntimeError:  # the loop has ended; what was written is written
            log.debug("nobody waits for %d writes any more", len(resolved))
