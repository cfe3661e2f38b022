"""Prometheus text about the gateway itself: its own overhead apart from the time that systems take.

Source: Prometheus text exposition format 0.0.4. Labels are names of the catalog only, so their number is bounded.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

from catalog.record import Exchange

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

#: upper bounds in microseconds
_OVERHEAD_US = (50, 100, 200, 300, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 250_000, 1_000_000)
_UPSTREAM_US = (1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000, 30_000_000)


class _Histogram:
    __slots__ = ("bounds", "counts", "total_us")

    def __init__(self, bounds: tuple[int, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total_us = 0

    def add(self, value_us: int) -> None:
        self.counts[bisect_left(self.bounds, value_us)] += 1
        self.total_us += value_us

    def lines(self, name: str, labels: str) -> Iterator[str]:
        seen = 0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            seen += count
            yield f'{name}_bucket{{{labels},le="{bound / 1e6:g}"}} {seen}'
        seen += self.counts[-1]
        yield f'{name}_bucket{{{labels},le="+Inf"}} {seen}'
        yield f"{name}_sum{{{labels}}} {self.total_us / 1e6:.6f}"
        yield f"{name}_count{{{labels}}} {seen}"


class Telemetry:
    """Counts of one process life."""

    def __init__(self) -> None:
        self._exchanges: dict[tuple[str, str, int, str], int] = {}
        self._refusals: dict[tuple[str, str, str], int] = {}
        self._overhead: dict[tuple[str, str], _Histogram] = {}
        self._upstream: dict[tuple[str, str], _Histogram] = {}
        self._edge: dict[str, int] = {}
        self._gauges: list[tuple[str, str, str, Callable[[], float]]] = []
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
            overhead = self._overhead[operation] = _Histogram(_OVERHEAD_US)
            self._upstream[operation] = _Histogram(_UPSTREAM_US)
        overhead.add(record.duration_us - record.upstream_us)
        if record.upstream_us:
            self._upstream[operation].add(record.upstream_us)
        for decision in record.decisions:
            if decision.kind in ("reject", "error"):
                refusal = (decision.policy, decision.mode, decision.code)
                self._refusals[refusal] = self._refusals.get(refusal, 0) + 1

    def count_edge_refusal(self, code: str) -> None:
        self._edge[code] = self._edge.get(code, 0) + 1

    def watch(self, name: str, kind: str, text: str, read: Callable[[], float]) -> None:
        """Show a number that another part keeps; `read` is asked when metrics are."""
        self._gauges.append((name, kind, text, read))

    def text(self) -> str:
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield from _head("waybill_exchanges_total", "counter", "Exchanges by operation, status and effect")
        for (contract, operation, status, executed), number in self._exchanges.items():
            labels = f'contract="{contract}",operation="{operation}",status="{status}",executed="{executed}"'
            yield f"waybill_exchanges_total{{{labels}}} {number}"
        yield from _head("waybill_refusals_total", "counter", "Decisions that refused, or would have in shadow")
        for (policy, mode, code), number in self._refusals.items():
            yield f'waybill_refusals_total{{policy="{policy}",mode="{mode}",code="{code}"}} {number}'
        yield from _head("waybill_edge_refusals_total", "counter", "Requests refused before they were exchanges")
        for code, number in self._edge.items():
            yield f'waybill_edge_refusals_total{{code="{code}"}} {number}'
        for name, help_text, histograms in (
            ("waybill_overhead_seconds", "The gateway's own time, waits for its disk included", self._overhead),
            ("waybill_upstream_seconds", "Time spent waiting for systems", self._upstream),
        ):
            yield from _head(name, "histogram", help_text)
            for (contract, operation), histogram in histograms.items():
                yield from histogram.lines(name, f'contract="{contract}",operation="{operation}"')
        yield from _head("waybill_in_flight", "gauge", "Exchanges being worked on")
        yield f"waybill_in_flight {self.in_flight}"
        yield from _head("waybill_snapshot_generation", "gauge", "Generation of the snapshot that runs; 0: none")
        yield f"waybill_snapshot_generation {self.generation}"
        yield from _head("waybill_snapshot_swaps_total", "counter", "Snapshots taken into use")
        yield f"waybill_snapshot_swaps_total {self.swaps}"
        for name, kind, text, read in self._gauges:
            yield from _head(name, kind, text)
            yield f"{name} {read():g}"


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
