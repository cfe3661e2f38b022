"""Events that publishers post: from either content mode to one document, before anything judges it.

An event ends at the gateway. Its intent holds the whole record, so once that is on disk the event is accepted whatever
happens next: a successor finds it there and finishes what is left. Source: CloudEvents 1.0.2, HTTP protocol binding.
"""

from __future__ import annotations

import hashlib

import msgspec

from catalog.cloudevent import BATCHED, STRUCTURED, digest_of, from_binary, from_structured
from catalog.record import Exchange
from gateway.call import Call, Reply
from gateway.plan import OperationPlan
from gateway.state.store import Answer, PendingIntent

ACCEPTED = 202
_JSON = (b"content-type", b"application/json")


def refuse_batch(call: Call) -> Reply | None:
    if not call.request.media.startswith(BATCHED):
        return None
    detail = "Events come one at a time: post each event of the batch by itself."
    return call.refuse(415, "batch-unsupported", detail)


def take(call: Call) -> Reply | None:
    """Make the event the call's document; pointers of violations are the same in both modes from here on."""
    request = call.request
    if request.media == STRUCTURED:
        request.document = from_structured(request.document)
        return None
    request.document, violations = from_binary(request.headers, request.document)
    if not violations:
        return None
    return call.refuse(400, "event-malformed", "A header of the event cannot be read.", violations=violations)


def fingerprint(call: Call) -> str:
    """Of the event itself: the same event in the other mode is the same event."""
    request = call.request
    lines = [request.path, request.query, digest_of(request.document)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def event_of(call: Call, plan: OperationPlan) -> str:
    """The business event that its type means."""
    document = call.request.document
    type_ = document.get("type") if isinstance(document, dict) else None
    return plan.operation.messages.get(type_, "") if isinstance(type_, str) else ""


def acceptance(exchange_id: str, stream: str) -> Answer:
    """What a publisher is told once its event is on disk in `stream`."""
    body = msgspec.json.encode({"exchange_id": exchange_id, "stream": stream})
    return Answer(ACCEPTED, (_JSON,), body)


def told(draft: Exchange, event: str) -> Exchange:
    """The record of an accepted event, complete before anything is answered."""
    return msgspec.structs.replace(draft, status=ACCEPTED, executed="yes", event=event, upstream_span_id="")


def is_told(item: PendingIntent) -> bool:
    """Whether an intent is an event: nothing of it is in doubt, its process only did not come to say so."""
    return item.intent.draft.executed == "yes"
