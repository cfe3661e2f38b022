"""W3C Trace Context Level 2: one valid traceparent is continued with a span of our own, anything else starts anew.

Sources: https://www.w3.org/TR/trace-context-2/ §3.2 (traceparent), §3.3 (tracestate), §4 (processing);
W3C Baggage §3.3.2 (at least 64 members and 8,192 bytes are passed on).
"""

from __future__ import annotations

import re

import msgspec

_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_ZERO_TRACE, _ZERO_SPAN = b"0" * 32, b"0" * 16
_KNOWN_FLAGS = 0x03  # sampled, random
_SAMPLED, _RANDOM = 0x01, 0x02
_TRACE_BITS = 56  # of a random trace id that a sampler may read (§2.2.3.1: its rightmost 7 bytes)
_MOST_MEMBERS, _MOST_BYTES = 64, 8_192


class Trace(msgspec.Struct, frozen=True):
    trace_id: str
    span_id: str  # the gateway's own
    parent_span_id: str  # "" when the trace starts here
    traceparent: bytes  # with the gateway's span: for the answer
    tracestate: bytes = b""
    client_span_id: str = ""  # of the call to the system, whose parent is `span_id`

    @property
    def upstream_traceparent(self) -> bytes:
        """For the system: its spans are children of the call to it."""
        return b"%b%b%b" % (self.traceparent[:36], self.client_span_id.encode(), self.traceparent[52:])

    @property
    def is_sampled(self) -> bool:
        """Whether spans of this trace are exported."""
        return self.traceparent[-1] & _SAMPLED == 1  # the last digit of known flags is 0 to 3


def continue_trace(
    traceparents: list[bytes],
    tracestates: list[bytes],
    span_id: str,
    new_trace_id: str,
    client_span_id: str = "",
    sample_ratio: float = 1.0,
) -> Trace:
    """The trace of a call from its `traceparent` and `tracestate` headers. A caller's sampled flag is kept; of traces
    that start here, `sample_ratio` (0 to 1) are sampled, decided by the trace id."""
    parsed = _parse(traceparents[0]) if len(traceparents) == 1 else None
    if parsed is None:
        is_sampled = sample_ratio >= 1.0 or int(new_trace_id[-14:], 16) < sample_ratio * (1 << _TRACE_BITS)
        flags = _RANDOM | _SAMPLED if is_sampled else _RANDOM  # our ids are random
        own = b"00-%b-%b-%02x" % (new_trace_id.encode(), span_id.encode(), flags)
        return Trace(new_trace_id, span_id, "", own, b"", client_span_id)
    trace_id, parent, flags = parsed
    line = b"00-%b-%b-%02x" % (trace_id, span_id.encode(), flags)
    state = b",".join(tracestates) if tracestates else b""
    return Trace(trace_id.decode(), span_id, parent.decode(), line, state, client_span_id)


def _parse(value: bytes) -> tuple[bytes, bytes, int] | None:
    found = _TRACEPARENT.fullmatch(value)
    if found is None:
        return None
    version, trace_id, parent, flags, rest = found.groups()
    if version == b"ff" or (version == b"00" and rest) or trace_id == _ZERO_TRACE or parent == _ZERO_SPAN:
        return None
    return trace_id, parent, int(flags, 16) & _KNOWN_FLAGS


def is_passed_on(baggage: bytes) -> bool:
    return len(baggage) <= _MOST_BYTES and baggage.count(b",") < _MOST_MEMBERS
