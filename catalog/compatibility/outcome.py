"""What is known of the values that hold to some terms and break others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

#: candidates that are kept of a set of values
MOST_VALUES = 4


class Exhausted(Exception):
    """The budget of steps is used up."""


class Outcome(NamedTuple):
    """`is_empty` is a proof that there are no such values. `values` are candidates, none of them proven."""

    is_empty: bool
    values: tuple[Any, ...] = ()


EMPTY = Outcome(is_empty=True)
OPEN = Outcome(is_empty=False)


def some(values: Iterable[Any]) -> Outcome:
    """Not empty, as far as known, with the first of `values`."""
    found = []
    for value in values:
        found.append(value)
        if len(found) == MOST_VALUES:
            break
    return Outcome(is_empty=False, values=tuple(found))
