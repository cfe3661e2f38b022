"""The one thread that writes: everything queued goes into one transaction, one commit, one wake-up of the loop.

What somebody waits for is handed over once per turn of the loop and committed at once; under load a group is whatever
arrived during the commit before. What nobody waits for gathers for a moment, or until something that is waited for. A
group that fails is done again write by write, so that only the writes at fault fail. Sequence numbers are given at the
commit: a failed write leaves no gap in the stream. What differs between databases is the `Session`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Protocol

import msgspec

from catalog.errors import Unavailable
from gateway.state.connection import Connection
from gateway.state.store import Claim, CrossReference
from gateway.stream import Chain

log = logging.getLogger(__name__)

RETRY_S = 0.2  # pause before writes that must not be lost are tried again on a store that refuses
MAX_GROUP = 512  # writes of one transaction; bounds how long the first of them waits
LINGER_S = 0.01  # how long a write that nobody waits for may gather others: a commit costs the same for all
NEVER_S = 3e8

Entries = tuple[tuple[str, msgspec.Struct], ...]
Rows = tuple[tuple[str, tuple[Any, ...]], ...]
Step = Callable[[Connection], tuple[Any, Entries]]


class Write:
    """One queued write. `rows` are plain statements, done together with those of the whole group; `step` runs in the
    same transaction after them and gives the result and the stream entries. A write that `is_kept` states a fact that
    must not be lost: it is tried again until the disk takes it, although its waiter is told at once that it did not.
    `undo` is what must be written when the write was taken although its waiter was told that it was not. `references`
    are the cross-references among what it writes.
    """

    __slots__ = ("entries", "exchange_id", "future", "is_kept", "references", "result", "rows", "step", "undo")

    def __init__(
        self,
        rows: Rows = (),
        entries: Entries = (),
        step: Step | None = None,
        is_kept: bool = False,
        exchange_id: str = "",
        future: asyncio.Future[Any] | None = None,
        undo: Callable[[], Write] | None = None,
        references: tuple[CrossReference, ...] = (),
    ) -> None:
        self.references = references
        self.rows = rows
        self.entries = entries
        self.step = step
        self.is_kept = is_kept
        self.exchange_id = exchange_id
        self.future = future
        self.undo = undo
        self.result: Any = None


Resolved = list[tuple[Write, Exception | None]]


class Broken(Unavailable):
    """The connection broke before the commit: nothing was written."""


class Uncertain(Unavailable):
    """The connection broke during the commit: whether the group was written is not known yet."""


class Lost(Unavailable):
    """The group has declared this process dead: it can write nothing more."""


class Session(Protocol):
    """The writing connection, one transaction at a time; used by the writer's thread only."""

    def begin(self) -> Connection:
        """Start a transaction."""
        ...

    def bulk(self, rows: dict[str, list[tuple[Any, ...]]]) -> Mapping[str, Claim]:
        """Do plain statements in their declared order; claims that stood in the way of intents, by exchange id."""
        ...

    def commit(self, first: int, last: int, at_us: int, lines: bytes) -> None:
        """Keep the stream's next lines, if any, and commit. Raises: Uncertain."""
        ...

    def undo(self, error: Exception) -> Exception:
        """Roll back; the error that the waiters get."""
        ...

    def ascertain(self) -> bool:
        """After `Uncertain`: whether the group was written. Raises: Unavailable (not to be had yet), Lost."""
        ...

    def close(self) -> None: ...


class Beat(NamedTuple):
    """Something to be written every `interval_s`, busy or idle."""

    interval_s: float
    write: Callable[[], Write]


class _Unclear(NamedTuple):
    group: list[Write]
    chain: Chain
    size_bytes: int


class Writer:
    """Owns the writing connection and the stream's chain; `submit` may be called from the loop's thread only."""

    def __init__(
        self,
        session: Session,
        on_commit: Callable[[int], None],
        clock: Callable[[], float],
        loop: asyncio.AbstractEventLoop,
        on_resolved: Callable[[Resolved], None],
        beat: Beat | None = None,
    ) -> None:
        self._session = session
        self._on_commit = on_commit
        self._clock = clock
        self._loop = loop
        self._on_resolved = on_resolved
        self._beat = beat
        self._beat_at_s = time.monotonic() + (beat.interval_s if beat else NEVER_S)
        self._chain = Chain()
        self._queue: SimpleQueue[list[Write] | None] = SimpleQueue()
        self._gathered: list[Write] = []  # on the loop, not handed over yet
        self._handover: asyncio.Handle | None = None
        self._is_urgent = False
        self._submitted = 0  # changed on the loop only
        self._taken = 0  # changed by the writer's thread only
        self._kept: list[Write] = []
        self._unclear: _Unclear | None = None
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
        self._session.close()

    def _run(self) -> None:
        is_open = True
        while is_open:
            error = self._ascertain()
            group, is_open = self._next_group()
            resolved: Resolved = [(write, error) for write in group] if error else self._commit(group)
            failed = [(write, error) for write, error in resolved if error is not None]
            # what is unclear is kept apart until it is known; a lost process can write nothing more
            self._kept += [w for w, e in failed if w.is_kept and not isinstance(e, Uncertain | Lost)]
            self._tell(resolved)
            if (self._kept or (self._unclear and error)) and is_open and self._queue.empty():
                time.sleep(RETRY_S)
        if self._kept or self._unclear:
            log.error("%d outcomes or records could not be written before the end", len(self._kept) or 1)

    def _next_group(self) -> tuple[list[Write], bool]:
        """What is to be written next, and whether more may come. Waits when there is nothing."""
        group, self._kept = self._kept, []
        if self._beat is not None and time.monotonic() >= self._beat_at_s:
            self._beat_at_s = time.monotonic() + self._beat.interval_s
            group.append(self._beat.write())
        try:
            writes = self._queue.get_nowait() if group or self._unclear else self._queue.get(timeout=self._idle_s())
            while writes is not None:
                group += writes
                self._taken += len(writes)
                if len(group) >= MAX_GROUP:
                    break
                writes = self._queue.get_nowait()
        except Empty:
            return group, True
        return group, writes is not None

    def _idle_s(self) -> float | None:
        return None if self._beat is None else max(0.0, self._beat_at_s - time.monotonic())

    def _commit(self, group: list[Write]) -> Resolved:
        if not group:
            return []
        error = self._try(group)
        if isinstance(error, Broken):  # an idle connection may have died long ago: a new one is tried at once
            error = self._try(group)
        if error is None or len(group) == 1 or isinstance(error, Broken | Uncertain | Lost):
            return [(write, error) for write in group]
        return self._one_by_one(group)

    def _one_by_one(self, group: list[Write]) -> Resolved:
        """Nothing is written any more after the connection broke: the order of what is kept must stay."""
        resolved: Resolved = []
        broken: Exception | None = None
        for write in group:
            error = broken or self._try([write])
            if isinstance(error, Broken | Lost):
                broken = error
            elif isinstance(error, Uncertain):
                broken = Broken(error.detail)
            resolved.append((write, error))
        return resolved

    def _ascertain(self) -> Exception | None:
        """Find out what became of a group whose commit broke off; until that is known nothing can be written."""
        if self._unclear is None:
            return None
        unclear = self._unclear
        try:
            is_written = self._session.ascertain()
        except Lost as error:
            self._unclear = None
            return error
        except Unavailable as error:
            return Broken(error.detail)
        self._unclear = None
        kept = [write for write in unclear.group if write.is_kept]
        if not is_written:
            self._kept = kept + self._kept
            return None
        self._chain = unclear.chain
        self._on_commit(unclear.size_bytes)
        undone = [write.undo() for write in unclear.group if write.undo is not None and write.result is None]
        self._kept = undone + self._kept
        self._tell([(write, None) for write in kept])
        return None

    def _try(self, group: list[Write]) -> Exception | None:
        chain = self._chain.copy()
        size_bytes = 0
        try:
            connection = self._session.begin()
            refused = self._session.bulk(_rows(group))
            entries = _entries(group, refused, connection)
            first, at_us = chain.last + 1, int(self._clock() * 1e6)
            lines = b"".join([chain.link(kind, body, at_us) for kind, body in entries])
            size_bytes = len(lines)
            self._session.commit(first, chain.last, at_us, lines)
        except Uncertain as error:
            self._unclear = _Unclear(group, chain, size_bytes)
            return error
        except Exception as error:  # whatever it is, the thread lives on and the waiter is told
            return self._session.undo(error)
        self._chain = chain
        self._on_commit(size_bytes)
        return None

    def _tell(self, resolved: Resolved) -> None:
        if not resolved:
            return
        try:
            self._loop.call_soon_threadsafe(self._on_resolved, resolved)
        except RuntimeError:  # the loop has ended; what was written is written
            log.debug("nobody waits for %d writes any more", len(resolved))


def _rows(group: list[Write]) -> dict[str, list[tuple[Any, ...]]]:
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for write in group:
        for statement, values in write.rows:
            rows.setdefault(statement, []).append(values)
    return rows


def _entries(
    group: list[Write], refused: Mapping[str, Claim], connection: Connection
) -> list[tuple[str, msgspec.Struct]]:
    """Stream entries of a group; the steps run here. A refused intent's result is the claim in its way."""
    entries: list[tuple[str, msgspec.Struct]] = []
    for write in group:
        found = write.entries
        if write.step is not None:
            write.result, found = write.step(connection)
        elif refused and write.undo is not None:
            write.result = refused.get(write.exchange_id)
            if write.result is not None:
                continue
        entries += found
    return entries
