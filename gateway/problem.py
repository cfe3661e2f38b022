"""Refusals as RFC 9457 problem documents: everything that is wrong, at which side, never a value."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from catalog.errors import Violation
from catalog.record import Executed, Fault

PROBLEM_PREFIX = "urn:waybill:problem:"
CONTENT_TYPE = (b"content-type", b"application/problem+json")

#: statuses by which a client learns that its own message was wrong; other refusals are a policy's word
_REQUEST_STATUSES = frozenset({400, 401, 404, 405, 408, 411, 413, 415, 417, 422, 431})


class ProblemDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    fault: Fault
    executed: Executed
    policy: str = ""
    violations: tuple[Violation, ...] = ()


def problem_body(
    exchange_id: str,
    status: int,
    code: str,
    detail: str,
    fault: Fault,
    executed: Executed,
    policy: str = "",
    violations: tuple[Violation, ...] = (),
    members: dict[str, Any] | None = None,
) -> bytes:
    """The document's bytes; `members` are a policy's extension members and never replace one of ours."""
    document = ProblemDocument(
        PROBLEM_PREFIX + code,
        HTTPStatus(status).phrase,
        status,
        detail,
        f"urn:waybill:exchange:{exchange_id}",
        code,
        fault,
        executed,
        policy,
        violations,
    )
    if not members:
        return msgspec.json.encode(document)
    return msgspec.json.encode({**members, **msgspec.to_builtins(document)})


def fault_of(status: int) -> Fault:
    """Which side a refusal before the system was called lies at."""
    if status in _REQUEST_STATUSES:
        return "request"
    return "policy" if status < 500 else "gateway"
