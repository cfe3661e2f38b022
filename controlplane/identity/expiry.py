"""Times until which something holds, as people state them."""

from __future__ import annotations

from datetime import UTC, datetime

from catalog.errors import Invalid, Problem


def future_us(text: str, now_us: int) -> int:
    """UTC microseconds of an RFC 3339 time. Raises: Invalid when it is none or not in the future."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = "expires_at is not an RFC 3339 time with an offset, like 2030-01-31T00:00:00Z"
        raise Invalid(message, [Problem(message, pointer="/expires_at", rule="time")])
    at_us = int(moment.astimezone(UTC).timestamp() * 1_000_000)
    if at_us <= now_us:
        raise Invalid("expires_at is not in the future", [Problem("is in the past", "/expires_at", rule="time")])
    return at_us
