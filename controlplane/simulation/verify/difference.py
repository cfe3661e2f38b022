"""A difference between two accounts of the same run."""

from __future__ import annotations

import msgspec


class Difference(msgspec.Struct, frozen=True, order=True):
    """What differs, about what, what each side says, and which fault did it (`""`: unexplained)."""

    kind: str  # e.g. "answer-without-record"
    subject: str  # exchange id, "type/assigner/value", a log file, a figure
    sides: dict[str, str]  # who -> what it says
    explained_by: str = ""  # id of a ledger line, or of what the evidence itself explains, e.g. "client"

    @property
    def is_explained(self) -> bool:
        return bool(self.explained_by)
