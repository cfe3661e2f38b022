"""Times and durations as people read them."""

from __future__ import annotations

import datetime

SECOND_US = 1_000_000


def moment(at_us: int | None) -> str:
    """UTC microseconds since the epoch as `2026-11-23 09:15:04 UTC`; "not yet known" for None or 0."""
    if not at_us:
        return "not yet known"
    at = datetime.datetime.fromtimestamp(at_us / SECOND_US, datetime.UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def clock(at_us: int) -> str:
    """The time of day with milliseconds, UTC."""
    at = datetime.datetime.fromtimestamp(at_us / SECOND_US, datetime.UTC)
    return at.strftime("%H:%M:%S.") + f"{at.microsecond // 1000:03d}"


def span(duration_us: int) -> str:
    """A duration in the largest unit that keeps it readable: `840 µs`, `12 ms`, `3.4 s`, `5 min`, `2 h`, `3 d`."""
    seconds = duration_us / SECOND_US
    for limit, unit_s, unit in ((1e-3, 1e-6, "µs"), (1, 1e-3, "ms"), (10, 0, ""), (120, 1, "s"), (7200, 60, "min")):
        if seconds < limit:
            return f"{seconds:.1f} s" if not unit else f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds / 3600:.0f} h" if seconds < 2 * 86_400 else f"{seconds / 86_400:.0f} d"
