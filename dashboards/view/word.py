"""Stable ids of policies and problems in words that somebody in finance knows; an id not listed reads as it is."""

from __future__ import annotations

import re

#: id of a built-in policy, or code of a refusal -> why the call did not get through
REASONS = {
    "api-key": "key missing, wrong or expired",
    "jwt": "token missing, wrong or expired",
    "mtls": "client certificate missing or not known",
    "system-of-record": "written by a system that does not own the record",
    "not-system-of-record": "written by a system that does not own the record",
    "layer": "an experience past its process layer",
    "layer-bypass": "an experience past its process layer",
    "scope": "caller lacks the right",
    "coarse-limit": "far too many calls",
    "shape": "malformed or oversized document",
    "entity": "not allowed for this legal entity",
    "idempotency": "repeat of a call still running, or its key misused",
    "rate-limit": "more calls than agreed",
    "lifecycle": "version retired",
    "request-schema": "document not as the contract declares",
    "response-schema": "answer not as the contract declares",
    "unauthenticated": "caller not known",
    "credential-ambiguous": "more than one credential presented",
    "connection-ambiguous": "headers withheld by the Connection header",
    "scope-missing": "caller lacks the right",
    "entity-forbidden": "not allowed for this legal entity",
    "entity-ambiguous": "legal entity not clear",
    "entity-missing": "legal entity not named",
    "no-binding": "no system serves this legal entity",
    "not-found": "not known to this caller",
    "route-unknown": "no contract has this address",
    "method-unknown": "no contract has this address",
    "malformed-json": "malformed document",
    "duplicate-name": "document says a thing twice",
    "shape-violation": "document too large or too deep",
    "body-too-large": "document too large",
    "schema-violation": "document not as the contract declares",
    "response-violation": "answer not as the contract declares",
    "idempotency-key-missing": "no Idempotency-Key",
    "idempotency-key-malformed": "malformed Idempotency-Key",
    "idempotency-key-reused": "same Idempotency-Key, other document",
    "idempotency-key-running": "the same call is still running",
    "rate-limited": "more calls than agreed",
    "retired": "version retired",
    "upstream-unreachable": "system not reached",
    "upstream-timeout": "system too slow",
    "upstream-broken": "system broke off its answer",
    "in-doubt": "nobody knows yet whether it was carried out",
    "answer-lost": "carried out, its answer was lost",
    "not-executed": "looked up: it was not carried out",
    "journal-unavailable": "gateway could not write its journal",
    "policy-error": "a policy failed",
    "internal": "the gateway failed",
}


def reason(name: str) -> str:
    """`schema-violation` as `document not as the contract declares`."""
    return REASONS.get(name, name)


def words(name: str) -> str:
    """`purchase_order.issued` and `purchaseOrder.issued` as `purchase order issued`."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return apart.replace("_", " ").replace(".", " ").lower()


def plain(text: str) -> str:
    """Text of others is never Markdown."""
    return "".join(f"\\{character}" if character in r"\`*_{}[]()<>#+!|~$:-" else character for character in text)
