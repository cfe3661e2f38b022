"""What the control plane tells of itself: metrics for Prometheus and OTLP, traces of its API.

`gauge` reads the store, `process` the operating system; `meter` makes the SDK's instruments of them and Prometheus'
text of those; `trace` measures and traces requests; `otlp` sends both to a collector, where that is wanted.
"""

from __future__ import annotations

from controlplane.telemetry.meter import Meters
from controlplane.telemetry.trace import Traced

__all__ = ["Meters", "Traced"]
