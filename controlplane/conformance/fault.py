"""One schema-breaking change to a valid document: what a request must not look like. Pure."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

from catalog.pointer import join, lookup, parse

_MOST_PLACES = 200


class Fault(NamedTuple):
    """A document with one thing wrong; `what` says what, and where, without the value."""

    document: Any
    what: str


def faults(document: Any, is_valid: Callable[[Any], bool], count: int, random: Random) -> Iterator[Fault]:
    """At most `count` faulty versions of a valid `document`, each confirmed not to be valid."""
    changes = [change for place in list(_places(document))[:_MOST_PLACES] for change in _changes(document, place)]
    random.shuffle(changes)
    left = count
    for change in changes:
        if left and not is_valid(change.document):
            left -= 1
            yield change


def _places(document: Any, pointer: str = "") -> Iterator[str]:
    yield pointer
    if isinstance(document, dict):
        for name, child in document.items():
            yield from _places(child, join(pointer, name))
    elif isinstance(document, list):
        for index, child in enumerate(document[:1]):
            yield from _places(child, join(pointer, index))


def _changes(document: Any, pointer: str) -> Iterator[Fault]:
    value = lookup(parse(pointer))(document)
    other: Any = {} if isinstance(value, str) else "x"
    yield Fault(_replaced(document, pointer, other), f"{pointer or '/'} of another type")
    if isinstance(value, dict):
        for name in value:
            rest = {key: each for key, each in value.items() if key != name}
            yield Fault(_replaced(document, pointer, rest), f"{join(pointer, name)} left out")
        undeclared = {**value, "undeclared-member": "x"}
        yield Fault(_replaced(document, pointer, undeclared), f"{pointer or '/'} with an undeclared member")


def _replaced(document: Any, pointer: str, value: Any) -> Any:
    *holders, last = parse(pointer) or ("",)
    if not pointer:
        return value
    changed = copy.deepcopy(document)
    holder = lookup(holders)(changed)
    holder[int(last) if isinstance(holder, list) else last] = value
    return changed
