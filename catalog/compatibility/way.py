"""The ways in which a term of several branches holds or is broken, each a list of what must hold or be broken then."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from catalog.compatibility.term import Arena, Term

Todo = list[tuple[Term, bool]]  # term -> whether it must hold


def _ways_any(_: Arena, term: Term) -> Iterator[Todo]:
    yield from ([(part, True)] for part in term.args)


def _ways_one(_: Arena, term: Term) -> Iterator[Todo]:
    for index, part in enumerate(term.args):
        yield [(part, True), *((other, False) for place, other in enumerate(term.args) if place != index)]


def _ways_if(_: Arena, term: Term) -> Iterator[Todo]:
    condition, then, other = term.args
    yield [(condition, True), (then, True)]
    yield [(condition, False), (other, True)]


def _ways_dependent(arena: Arena, term: Term) -> Iterator[Todo]:
    first = arena.make("required", term.args[0])
    then = arena.make("required", term.args[1]) if term.op == "dependent" else term.args[1]
    yield [(first, False)]
    yield [(first, True), (then, True)]


def _ways_broken_one(term: Term) -> Iterator[Todo]:
    yield [(part, False) for part in term.args]
    for index, part in enumerate(term.args):
        yield from ([(part, True), (other, True)] for other in term.args[index + 1 :])


def _ways_broken_if(term: Term) -> Iterator[Todo]:
    condition, then, other = term.args
    yield [(condition, True), (then, False)]
    yield [(condition, False), (other, False)]


#: operators of terms that hold -> the ways in which they can
WAYS_HELD: dict[str, Callable[[Arena, Term], Iterator[Todo]]] = {
    "any": _ways_any,
    "one": _ways_one,
    "if": _ways_if,
    "dependent": _ways_dependent,
    "dependent-schema": _ways_dependent,
}
#: operators of terms that are broken -> the ways in which they can be
WAYS_BROKEN: dict[str, Callable[[Term], Iterator[Todo]]] = {"one": _ways_broken_one, "if": _ways_broken_if}
