"""Windows of any length as whole days, hours and minutes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controlplane.lineage.rollup import GRAINS, Window


@given(st.integers(0, 5_000_000), st.integers(0, 100_000))
def test_segments_cover_every_minute_of_the_window_exactly_once(first: int, length: int) -> None:
    window = Window(first, first + length)
    minutes: list[int] = []
    for part in window.segments():
        minutes += range(part.first * part.grain, (part.last + 1) * part.grain)
    assert sorted(minutes) == list(range(window.first, window.last + 1))


@given(st.integers(0, 5_000_000), st.integers(0, 100_000))
def test_a_window_is_at_most_five_segments(first: int, length: int) -> None:
    """Minutes, hours, days, hours, minutes: what is read does not grow with traffic, and hardly with the window."""
    parts = Window(first, first + length).segments()
    assert len(parts) <= 5
    assert all(part.last - part.first < 118 for part in parts if part.grain != GRAINS[0])


def test_a_window_ends_with_the_running_minute() -> None:
    window = Window.ending(90 * 60_000_000 + 17, 3600)
    assert (window.first, window.last) == (31, 90)
    assert window.first_us <= 90 * 60_000_000 + 17 < window.end_us
