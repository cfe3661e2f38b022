"""The exporter's thread and queue, against a collector on a real socket that misbehaves."""

import time
from contextlib import contextmanager

import msgspec
import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.resources import Resource

from catalog import conventions as names
from catalog.metric import Family
from catalog.record import ObjectRef
from gateway.telemetry.encode import OtlpSpanSender
from gateway.telemetry.export import BATCH, Exporter
from gateway.telemetry.link import Linker
from gateway.telemetry.point import metrics_data
from gateway.telemetry.span import SpanBuilder
from tests.collector import collector
from tests.gateway.telemetry.sample import EXCHANGE

RESOURCE = Resource({})


@contextmanager
def exporting(sink, capacity=100, interval_s=3_600.0, timeout_s=30.0, look_up=lambda objects: {}):
    builder = SpanBuilder(RESOURCE, "http", lambda system: None)
    exporter = Exporter(
        OtlpSpanSender(RESOURCE, builder.scope, f"{sink.url}/v1/traces", {}, timeout_s),
        OTLPMetricExporter(f"{sink.url}/v1/metrics", timeout=timeout_s),
        builder,
        Linker(look_up),
        lambda: metrics_data([Family(names.IN_FLIGHT, [({}, 3)])], RESOURCE, 1, 2),
        interval_s,
        capacity,
    )
    exporter.start()
    try:
        yield exporter
    finally:
        exporter.stop(0.2)


def exchange(number, **more):
    return msgspec.structs.replace(EXCHANGE, exchange_id=f"{number:032x}", span_id=f"{number + 1:016x}", **more)


def until(condition, timeout_s=15.0):
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def reading(exporter, instrument, **attributes):
    (family,) = [family for family in exporter.families() if family.instrument is instrument]
    return sum(value for found, value in family.samples if set(attributes.items()) <= set(found.items()))


@pytest.mark.parametrize(
    ("parent", "is_sampled", "status", "is_told"),
    [
        ("", True, 200, True),
        ("", False, 200, False),
        ("", False, 422, True),
        ("", False, 503, True),
        ("d" * 16, True, 200, True),
        ("d" * 16, False, 200, False),
        ("d" * 16, False, 503, False),
    ],
)
def test_what_is_sampled(parent, is_sampled, status, is_told):
    """A caller's decision counts, whatever comes of it; of traces that begin here what went wrong is always told."""
    with collector() as sink:
        with exporting(sink) as exporter:
            exporter.offer(exchange(1, parent_span_id=parent, status=status), is_sampled)
            exporter.stop(10)
        assert len(sink.spans) == is_told


def test_a_collector_that_hangs_takes_nothing_from_anybody():
    """The queue keeps its bound, what finds it full is counted, offering does not wait, and the end comes in time."""
    with collector() as sink:
        sink.manner = "hangs"
        with exporting(sink, capacity=BATCH + 1) as exporter:
            for number in range(BATCH + 1):
                exporter.offer(exchange(number), True)
            until(lambda: sink.requests)  # the thread is stuck in a call now
            for number in range(1_000):
                exporter.offer(exchange(number), True)
            queued, dropped = reading(exporter, names.QUEUE), reading(exporter, names.DROPPED)
            assert queued == reading(exporter, names.QUEUE_CAPACITY) == BATCH + 1
            assert queued + dropped + BATCH == BATCH + 1 + 1_000  # the batch in the thread's hands
            started_s = time.monotonic()
            exporter.stop(0.3)
            assert time.monotonic() - started_s < 3


@pytest.mark.parametrize("manner", ["refuses", "breaks"])
def test_a_collector_that_is_away_and_comes_back(manner):
    """What could not be sent is counted as lost; later exchanges arrive."""
    with collector() as sink:
        sink.manner = manner
        with exporting(sink, timeout_s=0.2) as exporter:
            exporter.offer(exchange(1), True)
            until(lambda: reading(exporter, names.SPANS_EXPORTED, **{names.ERROR_TYPE: "not-exported"}) == 1)
            sink.manner = "takes"
            exporter.offer(exchange(2), True)
            until(lambda: sink.spans)
            assert [span.span_id for span in sink.spans] == [f"{3:016x}"]


def test_nobody_listens():
    """A refused connection is a loss that is counted, not an error."""
    with collector() as sink:
        pass
    with exporting(sink, timeout_s=0.2) as exporter:
        exporter.offer(exchange(1), True)
        until(lambda: reading(exporter, names.SPANS_EXPORTED, **{names.ERROR_TYPE: "not-exported"}) == 1)


def test_a_failing_look_up_does_not_end_the_thread():
    """Whatever goes wrong with one batch, the next is exported."""

    def look_up(objects):
        raise RuntimeError("gone")

    with collector() as sink, exporting(sink, look_up=look_up) as exporter:
        exporter.offer(exchange(1, object=ObjectRef("a", "b", "c")), True)
        until(lambda: reading(exporter, names.QUEUE) == 0)
        exporter.offer(exchange(2), True)
        until(lambda: sink.spans)


def test_metrics_at_their_interval():
    """Without any exchange, again and again, and once more at the end."""
    with collector() as sink, exporting(sink, interval_s=0.05) as exporter:
        until(lambda: len(sink.metrics) >= 3)
        (point,) = sink.points()[names.IN_FLIGHT.name]
        assert point.as_int == 3
        assert reading(exporter, names.POINTS_EXPORTED) >= 2
