"""A logarithmic scale for durations: any quantile is known within 2 %, and histograms add up.

Source: Masson, Rim, Lee, "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error Guarantees",
VLDB 2019: steps at powers of gamma = (1 + a) / (1 - a) give the relative error a.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

RELATIVE_ERROR = 0.02
GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(GAMMA)


def step_of(duration_us: int) -> int:
    """The step that holds `duration_us`; everything up to 1 µs shares step 0."""
    return 0 if duration_us <= 1 else math.ceil(math.log(duration_us) / _LOG_GAMMA)


def value_of(step: int) -> float:
    """The duration in µs that stands for a step: at most 2 % away from any duration in it."""
    return 2.0 * GAMMA**step / (GAMMA + 1) if step else 1.0


def quantile(counts: Mapping[int, int], ratio: float) -> float | None:
    """The duration in µs that `ratio` of the calls stay within (nearest rank); None without calls."""
    total = sum(counts.values())
    if total <= 0:
        return None
    rank = max(1, math.ceil(ratio * total))
    seen = 0
    for step in sorted(counts):
        seen += counts[step]
        if seen >= rank:
            return value_of(step)
    raise AssertionError("the ranks of a histogram end at its total")
