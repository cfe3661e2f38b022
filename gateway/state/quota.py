"""Request quotas by the generic cell rate algorithm, in memory: a restart fills every bucket again.

Source: ITU-T I.371 (virtual scheduling). Per key one number is kept, the theoretical arrival time (TAT).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

_ROUNDING_S = 1e-9  # binary fractions of intervals must not refuse the last call of a burst


class Quotas:
    """At most `capacity` keys; beyond it full buckets go first, then those used longest ago."""

    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._arrival_s: OrderedDict[tuple[Any, ...], float] = OrderedDict()

    def take(
        self, key: tuple[Any, ...], emission_interval_s: float, burst_s: float, now_s: float
    ) -> tuple[float, float]:
        """One call at `now_s`: it conforms when the TAT is at most `burst_s` ahead, so an idle bucket lets
        `burst_s / emission_interval_s + 1` calls through at once.

        Returns: (seconds to wait, 0 when allowed; seconds until the bucket is full again).
        """
        latest_s = now_s + burst_s + emission_interval_s  # further ahead only after the clock was set back
        arrival_s = min(max(self._arrival_s.get(key, now_s), now_s), latest_s)
        ahead_s = arrival_s - now_s
        if ahead_s > burst_s + _ROUNDING_S:
            return ahead_s - burst_s, ahead_s
        self._arrival_s[key] = arrival_s + emission_interval_s
        self._arrival_s.move_to_end(key)
        if len(self._arrival_s) > self._capacity:
            self._evict(now_s)
        return 0.0, ahead_s + emission_interval_s

    def _evict(self, now_s: float) -> None:
        oldest = [key for key, _ in zip(self._arrival_s, range(self._capacity // 10 + 1), strict=False)]
        for key in oldest:
            if self._arrival_s[key] <= now_s:
                del self._arrival_s[key]
        while len(self._arrival_s) > self._capacity:
            self._arrival_s.popitem(last=False)
