"""Terms: schemas of any draft as one small language of interned constraints.

A schema becomes `all` of atoms; each atom constrains one kind of value and holds of every other kind. Equal terms are
one object, so that sets of terms are cheap keys.

Operators, each with its arguments:
- of any value: all(*terms), any(*terms), one(*terms), not(term), if(term, term, term), ref(uri, side), opaque(key),
  type(frozenset of kinds), enum(*keys), false()
- numbers: min(bound), over(bound), max(bound), under(bound), multiple(type name, divisor)
- text: min-length(n), max-length(n), pattern(text), format(name)
- arrays: min-items(n), max-items(n), unique(), at(index, term), from(index, term), min-contains(term, n),
  max-contains(term, n)
- objects: min-properties(n), max-properties(n), required(name), property(name, term), matching(pattern, term),
  additional(names, patterns, term), names(term), dependent(name, name), dependent-schema(name, term)
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

#: "integral" is a number written with a fraction of zero (1.0); draft 4 does not take it for an integer
KINDS = frozenset({"null", "boolean", "integer", "integral", "fraction", "string", "array", "object"})
NUMBERS = frozenset({"integer", "integral", "fraction"})

_TEXT, _ARRAY, _OBJECT = frozenset({"string"}), frozenset({"array"}), frozenset({"object"})
#: the kinds of value that an atom constrains; operators that are not listed speak of any value
SCOPE: dict[str, frozenset[str]] = {
    **dict.fromkeys(("min", "over", "max", "under", "multiple"), NUMBERS),
    **dict.fromkeys(("min-length", "max-length", "pattern"), _TEXT),
    **dict.fromkeys(("min-items", "max-items", "unique", "at", "from", "min-contains", "max-contains"), _ARRAY),
    **dict.fromkeys(("min-properties", "max-properties", "required", "property", "matching", "additional"), _OBJECT),
    **dict.fromkeys(("names", "dependent", "dependent-schema"), _OBJECT),
}


class Term:
    """One constraint; compared by identity, hashed by the order of its making, so that runs repeat exactly."""

    __slots__ = ("args", "number", "op")

    def __init__(self, op: str, args: tuple[Any, ...], number: int) -> None:
        self.op = op
        self.args = args
        self.number = number

    def __hash__(self) -> int:
        return self.number

    def __repr__(self) -> str:
        return f"{self.op}{self.args}"


class Arena:
    """Makes terms and keeps them; `values` holds the value of each key of an enum."""

    def __init__(self) -> None:
        self._terms: dict[tuple[str, tuple[Any, ...]], Term] = {}
        self.values: dict[str, Any] = {}
        self.true = self.make("all")
        self.false = self.make("false")

    def make(self, op: str, *args: Any) -> Term:
        key = (op, args)
        term = self._terms.get(key)
        if term is None:
            term = self._terms[key] = Term(op, args, len(self._terms))
        return term

    def all(self, terms: Iterable[Term]) -> Term:
        """All of `terms`, flat, in the order of their making."""
        found: set[Term] = set()
        for term in terms:
            found.update(term.args if term.op == "all" else (term,))
        if self.false in found:
            return self.false
        if len(found) == 1:
            return found.pop()
        return self.make("all", *sorted(found, key=lambda term: term.number))

    def negated(self, term: Term) -> Term:
        if term.op == "not":
            only: Term = term.args[0]
            return only
        if term is self.true:
            return self.false
        return self.true if term is self.false else self.make("not", term)

    def enum(self, values: Iterable[Any]) -> Term:
        keys = set()
        for value in values:
            key = value_key(value)
            keys.add(key)
            self.values.setdefault(key, value)
        return self.make("enum", *sorted(keys)) if keys else self.false


def value_key(value: Any) -> str:
    """Equal for values that JSON Schema holds equal: 1 and 1.0 are, 1 and true are not."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return {name: _plain(item) for name, item in value.items()} if isinstance(value, dict) else value


def kind_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integral" if value.is_integer() else "fraction"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"
