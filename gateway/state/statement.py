"""The SQL of the hot path, and how Structs become rows."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import msgspec

from gateway.state.store import Answer, Claim, CrossReference, Intent, Outcome, PendingIntent

_encode = msgspec.msgpack.Encoder().encode
_answer = msgspec.msgpack.Decoder(Answer).decode
_intent = msgspec.msgpack.Decoder(Intent).decode

RELEASE_CLAIM = "UPDATE intent SET claim_key = NULL WHERE exchange_id = ? AND state = 'not_executed'"

INSERT_INTENT = (
    "INSERT INTO intent (exchange_id, stream_id, begun_us, consumer, entity, operation, claim_key, fingerprint, "
    "state, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'running', ?)"
)

FINISH = "UPDATE intent SET state = ?, answer = ?, retry_at_us = ? WHERE exchange_id = ?"

WITHHOLD = "UPDATE intent SET state = 'answered', answer = ?, is_checked = 1 WHERE exchange_id = ?"

#: once recorded, what a successor would need is needed no more, unless the outcome is still unknown
RECORD = (
    "UPDATE intent SET is_recorded = 1, is_checked = CASE WHEN ? = 1 THEN 1 ELSE is_checked END, "
    "is_open = CASE WHEN state IN ('running', 'in_doubt') THEN 1 ELSE 0 END, "
    "state = CASE WHEN state = 'executed' AND ? = 1 THEN 'answered' ELSE state END, "
    "body = CASE WHEN state IN ('running', 'in_doubt') THEN body ELSE ? END WHERE exchange_id = ?"
)

#: without an Idempotency-Key nobody can ask for the answer again
FORGET = (
    "DELETE FROM intent WHERE exchange_id = ? AND consumer IS NULL AND is_recorded = 1 "
    "AND state NOT IN ('running', 'in_doubt')"
)

SETTLE = (
    "UPDATE intent SET state = ?, answer = ?, is_checked = ?, is_recorded = 1, is_open = 0, retry_at_us = NULL, "
    "body = ? WHERE exchange_id = ? AND state = ?"
)

INSERT_CROSS_REFERENCE = (
    "INSERT INTO cross_reference (object, value, entity, system, trace_id, span_id) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING"
)

#: the order in which a group's plain statements run: keys are freed before they are taken, facts follow
ORDER = (RELEASE_CLAIM, INSERT_INTENT, FINISH, INSERT_CROSS_REFERENCE, WITHHOLD, RECORD, FORGET)

#: statements that touch rows which another process may touch at the same time
SHARED = frozenset({INSERT_CROSS_REFERENCE})

CLAIM = (
    "SELECT exchange_id, fingerprint, state, answer, is_checked FROM intent "
    "WHERE claim_key = ? AND consumer = ? AND entity = ? AND operation = ?"
)

CROSS_REFERENCES = (
    "SELECT object, value, entity, system, trace_id, span_id FROM cross_reference "
    "WHERE object = ? AND value = ? ORDER BY entity, system"
)

_PENDING = (
    "SELECT i.body, s.name, i.state, i.answer, i.absences, i.is_recorded = 0 AND s.died_us IS NOT NULL, i.attempts, "
    "i.retry_at_us FROM intent i JOIN stream s ON s.stream_id = i.stream_id WHERE "
)

#: in doubt and to be asked about, or begun by a process that died before it wrote the record
PENDING = (
    f"{_PENDING} i.is_open = 1 AND (i.state = 'in_doubt' AND i.retry_at_us IS NOT NULL "
    "OR i.is_recorded = 0 AND s.died_us IS NOT NULL) ORDER BY coalesce(i.retry_at_us, 0) LIMIT ?"
)

DOUBTFUL = f"{_PENDING} i.exchange_id = ? AND i.state = 'in_doubt'"


def intent_row(intent: Intent, stream_id: int, begun_us: int) -> tuple[Any, ...]:
    claim = intent.claim
    key = (None, None, None, None) if claim is None else (claim.consumer, claim.entity, claim.operation, claim.key)
    return (intent.entry.exchange_id, stream_id, begun_us, *key, intent.fingerprint, _encode(intent))


def finish_row(outcome: Outcome, now_us: int) -> tuple[Any, ...]:
    retry_at_us = now_us if outcome.state == "in_doubt" else None
    return outcome.state, answer_blob(outcome.answer), retry_at_us, outcome.entry.exchange_id


def cross_reference_rows(references: tuple[CrossReference, ...]) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    return tuple(
        (INSERT_CROSS_REFERENCE, (ref.object, ref.value, ref.entity, ref.system, ref.trace_id, ref.span_id))
        for ref in references
    )


def record_rows(exchange_id: str, is_checked: bool) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """Rows that mark an intent as recorded."""
    return (RECORD, (int(is_checked), int(is_checked), b"", exchange_id)), (FORGET, (exchange_id,))


def answer_blob(answer: Answer | None) -> bytes | None:
    return None if answer is None else _encode(answer)


def claim_of(row: Sequence[Any]) -> Claim:
    exchange_id, fingerprint, state, answer, is_checked = row
    return Claim(exchange_id, fingerprint, state, None if answer is None else _answer(answer), bool(is_checked))


def pending_of(row: Sequence[Any]) -> PendingIntent:
    body, stream, state, answer, absences, needs_record, attempts, retry_at_us = row
    return PendingIntent(
        _intent(body),
        stream,
        state,
        None if answer is None else _answer(answer),
        absences,
        bool(needs_record),
        attempts,
        inf if retry_at_us is None else retry_at_us / 1e6,
    )
