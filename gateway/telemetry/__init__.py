"""What a gateway tells of itself: metrics, and spans built from exchange records.

`metric` counts; `span` and `link` make spans of records; `point` turns readings into the SDK's data; `export` queues
and sends off the request path; `otlp` puts it together from settings.
"""

from __future__ import annotations

from gateway.telemetry.metric import Telemetry

__all__ = ["Telemetry"]
