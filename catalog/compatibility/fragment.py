"""What stands at the place of a change in both versions, short enough to be laid side by side.

A change of a keyword is shown with what else its schema says in a word; what is the same on both sides and long is
left out, and so is what lies too deep.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from catalog.compatibility.contract.side import Side
from catalog.pointer import parse
from catalog.snapshot import canonical_json

MOST_BYTES = 2_000  # of one side
LEFT_OUT = "…"
_SHORT_BYTES = 80
_DEEPEST = 6
_TEMPLATE = re.compile(r"\{([^}]*)\}")


class Fragment(msgspec.Struct, frozen=True):
    """`old` and `new` are values of JSON; one that is absent has `has_old` or `has_new` false. `…` stands for what is
    left out."""

    old: Any
    new: Any
    has_old: bool
    has_new: bool


class _Absent:
    """Nothing is there; null would be something."""


_ABSENT: Any = _Absent()


def fragment(old: dict[str, Any], new: dict[str, Any], location: str) -> Fragment:
    """Of two documents in one form (`normal_pair`), at a pointer that follows references and names parameters by place
    and name, as changes give it."""
    tokens = parse(location)
    sides = Side(old), Side(new)
    paths = [_path(side, tokens) for side in sides]
    one, other = (path[-1] for path in paths)
    if tokens and not any(isinstance(each, dict) for each in (one, other)):
        one, other = (_keyword(side, path[-2], tokens[-1]) for side, path in zip(sides, paths, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        one, other = _apart(one, other)
    before, after = (None if each is _ABSENT else bounded(each) for each in (one, other))
    return Fragment(before, after, one is not _ABSENT, other is not _ABSENT)


def bounded(value: Any) -> Any:
    """A value of JSON cut to `MOST_BYTES`: the deepest parts first."""
    for depth in range(_DEEPEST, -1, -1):
        cut = _cut(value, depth)
        if len(canonical_json(cut)) <= MOST_BYTES:
            return cut
    return LEFT_OUT


def _path(side: Side, tokens: tuple[str, ...]) -> list[Any]:
    """The node at each token, the document first; `_ABSENT` from where it ends."""
    nodes: list[Any] = [side.document]
    for index in range(len(tokens)):
        nodes.append(_step(side, nodes, tokens, index))
    return nodes


def _step(side: Side, nodes: list[Any], tokens: tuple[str, ...], index: int) -> Any:
    node, name = nodes[-1], tokens[index]
    if isinstance(node, dict):
        node = side.object(node)
        return node.get(name, [] if name == "parameters" else _ABSENT)
    if not isinstance(node, list):
        return _ABSENT
    if name.isdigit() and int(name) < len(node) and tokens[index - 1] != "path":
        return node[int(name)]
    if tokens[index - 1] == "parameters":
        return [each for parent in nodes[-3:-1] for each in _parameters(side, parent) if each.get("in") == name]
    if index >= 2 and tokens[index - 2] == "parameters":
        return next((each for each in reversed(node) if name in _names(each, tokens)), _ABSENT)
    return _ABSENT


def _parameters(side: Side, node: Any) -> Iterator[dict[str, Any]]:
    listed = node.get("parameters") if isinstance(node, dict) else None
    yield from (side.object(each) for each in listed if isinstance(each, dict)) if isinstance(listed, list) else ()


def _names(parameter: dict[str, Any], tokens: tuple[str, ...]) -> set[str]:
    """What a change may call a parameter: its name, or its number among those of the path."""
    name = str(parameter.get("name", ""))
    known = _TEMPLATE.findall(tokens[1]) if parameter.get("in") == "path" and len(tokens) > 1 else []
    return {name, name.lower() if parameter.get("in") == "header" else name} | (
        {str(known.index(name))} if name in known else set()
    )


def _keyword(side: Side, parent: Any, name: str) -> Any:
    """A keyword with its neighbours that are short."""
    if not isinstance(parent, dict):
        return _ABSENT
    return {
        key: value for key, value in side.object(parent).items() if key == name or not isinstance(value, dict | list)
    }


def _apart(old: dict[str, Any], new: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both without what is the same and long."""
    sides: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for name in dict.fromkeys((*old, *new)):
        pair: list[Any] = [side.get(name, _ABSENT) for side in (old, new)]
        if all(isinstance(each, dict) for each in pair) and pair[0] != pair[1]:
            pair = list(_apart(pair[0], pair[1]))
        elif pair[0] == pair[1] and len(canonical_json(pair[0])) > _SHORT_BYTES:
            pair = [LEFT_OUT, LEFT_OUT]
        for side, value in zip(sides, pair, strict=True):
            if value is not _ABSENT:
                side[name] = value
    return sides


def _cut(value: Any, depth: int) -> Any:
    if not isinstance(value, dict | list) or not value:
        return value
    if depth == 0:
        return LEFT_OUT
    if isinstance(value, dict):
        return {name: _cut(each, depth - 1) for name, each in value.items()}
    return [_cut(each, depth - 1) for each in value]
