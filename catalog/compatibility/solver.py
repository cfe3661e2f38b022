"""The prover: is there a value under all of some terms and under none of others?

A tableau. Terms are taken apart until each branch holds only atoms about one kind of value; a branch is closed when
its atoms contradict each other. Whatever is not understood is left out, which only makes the set of values larger: what
is closed is proven, and a schema is a subset of another when no value is valid under the one and invalid under
the other. Open branches leave candidates for a witness.

Values within values are smaller, so a question that comes up again within itself, about a smaller value, may be taken
for proven while it is being proven (a smallest counterexample would contradict it); results that lean on such an
assumption are kept only when it turns out true. What leads through references is never followed into the depth: each
such question is assumed, queued, and verified by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from catalog.compatibility import array, member, number, text
from catalog.compatibility.branch import Branch
from catalog.compatibility.evaluate import Evaluator
from catalog.compatibility.outcome import EMPTY, MOST_VALUES, OPEN, Exhausted, Outcome, some
from catalog.compatibility.reduction import REDUCERS
from catalog.compatibility.term import KINDS, SCOPE, Arena, Term, kind_of
from catalog.compatibility.way import WAYS_BROKEN, WAYS_HELD, Todo

_DEEPEST = 40  # questions within questions
_FOR_EVER = 1_000_000_000
_ASSUMED = -1
_EVALUATIONS = 20  # of terms, to a step
_ENOUGH = 2  # candidates for a value within
_ORDER = ("object", "array", "string", "integer", "fraction", "boolean", "null", "integral")

Terms = frozenset[Term]
Question = tuple[Terms, Terms]


class _Kept(NamedTuple):
    outcome: Outcome
    leans_on: int  # the lowest open question that it assumes; _FOR_EVER for none


class Solver:
    """Answers questions about terms of one arena, and remembers the answers. `expand` says what a reference means."""

    def __init__(
        self,
        arena: Arena,
        expand: Callable[[Term], Term | None],
        evaluator: Evaluator,
        is_wire: bool = False,
        has_strict_integers: bool = False,
    ) -> None:
        self.arena = arena
        self.evaluator = evaluator
        self.is_wire = is_wire
        self.steps_left = 0
        self._expand = expand
        self._kinds = [kind for kind in _ORDER if has_strict_integers or kind != "integral"]
        self._kept: dict[Question, _Kept] = {}
        self._asked: dict[Question, tuple[int, int]] = {}  # in progress -> place, level
        self._trail: list[Question] = []  # kept on an assumption
        self._used: dict[Question, None] = {}  # assumed while one question is being answered
        self._wanted = MOST_VALUES
        self._leads: dict[Term, bool] = {}
        self.is_exhausted = False
        self._leaning: list[int] = []
        self._level = 0  # how deep within the value
        self._kinds_of: dict[Term, frozenset[str]] = {}

    def prove(self, held: Iterable[Term], broken: Iterable[Term], steps: int) -> Outcome:
        """Whether no value holds to all of `held` and breaks all of `broken`; open when the steps run out."""
        self.steps_left = steps
        self.evaluator.left = steps * _EVALUATIONS
        self.is_exhausted = False
        self._wanted = MOST_VALUES
        self._asked.clear()
        self._leaning.clear()
        self._level = 0
        try:
            return self._settled((frozenset(held), frozenset(broken)))
        except (Exhausted, RecursionError):
            self.is_exhausted = True
            return OPEN
        finally:
            self._forget()

    def _settled(self, root: Question) -> Outcome:
        """The answer to `root`, every question about a value within that leads through a reference being assumed to
        be proven, verified by itself, and taken back with all that leaned on it when that fails."""
        users: dict[Question, list[Question]] = {}
        assumed = {root}
        todo = {root: None}  # in order, each once
        while todo:
            question = next(iter(todo))
            del todo[question]
            if question in self._kept:
                continue
            self._wanted = MOST_VALUES if question == root else _ENOUGH
            self._used.clear()
            outcome = self._answer(question, is_within=False)
            self._forget()
            if not outcome.is_empty:
                if question == root:
                    return outcome
                assumed.discard(question)
                todo.update(dict.fromkeys(users.pop(question, ())))
                continue
            for used in self._used:
                users.setdefault(used, []).append(question)
                if used not in assumed:
                    assumed.add(used)
                    todo[used] = None
        for question in assumed:
            self._kept.setdefault(question, _Kept(EMPTY, _FOR_EVER))
        return self._kept[root].outcome

    def _forget(self) -> None:
        """Drop what was kept on an assumption that is still one."""
        for key in self._trail:
            self._kept.pop(key, None)
        self._trail.clear()

    def ask(self, held: Terms, broken: Terms, is_within: bool = True) -> Outcome:
        """The same as a part of a proof. `is_within`: about a value within the one that is asked about."""
        if self.arena.false in held or self.arena.true in broken or not held.isdisjoint(broken):
            return EMPTY
        key = (held, broken)
        kept = self._kept.get(key)
        if kept is not None:
            self._lean(kept.leans_on)
            return kept.outcome
        if is_within and broken and any(map(self._is_leading, (*held, *broken))):
            self._used[key] = None
            self._lean(_ASSUMED)
            return EMPTY
        if key in self._asked:
            place, level = self._asked[key]
            if self._level + is_within <= level:
                return OPEN  # not about a smaller value: no ground to assume anything
            self._lean(place)
            return EMPTY
        if len(self._asked) >= _DEEPEST:
            return OPEN
        return self._answer(key, is_within)

    def _answer(self, key: Question, is_within: bool) -> Outcome:
        self.step()
        self._level += is_within
        place, start = len(self._asked), len(self._trail)
        self._asked[key] = (place, self._level)
        self._leaning.append(_FOR_EVER)
        outcome = self._decide(*key)
        leans_on = self._leaning.pop()
        del self._asked[key]
        self._level -= is_within
        if not outcome.is_empty:
            for other in self._trail[start:]:
                self._kept.pop(other, None)
            del self._trail[start:]
            self._kept[key] = _Kept(outcome, _FOR_EVER)
        elif leans_on >= place:
            for other in [other for other in self._trail[start:] if other in self._kept]:
                self._kept[other] = _Kept(self._kept[other].outcome, _FOR_EVER)
            del self._trail[start:]
            self._kept[key] = _Kept(outcome, _FOR_EVER)
        else:
            self._kept[key] = _Kept(outcome, leans_on)
            self._trail.append(key)
            self._lean(leans_on)
        return outcome

    def _is_leading(self, term: Term) -> bool:
        """Whether a reference stands anywhere in `term`."""
        known = self._leads.get(term)
        if known is None:
            parts = (part for part in term.args if isinstance(part, Term))
            known = self._leads[term] = term.op == "ref" or any(map(self._is_leading, parts))
        return known

    def _lean(self, place: int) -> None:
        if self._leaning:
            self._leaning[-1] = min(self._leaning[-1], place)

    def step(self) -> None:
        self.steps_left -= 1
        if self.steps_left < 0:
            raise Exhausted

    # taking apart

    def _decide(self, held: Terms, broken: Terms) -> Outcome:
        branch = Branch(set(), set())
        if not self._add(branch, [*((term, True) for term in held), *((term, False) for term in broken)]):
            return EMPTY
        kinds = frozenset(self._kinds)
        for term in branch.held:
            kinds &= self.kinds_of(term)
        for term in branch.broken:
            if term.op == "type":
                kinds -= term.args[0]
            elif term.op in SCOPE:
                kinds &= SCOPE[term.op]
        return self._joined(self._kind(branch.copy(), kind) for kind in self._kinds if kind in kinds)

    def _joined(self, outcomes: Iterator[Outcome]) -> Outcome:
        """Empty when all are; stops when there are enough candidates."""
        is_empty = True
        values: list[Any] = []
        for outcome in outcomes:
            is_empty = is_empty and outcome.is_empty
            values += outcome.values[: MOST_VALUES - len(values)]
            if len(values) >= self._wanted:
                break
        return Outcome(is_empty, tuple(values))

    def _add(self, branch: Branch, todo: Todo) -> bool:
        """Take terms into a branch, apart as far as that leaves one branch. False when it closes."""
        while todo:
            term, is_held = todo.pop()
            same, other = (branch.held, branch.broken) if is_held else (branch.broken, branch.held)
            if term in same:
                continue
            if term in other or term is (self.arena.false if is_held else self.arena.true):
                return False
            if term.op == "not":
                todo.append((term.args[0], not is_held))
                continue
            same.add(term)
            if term.op == "ref":
                target = self._expand(term)
                if target is not None:
                    todo.append((target, is_held))
            elif term.op == ("all" if is_held else "any"):
                todo += ((part, is_held) for part in term.args)
        return True

    def kinds_of(self, term: Term) -> frozenset[str]:
        """The kinds of value that `term` may allow."""
        known = self._kinds_of.get(term)
        if known is None:
            self._kinds_of[term] = KINDS  # while a circle of references is being followed
            known = self._kinds_of[term] = self._allowed_kinds(term)
        return known

    def _allowed_kinds(self, term: Term) -> frozenset[str]:
        if term.op == "type":
            kinds: frozenset[str] = term.args[0]
            return kinds
        if term.op == "all":
            return KINDS.intersection(*map(self.kinds_of, term.args))
        if term.op in ("any", "one"):
            return frozenset().union(*map(self.kinds_of, term.args))
        if term.op == "if":
            return self.kinds_of(term.args[1]) | self.kinds_of(term.args[2])
        if term.op == "enum":
            kinds = frozenset(kind_of(self.arena.values[key]) for key in term.args)
            return kinds | {"integer", "integral"} if kinds & {"integer", "integral"} else kinds
        if term.op == "ref":
            target = self._expand(term)
            return KINDS if target is None else self.kinds_of(target)
        return frozenset() if term.op == "false" else KINDS

    # one kind of value

    def _kind(self, branch: Branch, kind: str) -> Outcome:
        """The values of one kind; `branch` is used up."""
        self.step()
        if not self._reduce(branch, kind):
            return EMPTY
        finite = self._finite(branch, kind)
        if finite is not None:
            return finite
        only = branch.only_union()
        if only is not None:
            branch.broken.discard(only)
            return self._joined(self._option(branch.copy(), [(part, False)], kind) for part in only.args)
        choices = self._choices(branch, kind)
        if choices is None:
            return EMPTY
        if not choices:
            return self._leaf(branch, kind)
        term, options = min(choices, key=lambda choice: (choice[0] in branch.broken, len(choice[1])))
        (branch.held if term in branch.held else branch.broken).discard(term)
        return self._joined(self._option(branch.copy(), list(option), kind) for option in options)

    def _option(self, branch: Branch, option: Todo, kind: str) -> Outcome:
        return self._kind(branch, kind) if self._add(branch, option) else EMPTY

    def _reduce(self, branch: Branch, kind: str) -> bool:
        """Drop what says nothing of `kind` and take in what has one way left, until nothing changes. False: closed."""
        is_changed = True
        while is_changed:
            is_changed = False
            for term in [*branch.held, *branch.broken]:
                is_held = term in branch.held
                if not is_held and term not in branch.broken:
                    continue
                reduced = REDUCERS.get((term.op, is_held))
                found = reduced(self, branch, term, kind) if reduced else None
                if found is None:
                    continue
                (branch.held if is_held else branch.broken).discard(term)
                is_changed = True
                if not self._add(branch, found):
                    return False
        return branch.speaks_of(kind)

    def _finite(self, branch: Branch, kind: str) -> Outcome | None:
        """The outcome where only a few values are left to try; None where there are many."""
        enums = [term for term in branch.held if term.op == "enum"]
        if not enums and kind not in ("null", "boolean"):
            return None
        keys = set(enums[0].args).intersection(*(term.args for term in enums)) if enums else set()
        values = [self.arena.values[key] for key in sorted(keys)]
        if not enums:
            values = [None] if kind == "null" else [True, False]
        left = []
        for value in values:
            if kind in ("integer", "integral") and kind_of(value) in ("integer", "integral"):
                value = _written(value, kind)
            if value is not _NONE and kind_of(value) == kind and self.fits(value, branch, is_exact=not enums):
                left.append(value)
        return some(left) if left else EMPTY

    def fits(self, value: object, branch: Branch, is_exact: bool = True, depth: int = 0) -> bool:
        """Whether nothing is known against `value`; a greater `depth` looks less far into it."""
        is_exact = is_exact or not isinstance(value, list | dict)
        say = self.evaluator.evaluate
        held = (term for term in branch.held if term.op not in ("all", "ref"))
        broken = (term for term in branch.broken if term.op not in ("any", "ref"))
        return all(say(term, value, is_exact, depth) is not False for term in held) and all(
            say(term, value, is_exact, depth) is not True for term in broken
        )

    def _choices(self, branch: Branch, kind: str) -> list[tuple[Term, list[Todo]]] | None:
        """Every term that still allows several ways, with these ways; None when the branch closes on the way."""
        unions = [term for term in branch.broken if term.op == "all"]
        for term in sorted(unions, key=hash):
            if term not in branch.broken:
                continue
            if len(unions) > 1 and self._settles(branch, term, kind):
                return None
        choices = [
            (term, list(WAYS_HELD[term.op](self.arena, term)))
            for term in sorted(branch.held, key=hash)
            if term.op in WAYS_HELD
        ]
        for term in sorted(branch.broken, key=hash):
            if term.op == "all":
                ways = self._open_ways(branch, term, kind)
                if not ways:
                    return None
                choices.append((term, ways))
            elif term.op in WAYS_BROKEN:
                choices.append((term, list(WAYS_BROKEN[term.op](term))))
        return choices

    def _settles(self, branch: Branch, term: Term, kind: str) -> bool:
        """Whether one of several broken terms closes the branch alone; drops it when it is broken anyway."""
        held = frozenset(branch.held | {self.arena.make("type", frozenset({kind}))})
        if self.ask(held | {term}, frozenset(), is_within=False).is_empty:
            branch.broken.discard(term)
            return False
        return self.ask(held, frozenset({term}), is_within=False).is_empty

    def _open_ways(self, branch: Branch, term: Term, kind: str) -> list[Todo]:
        """The parts of a broken `all` that may be the broken one."""
        ways: list[Todo] = []
        for part in term.args:
            if part.op in SCOPE and part.op not in ("dependent", "dependent-schema"):
                narrowed = Branch(branch.held, branch.broken | {part})
                if self._leaf(narrowed, kind).is_empty:
                    continue
            ways.append([(part, False)])
        return ways

    def _leaf(self, branch: Branch, kind: str) -> Outcome:
        """Atoms of one kind against each other; what is not an atom is left out."""
        self.step()
        if kind == "object":
            return member.decide(self, branch)
        if kind == "array":
            return array.decide(self, branch)
        return text.decide(self, branch) if kind == "string" else number.decide(self, branch, kind)


_NONE = object()


def _written(value: float, kind: str) -> object:
    """A whole number as an integer or with a fraction of zero; `_NONE` where it has no such form."""
    if kind == "integer":
        return int(value)
    try:
        return float(value) if float(value) == value else _NONE
    except OverflowError:
        return _NONE
