"""Overlays: what a workspace says about a vendor's document, whose file stays byte for byte what the vendor gave.

`overlay.yaml` beside `openapi.yaml` is a document of the OpenAPI Overlay Specification 1.0.0; its actions are applied,
in order, when the workspace is loaded, and hashes and pins are those of the result. Of JSONPath (RFC 9535) a target may
use names, indexes and wildcards: `$.paths['/orders'].post`, `$.paths.*.get`, `$.servers[0]`. Filters, slices and `..`
are refused, and so is a target that selects nothing: the specification would pass over a misspelt one in silence.
"""

from __future__ import annotations

import re
from copy import copy
from typing import Any

import msgspec

from catalog.errors import Problem
from catalog.pointer import join
from catalog.shape import shape

VERSIONS = re.compile(r"1\.[01]\.[0-9]+")
_STEP = re.compile(
    r"""\.(?P<name>[A-Za-z_][A-Za-z0-9_-]*)|\.(?P<any>\*)|\[(?:(?P<index>[0-9]+)|(?P<every>\*)|"""
    r"""'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>(?:[^"\\]|\\.)*)")\]"""
)
_ESCAPED = re.compile(r"\\(.)")

Step = str | int | None  # None: every member


class Info(msgspec.Struct, frozen=True):
    title: str
    version: str


class Action(msgspec.Struct, frozen=True):
    """One change. `remove` wins over `update`."""

    target: str  # JSONPath: names, indexes and wildcards
    update: Any = None  # merged into what is selected; appended where that is an array
    remove: bool = False
    description: str = ""


class Overlay(msgspec.Struct, frozen=True):
    """`overlay.yaml` beside a vendor's openapi.yaml: the OpenAPI Overlay Specification 1.0."""

    overlay: str  # version of the specification: 1.0.0
    info: Info
    actions: list[Action]
    extends: str = ""  # the document that it belongs to, for people; it is always the one beside it


def apply_overlay(document: Any, data: Any, file: str) -> tuple[Any, list[Problem]]:
    """The document with the overlay in `data` applied, and what is wrong with the overlay. Neither is changed."""
    overlay, problems = shape(data, Overlay, file)
    if overlay is None:
        return document, problems
    if not VERSIONS.fullmatch(overlay.overlay):
        problems.append(Problem("must be an Overlay 1.0 version", "/overlay", file, "write 1.0.0", "overlay"))
    root = [document]
    for index, action in enumerate(overlay.actions):
        place = join("/actions", index)
        steps = parse_target(action.target)
        if steps is None:
            remedy = "use names, indexes and *: $.paths['/orders'].post"
            message = f"{action.target!r} is not a target that can be followed"
            problems.append(Problem(message, join(place, "target"), file, remedy, "overlay"))
        elif not _change(root, 0, steps, action):
            remedy = "correct it; it is case-sensitive, and names with / or . go in ['…']"
            message = f"{action.target} selects nothing in the document"
            problems.append(Problem(message, join(place, "target"), file, remedy, "overlay"))
    return root[0], problems


def parse_target(text: str) -> list[Step] | None:
    """The steps of a JSONPath below `$`; None when it is none, or uses what is not known here."""
    if not text.startswith("$"):
        return None
    steps: list[Step] = []
    at = 1
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            return None
        at = found.end()
        if found["index"] is not None:
            steps.append(int(found["index"]))
        elif found["any"] or found["every"]:
            steps.append(None)
        else:
            quoted = found["single"] if found["single"] is not None else found["double"]
            steps.append(found["name"] if quoted is None else _ESCAPED.sub(r"\1", quoted))
    return steps


def target_of(*names: str) -> str:
    """The JSONPath of a member, names quoted."""
    return "$" + "".join("['" + name.replace("\\", "\\\\").replace("'", "\\'") + "']" for name in names)


def _change(parent: Any, key: Any, steps: list[Step], action: Action) -> int:
    """Apply `action` at `steps` below `parent[key]`; how many places it selected. What is changed is copied first:
    parts of a document may be shared, by anchors or with the file as it was."""
    if not steps:
        if action.remove:
            parent[key] = _REMOVED
        elif action.update is not None:
            parent[key] = _merged(parent[key], action.update)
        return 1
    node = parent[key]
    keys = _selected(node, steps[0])
    if not keys:
        return 0
    changed = copy(node)
    count = sum(_change(changed, each, steps[1:], action) for each in keys)
    if isinstance(changed, dict):
        changed = {name: value for name, value in changed.items() if value is not _REMOVED}
    else:
        changed = [value for value in changed if value is not _REMOVED]
    if count:
        parent[key] = changed
    return count


_REMOVED: Any = object()


def _selected(node: Any, step: Step) -> list[Any]:
    if isinstance(node, dict):
        return list(node) if step is None else [step] if isinstance(step, str) and step in node else []
    if isinstance(node, list):
        if step is None:
            return list(range(len(node)))
        return [step] if isinstance(step, int) and step < len(node) else []
    return []


def _merged(base: Any, update: Any) -> Any:
    """Objects member by member, arrays one after the other, anything else replaced (Overlay 1.0.0 §4.4.3)."""
    if isinstance(base, dict) and isinstance(update, dict):
        return {**base, **{name: _merged(base[name], value) if name in base else value
                           for name, value in update.items()}}  # fmt: skip
    if isinstance(base, list):
        return [*base, *update] if isinstance(update, list) else [*base, update]
    return update
