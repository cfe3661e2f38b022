"""The control plane's metrics: the SDK's instruments, read for Prometheus and by OTLP's periodic reader alike."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    Histogram,
    HistogramDataPoint,
    InMemoryMetricReader,
    Metric,
    MetricReader,
    MetricsData,
    NumberDataPoint,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from sqlalchemy.exc import SQLAlchemyError

from catalog import conventions as names
from catalog.conventions import INSTRUMENTS, SCHEMA_URL, SCOPE, Instrument
from catalog.metric import Attributes, Distribution, Family, exposition
from controlplane.context import Context
from controlplane.telemetry.gauge import Gauge, Objectives, gauges
from controlplane.telemetry.process import own_process, waybill_version

log = logging.getLogger(__name__)

_NOWHERE = Resource.get_empty()
_OF_PROCESS = (names.BUILD, names.CPU_TIME, names.STARTED, names.MEMORY, names.OPEN_FILES)


class Meters:
    """One per process. `readers` beside the one for Prometheus push what they read somewhere."""

    def __init__(self, context: Context, readers: Sequence[MetricReader] = (), resource: Resource = _NOWHERE) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader, *readers], resource, shutdown_on_exit=False)
        self._meter = self.provider.get_meter(SCOPE, waybill_version(), SCHEMA_URL)
        for gauge in gauges(Objectives()):
            self._observe(gauge.instrument, partial(_stored, gauge, context))
        for instrument in _OF_PROCESS:
            self._observe(instrument, partial(_of_process, instrument))
        duration = names.SERVER_DURATION
        bounds_s = [bound / 1e6 for bound in names.DURATION_BOUNDS_US]
        self.duration = self._meter.create_histogram(
            duration.name, duration.unit, duration.text, explicit_bucket_boundaries_advisory=bounds_s
        )

    def exposition(self) -> str:
        """Prometheus' text; on any thread."""
        data = self._reader.get_metrics_data()
        return exposition(families(data) if data is not None else ())

    def _observe(self, instrument: Instrument, read: Callable[[CallbackOptions], Iterable[Observation]]) -> None:
        create = self._meter.create_observable_gauge
        if instrument.kind == "counter":
            create = self._meter.create_observable_counter  # type: ignore[assignment]
        create(instrument.name, [read], instrument.unit, instrument.text)


def families(data: MetricsData) -> list[Family]:
    """The SDK's readings as ours."""
    return [
        _family(metric)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ]


def _family(metric: Metric) -> Family:
    instrument = INSTRUMENTS.get(metric.name)
    if instrument is None:  # one that the SDK keeps about itself
        kind: names.Kind = "gauge"
        if isinstance(metric.data, Histogram):
            kind = "histogram"
        elif isinstance(metric.data, Sum) and metric.data.is_monotonic:
            kind = "counter"
        instrument = Instrument(metric.name, kind, metric.unit or "", metric.description or "")
    samples: list[tuple[Attributes, float | Distribution]] = []
    for point in metric.data.data_points:
        attributes: Attributes = {
            name: value if isinstance(value, int) else str(value) for name, value in (point.attributes or {}).items()
        }
        if isinstance(point, HistogramDataPoint):
            bounds, counts = tuple(point.explicit_bounds), tuple(point.bucket_counts)
            samples.append((attributes, Distribution(bounds, counts, point.sum)))
        elif isinstance(point, NumberDataPoint):
            samples.append((attributes, point.value))
    return Family(instrument, samples)


def _stored(gauge: Gauge, context: Context, _: CallbackOptions) -> list[Observation]:
    """Without its store the control plane still tells what else it knows."""
    try:
        with context.database.read() as connection:
            return [Observation(value, dict(attributes)) for attributes, value in gauge.read(connection, context)]
    except SQLAlchemyError as error:
        log.warning("%s cannot be read: %s", gauge.instrument.name, type(error).__name__)
        return []


def _of_process(instrument: Instrument, _: CallbackOptions) -> list[Observation]:
    found = next((family for family in own_process() if family.instrument is instrument), None)
    if found is None:
        return []
    return [
        Observation(value, dict(attributes))
        for attributes, value in found.samples
        if not isinstance(value, Distribution)
    ]
