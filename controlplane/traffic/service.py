"""Reads windows of the traffic's roll-ups, each against the window before it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, func, select

from controlplane.lineage.cover import covers
from controlplane.lineage.exchange import IS_IN_DOUBT
from controlplane.lineage.histogram import quantile
from controlplane.lineage.rollup import Window
from controlplane.lineage.sight import Sight
from controlplane.lineage.store import call_rollup, exchange
from controlplane.lineage.summary import SAFE_METHODS
from controlplane.overview.slice import Slices, before_of
from controlplane.store.column import sum_of
from controlplane.traffic.store import timing_rollup, traffic_rollup

SHOWN = 12  # refusals and operations that are named; the others are added up


class Spread(msgspec.Struct, frozen=True):
    """How long something took: the median, the 95th and 99th percentile in µs, within 2 %; null without calls."""

    p50_us: int | None
    p95_us: int | None
    p99_us: int | None
    calls: int


class Tally(msgspec.Struct, frozen=True):
    """`refused`: kept from the systems by the gateway. `failed`: asked of a system and failed through its fault."""

    calls: int
    refused: int
    failed: int


class TrafficPoint(msgspec.Struct, frozen=True):
    at_us: int
    calls: int
    refused: int
    failed: int


class Refusal(msgspec.Struct, frozen=True):
    refusal: str  # policy, or code of a refusal by the gateway itself
    calls: int


class Called(msgspec.Struct, frozen=True):
    contract: str
    operation: str
    calls: int
    refused: int


class Passage(msgspec.Struct, frozen=True):
    """What one gateway took in."""

    gateway: str
    calls: int
    refused: int


class SystemTraffic(msgspec.Struct, frozen=True):
    """Calls of one system, and where their time went."""

    calls: int
    failed: int
    in_doubt: int  # now, however old
    calls_before: int  # in the window before
    failed_before: int
    waiting: Spread
    overhead: Spread


class Read(NamedTuple):
    """Where and when traffic is read."""

    connection: Connection
    window: Window
    sight: Sight

    def before(self) -> Read:
        return self._replace(window=before_of(self.window))

    def rows(self, query: Any, table: Any) -> list[Any]:
        """`query` over a roll-up, for what may be seen of the window."""
        return list(self.connection.execute(self.sight.narrow(query.where(covers(table, self.window)), table)))


def tally(read: Read) -> Tally:
    table = traffic_rollup.c
    (row,) = read.rows(select(sum_of(table.calls), sum_of(table.refused), sum_of(table.failed)), table)
    return Tally(*row)


def points(read: Read) -> tuple[int, list[TrafficPoint]]:
    """Length of a slice in seconds, and the slices of the window and the one before."""
    table, slices = traffic_rollup.c, Slices.of(read.window)
    counts = (sum_of(table.calls), sum_of(table.refused), sum_of(table.failed))
    query = select(table.bucket, *counts).where(slices.holds(table)).group_by(table.bucket)
    rows = read.connection.execute(read.sight.narrow(query, table))
    sums = slices.sums(rows, slices.of_bucket, len(counts))
    told = [TrafficPoint(at_us, *each) for at_us, each in zip(slices.starts_us, sums, strict=True)]
    return slices.step * 60, told


def passages(read: Read) -> list[Passage]:
    """By gateway, the busiest first."""
    table = traffic_rollup.c
    query = select(table.gateway, sum_of(table.calls), sum_of(table.refused)).group_by(table.gateway)
    return sorted((Passage(*row) for row in read.rows(query, table)), key=lambda each: (-each.calls, each.gateway))


def refusals(read: Read) -> list[Refusal]:
    """By what refused, the most frequent first."""
    table = call_rollup.c
    query = select(table.refusal, sum_of(table.calls)).where(table.refusal != "").group_by(table.refusal)
    found = [Refusal(*row) for row in read.rows(query, table) if row[1]]
    return sorted(found, key=lambda each: (-each.calls, each.refusal))


def operations(read: Read) -> list[Called]:
    """The busiest operations first."""
    table = call_rollup.c
    what = (table.contract, table.operation, table.refusal)
    query = select(*what, sum_of(table.calls)).where(table.operation != "").group_by(*what)
    sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for contract, operation, refusal, calls in read.rows(query, table):
        sums[contract, operation][0] += calls
        sums[contract, operation][1] += calls * bool(refusal)
    found = [Called(*key, *counted) for key, counted in sums.items() if counted[0]]
    return sorted(found, key=lambda each: (-each.calls, each.contract, each.operation))[:SHOWN]


def spreads(read: Read) -> dict[tuple[str, str], Counter[int]]:
    """Calls by step of the histogram, by (part, system)."""
    table = timing_rollup.c
    query = select(table.part, table.system, table.step, sum_of(table.calls))
    found: defaultdict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    for part, system, step, calls in read.rows(query.group_by(table.part, table.system, table.step), table):
        found[part, system][step] += calls
    return found


def spread(steps: Mapping[int, int]) -> Spread:
    known = {step: calls for step, calls in steps.items() if calls}

    def within(ratio: float) -> int | None:
        found_us = quantile(known, ratio)
        return None if found_us is None else round(found_us)

    return Spread(within(0.5), within(0.95), within(0.99), sum(known.values()))


def in_doubt(connection: Connection, sight: Sight) -> dict[str, int]:
    """Calls of which nobody knows yet whether they were carried out, by system. Reads a partial index only."""
    call = exchange.c
    query = select(call.system, func.count()).where(
        IS_IN_DOUBT, call.method.not_in(sorted(SAFE_METHODS)), ~call.is_replay
    )
    rows = connection.execute(sight.narrow(query, call).group_by(call.system))
    return dict(rows.all())


def by_system(read: Read) -> dict[str, SystemTraffic]:
    """Every system that was asked in the window or the one before, or has something in doubt."""
    now, before = _calls(read), _calls(read.before())
    times, doubts = spreads(read), in_doubt(read.connection, read.sight)
    return {
        name: SystemTraffic(
            *now.get(name, (0, 0)),
            doubts.get(name, 0),
            *before.get(name, (0, 0)),
            spread(times.get(("system", name), {})),
            spread(times.get(("gateway", name), {})),
        )
        for name in {*now, *before, *doubts} - {""}
    }


def _calls(read: Read) -> dict[str, tuple[int, int]]:
    table = traffic_rollup.c
    query = select(table.system, sum_of(table.calls), sum_of(table.failed)).group_by(table.system)
    return {system: (calls, failed) for system, calls, failed in read.rows(query, table)}
