"""The SDK's side of telemetry: providers that push to a collector. Made by the server process only, and only with an
endpoint: the SDK's providers hook into every later fork of the process that made them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from functools import partial

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    InMemoryMetricReader,
    Metric,
    NumberDataPoint,
    PeriodicExportingMetricReader,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from catalog import conventions as names
from catalog.conventions import INSTRUMENTS, SCHEMA_URL, SCOPE, Instrument
from catalog.metric import Attributes, Distribution, Family
from controlplane.telemetry.gauge import Once
from controlplane.telemetry.meter import Meters
from controlplane.telemetry.process import waybill_version

_LAST_EXPORT_S = 1.0  # of the five seconds that a stop may take
_OWN_METRICS = "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"


class Push:
    """`endpoint` is a base URL; empty leaves it to the environment."""

    def __init__(
        self, endpoint: str, interval_s: float, meters: Meters, tracers: TracerProvider, resource: Resource
    ) -> None:
        os.environ.setdefault(_OWN_METRICS, "true")  # what the SDK counts of its queue and its exporter
        self._own = InMemoryMetricReader()
        self._tracers = tracers
        self._own_meters = MeterProvider([self._own], shutdown_on_exit=False)
        exporter = OTLPSpanExporter(_at(endpoint, "traces"), meter_provider=self._own_meters)
        tracers.add_span_processor(BatchSpanProcessor(exporter, meter_provider=self._own_meters))
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(_at(endpoint, "metrics")), interval_s * 1000)
        self._meters = MeterProvider([reader], resource, shutdown_on_exit=False)
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
        ends = [threading.Thread(target=it.shutdown, daemon=True) for it in (self._tracers, self._meters)]
        for end in ends:
            end.start()
        for end in ends:
            end.join(_LAST_EXPORT_S / len(ends))

    def _own_families(self) -> list[Family]:
        data = self._own.get_metrics_data()
        if data is None:
            return []
        return [
            _family(metric)
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]


def _at(endpoint: str, signal: str) -> str | None:
    return f"{endpoint}/v1/{signal}" if endpoint else None


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
