"""The latency scale: honest within its stated error."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from controlplane.lineage.histogram import RELATIVE_ERROR, quantile, step_of, value_of

durations = st.integers(1, 10**10)


@given(durations)
def test_a_step_stands_for_its_durations_within_the_error(duration_us: int) -> None:
    assert abs(value_of(step_of(duration_us)) - duration_us) <= RELATIVE_ERROR * duration_us * (1 + 1e-9)


@given(st.lists(durations, min_size=1, max_size=300), st.floats(0.01, 1))
def test_a_quantile_is_the_sorted_one_within_the_error(found: list[int], ratio: float) -> None:
    """Nearest rank, as one would count by hand."""
    exact = sorted(found)[max(1, math.ceil(ratio * len(found))) - 1]
    told = quantile(Counter(step_of(duration) for duration in found), ratio)
    assert told is not None
    assert abs(told - exact) <= RELATIVE_ERROR * exact * (1 + 1e-9)


def test_without_calls_there_is_no_quantile() -> None:
    assert quantile({}, 0.95) is None
    assert quantile({3: 0}, 0.95) is None
