"""One thing that a check found, and the rule by which it did."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

Level = Literal["error", "warning", "hint"]
LEVELS: tuple[Level, ...] = ("error", "warning", "hint")  # the worst first


class Suppression(msgspec.Struct, frozen=True):
    """Somebody said that a finding may stay, and why. `in_source`: in the file itself; `external`: a waiver kept
    elsewhere."""

    reason: str
    kind: Literal["in_source", "external"] = "in_source"


class Item(msgspec.Struct, frozen=True):
    """One finding. Holds no value of a payload: reports travel far."""

    rule: str
    level: Level
    message: str
    file: str = ""  # path relative to where the check was run; "" when it is about no file
    pointer: str = ""  # RFC 6901 JSON pointer into the file
    remedy: str = ""
    line: int | None = None  # from 1; None where it is not known, which is never told as line 1
    suppression: Suppression | None = None  # present: the finding counts for nothing

    @property
    def place(self) -> str:
        """File and pointer as one text; "" for neither."""
        return f"{self.file}#{self.pointer}" if self.pointer else self.file


class RuleText(msgspec.Struct, frozen=True):
    """What a report tells of a rule, whether it found something or not."""

    id: str
    title: str  # what is asked, in a sentence
    rationale: str = ""
    remedy: str = ""
    level: Level = "error"


def ordered(items: Iterable[Item]) -> list[Item]:
    """The worst first, then by place; what is suppressed comes last."""
    return sorted(
        items,
        key=lambda item: (
            item.suppression is not None,
            LEVELS.index(item.level),
            (item.file, item.pointer, item.rule, item.message),
        ),
    )
