"""W3C Trace Context Level 2 as the gateway keeps it."""

from __future__ import annotations

import pytest

from gateway.trace import continue_trace, is_passed_on

TRACE, PARENT, SPAN, NEW = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "1" * 16, "2" * 32


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        (f"00-{TRACE}-{PARENT}-01", "01"),
        (f"00-{TRACE}-{PARENT}-02", "02"),
        (f"00-{TRACE}-{PARENT}-ff", "03"),
        (f"cc-{TRACE}-{PARENT}-01-what-comes-later", "01"),
    ],
)
def test_a_valid_parent_is_continued(given, flags):
    """Trace id kept, our span put in, known flags kept, unknown ones dropped; later versions are read as 00."""
    trace = continue_trace([given.encode()], [b"a=1", b"b=2"], SPAN, NEW)
    assert trace.traceparent.decode() == f"00-{TRACE}-{SPAN}-{flags}"
    assert (trace.trace_id, trace.parent_span_id, trace.tracestate) == (TRACE, PARENT, b"a=1,b=2")


@pytest.mark.parametrize(
    "given",
    [
        [],
        [b"", b""],
        [f"00-{TRACE}-{PARENT}-01".encode()] * 2,
        [f"ff-{TRACE}-{PARENT}-01".encode()],
        [f"00-{TRACE}-{PARENT}-01-more".encode()],
        [f"00-{TRACE.upper()}-{PARENT}-01".encode()],
        [f"00-{'0' * 32}-{PARENT}-01".encode()],
        [f"00-{TRACE}-{'0' * 16}-01".encode()],
        [f"00-{TRACE}-{PARENT}-1".encode()],
        [f" 00-{TRACE}-{PARENT}-01".encode()],
    ],
)
def test_anything_else_starts_anew(given):
    """An invalid parent restarts the trace and drops its state."""
    trace = continue_trace(given, [b"a=1"], SPAN, NEW)
    assert (trace.trace_id, trace.parent_span_id, trace.tracestate) == (NEW, "", b"")


def test_baggage_has_bounds():
    assert is_passed_on(b"a=1")
    assert not is_passed_on(b"a" * 8_193)
    assert not is_passed_on(b",".join([b"a=1"] * 65))


def test_the_call_to_the_system_is_a_span_of_its_own():
    """The system is told the client span's id, the client of the gateway the server span's; flags are the same."""
    trace = continue_trace([f"00-{TRACE}-00f067aa0ba902b7-00".encode()], [], SPAN, NEW, "c" * 16)
    assert trace.traceparent.decode() == f"00-{TRACE}-{SPAN}-00"
    assert trace.upstream_traceparent.decode() == f"00-{TRACE}-{'c' * 16}-00"


@pytest.mark.parametrize(("flags", "is_sampled"), [("00", False), ("01", True), ("02", False), ("03", True)])
def test_the_caller_decides_what_is_sampled(flags, is_sampled):
    """The sampled flag of a traceparent is kept, whatever the ratio for traces that start here."""
    given = [f"00-{TRACE}-00f067aa0ba902b7-{flags}".encode()]
    assert continue_trace(given, [], SPAN, NEW, "c" * 16, 0.0).is_sampled is is_sampled
    assert continue_trace(given, [], SPAN, NEW, "c" * 16, 1.0).is_sampled is is_sampled


@pytest.mark.parametrize(
    ("low", "ratio", "is_sampled"),
    [
        ("00000000000000", 0.0, False),
        ("00000000000000", 0.01, True),
        ("7fffffffffffff", 0.5, True),
        ("80000000000000", 0.5, False),
        ("ffffffffffffff", 0.999, False),
        ("ffffffffffffff", 1.0, True),
    ],
)
def test_a_share_of_the_traces_that_start_here(low, ratio, is_sampled):
    """The random bits of a new trace id decide, so that whoever samples by them agrees; the flag says so."""
    trace = continue_trace([], [], SPAN, "a" * 18 + low, "c" * 16, ratio)
    assert trace.is_sampled is is_sampled
    assert trace.traceparent.endswith(b"-03" if is_sampled else b"-02")
