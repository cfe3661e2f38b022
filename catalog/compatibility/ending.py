"""Operations that were announced to end: `deprecated: true`, and `x-sunset` with the day from which nobody is answered.

    get:
      operationId: listOrders
      deprecated: true
      x-sunset: 2026-12-31        # RFC 3339 date (midnight UTC) or date-time

Taken away before that day an operation breaks its word, whatever the number of the version; from that day on it may go
with the next major version, and nobody need approve it. Catalog rules: removal before sunset is a violation, after it
still major but pre-approved. The member's name is the one that oasdiff reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from catalog.canonical import resolve_local
from catalog.compatibility.release import Reason
from catalog.consistency.contract import moment
from catalog.pointer import parse

SUNSET = "x-sunset"
#: rules that tell of an operation that is gone, at its place in the older document
REMOVED = frozenset({"path-removed", "method-removed", "webhook-removed", "event-operation-removed"})
_MOST_HOPS = 10


def announced(operation: Any) -> datetime | None:
    """From when an operation was announced to answer no more; None when it was not. AsyncAPI has no `deprecated`."""
    if not isinstance(operation, dict):
        return None
    is_marked = operation.get("deprecated") is True or "action" in operation
    told = operation.get(SUNSET)
    return moment(told) if is_marked and isinstance(told, str) else None


def ended(reasons: list[Reason], old: dict[str, Any], now: datetime) -> Iterator[Reason]:
    """`reasons` against the document `old`, removals marked as early or as pre-approved where an end was announced."""
    for reason in reasons:
        end = announced(_at(old, reason.location)) if reason.rule in REMOVED else None
        if end is None:
            yield reason
        else:
            ending = "early" if now < end else "due"
            yield msgspec.structs.replace(reason, ending=ending, announced=end.isoformat())


def _at(document: dict[str, Any], location: str) -> Any:
    """What stands at a place, references within the document followed."""
    node: Any = document
    for token in parse(location):
        node = _followed(document, node)
        node = node.get(token) if isinstance(node, dict) else None
    return _followed(document, node)


def _followed(document: dict[str, Any], node: Any) -> Any:
    for _ in range(_MOST_HOPS):
        ref = node.get("$ref") if isinstance(node, dict) else None
        if not isinstance(ref, str) or not ref.startswith("#/"):
            return node
        node = resolve_local(document, ref)
    return None
