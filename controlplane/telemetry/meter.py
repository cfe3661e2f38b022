"""The control plane's metrics: counted here, read from the store and the process when they are asked for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from catalog import conventions as names
from catalog.metric import Attributes, Distribution, Family, Histogram, exposition
from controlplane.context import Context
from controlplane.telemetry.gauge import Gauge, gauges
from controlplane.telemetry.process import own_process

log = logging.getLogger(__name__)


class Meters:
    """One per application. `joined` sources show families that other parts keep."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._gauges = gauges(context)
        self._durations: dict[tuple[tuple[str, str | int], ...], Histogram] = {}
        self._lock = threading.Lock()
        self.joined: list[Callable[[], list[Family]]] = []

    def count(self, duration_s: float, attributes: Attributes) -> None:
        """One request. `attributes` are methods, routes and statuses, so their number is bounded."""
        key = tuple(attributes.items())
        with self._lock:
            if key not in self._durations:
                self._durations[key] = Histogram(names.DURATION_BOUNDS_US)
            self._durations[key].add(int(duration_s * 1e6))

    def observed(self) -> list[Family]:
        """What is not counted here but read: from the store and from the operating system. Blocking."""
        return [*(self._read(gauge) for gauge in self._gauges), *own_process()]

    def exposition(self) -> str:
        """Prometheus' text. Blocking."""
        with self._lock:
            samples: list[tuple[Attributes, float | Distribution]] = [
                (dict(key), histogram.reading()) for key, histogram in self._durations.items()
            ]
        joined = (family for source in self.joined for family in source())
        return exposition([Family(names.SERVER_DURATION, samples), *self.observed(), *joined])

    def _read(self, gauge: Gauge) -> Family:
        """Without its store the control plane still tells what else it knows."""
        try:
            with self._context.database.read() as connection:
                return Family(gauge.instrument, list(gauge.read(connection, self._context)))
        except SQLAlchemyError as error:
            log.warning("%s cannot be read: %s", gauge.instrument.name, type(error).__name__)
            return Family(gauge.instrument, [])
