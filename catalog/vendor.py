"""Documents of vendors: kept as they are in the workspace, and made into what is governed when it is loaded.

The overlay beside the file is applied, OpenAPI 2.0 is lifted, and what no gateway can enforce in a document that is not
the workspace's own to mend is left out and named.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from catalog.errors import Problem
from catalog.overlay import apply_overlay
from catalog.pointer import join, parse
from catalog.schema import is_pattern
from catalog.swagger import is_swagger, lift, source_place
from catalog.walk import objects_in

OVERLAY = "overlay"  # name of the file beside openapi.yaml, and rule of its problems
_DATA = frozenset({"example", "examples", "default", "enum", "const"})


class Merged(NamedTuple):
    """What is governed of a file. `is_lifted`: places in it are not those of the file."""

    document: Any
    is_lifted: bool
    problems: list[Problem]
    notes: list[Problem]

    def placed(self, problem: Problem) -> Problem:
        """`problem` with its place as the file has it."""
        return msgspec.structs.replace(problem, pointer=source_place(problem.pointer)) if self.is_lifted else problem


def merge(document: Any, file: str, overlay: Any = None, overlay_file: str = "") -> Merged:
    """`document` of `file` with `overlay` (None: there is none) laid over it, as OpenAPI 3."""
    problems: list[Problem] = []
    notes: list[Problem] = []
    if overlay is not None:
        document, problems = apply_overlay(document, overlay, overlay_file)
    is_lifted = is_swagger(document)
    if is_lifted:
        document = lift(document)
    if overlay is not None:
        document = _without_patterns(document, "", file, notes)
    merged = Merged(document, is_lifted, problems, [])
    return merged._replace(notes=[merged.placed(note) for note in notes])


def _without_patterns(node: Any, pointer: str, file: str, notes: list[Problem]) -> Any:
    """Without the patterns that the linear-time engine does not take."""
    broken = {
        place
        for each, place in objects_in(node)
        if isinstance(each.get("pattern"), str) and not is_pattern(each["pattern"]) and not _DATA & set(parse(place))
    }
    for place in sorted(broken):
        message = "pattern is not checked: look-around and back-references take more than linear time"
        notes.append(Problem(message, join(place, "pattern"), file, rule="not-enforced"))
    return _dropped(node, pointer, broken) if broken else node


def _dropped(node: Any, pointer: str, broken: set[str]) -> Any:
    if isinstance(node, dict):
        return {
            name: _dropped(value, join(pointer, name), broken)
            for name, value in node.items()
            if not (name == "pattern" and pointer in broken)
        }
    if isinstance(node, list):
        return [_dropped(value, join(pointer, index), broken) for index, value in enumerate(node)]
    return node
