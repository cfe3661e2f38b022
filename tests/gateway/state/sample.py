"""Intents, outcomes and records for the tests of state; a store as a context, opened on a fresh loop."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from catalog.record import AttentionEntry, Exchange, IntentEntry, ObjectRef, OutcomeEntry
from gateway.state.store import Answer, ClaimKey, CrossReference, Intent, Outcome, ReconcilePlan

OPERATION = "finance.receipts/1/receipts.post"


def exchange(exchange_id: str, **more: Any) -> Exchange:
    known: dict[str, Any] = {
        "exchange_id": exchange_id,
        "trace_id": "1" * 32,
        "span_id": "2" * 16,
        "started_us": 1,
        "duration_us": 2,
        "upstream_us": 1,
        "snapshot": "1:abc",
        "method": "POST",
        "status": 201,
        "executed": "yes",
        "fault": "none",
    }
    return Exchange(**(known | more))


def key(name: str = "k", **more: str) -> ClaimKey:
    return ClaimKey(**({"consumer": "ap", "entity": "mercy", "operation": OPERATION, "key": name} | more))


def intent(exchange_id: str, claim: ClaimKey | None = None, fingerprint: str = "f", plan: ReconcilePlan | None = None):
    entry = IntentEntry(exchange_id, "finance.receipts", "1.0.0", "receipts.post", "ap", "mercy", "erp", "c" * 64)
    return Intent(
        entry,
        exchange(exchange_id, event="receipt.posted"),
        fingerprint,
        claim,
        plan,
        ObjectRef("receipt", "mercy", "R1"),
    )


def answer(status: int = 201, body: bytes = b'{"id":"R1"}') -> Answer:
    return Answer(status, ((b"content-type", b"application/json"),), body)


def executed(exchange_id: str, references: tuple[CrossReference, ...] = (), body: bytes = b'{"id":"R1"}') -> Outcome:
    return Outcome(OutcomeEntry(exchange_id, "yes", 201), "executed", answer(body=body), references)


def not_executed(exchange_id: str) -> Outcome:
    return Outcome(OutcomeEntry(exchange_id, "no"), "not_executed")


def in_doubt(exchange_id: str) -> Outcome:
    return Outcome(OutcomeEntry(exchange_id, "unknown"), "in_doubt")


def attention(exchange_id: str, kind: Any = "in_doubt", **more: Any) -> AttentionEntry:
    return AttentionEntry(
        **({"attention_id": f"a-{exchange_id}", "kind": kind, "state": "open", "exchange_id": exchange_id} | more)
    )


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run an asynchronous test; it may take 30 s at most."""
    asyncio.run(asyncio.wait_for(test(), 30))
