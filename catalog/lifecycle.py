"""The life cycle of a contract version: one table, from which code, lint and documentation draw."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

State = Literal["draft", "published", "deprecated", "retired"]

#: state -> states it may move to. A draft runs in shadow only; a retired version answers 410 for good.
TRANSITIONS: dict[State, frozenset[State]] = {
    "draft": frozenset({"published"}),
    "published": frozenset({"deprecated"}),
    "deprecated": frozenset({"published", "retired"}),  # a deprecation may be taken back before the sunset
    "retired": frozenset(),
}

#: states whose versions answer calls
SERVING: frozenset[State] = frozenset({"published", "deprecated"})

#: between a deprecation and its sunset: a quarter, since clients of a hospital network release that often
SHORTEST_NOTICE = timedelta(days=90)


def is_allowed(old: State, new: State) -> bool:
    """Whether a version may move from `old` to `new` (staying is always allowed)."""
    return old == new or new in TRANSITIONS[old]
