"""Counts of a gateway's process life: its own overhead apart from the time that systems take.

Attributes are names of the catalog, standard methods and statuses only, so their number is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from catalog import conventions as names
from catalog.conventions import DURATION_BOUNDS_US, Instrument, method_of
from catalog.metric import Family, Histogram, exposition
from catalog.record import Exchange

_OVERHEAD_US = (50, 100, 200, 300, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 250_000, 1_000_000)
_UPSTREAM_US = (1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000, 30_000_000)


class Telemetry:
    """Filled and read on the loop's thread."""

    def __init__(self) -> None:
        self.scheme = "http"
        self._exchanges: dict[tuple[str, str, int, str], int] = {}
        self._refusals: dict[tuple[str, str, str], int] = {}
        self._durations: dict[tuple[str, str, int, str], Histogram] = {}
        self._overhead: dict[tuple[str, str], Histogram] = {}
        self._upstream: dict[tuple[str, str], Histogram] = {}
        self._edge: dict[str, int] = {}
        self._watched: list[tuple[Instrument, Callable[[], float]]] = []
        self._sources: list[Callable[[], Iterable[Family]]] = []
        self.in_flight = 0
        self.generation = 0
        self.swaps = 0

    def count(self, record: Exchange) -> None:
        """One exchange. Overhead is everything but the wait for the system: queues and commits are the gateway's."""
        operation = (record.contract, record.operation)
        key = (*operation, record.status, record.executed)
        self._exchanges[key] = self._exchanges.get(key, 0) + 1
        overhead = self._overhead.get(operation)
        if overhead is None:
            overhead = self._overhead[operation] = Histogram(_OVERHEAD_US)
            self._upstream[operation] = Histogram(_UPSTREAM_US)
        overhead.add(record.duration_us - record.upstream_us)
        if record.upstream_us:
            self._upstream[operation].add(record.upstream_us)
        error = (record.code or str(record.status)) if record.status >= 500 else ""  # what 4xx have is no error of ours
        request = (record.method, record.route, record.status, error)
        duration = self._durations.get(request)
        if duration is None:
            duration = self._new_duration(*request)
        duration.add(record.duration_us)
        for decision in record.decisions:
            if decision.kind in ("reject", "error"):
                refusal = (decision.policy, decision.mode, decision.code)
                self._refusals[refusal] = self._refusals.get(refusal, 0) + 1

    def count_edge_refusal(self, code: str) -> None:
        self._edge[code] = self._edge.get(code, 0) + 1

    def watch(self, instrument: Instrument, read: Callable[[], float]) -> None:
        """Show a number that another part keeps; `read` is asked when metrics are."""
        self._watched.append((instrument, read))

    def join(self, source: Callable[[], Iterable[Family]]) -> None:
        """Show families that another part keeps."""
        self._sources.append(source)

    def text(self) -> str:
        """Prometheus' text."""
        return exposition(self.families())

    def families(self) -> list[Family]:
        """Everything counted, as it stands now."""
        return [
            Family(names.SERVER_DURATION, [(self._request(*key), it.reading()) for key, it in self._durations.items()]),
            Family(names.EXCHANGES, [(_effect(*key), number) for key, number in self._exchanges.items()]),
            Family(names.REFUSALS, [(_refusal(*key), number) for key, number in self._refusals.items()]),
            Family(names.EDGE_REFUSALS, [({names.CODE: code}, number) for code, number in self._edge.items()]),
            _of_operations(names.OVERHEAD, self._overhead),
            _of_operations(names.UPSTREAM, self._upstream),
            Family(names.IN_FLIGHT, [({}, self.in_flight)]),
            Family(names.SNAPSHOT_GENERATION, [({}, self.generation)]),
            Family(names.SNAPSHOT_SWAPS, [({}, self.swaps)]),
            *(Family(instrument, [({}, read())]) for instrument, read in self._watched),
            *(family for source in self._sources for family in source()),
        ]

    def _new_duration(self, method: str, route: str, status: int, error: str) -> Histogram:
        """Methods in no standard are counted as one, so that no caller can make more and more of them."""
        request = (method_of(method), route, status, error)
        duration = self._durations.get(request)
        if duration is None:
            duration = self._durations[request] = Histogram(DURATION_BOUNDS_US)
        return duration

    def _request(self, method: str, route: str, status: int, error: str) -> dict[str, str | int]:
        attributes: dict[str, str | int] = {
            names.HTTP_REQUEST_METHOD: method,
            names.URL_SCHEME: self.scheme,
            names.HTTP_RESPONSE_STATUS_CODE: status,
        }
        if route:
            attributes[names.HTTP_ROUTE] = route
        if error:
            attributes[names.ERROR_TYPE] = error
        return attributes


def _of_operations(instrument: Instrument, histograms: dict[tuple[str, str], Histogram]) -> Family:
    return Family(
        instrument,
        [
            ({names.CONTRACT: contract, names.OPERATION: operation}, histogram.reading())
            for (contract, operation), histogram in histograms.items()
        ],
    )


def _effect(contract: str, operation: str, status: int, executed: str) -> dict[str, str | int]:
    return {
        names.CONTRACT: contract,
        names.OPERATION: operation,
        names.HTTP_RESPONSE_STATUS_CODE: status,
        names.EXECUTED: executed,
    }


def _refusal(policy: str, mode: str, code: str) -> dict[str, str | int]:
    return {names.POLICY: policy, names.DECISION_MODE: mode, names.DECISION_CODE: code}
