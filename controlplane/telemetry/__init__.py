"""What the control plane tells of itself: metrics for Prometheus and OTLP, traces of its API.

`gauge` reads the store, `process` the operating system; `meter` counts requests and makes Prometheus' text of all;
`trace` traces and measures requests; `otlp` puts it together from settings; `push` sends it to a collector.
"""

from __future__ import annotations

from controlplane.telemetry.meter import Meters

__all__ = ["Meters"]
