"""Counts calls, latencies and usage per time bucket. Pure: deltas that the store adds up.

Buckets of 1, 60 and 1440 minutes are kept side by side, so that a window of any length is read as whole days, then
hours, then minutes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from controlplane.lineage.histogram import step_of
from controlplane.lineage.summary import Summary

GRAINS = (1440, 60, 1)  # minutes per bucket, widest first
MINUTE_US = 60_000_000


class Segment(NamedTuple):
    """Buckets `first` to `last`, both included, of `grain` minutes."""

    grain: int
    first: int
    last: int


class Window(NamedTuple):
    """Whole minutes since the epoch, both included."""

    first: int
    last: int

    @classmethod
    def ending(cls, at_us: int, length_s: int) -> Window:
        """The minutes of the last `length_s`, the running minute of `at_us` included."""
        last = at_us // MINUTE_US
        return cls(last - max(1, length_s // 60) + 1, last)

    @property
    def first_us(self) -> int:
        return self.first * MINUTE_US

    @property
    def end_us(self) -> int:
        return (self.last + 1) * MINUTE_US

    def segments(self) -> list[Segment]:
        """The fewest buckets that cover the window exactly once."""
        return list(_cover(self.first, self.last, GRAINS))


def _cover(first: int, last: int, grains: tuple[int, ...]) -> Iterator[Segment]:
    if last < first:
        return
    grain, *finer = grains
    low, high = -(-first // grain), (last + 1) // grain - 1  # whole buckets inside
    if high < low:
        yield from _cover(first, last, tuple(finer))
        return
    yield Segment(grain, low, high)
    if finer:
        yield from _cover(first, low * grain - 1, tuple(finer))
        yield from _cover((high + 1) * grain, last, tuple(finer))


class Change(NamedTuple):
    """What an entry made of an exchange: `old` is taken back, `new` counts."""

    old: Summary | None
    new: Summary

    def signed(self) -> Iterator[tuple[int, Summary]]:
        if self.old is not None:
            yield -1, self.old
        yield 1, self.new


class Deltas:
    """What a batch adds to the three roll-ups."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self._calls: Counter[tuple[Any, ...]] = Counter()
        self._latencies: Counter[tuple[Any, ...]] = Counter()
        self._usage: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
        for change in changes:
            for sign, summary in change.signed():
                self._count(sign, summary)

    def _count(self, sign: int, call: Summary) -> None:
        where = (call.contract, call.operation, call.legal_entity)
        minute = call.minute
        mark = call.is_synthetic
        self._calls[(minute, *where, call.refusal, mark)] += sign
        if call.operation and not call.refusal and not call.is_replay:
            self._latencies[(minute, *where, step_of(call.duration_us), mark)] += sign
        if call.consumer and call.operation:
            what = (call.contract, minute // 1440, call.version, call.operation)
            used = self._usage[(*what, call.consumer, call.legal_entity, mark)]
            used[0] += sign
            used[1] += sign * bool(call.refusal)

    def calls(self) -> list[dict[str, Any]]:
        names = ("contract", "operation", "legal_entity", "refusal", "is_synthetic")
        return [dict(zip(names, rest, strict=True), **place) for place, rest in _bucketed(self._calls)]

    def latencies(self) -> list[dict[str, Any]]:
        names = ("contract", "operation", "legal_entity", "step", "is_synthetic")
        return [dict(zip(names, rest, strict=True), **place) for place, rest in _bucketed(self._latencies)]

    def usage(self) -> list[dict[str, Any]]:
        names = ("contract", "day", "version", "operation", "consumer", "legal_entity", "is_synthetic")
        return [
            dict(zip(names, key, strict=True), calls=calls, refused=refused)
            for key, (calls, refused) in self._usage.items()
            if calls or refused
        ]


def _bucketed(counts: Counter[tuple[Any, ...]]) -> Iterator[tuple[dict[str, int], tuple[Any, ...]]]:
    """Counts by (minute, …) as counts by grain and bucket."""
    for grain in GRAINS:
        summed: Counter[tuple[Any, ...]] = Counter()
        for (minute, *rest), calls in counts.items():
            summed[(minute // grain, *rest)] += calls
        for (bucket, *rest), calls in summed.items():
            if calls:
                yield {"grain": grain, "bucket": bucket, "calls": calls}, tuple(rest)
