"""Schema drift: a vendor ships a release, and its answers are no longer what was agreed."""

from __future__ import annotations

import copy
from typing import Any

import msgspec

from catalog.pointer import lookup, parse


class Drift(msgspec.Struct, frozen=True):
    """The amount at `pointer` becomes a binary number, and answers gain `gained`, which nobody asked for."""

    pointer: str  # into the answer
    gained: str = ""


def drifted(body: Any, drift: Drift) -> Any:
    """The answer after the release; one without the member is as it was."""
    *holders, last = parse(drift.pointer)
    holder = lookup(tuple(holders))(body)
    if not isinstance(holder, dict) or not isinstance(holder.get(last), str):
        return body
    changed = copy.deepcopy(body)
    lookup(tuple(holders))(changed)[last] = float(holder[last])
    return {**changed, drift.gained: True} if drift.gained else changed
