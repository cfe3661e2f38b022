"""W3C Trace Context Level 2: one valid traceparent is continued with a span of our own, anything else starts anew.

Sources: https://www.w3.org/TR/trace-context-2/ §3.2 (traceparent), §3.3 (tracestate), §4 (processing);
W3C Baggage §3.3.2 (at least 64 members and 8,192 bytes are passed on).
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_ZERO_TRACE, _ZERO_SPAN = b"0" * 32, b"0" * 16
_KNOWN_FLAGS = 0x03  # sampled, random
_OWN_FLAGS = b"03"  # our ids are random, and every exchange is recorded
_MOST_MEMBERS, _MOST_BYTES = 64, 8_192


class Trace(NamedTuple):
    trace_id: str
    span_id: str  # the gateway's own
    parent_span_id: str  # "" when the trace starts here
    traceparent: bytes  # with the gateway's span: for the system and for the answer
    tracestate: bytes = b""


def continue_trace(traceparents: list[bytes], tracestates: list[bytes], span_id: str, new_trace_id: str) -> Trace:
    """The trace of a call from its `traceparent` and `tracestate` headers."""
    parsed = _parse(traceparents[0]) if len(traceparents) == 1 else None
    if parsed is None:
        own = b"00-%b-%b-%b" % (new_trace_id.encode(), span_id.encode(), _OWN_FLAGS)
        return Trace(new_trace_id, span_id, "", own)
    trace_id, parent, flags = parsed
    line = b"00-%b-%b-%02x" % (trace_id, span_id.encode(), flags)
    state = b",".join(tracestates) if tracestates else b""
    return Trace(trace_id.decode(), span_id, parent.decode(), line, state)


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
