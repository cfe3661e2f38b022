"""Evaluating terms on values, in three values: valid, not valid, not known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from catalog.compatibility.outcome import Exhausted
from catalog.compatibility.regex import matches
from catalog.compatibility.term import NUMBERS, SCOPE, Term, kind_of, value_key

_DEEPEST = 60
SHALLOW = 45  # a depth from which only the outer parts of a value are looked at
#: whole numbers below this are exact as floating point too
EXACT = 2**53

Expand = Callable[[Term], Term | None]
Say = Callable[..., bool | None]  # of a term, and of a part of the value
Conforms = Callable[[str, Any], bool | None]


def both(verdicts: Iterable[bool | None]) -> bool | None:
    """Kleene's and, stopping at the first False."""
    result: bool | None = True
    for verdict in verdicts:
        if verdict is False:
            return False
        if verdict is None:
            result = None
    return result


def flipped(verdict: bool | None) -> bool | None:
    return None if verdict is None else not verdict


class Evaluator:
    """`expand` says what a reference means, None when unknown; `conforms` whether a value has a format."""

    def __init__(self, expand: Expand, conforms: Conforms) -> None:
        self.left = 0  # evaluations that may still be made
        self._expand = expand
        self._conforms = conforms

    def evaluate(self, term: Term, value: Any, is_exact: bool = True, depth: int = 0) -> bool | None:
        """Whether `value` is valid under `term`. Not `is_exact`: any whole number in it may also be written 1.0."""
        self.left -= 1
        if self.left < 0:
            raise Exhausted
        if depth > _DEEPEST:
            return None
        scope = SCOPE.get(term.op)
        kind = kind_of(value)
        if scope is not None:
            if kind not in scope:
                return True
            if kind in NUMBERS:
                return _number(term, value)
            if kind == "string":
                return _text(term, value)
        return self._apply(term, value, kind, is_exact, depth + 1)

    def _apply(self, term: Term, value: Any, kind: str, is_exact: bool, depth: int) -> bool | None:
        op, args = term.op, term.args

        def say(inner: Term, part: Any = value) -> bool | None:
            return self.evaluate(inner, part, is_exact, depth)

        if op == "all":
            return both(map(say, args))
        if op == "any":
            return flipped(both(flipped(say(each)) for each in args))
        if op == "one":
            return _exactly_one([say(each) for each in args])
        if op == "not":
            return flipped(say(args[0]))
        if op == "if":
            return self._conditional(args, say)
        if op == "ref":
            target = self._expand(term)
            return None if target is None else say(target)
        if op == "type":
            return _typed(args[0], kind, is_exact)
        if op == "enum":
            is_listed: bool = value_key(value) in args
            return is_listed
        if op == "format":
            verdict: bool | None = self._conforms(args[0], value)
            return verdict
        if op in ("false", "opaque"):
            return False if op == "false" else None
        return self._array(term, value, say) if kind == "array" else self._object(term, value, say)

    def _conditional(self, args: tuple[Term, ...], say: Say) -> bool | None:
        condition = say(args[0])
        if condition is None:
            then, other = say(args[1]), say(args[2])
            return then if then is other else None
        return say(args[1] if condition else args[2])

    def _array(self, term: Term, value: list[Any], say: Say) -> bool | None:
        op, args = term.op, term.args
        if op in ("min-items", "max-items"):
            return _counted(len(value), args[0], op)
        if op == "unique":
            return len({value_key(item) for item in value}) == len(value)
        if op == "at":
            return say(args[1], value[args[0]]) if len(value) > args[0] else True
        if op == "from":
            return both(say(args[1], item) for item in value[args[0] :])
        verdicts = [say(args[0], item) for item in value]
        least, most = verdicts.count(True), len(verdicts) - verdicts.count(False)
        if op == "min-contains":
            return True if least >= args[1] else False if most < args[1] else None
        return True if most <= args[1] else False if least > args[1] else None

    def _object(self, term: Term, value: dict[str, Any], say: Say) -> bool | None:
        op, args = term.op, term.args
        if op in ("min-properties", "max-properties"):
            return _counted(len(value), args[0], op)
        if op == "required":
            return args[0] in value
        if op == "property":
            return say(args[1], value[args[0]]) if args[0] in value else True
        if op == "matching":
            return both(_unless(flipped(matches(args[0], name)), say(args[1], item)) for name, item in value.items())
        if op == "additional":
            extra = [(name, any_matches(args[1], name)) for name in value if name not in args[0]]
            return both(_unless(is_matched, say(args[2], value[name])) for name, is_matched in extra)
        if op == "names":
            return both(say(args[0], name) for name in value)
        if args[0] not in value:
            return True
        return args[1] in value if op == "dependent" else say(args[1])


def _counted(count: int, bound: int, op: str) -> bool:
    return count >= bound if op.startswith("min-") else count <= bound


def any_matches(patterns: Iterable[str], name: str) -> bool | None:
    return flipped(both(flipped(matches(pattern, name)) for pattern in sorted(patterns)))


def _unless(is_excused: bool | None, verdict: bool | None) -> bool | None:
    if is_excused or verdict:
        return True
    return False if is_excused is False and verdict is False else None


def _exactly_one(verdicts: list[bool | None]) -> bool | None:
    if verdicts.count(True) > 1:
        return False
    if None in verdicts:
        return None
    return verdicts.count(True) == 1


def _typed(kinds: frozenset[str], kind: str, is_exact: bool) -> bool | None:
    if not is_exact and kind in ("integer", "integral") and ("integer" in kinds) != ("integral" in kinds):
        return None
    return kind in kinds


def _number(term: Term, value: float) -> bool | None:
    bound = term.args[-1]
    if term.op == "multiple":
        if isinstance(bound, int) and abs(bound) < EXACT and bound:
            return bool(Fraction(value) % bound == 0)
        return None
    if term.op in ("min", "over"):
        return bool(value >= bound if term.op == "min" else value > bound)
    return bool(value <= bound if term.op == "max" else value < bound)


def _text(term: Term, value: str) -> bool | None:
    if term.op == "pattern":
        return matches(term.args[0], value)
    return _counted(len(value), term.args[0], term.op)
