"""The SDK's side of telemetry: providers that push to a collector. Made by the server process only, and only with an
endpoint: the SDK's providers hook into every later fork of the process that made them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    InMemoryMetricReader,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    PeriodicExportingMetricReader,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

from catalog import conventions as names
from catalog.conventions import INSTRUMENTS, SCHEMA_URL, SCOPE, Instrument
from catalog.metric import Attributes, Distribution, Family
from catalog.otlp import Endpoints
from controlplane.telemetry.gauge import Once
from controlplane.telemetry.meter import Meters
from controlplane.telemetry.process import waybill_version

_LAST_EXPORT_S = 1.0  # of the five seconds that a stop may take
_OWN_METRICS = "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"


class Told:
    """What a collector has taken and what it has not. The SDK's own count takes a refusal for a success."""

    def __init__(self) -> None:
        self.taken = 0
        self.lost = 0

    def add(self, number: int, is_taken: bool) -> None:
        if is_taken:
            self.taken += number
        else:
            self.lost += number


class CountingSpanExporter(OTLPSpanExporter):
    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint)
        self.told = Told()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = super().export(spans)
        self.told.add(len(spans), result is SpanExportResult.SUCCESS)
        return result


class CountingMetricExporter(OTLPMetricExporter):
    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint)
        self.told = Told()

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        result = super().export(metrics_data, timeout_millis, **kwargs)
        self.told.add(
            sum(len(metric.data.data_points) for metric in _metrics(metrics_data)), result is MetricExportResult.SUCCESS
        )
        return result


class Push:
    """What the SDK counts of its own exporters is exported too, and shown to Prometheus."""

    def __init__(
        self, to: Endpoints, interval_s: float, meters: Meters, tracers: TracerProvider, resource: Resource
    ) -> None:
        os.environ.setdefault(_OWN_METRICS, "true")  # what the SDK counts of its queue and its exporter
        self._own = InMemoryMetricReader()
        self._tracers = tracers
        exporters = [CountingMetricExporter(to.metrics) for _ in range(2)] if to.metrics else []
        readers = [PeriodicExportingMetricReader(exporter, interval_s * 1000) for exporter in exporters]
        self._meters = MeterProvider(readers[:1], resource, shutdown_on_exit=False)
        self._own_meters = MeterProvider([self._own, *readers[1:]], resource, shutdown_on_exit=False)
        self._count_exported(names.POINTS_EXPORTED, [exporter.told for exporter in exporters])
        if to.traces:
            spans = CountingSpanExporter(to.traces)
            self._count_exported(names.SPANS_EXPORTED, [spans.told])
            tracers.add_span_processor(BatchSpanProcessor(spans, meter_provider=self._own_meters))
        meter = self._meters.get_meter(SCOPE, waybill_version(), SCHEMA_URL)
        duration = names.SERVER_DURATION
        bounds_s = [bound / 1e6 for bound in names.DURATION_BOUNDS_US]
        self.duration = meter.create_histogram(
            duration.name, duration.unit, duration.text, explicit_bucket_boundaries_advisory=bounds_s
        )
        observed = Once(meters.observed)
        for instrument in INSTRUMENTS.values():
            if instrument.kind == "gauge":
                read = partial(_observations, observed, instrument)
                meter.create_observable_gauge(instrument.name, [read], instrument.unit, instrument.text)
        read = partial(_observations, observed, names.CPU_TIME)
        meter.create_observable_counter(names.CPU_TIME.name, [read], names.CPU_TIME.unit, names.CPU_TIME.text)
        meters.joined.append(self._own_families)

    def stop(self) -> None:
        """Send what waits; a collector that hangs is not waited for."""
        ends = [
            threading.Thread(target=it.shutdown, daemon=True) for it in (self._tracers, self._meters, self._own_meters)
        ]
        for end in ends:
            end.start()
        for end in ends:
            end.join(_LAST_EXPORT_S / len(ends))

    def _count_exported(self, instrument: Instrument, told: Sequence[Told]) -> None:
        def read(_: CallbackOptions) -> Iterable[Observation]:
            yield Observation(sum(each.taken for each in told))
            yield Observation(sum(each.lost for each in told), {names.ERROR_TYPE: "not-exported"})

        meter = self._own_meters.get_meter(SCOPE, waybill_version(), SCHEMA_URL)
        meter.create_observable_counter(instrument.name, [read], instrument.unit, instrument.text)

    def _own_families(self) -> list[Family]:
        data = self._own.get_metrics_data()
        if data is None:
            return []
        return [_family(metric) for metric in _metrics(data)]


def _metrics(data: MetricsData) -> Iterable[Metric]:
    return (
        metric for resource in data.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics
    )


def _observations(observed: Once[list[Family]], instrument: Instrument, _: CallbackOptions) -> Iterable[Observation]:
    for family in observed():
        if family.instrument is instrument:
            for attributes, value in family.samples:
                if not isinstance(value, Distribution):
                    yield Observation(value, dict(attributes))


def _family(metric: Metric) -> Family:
    """One of the SDK's metrics about itself, but for its histograms."""
    is_counter = isinstance(metric.data, Sum) and metric.data.is_monotonic
    instrument = Instrument(
        metric.name, "counter" if is_counter else "gauge", metric.unit or "", metric.description or ""
    )
    samples: list[tuple[Attributes, float | Distribution]] = []
    for point in metric.data.data_points:
        if isinstance(point, NumberDataPoint):
            attributes = {name: str(value) for name, value in (point.attributes or {}).items()}
            samples.append((attributes, point.value))
    return Family(instrument, samples)
