"""The gateway group's state: claims, intents, outcomes, cross-references, attention and streams.

One interface and one conformance suite (`tests/gateway/state/conformance.py`); SQLite is for one gateway process,
PostgreSQL for more (design §11.1). `begin` and `finish` return once the transaction is on disk; everything else that
writes is queued behind them in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec

from catalog.record import AttentionEntry, Exchange, IntentEntry, ObjectRef, OutcomeEntry

ClaimState = Literal["running", "executed", "answered", "in_doubt", "not_executed"]


class ClaimKey(msgspec.Struct, frozen=True):
    """Unique on these four (design §11.2). `key` is the Idempotency-Key."""

    consumer: str
    entity: str
    operation: str  # "<contract>/<major>/<operationId>"
    key: str


class Answer(msgspec.Struct, frozen=True):
    """A whole HTTP answer, kept for replay."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Claim(msgspec.Struct, frozen=True):
    """What is known of an earlier call with the same key."""

    exchange_id: str
    fingerprint: str
    state: ClaimState
    answer: Answer | None = None
    is_checked: bool = False  # the stored answer passed the back chain (or is its problem document)


class ReconcilePlan(msgspec.Struct, frozen=True):
    """The look-up that can settle an unknown outcome, its expressions already evaluated."""

    operation: str
    target: str  # path and query upstream, below the system's base URL
    select: str
    where: dict[str, list[Any]]
    not_before_s: float  # wall clock before which an absence proves nothing (upstream deadline + grace)


class Intent(msgspec.Struct, frozen=True):
    """Everything a successor needs to finish the exchange after a crash."""

    entry: IntentEntry
    draft: Exchange  # the record as far as it is known
    fingerprint: str
    claim: ClaimKey | None  # None: the client sent no Idempotency-Key
    reconcile: ReconcilePlan | None
    object: ObjectRef | None


class PendingIntent(msgspec.Struct, frozen=True):
    """An intent that is in doubt, or whose process died before it journalled the exchange."""

    intent: Intent
    stream: str
    state: ClaimState
    answer: Answer | None
    absences: int = 0  # how often reconcile found nothing after `not_before_s`
    needs_record: bool = False  # its process died in between: a successor writes the exchange record
    attempts: int = 0  # how often reconcile has asked
    retry_at_s: float = 0.0  # wall clock; not to be asked about before; inf: never again by itself


class CrossReference(msgspec.Struct, frozen=True):
    """Where a business object lives: tells which entity and system a bare GET belongs to. Of one system, a value is
    the first entity's that had it; later ones are ignored."""

    object: str  # type
    value: str
    entity: str
    system: str
    trace_id: str = ""  # of the exchange that made the object known, 32 hex digits
    span_id: str = ""  # of the same, 16 hex digits


class Outcome(msgspec.Struct, frozen=True):
    """The system's answer (or its lack), as soon as it is known."""

    entry: OutcomeEntry
    state: ClaimState
    answer: Answer | None = None
    cross_references: tuple[CrossReference, ...] = ()


class Batch(msgspec.Struct, frozen=True):
    """Consecutive entries of one stream: `lines` are newline-terminated JSON lines, verbatim."""

    stream: str
    first: int
    last: int
    lines: bytes


class Store(Protocol):
    """Group state. All coroutines may raise `catalog.errors.Unavailable` when the store refuses to write or read."""

    stream: str  # this process life's stream, "gateway/slot/epoch"
    dropped_records: int  # records that found the queue full
    lost: asyncio.Event  # set when the group has declared this process dead: it can write nothing more, and must end

    @property
    def backlog_bytes(self) -> int:
        """Stream lines that the control plane does not have yet, of the whole group."""
        ...

    async def begin(self, intent: Intent, outcome: Outcome | None = None) -> Claim | None:
        """Commit intent, claim and stream entry in one transaction; an existing claim is returned instead, and
        then nothing was written. A claim in state `not_executed` is taken over. An `outcome` that is known at once,
        since no system is called, goes with it: then there is nothing to `finish`."""
        ...

    async def finish(self, outcome: Outcome) -> None:
        """Commit the outcome, the claim's raw answer, cross-references and the stream entry."""
        ...

    async def settle(
        self,
        exchange_id: str,
        outcome: Outcome,
        record: Exchange,
        attention: AttentionEntry | None,
        expected: ClaimState = "in_doubt",
    ) -> bool:
        """Compare-and-set the end of an intent that was in doubt (or withheld); False when it was not `expected`."""
        ...

    async def withhold(self, exchange_id: str, answer: Answer, attention: AttentionEntry) -> None:
        """Commit the problem document as the replayable answer, and open attention."""
        ...

    def append(self, record: Exchange) -> None:
        """Journal an exchange without waiting; marks its claim's answer as checked."""
        ...

    async def append_durably(self, record: Exchange) -> None:
        """Journal an exchange and wait for the commit (authenticated refusals and replays of mutating
        calls)."""
        ...

    async def append_entry(self, kind: str, body: msgspec.Struct) -> None:
        """A stream entry of another kind. An `ack` of a command that was acknowledged before writes nothing."""
        ...

    async def claim(self, key: ClaimKey) -> Claim | None:
        """Look a claim up: committed ones of the group and those of this process still being written."""
        ...

    async def cross_references(self, object_type: str, value: str) -> tuple[CrossReference, ...]: ...

    async def cross_references_of(self, objects: Sequence[tuple[str, str]]) -> list[CrossReference]:
        """The same of many objects (type, value), behind everything that calls ask for."""
        ...

    async def take(
        self, key: tuple[Any, ...], emission_interval_s: float, burst_s: float, now_s: float
    ) -> tuple[float, float]:
        """GCRA over the group: (retry_after_s, 0 when allowed; seconds until the bucket is full again). A store that
        several hosts share goes by the database's clock instead of `now_s`."""
        ...

    async def pending(self, limit: int) -> list[PendingIntent]:
        """What reconcile must look at; nothing unless this process leads its group."""
        ...

    async def doubtful(self, exchange_id: str) -> PendingIntent | None:
        """The intent when it is in doubt, whether or not reconcile still asks about it."""
        ...

    async def note_absence(self, exchange_id: str) -> int:
        """Reconcile found nothing; absences so far."""
        ...

    async def note_attempt(self, exchange_id: str, retry_at_s: float | None) -> int:
        """Reconcile has asked; it may ask again at `retry_at_s`, or never by itself (None). Attempts so far."""
        ...

    async def open_attention(self, entry: AttentionEntry) -> None:
        """Open it, once per exchange and kind: another one for the same is not written."""
        ...

    async def close_attention(self, entry: AttentionEntry) -> bool:
        """Settle what is open; False when it was not."""
        ...

    async def attention(self, attention_id: str) -> AttentionEntry | None: ...

    async def attention_of(self, exchange_id: str) -> AttentionEntry | None:
        """What is open about the outcome in doubt of an exchange."""
        ...

    async def is_acknowledged(self, command_id: str) -> bool: ...

    async def leads(self) -> bool:
        """Whether this process does what one process of the group does at a time: reconcile, prune, ship what dead
        ones left."""
        ...

    async def listens(self) -> bool:
        """Whether this process, of those of its gateway, takes the commands to it."""
        ...

    async def note_generation(self, generation: int) -> bool:
        """This process runs a snapshot of `generation`; True when every process of its gateway runs that or a newer
        one."""
        ...

    async def unshipped(self, limit_bytes: int) -> Batch | None:
        """The oldest batch not yet acknowledged by the control plane: of this stream, and of dead ones when this
        process leads its group."""
        ...

    async def shipped(self, stream: str, last: int) -> None: ...

    async def prune(self, now_s: float) -> int:
        """Forget answered claims and shipped batches past their retention; rows removed."""
        ...

    async def close(self) -> None: ...
