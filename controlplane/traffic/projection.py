"""Adds exchanges up in the traffic's roll-ups."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete

from controlplane.lineage.rollup import GRAINS, Change
from controlplane.store.upsert import Merge, upsert
from controlplane.traffic.count import Timing, Traffic, timings_of, traffic_of
from controlplane.traffic.store import timing_rollup, traffic_rollup

MERGE_TRAFFIC = Merge(add=["calls", "refused", "failed"])
MERGE_TIMING = Merge(add=["calls"])


class TrafficProjection:
    """A `lineage.projection.Follower`."""

    def follow(self, connection: Connection, changes: Sequence[Change]) -> None:
        traffic: Counter[Traffic] = Counter()
        timings: Counter[Timing] = Counter()
        for change in changes:
            for sign, call in change.signed():
                traffic[traffic_of(call)] += sign
                for timing in timings_of(call):
                    timings[timing] += sign
        upsert(connection, traffic_rollup, traffic_rows(traffic), MERGE_TRAFFIC)
        upsert(connection, timing_rollup, timing_rows(timings), MERGE_TIMING)

    def clear(self, connection: Connection) -> None:
        for table in (timing_rollup, traffic_rollup):
            connection.execute(delete(table))


def traffic_rows(counts: Counter[Traffic]) -> list[dict[str, Any]]:
    sums: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for told, calls in counts.items():
        for grain in GRAINS:
            counted = sums[(grain, told.minute // grain, *told[1:5])]
            for place, is_counted in enumerate((True, told.refused, told.failed)):
                counted[place] += calls * is_counted
    names = ("grain", "bucket", "gateway", "system", "legal_entity", "is_synthetic", "calls", "refused", "failed")
    return [dict(zip(names, (*key, *counted), strict=True)) for key, counted in sums.items() if any(counted)]


def timing_rows(counts: Counter[Timing]) -> list[dict[str, Any]]:
    sums: Counter[tuple[Any, ...]] = Counter()
    for told, calls in counts.items():
        for grain in GRAINS:
            sums[(grain, told.minute // grain, *told[1:])] += calls
    names = ("grain", "bucket", "part", "system", "legal_entity", "is_synthetic", "step", "calls")
    return [dict(zip(names, (*key, calls), strict=True)) for key, calls in sums.items() if calls]
