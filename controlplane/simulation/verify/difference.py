"""A difference between two accounts of the same run."""

from __future__ import annotations

import msgspec

#: kinds that a caller's own end of a call explains
GIVEN_UP = frozenset({"caller-gave-up", "gateway-unreachable"})


class Difference(msgspec.Struct, frozen=True, order=True):
    """What differs, about what, what each side says, and which fault did it (`""`: unexplained)."""

    kind: str  # e.g. "answer-without-record"
    subject: str  # exchange id, "type/assigner/value", a log file, a figure
    sides: dict[str, str]  # who -> what it says
    explained_by: str = ""  # id of a ledger line, or of what the evidence itself explains, e.g. "client"

    @property
    def is_explained(self) -> bool:
        return bool(self.explained_by)

    @property
    def is_given_up(self) -> bool:
        """Whether it is there because a caller stopped waiting: its own doing, no fault."""
        return self.is_explained and self.kind in GIVEN_UP
