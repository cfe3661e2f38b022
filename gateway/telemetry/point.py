"""Readings of metrics as the OpenTelemetry SDK's data, which its exporter encodes. Pure.

The SDK's own instruments cost microseconds a count on the request path; ours are counted by hand and told here.
Temporality is cumulative, from the start of the process.
"""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from catalog.conventions import SCHEMA_URL, SCOPE
from catalog.metric import Distribution, Family

_CUMULATIVE = AggregationTemporality.CUMULATIVE


def metrics_data(families: Sequence[Family], resource: Resource, started_ns: int, now_ns: int) -> MetricsData:
    """`families` as they stood at `now_ns`, counted since `started_ns` (both since the epoch)."""
    metrics = [_metric(family, started_ns, now_ns) for family in families if family.samples]
    scope = ScopeMetrics(InstrumentationScope(SCOPE, schema_url=SCHEMA_URL), metrics, SCHEMA_URL)
    return MetricsData([ResourceMetrics(resource, [scope], SCHEMA_URL)])


def points_of(data: MetricsData) -> int:
    return sum(
        len(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )


def _metric(family: Family, started_ns: int, now_ns: int) -> Metric:
    instrument = family.instrument
    data: Sum | Gauge | Histogram
    if instrument.kind == "histogram":
        data = Histogram(_distributions(family, started_ns, now_ns), _CUMULATIVE)
    elif instrument.kind == "counter":
        data = Sum(_numbers(family, started_ns, now_ns), _CUMULATIVE, is_monotonic=True)
    else:
        data = Gauge(_numbers(family, 0, now_ns))
    return Metric(instrument.name, instrument.text, instrument.unit, data)


def _numbers(family: Family, started_ns: int, now_ns: int) -> list[NumberDataPoint]:
    return [
        NumberDataPoint(dict(attributes), started_ns, now_ns, int(value) if isinstance(value, bool) else value)
        for attributes, value in family.samples
        if not isinstance(value, Distribution)
    ]


def _distributions(family: Family, started_ns: int, now_ns: int) -> list[HistogramDataPoint]:
    """Smallest and largest are not kept, so they are not told."""
    return [
        HistogramDataPoint(
            dict(attributes),
            started_ns,
            now_ns,
            sum(value.counts),
            value.total,
            value.counts,
            value.bounds,
            None,  # type: ignore[arg-type]  # optional in the protocol
            None,  # type: ignore[arg-type]
        )
        for attributes, value in family.samples
        if isinstance(value, Distribution)
    ]
