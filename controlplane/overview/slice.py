"""The window of a figure and the one before it, cut into slices that roll-ups can fill. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_

from controlplane.lineage.rollup import GRAINS, MINUTE_US, Window

MAX_POINTS = 60
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 10_080, 43_200)  # minutes


class Slices(NamedTuple):
    """Slices `first` to `last`, both included, of `step` minutes, counted since the epoch. The last one still runs."""

    step: int
    first: int
    last: int

    @classmethod
    def of(cls, window: Window) -> Slices:
        """Of a window and the one before: as many as a small chart can show."""
        before = before_of(window)
        length = window.last + 1 - before.first
        step = next((step for step in STEPS if length // step + 2 <= MAX_POINTS), length)
        return cls(step, before.first // step, window.last // step)

    @property
    def grain(self) -> int:
        """Minutes of the widest roll-up bucket that fills slices exactly."""
        return next(grain for grain in GRAINS if self.step % grain == 0)

    @property
    def window(self) -> Window:
        return Window(self.first * self.step, (self.last + 1) * self.step - 1)

    @property
    def starts_us(self) -> list[int]:
        return [number * self.step * MINUTE_US for number in range(self.first, self.last + 1)]

    def holds(self, table: Any) -> ColumnElement[bool]:
        """The buckets of a roll-up `table` (its columns) that fill the slices."""
        low, high = self.window.first // self.grain, self.window.last // self.grain
        return and_(table.grain == self.grain, table.bucket.between(low, high))

    def of_bucket(self, bucket: int) -> int:
        """Which slice, from 0, a bucket of `grain` belongs to."""
        return bucket * self.grain // self.step - self.first

    def of_time(self, at_us: int) -> int:
        return at_us // (self.step * MINUTE_US) - self.first

    def sums(self, rows: Iterable[Any], slot: Callable[[int], int], size: int = 1) -> list[list[int]]:
        """Rows of (bucket or time, count, …) added up per slice."""
        found = [[0] * size for _ in range(self.last + 1 - self.first)]
        for place, *counts in rows:
            if 0 <= slot(place) < len(found):
                for number, count in enumerate(counts):
                    found[slot(place)][number] += count
        return found


def before_of(window: Window) -> Window:
    """The window of the same length that ends where `window` begins."""
    length = window.last + 1 - window.first
    return Window(window.first - length, window.first - 1)
