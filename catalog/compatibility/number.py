"""Numbers: bounds and divisors against each other, exactly; floats are read as the fractions that they are.

Divisors are compared only when they are whole, or one over a power of two, by which floating point divides exactly:
with others "is a multiple" depends on rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from catalog.compatibility.evaluate import EXACT
from catalog.compatibility.outcome import EMPTY, Outcome, some

if TYPE_CHECKING:
    from catalog.compatibility.branch import Branch
    from catalog.compatibility.solver import Solver

_LEAST_PART = Fraction(1, 2**20)
_FEW = 64  # whole numbers that are tried one by one


class _Interval(NamedTuple):
    low: Fraction | None
    is_low_out: bool
    high: Fraction | None
    is_high_out: bool

    def is_empty(self) -> bool:
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.is_low_out or self.is_high_out))

    def whole(self) -> tuple[int | None, int | None]:
        """The first and the last whole number within."""
        low = None if self.low is None else math.floor(self.low) + 1 if self.is_low_out else math.ceil(self.low)
        high = None if self.high is None else math.ceil(self.high) - 1 if self.is_high_out else math.floor(self.high)
        return low, high


def decide(solver: Solver, branch: Branch, kind: str) -> Outcome:
    """What the atoms of a branch leave of one kind of number."""
    interval = _interval(branch)
    if interval.is_empty():
        return EMPTY
    held = [_divisor(term.args) for term in branch.held if term.op == "multiple"]
    broken = [_divisor(term.args) for term in branch.broken if term.op == "multiple"]
    divisors = [divisor for divisor in held if divisor is not None]
    is_whole = kind != "fraction"
    if not is_whole:
        if divisors or (interval.low is not None and interval.low == interval.high and interval.low.denominator == 1):
            return EMPTY
    elif _has_no_whole(interval, divisors):
        return EMPTY
    known = [*divisors, 1] if is_whole else divisors
    if any(divisor is not None and any(each % divisor == 0 for each in known) for divisor in broken):
        return EMPTY
    if _has_no_part(branch, is_whole):
        return EMPTY
    values = _few(interval, kind) or _candidates(branch, interval, kind)
    fitting = [value for value in values if solver.fits(value, branch)]
    return EMPTY if not fitting and _few(interval, kind) else some(fitting)


def _divisor(args: tuple[Any, ...]) -> int | None:
    """A divisor that Python divides by exactly; None for others."""
    return args[1] if args[0] == "int" and 0 < args[1] < EXACT else None


def _part(args: tuple[Any, ...]) -> Fraction | None:
    """A divisor that is one over a power of two, down to 2^-20; None for others."""
    part = Fraction(args[1]) if args[0] == "float" else Fraction(0)
    return part if part.numerator == 1 and part.denominator.bit_count() == 1 and part >= _LEAST_PART else None


def _has_no_part(branch: Branch, is_whole: bool) -> bool:
    """Whether such divisors leave nothing: all whole numbers are multiples of each of them."""
    held, broken = (
        [part for part in (_part(term.args) for term in terms if term.op == "multiple") if part is not None]
        for terms in branch
    )
    if is_whole:
        return bool(broken)
    return 1 in held or any(coarse % fine == 0 for coarse in held for fine in broken)


def _interval(branch: Branch) -> _Interval:
    lows: list[tuple[Fraction, bool]] = []
    highs: list[tuple[Fraction, bool]] = []
    for terms, is_held in ((branch.held, True), (branch.broken, False)):
        for term in terms:
            if term.op not in ("min", "over", "max", "under"):
                continue
            bound = Fraction(term.args[0])
            is_low = (term.op in ("min", "over")) == is_held
            is_out = (term.op in ("over", "under")) == is_held
            (lows if is_low else highs).append((bound, is_out))
    low = max(lows, default=(None, False))
    high = min(((bound, not is_out) for bound, is_out in highs), default=(None, True))
    return _Interval(low[0], low[1], high[0], not high[1])


def _has_no_whole(interval: _Interval, divisors: list[int]) -> bool:
    low, high = interval.whole()
    if low is None or high is None:
        return False
    step = max(divisors, default=1)
    return low > high or (high // step) * step < low


def _few(interval: _Interval, kind: str) -> list[int]:
    """All whole numbers of a short interval; [] when there are many, or fractions, or other ways to write them."""
    low, high = interval.whole()
    if kind != "integer" or low is None or high is None or high - low >= _FEW:
        return []
    return list(range(low, high + 1))


def _candidates(branch: Branch, interval: _Interval, kind: str) -> Iterator[Any]:
    seen = set()
    for value in _bases(branch, interval):
        if kind == "integer":
            made: Any = math.floor(value)
        else:
            try:
                made = float(math.floor(value)) if kind == "integral" else float(value)
            except OverflowError:
                continue
            if kind == "fraction" and made.is_integer():
                continue
        if made not in seen:
            seen.add(made)
            yield made


def _bases(branch: Branch, interval: _Interval) -> Iterator[Fraction]:
    low, high = interval.low, interval.high
    start = low if low is not None else high if high is not None else Fraction(0)
    divisors = [Fraction(term.args[1]) for term in [*branch.held, *branch.broken] if term.op == "multiple"]
    for anchor in dict.fromkeys((start, Fraction(0), high if high is not None else start)):
        for offset in (0, 1, -1, 2, Fraction(1, 2), Fraction(-1, 2), Fraction(1, 4), Fraction(1, 3), 7, 100, -100):
            yield anchor + offset
        for divisor in divisors:
            for factor in (0, 1, -1, 2, 3, 5, 7):
                yield (anchor // divisor) * divisor + divisor * factor
                yield (anchor // divisor) * divisor + divisor * factor + 1
    if low is not None and high is not None:
        yield from (low + (high - low) * Fraction(part, 8) for part in range(1, 8))
    whole = [divisor for divisor in divisors if divisor.denominator == 1]
    if whole:
        least = math.lcm(*(int(divisor) for divisor in whole))
        yield from (Fraction((start // least) * least + least * factor) for factor in (0, 1, 2))
