"""Objects: required and absent names, values by name, and members that must exist against each other.

Names that no schema spells out are told apart only by the patterns that they match.
Under the wire policy, members that the writer does not declare do not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from catalog.compatibility.evaluate import SHALLOW, any_matches
from catalog.compatibility.outcome import EMPTY, OPEN, Outcome, some
from catalog.compatibility.regex import matches

if TYPE_CHECKING:
    from catalog.compatibility.branch import Branch
    from catalog.compatibility.solver import Solver
    from catalog.compatibility.term import Term

_SPARE = ("x-other", "other", "zz", "a", "A", "x1", "_", "0", "é")
_MOST_TOLD_APART = 3  # patterns of names; each doubles the cases
Terms = frozenset["Term"]


class _Options(NamedTuple):
    """One member that must exist: names with their values, any of which will do."""

    found: list[tuple[str, Outcome]]


class _Object:
    def __init__(self, solver: Solver, branch: Branch) -> None:
        self.solver = solver
        self.branch = branch
        self.required = sorted({term.args[0] for term in branch.held if term.op == "required"})
        self.absent = {term.args[0] for term in branch.broken if term.op == "required"}
        self.properties: dict[str, set[Term]] = {}
        self.patterns: list[tuple[str, Term]] = []
        self.additional: list[tuple[frozenset[str], frozenset[str], Term]] = []
        self.names: list[Term] = []
        self.declared = set(self.required)
        known = set(self.required)
        for term in branch.held:
            self._hold(term)
        self.declared.update(self.properties)
        for term in [*branch.held, *branch.broken]:
            if term.op in ("property", "required", "dependent", "dependent-schema"):
                known.add(term.args[0])
            elif term.op == "additional":
                known |= term.args[0]
        self.known = sorted(known)
        self.has_map = any(term is not solver.arena.false for _, _, term in self.additional)
        self.least, self.most = _counts(branch)
        self._possible: dict[str, Outcome] = {}

    def _hold(self, term: Term) -> None:
        op, args = term.op, term.args
        if op == "property":
            self.properties.setdefault(args[0], set()).add(args[1])
        elif op == "matching":
            self.patterns.append((args[0], args[1]))
        elif op == "additional":
            self.additional.append((args[0], args[1], args[2]))
        elif op == "names":
            self.names.append(args[0])
        elif op in ("dependent", "dependent-schema"):
            self.declared.add(args[0])

    def is_declared(self, name: str) -> bool:
        """Whether the writer may be taken to send `name`; under the strict policy it may send any."""
        if not self.solver.is_wire or self.has_map or name in self.declared:
            return True
        return any(matches(pattern, name) is not False for pattern, _ in self.patterns)

    def terms(self, name: str) -> Terms:
        """What certainly holds of the value of `name`."""
        found = set(self.properties.get(name, ()))
        found.update(term for pattern, term in self.patterns if matches(pattern, name) is True)
        for names, patterns, term in self.additional:
            if name not in names and any_matches(patterns, name) is False:
                found.add(term)
        return frozenset(found)

    def value(self, name: str, broken: Terms = frozenset()) -> Outcome:
        """The values that `name` may have, not under `broken`."""
        if name in self.absent or not self.is_declared(name):
            return EMPTY
        if any(self.solver.evaluator.evaluate(term, name) is False for term in self.names):
            return EMPTY
        return self.solver.ask(self.terms(name), broken)

    def possible(self, name: str) -> Outcome:
        if name not in self._possible:
            self._possible[name] = self.value(name)
        return self._possible[name]

    def other(self, pattern: str | None, without: frozenset[str], not_name: Terms, broken: Terms) -> _Options:
        """Names that are not known, that match `pattern` and none of `without`, with values not under `broken`."""
        if self.solver.is_wire and not self.has_map and not self.patterns:
            return _Options([])
        sought = frozenset() if pattern is None else frozenset({pattern})
        cases = (
            self._others(sought | more, without | less, not_name, broken) for more, less in self._told(sought, without)
        )
        return _Options([option for case in cases for option in case])

    def _told(self, sought: frozenset[str], without: frozenset[str]) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
        """Every way in which a name may match some of the other patterns that values hang on, and miss the rest."""
        open_ = {pattern for pattern, _ in self.patterns}.union(*(patterns for _, patterns, _ in self.additional))
        open_ -= sought | without
        if len(open_) > _MOST_TOLD_APART:
            open_ = set()
        for is_matched in product((False, True), repeat=len(open_)):
            sides = list(zip(sorted(open_), is_matched, strict=True))
            yield frozenset(each for each, side in sides if side), frozenset(each for each, side in sides if not side)

    def _others(
        self, matched: frozenset[str], missed: frozenset[str], not_name: Terms, broken: Terms
    ) -> list[tuple[str, Outcome]]:
        """Names that are not known, that match all of `matched` and none of `missed`."""
        arena = self.solver.arena
        held = {term for _, patterns, term in self.additional if patterns <= missed}
        held |= {term for each, term in self.patterns if each in matched}
        if self.solver.ask(frozenset(held), broken).is_empty:
            return []
        of_name = {arena.make("type", frozenset({"string"})), *self.names}
        of_name |= {arena.make("pattern", each) for each in matched}
        not_of_name = {arena.make("pattern", each) for each in missed} | not_name
        if self.known:
            not_of_name.add(arena.enum(self.known))
        names = self.solver.ask(frozenset(of_name), frozenset(not_of_name))
        if names.is_empty:
            return []
        spare = [name for name in [*names.values, *_SPARE] if name not in self.known]
        fitting = [name for name in dict.fromkeys(spare) if self._may_be_other(name, matched, missed)]
        return [(name, self._value_of_other(name, broken)) for name in fitting[:3]] or [("", OPEN)]

    def _may_be_other(self, name: str, matched: frozenset[str], missed: frozenset[str]) -> bool:
        is_matching = all(matches(pattern, name) is not False for pattern in matched)
        return is_matching and any_matches(missed, name) is not True and self.is_declared(name)

    def _value_of_other(self, name: str, broken: Terms) -> Outcome:
        """Candidates for a chosen name; that it may have none says nothing of other names."""
        exact = self.solver.ask(self.terms(name), broken)
        return Outcome(is_empty=False, values=exact.values)

    def needs(self) -> Iterator[_Options]:
        """Every member that broken terms ask for."""
        for term in sorted(self.branch.broken, key=hash):
            op, args = term.op, term.args
            if op == "property":
                yield self._among([args[0]], frozenset({args[1]}))
            elif op == "matching":
                names = [name for name in self.known if matches(args[0], name) is not False]
                found = self._among(names, frozenset({args[1]})).found
                yield _Options(found + self.other(args[0], frozenset(), frozenset(), frozenset({args[1]})).found)
            elif op == "additional":
                names = [name for name in self.known if name not in args[0]]
                names = [name for name in names if any_matches(args[1], name) is not True]
                found = self._among(names, frozenset({args[2]})).found
                yield _Options(found + self.other(None, args[1], frozenset(), frozenset({args[2]})).found)
            elif op == "names":
                say = self.solver.evaluator.evaluate
                found = self._among([name for name in self.known if say(args[0], name) is not True], frozenset()).found
                yield _Options(found + self.other(None, frozenset(), frozenset({args[0]}), frozenset()).found)

    def _among(self, names: list[str], broken: Terms) -> _Options:
        found = [(name, self.value(name, broken)) for name in names]
        return _Options([(name, outcome) for name, outcome in found if not outcome.is_empty])

    def is_short(self) -> bool:
        """Whether there are too few names for the least count."""
        if self.least <= len(self.required):
            return False
        for names, patterns, term in self.additional:
            if not patterns and self.solver.ask(frozenset({term}), frozenset()).is_empty:
                return sum(not self.possible(name).is_empty for name in sorted(names)) < self.least
        return False


def decide(solver: Solver, branch: Branch) -> Outcome:
    """What the atoms of a branch leave of objects."""
    made = _Object(solver, branch)
    most = made.most
    if (most is not None and max(made.least, len(made.required)) > most) or not made.absent.isdisjoint(made.required):
        return EMPTY
    if any(made.possible(name).is_empty for name in made.required) or made.is_short():
        return EMPTY
    needs = []
    for options in made.needs():
        found = options.found
        if most is not None and len(made.required) >= most:
            found = [(name, outcome) for name, outcome in found if name in made.required]
        if not found:
            return EMPTY
        needs.append([(name, value) for name, outcome in found for value in outcome.values])
    return some(value for value in _built(made, needs) if solver.fits(value, branch, depth=SHALLOW))


def _counts(branch: Branch) -> tuple[int, int | None]:
    """The fewest and most members; None for no limit."""
    least: list[int] = [0]
    most: list[int] = []
    for term in branch.held:
        if term.op in ("min-properties", "max-properties"):
            (least if term.op == "min-properties" else most).append(term.args[0])
    for term in branch.broken:
        if term.op == "min-properties":
            most.append(term.args[0] - 1)
        elif term.op == "max-properties":
            least.append(term.args[0] + 1)
    return max(least), min(most) if most else None


def _built(made: _Object, needs: list[list[tuple[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Objects with one option of each need, what is required, and more up to the least count."""
    for index, chosen in enumerate(product(*(each[:4] for each in needs))):
        if index == 16:
            return
        value = dict(chosen)
        for name in made.required:
            if name not in value:
                values = made.possible(name).values
                value[name] = values[0] if values else None
        for name in [*made.known, *_SPARE, *(f"x{count}" for count in range(64))]:
            if len(value) >= made.least:
                break
            if name not in value and made.possible(name).values:
                value[name] = made.possible(name).values[0]
        yield value
