"""What a lint rule is and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import msgspec

from catalog.errors import Problem
from catalog.inventory import Severity, Workspace


class Finding(msgspec.Struct, frozen=True):
    """One thing that could be better. `rule` is stable and may be named in configuration and in suppressions."""

    rule: str
    severity: Severity
    problem: Problem


class Suppressed(msgspec.Struct, frozen=True):
    """A finding that somebody said may stay, and why."""

    finding: Finding
    reason: str


class Place(NamedTuple):
    """Where a rule is not kept, and why."""

    message: str
    file: str
    pointer: str = ""


Check = Callable[[Workspace], Iterator[Place]]


class Rule(NamedTuple):
    """One rule. `told_by` says who looks: lint itself, the loading of the workspace (such a breach is refused by plan
    and apply, so its severity is fixed), the look at the workspace's folder, or the settling of suppressions."""

    id: str
    severity: Severity
    rationale: str  # why anybody should care
    remedy: str  # how to mend it
    check: Check | None = None
    told_by: Literal["lint", "loading", "folder", "suppression"] = "lint"
