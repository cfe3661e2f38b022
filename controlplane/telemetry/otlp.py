"""Telemetry of the control plane by OTLP over HTTP in protobuf: the SDK's processors and exporters.

Without an endpoint nothing is exported; requests still get trace ids, for the log. Headers for the collector, timeouts
and the like come from the standard variables (`OTEL_EXPORTER_OTLP_*`).
"""

from __future__ import annotations

import os
import threading
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from catalog import conventions as names
from catalog.conventions import SCHEMA_URL, SCOPE
from catalog.errors import Invalid
from controlplane.context import Context
from controlplane.settings import Settings
from controlplane.telemetry.meter import Meters
from controlplane.telemetry.process import waybill_version
from controlplane.telemetry.trace import Traced

_LAST_EXPORT_S = 1.0  # of the five seconds that a stop may take
_INTERNAL_METRICS = "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"


class Instrumentation:
    """Meters and tracer of one process."""

    def __init__(self, context: Context) -> None:
        """Raises: Invalid when the endpoint is not a URL."""
        settings = context.settings
        resource = Resource.create(
            {
                names.SERVICE_NAME: "waybill-controlplane",
                names.SERVICE_INSTANCE_ID: context.new_id(),
                names.SERVICE_VERSION: waybill_version(),
            },
            SCHEMA_URL,
        )
        self._is_exporting = is_wanted(settings)
        endpoint = _base(settings.otlp_endpoint)
        self.meters = Meters(context, [_reader(endpoint, settings)] if self._is_exporting else (), resource)
        sampler = ParentBased(TraceIdRatioBased(settings.otlp_sample_ratio))
        self._tracers = TracerProvider(sampler, resource, shutdown_on_exit=False, meter_provider=self.meters.provider)
        if self._is_exporting:
            self._tracers.add_span_processor(_processor(endpoint, self.meters))

    def around(self, app: Any) -> Traced:
        """`app` with its requests traced and measured."""
        return Traced(
            app, self._tracers.get_tracer(SCOPE, waybill_version(), schema_url=SCHEMA_URL), self.meters.duration
        )

    def stop(self) -> None:
        """Send what waits; a collector that hangs is not waited for."""
        if not self._is_exporting:
            return
        ends = [threading.Thread(target=it.shutdown, daemon=True) for it in (self._tracers, self.meters.provider)]
        for end in ends:
            end.start()
        for end in ends:
            end.join(_LAST_EXPORT_S / len(ends))


def is_wanted(settings: Settings) -> bool:
    has_endpoint = bool(settings.otlp_endpoint or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"))
    return has_endpoint and os.environ.get("OTEL_SDK_DISABLED") != "true"


def _base(endpoint: str) -> str:
    """ "" leaves it to the environment."""
    try:
        url = urlsplit(endpoint)
        is_usable = not endpoint or (url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0)
    except ValueError:
        is_usable = False
    if not is_usable or url.query:
        raise Invalid("--otlp-endpoint must be a base URL such as http://127.0.0.1:4318")
    return endpoint.rstrip("/")


def _reader(endpoint: str, settings: Settings) -> Any:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    exporter = OTLPMetricExporter(f"{endpoint}/v1/metrics" if endpoint else None)
    return PeriodicExportingMetricReader(exporter, settings.otlp_metric_interval_s * 1000)


def _processor(endpoint: str, meters: Meters) -> Any:
    """With the SDK's own metrics about queue, drops and failures, which it keeps only when it is asked to."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    os.environ.setdefault(_INTERNAL_METRICS, "true")
    exporter = OTLPSpanExporter(f"{endpoint}/v1/traces" if endpoint else None, meter_provider=meters.provider)
    return BatchSpanProcessor(exporter, meter_provider=meters.provider)
