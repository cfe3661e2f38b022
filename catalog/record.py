"""The wire records: the only thing that crosses from the data plane to the control plane (design §6).

A gateway process life is a stream `gateway/slot/epoch` of entries, numbered from 1 without gaps. An entry
travels as one line of compact JSON; `prev` is the SHA-256 (hex) of the previous line's bytes without its
newline, `""` for the first. The bytes of a line are kept verbatim wherever it is stored, so that the chain can
be checked anywhere. Bodies of calls never travel, only their SHA-256.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Executed = Literal["yes", "no", "unknown"]
Fault = Literal["none", "request", "response", "policy", "upstream", "gateway"]
EntryKind = Literal["exchange", "intent", "outcome", "event", "ack", "attention"]


class ObjectRef(msgspec.Struct, frozen=True):
    """A business object, known as type/assigner/value. The assigner is a legal entity or a system."""

    type: str
    assigner: str
    value: str


class ObjectLink(msgspec.Struct, frozen=True):
    """A relation from the exchange's object to `target`."""

    target: ObjectRef
    relation: str
    kind: Literal["flow", "reference"]


class Amount(msgspec.Struct, frozen=True):
    """Exact money: decimal text and ISO 4217 code."""

    amount: str
    currency: str


class DecisionRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one policy decided. `kind` "error" means the policy itself failed, "not_evaluated" (of policy "*", in
    synthetic history only) that none was asked."""

    policy: str
    kind: Literal["allow", "reject", "hold", "flag", "error", "not_evaluated"]
    mode: Literal["enforce", "shadow"] = "enforce"
    code: str = ""  # stable slug of the reason, e.g. "rate-limited"
    pointers: tuple[str, ...] = ()  # where; never values
    version: str = ""  # of the draft whose policy decided (always in shadow); "" for the version in force


class Exchange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request through the gateway. Times are UTC microseconds since the epoch; durations microseconds."""

    exchange_id: str  # 32 hex digits
    trace_id: str  # W3C trace context, 32 hex digits
    span_id: str  # the gateway's own span, 16 hex digits
    started_us: int
    duration_us: int
    upstream_us: int  # time spent waiting for the system; overhead = duration - upstream
    snapshot: str  # "<generation>:<first 12 hex digits of the manifest's sha256>"
    method: str
    status: int  # answered to the client; 499 when the client had gone
    executed: Executed
    fault: Fault
    parent_span_id: str = ""
    commit_us: int = 0  # time spent waiting for durable commits
    contract: str = ""  # name; empty when no route matched
    version: str = ""
    operation: str = ""
    route: str = ""  # base path + path template, low cardinality
    layer: str = ""
    priority: str = "standard"
    consumer: str = ""
    principal: str = ""
    legal_entity: str = ""
    system: str = ""
    upstream_status: int = 0  # 0: not called or no answer
    upstream_span_id: str = ""  # of the call to the system, as it was told in its traceparent; "" when not called
    upstream_after_us: int = 0  # from the start of the exchange to that of the call to the system
    refused_by: str = ""  # policy that refused (enforce); "" when none did
    code: str = ""  # problem code answered, e.g. "schema-violation", "in-doubt"
    decisions: tuple[DecisionRecord, ...] = ()  # allows of silent policies are left out
    event: str = ""  # business event meant by a success; "" otherwise
    is_verified: bool = True  # False: executed, but the answer failed its checks and was withheld
    occurred_at: str = ""  # business time as the contract declares it
    object: ObjectRef | None = None
    aliases: tuple[ObjectRef, ...] = ()
    links: tuple[ObjectLink, ...] = ()
    amount: Amount | None = None
    status_axes: dict[str, str] = {}
    key_sha256: str = ""  # of the Idempotency-Key
    is_replay: bool = False
    first_exchange_id: str = ""  # of a replay: the exchange that executed
    is_reconciled: bool = False
    is_recovered: bool = False  # written by a successor after a crash
    attempt: int = 1
    request_sha256: str = ""
    response_sha256: str = ""
    request_bytes: int = 0
    response_bytes: int = 0
    # Declared places that held something (`catalog.field`), names only: those that this process had not yet told of
    # this legal entity, consumer, operation and direction on this UTC day.
    request_fields: tuple[str, ...] = ()
    response_fields: tuple[str, ...] = ()


class IntentEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Committed before the first byte of a mutating call goes upstream."""

    exchange_id: str
    contract: str
    version: str
    operation: str
    consumer: str
    legal_entity: str
    system: str
    request_sha256: str
    key_sha256: str = ""


class OutcomeEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Committed before anything else is done with the system's answer. `stream` names a dead epoch's intent."""

    exchange_id: str
    executed: Executed
    upstream_status: int = 0
    response_sha256: str = ""
    is_reconciled: bool = False
    stream: str = ""  # stream of the intent when it is not this one


class AttentionEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something a person must decide was opened or settled in the gateway's group state."""

    attention_id: str
    kind: Literal["in_doubt", "withheld"]
    state: Literal["open", "settled"]
    exchange_id: str
    contract: str = ""
    operation: str = ""
    consumer: str = ""
    legal_entity: str = ""
    system: str = ""
    object: ObjectRef | None = None
    reason: str = ""
    resolution: str = ""  # "executed" | "not_executed" | "reconciled" | "acknowledged"
    settled_by: str = ""
    command_id: str = ""


class AckEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A command of the control plane was carried out, or refused."""

    command_id: str
    result: Literal["done", "refused"]
    detail: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One line of a stream. `body` is the Struct named by `kind`, still encoded."""

    seq: int
    kind: EntryKind
    at_us: int  # when the entry was committed
    prev: str
    body: msgspec.Raw


_encode = msgspec.json.Encoder().encode


def entry_line(seq: int, kind: str, at_us: int, prev: str, body: msgspec.Struct) -> bytes:
    """An entry as its line, without the newline; `prev` is the hash of the line before."""
    return b'{"seq":%d,"kind":"%b","at_us":%d,"prev":"%b","body":%b}' % (
        seq,
        kind.encode(),
        at_us,
        prev.encode(),
        _encode(body),
    )


BODY: dict[str, type[Any]] = {
    "exchange": Exchange,
    "intent": IntentEntry,
    "outcome": OutcomeEntry,
    "attention": AttentionEntry,
    "ack": AckEntry,
}
