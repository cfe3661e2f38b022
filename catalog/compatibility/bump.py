"""The least version step that a change of a schema asks for."""

from __future__ import annotations

from typing import Any, Literal

from catalog.compatibility.comparison import Comparison
from catalog.snapshot import canonical_json

Bump = Literal["major", "minor", "patch", "none"]


def schema_bump(old: Any, new: Any, backward: Comparison) -> Bump:
    """The step from `old` to `new`, given their comparison in mode backward.

    "major" unless every old instance is proven valid under the new schema; "minor" when more than annotations changed;
    "patch" when nothing else did; "none" for equal documents.
    """
    if canonical_json(old) == canonical_json(new):
        return "none"
    if backward.verdict != "compatible":
        return "major"
    return "minor" if backward.changes else "patch"
