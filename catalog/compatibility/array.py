"""Arrays: counts, items by position, and items that must exist against each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from catalog.compatibility.evaluate import SHALLOW
from catalog.compatibility.outcome import EMPTY, Outcome, some

if TYPE_CHECKING:
    from catalog.compatibility.branch import Branch
    from catalog.compatibility.solver import Solver
    from catalog.compatibility.term import Term

_MOST_BUILT = 300
Terms = frozenset["Term"]


class _Need(NamedTuple):
    """An item that must exist: under `held`, not under `broken`, at `place` (None: anywhere from `start` on)."""

    start: int
    place: int | None
    held: Terms
    broken: Terms
    times: int = 1


class _Array:
    def __init__(self, solver: Solver, branch: Branch) -> None:
        self.solver = solver
        self.least = 0
        self.most: int | None = None
        self.first: dict[int, set[Term]] = {}
        self.rest: list[tuple[int, Term]] = []
        self.needs: list[_Need] = []
        self.has_twins = False
        self.counts: dict[Term, tuple[int, int | None]] = {}  # of items under a term: fewest, most
        for term in branch.held:
            self._hold(term)
        for term in branch.broken:
            self._break(term)
        self.prefix = max([*self.first, *(start - 1 for start, _ in self.rest)], default=-1) + 1

    def _hold(self, term: Term) -> None:
        op, args = term.op, term.args
        if op == "min-items":
            self.least = max(self.least, args[0])
        elif op == "max-items":
            self.most = args[0] if self.most is None else min(self.most, args[0])
        elif op == "at":
            self.first.setdefault(args[0], set()).add(args[1])
        elif op == "from":
            self.rest.append((args[0], args[1]))
        elif op == "min-contains":
            self._least(args[0], args[1])
        elif op == "max-contains":
            self._most(args[0], args[1])

    def _break(self, term: Term) -> None:
        op, args = term.op, term.args
        if op == "min-items":
            self.most = args[0] - 1 if self.most is None else min(self.most, args[0] - 1)
        elif op == "max-items":
            self.least = max(self.least, args[0] + 1)
        elif op == "unique":
            self.has_twins = True
            self.least = max(self.least, 2)
        elif op == "at":
            self._need(_Need(args[0], args[0], frozenset(), frozenset({args[1]})))
        elif op == "from":
            self._need(_Need(args[0], None, frozenset(), frozenset({args[1]})))
        elif op == "min-contains":
            self._most(args[0], args[1] - 1)
        elif op == "max-contains":
            self._least(args[0], args[1] + 1)

    def _least(self, term: Term, count: int) -> None:
        least, most = self.counts.get(term, (0, None))
        self.counts[term] = (max(least, count), most)
        if count > 0:
            self._need(_Need(0, None, frozenset({term}), frozenset(), count))

    def _most(self, term: Term, count: int) -> None:
        least, most = self.counts.get(term, (0, None))
        self.counts[term] = (least, count if most is None else min(most, count))
        if count <= 0:
            self.rest.append((0, self.solver.arena.negated(term)))

    def has_clash(self) -> bool:
        """Whether more items must be under a term than may be."""
        return any(most is not None and least > most for least, most in self.counts.values())

    def _need(self, need: _Need) -> None:
        self.needs.append(need)
        self.least = max(self.least, need.times, need.start + 1)

    def terms(self, place: int) -> Terms:
        """What holds of the item at `place`."""
        return frozenset(self.first.get(place, ())) | {term for start, term in self.rest if start <= place}

    def item(self, place: int, held: Terms = frozenset(), broken: Terms = frozenset()) -> Outcome:
        """The values at `place`; all places from `prefix` on are alike."""
        return self.solver.ask(self.terms(place) | held, broken)

    def shorten(self) -> None:
        """No array reaches beyond a place where no value can be."""
        for place in [*sorted(self.first), self.prefix]:
            if self.most is not None and place >= self.most:
                return
            if self.item(place).is_empty:
                self.most = place
                return

    def options(self, need: _Need) -> Iterator[tuple[int, Outcome]]:
        """Where a needed item may be, with its values."""
        places = [need.place] if need.place is not None else range(need.start, max(self.prefix, need.start) + 1)
        for place in places:
            if self.most is None or place < self.most:
                outcome = self.item(place, need.held, need.broken)
                if not outcome.is_empty:
                    yield place, outcome


def decide(solver: Solver, branch: Branch) -> Outcome:
    """What the atoms of a branch leave of arrays."""
    array = _Array(solver, branch)
    if array.has_clash():
        return EMPTY
    array.shorten()
    if array.most is not None and array.least > array.most:
        return EMPTY
    options = []
    for need in array.needs:
        found = list(array.options(need))
        if not found:
            return EMPTY
        options.append([(place, value) for place, outcome in found for value in outcome.values])
    return some(value for value in _built(array, options) if solver.fits(value, branch, depth=SHALLOW))


def _built(array: _Array, options: list[list[tuple[int, Any]]]) -> Iterator[list[Any]]:
    """Arrays with one option of each need, filled up with what may be there."""
    if array.least > _MOST_BUILT:
        return
    for index, chosen in enumerate(product(*(each[:4] for each in options))):
        if index == 16:
            return
        items: dict[int, Any] = {}
        for (place, value), need in zip(chosen, array.needs, strict=True):
            while place in items and need.place is None:
                place += 1
            items[place] = value
            for extra in range(1, need.times):
                items[place + extra] = value
        for length in dict.fromkeys((max(array.least, *(place + 1 for place in items), 0) if items else array.least,)):
            made = [items[place] if place in items else _filler(array, place) for place in range(length)]
            yield made
            if array.has_twins and length >= 2:
                yield [*made[:-1], made[-2]]
                yield [*made[:-1], made[0]]
                yield [made[1], *made[1:]]


def _filler(array: _Array, place: int) -> Any:
    """Different values in turn, as far as there are: items may have to be unique."""
    values = array.item(min(place, array.prefix)).values
    return values[place % len(values)] if values else place
