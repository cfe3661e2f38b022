"""Quotas by GCRA: bursts, refill, waiting times, bounded memory, clocks that are set back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.state.quota import Quotas

INTERVAL_S = 0.1  # 10 calls a second


def burst(limit: int) -> float:
    return (limit - 1) * INTERVAL_S


def test_a_burst_passes_then_the_pace_holds():
    """Of an idle bucket of 10, 10 calls pass at once, the next waits one interval."""
    quotas = Quotas()
    taken = [quotas.take(("q", "ap"), INTERVAL_S, burst(10), 100.0) for _ in range(11)]
    assert [wait_s for wait_s, _ in taken[:10]] == [0.0] * 10
    assert taken[10][0] == pytest.approx(INTERVAL_S)
    assert taken[9][1] == pytest.approx(1.0)  # until the bucket is full again
    assert quotas.take(("q", "ap"), INTERVAL_S, burst(10), 100.0 + INTERVAL_S)[0] == 0.0
    assert quotas.take(("q", "ap"), INTERVAL_S, burst(10), 100.0 + INTERVAL_S)[0] > 0.0


def test_a_refusal_takes_nothing():
    """Whoever keeps asking is let through as soon as one who waits."""
    quotas = Quotas()
    quotas.take(("q",), 1.0, 0.0, 0.0)
    for n in range(9):
        assert quotas.take(("q",), 1.0, 0.0, n / 10)[0] == pytest.approx(1.0 - n / 10)
    assert quotas.take(("q",), 1.0, 0.0, 1.0)[0] == 0.0


def test_buckets_are_apart():
    quotas = Quotas()
    assert quotas.take(("q", "a"), 1.0, 0.0, 0.0)[0] == 0.0
    assert quotas.take(("q", "b"), 1.0, 0.0, 0.0)[0] == 0.0
    assert quotas.take(("q", "a"), 1.0, 0.0, 0.0)[0] > 0.0


def test_a_clock_set_back_locks_nobody_out():
    """After the wall clock jumped back an hour the wait is at most the burst and an interval."""
    quotas = Quotas()
    for _ in range(10):
        quotas.take(("q",), INTERVAL_S, burst(10), 5_000.0)
    wait_s, _ = quotas.take(("q",), INTERVAL_S, burst(10), 1_400.0)
    assert wait_s <= INTERVAL_S + 1e-6


def test_memory_is_bounded_and_full_buckets_go_first():
    """A flood of keys does not push out those whose bucket is not full."""
    quotas = Quotas(capacity=100)
    quotas.take(("busy",), 1_000.0, 0.0, 0.0)
    for n in range(1_000):
        quotas.take((n,), 0.001, 0.0, float(n))
        assert len(quotas._arrival_s) <= 100
    assert quotas.take(("busy",), 1_000.0, 0.0, 999.0)[0] > 0.0


@given(st.lists(st.floats(0, 0.3), max_size=80), st.integers(1, 8))
def test_never_more_than_limit_and_refill(steps, limit):
    """In any span the calls let through are at most the burst and what refilled meanwhile."""
    quotas = Quotas()
    now_s, passed = 0.0, []
    for step_s in steps:
        now_s += step_s
        if quotas.take(("q",), INTERVAL_S, burst(limit), now_s)[0] == 0.0:
            passed.append(now_s)
    for start in range(len(passed)):
        for end in range(start, len(passed)):
            assert end - start + 1 <= limit + (passed[end] - passed[start]) / INTERVAL_S + 1e-6
