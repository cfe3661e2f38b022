"""What a lint rule is and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import msgspec

from catalog.errors import Problem
from catalog.inventory import Workspace

Severity = Literal["error", "warning", "info"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that could be better. `rule` is stable and may be named in configuration and in waivers."""

    rule: str
    severity: Severity
    problem: Problem


class Place(NamedTuple):
    """Where a rule is not kept, and why."""

    message: str
    file: str
    pointer: str = ""


class Rule(NamedTuple):
    """One rule: stable id, severity, what to do, and the check."""

    id: str
    severity: Severity
    remedy: str
    check: Callable[[Workspace], Iterator[Place]]
    rationale: str = ""
