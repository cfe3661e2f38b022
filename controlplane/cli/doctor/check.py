"""One thing looked at."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class State(StrEnum):
    good = "good"
    mind = "mind"  # works, and will not for ever or not as well as it could
    wrong = "wrong"


class Check(msgspec.Struct, frozen=True):
    """`remedy` is "" when there is nothing to do."""

    area: str  # machine | workspace | local | control plane | gateway
    name: str
    state: State
    detail: str
    remedy: str = ""


def good(area: str, name: str, detail: str) -> Check:
    return Check(area, name, State.good, detail)


def mind(area: str, name: str, detail: str, remedy: str) -> Check:
    return Check(area, name, State.mind, detail, remedy)


def wrong(area: str, name: str, detail: str, remedy: str) -> Check:
    return Check(area, name, State.wrong, detail, remedy)
