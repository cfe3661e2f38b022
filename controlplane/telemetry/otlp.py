"""Telemetry of the control plane by OTLP over HTTP in protobuf: the SDK's processors and exporters.

Without an endpoint nothing is exported; requests still get trace ids, for the log. Headers for the collector, timeouts
and the like come from the standard variables (`OTEL_EXPORTER_OTLP_*`).
"""

from __future__ import annotations

import os
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from catalog import conventions as names
from catalog.conventions import SCHEMA_URL, SCOPE
from catalog.otlp import endpoints
from controlplane.context import Context
from controlplane.telemetry.meter import Meters
from controlplane.telemetry.process import waybill_version
from controlplane.telemetry.push import Push
from controlplane.telemetry.trace import Traced


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
        wanted = endpoints(settings.otlp_endpoint, os.environ)
        self.meters = Meters(context)
        sampler = ParentBased(TraceIdRatioBased(settings.otlp_sample_ratio))
        self._tracers = TracerProvider(sampler, resource, shutdown_on_exit=False)
        self._push: Push | None = None
        if any(wanted):
            self._push = Push(wanted, settings.otlp_metric_interval_s, self.meters, self._tracers, resource)

    def around(self, app: Any) -> Traced:
        """`app` with its requests traced and measured."""
        return Traced(app, self._tracers.get_tracer(SCOPE, waybill_version(), schema_url=SCHEMA_URL), self._count)

    def stop(self) -> None:
        """Send what waits, within a second."""
        if self._push is not None:
            self._push.stop()

    def _count(self, duration_s: float, attributes: dict[str, str | int]) -> None:
        self.meters.count(duration_s, attributes)
        if self._push is not None:
            self._push.duration.record(duration_s, attributes)
