"""From a raw path to an operation: a tree of segments, literals before parameters (OpenAPI 3.1.1 §4.8.8.2).

Only the bytes that came decide; a percent-escape stands for itself in a literal segment and is decoded in a parameter.
"""

from __future__ import annotations

import re
from typing import Generic, TypeVar
from urllib.parse import unquote

import msgspec

from catalog.route import parameter_names, pattern, segments

T = TypeVar("T")


class Match(msgspec.Struct, Generic[T], frozen=True):
    """`target` is None when the path is known and the method is not; `allowed` then lists the methods."""

    target: T | None
    parameters: dict[str, str]
    allowed: tuple[str, ...]


class _Node(Generic[T]):
    __slots__ = ("literals", "methods", "parameter")

    def __init__(self) -> None:
        self.literals: dict[str, _Node[T]] = {}
        self.parameter: _Node[T] | None = None
        # names of the parameters, and what the path must match where a segment mixes text and parameters
        self.methods: dict[str, tuple[T, tuple[str, ...], re.Pattern[str] | None]] = {}


class Router(Generic[T]):
    """Routes of one snapshot; built once, then only read."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._static: dict[str, _Node[T]] = {}

    def add(self, method: str, template: str, target: T) -> None:
        """Raises ValueError for what is no template, or is taken."""
        steps = segments(template)
        if steps is None:
            raise ValueError(f"{template} is no path template")
        node = self._root
        for step in steps:
            if step is None:
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(step, _Node())
        if method in node.methods:
            raise ValueError(f"{method} {template} is taken")
        node.methods[method] = (target, parameter_names(template), pattern(template))
        if None not in steps:
            self._static[template] = node

    def match(self, method: str, path: str) -> Match[T] | None:
        """None when no route has this path. HEAD falls back to GET."""
        node = self._static.get(path)
        if node is not None and method in node.methods:
            return Match(node.methods[method][0], {}, ())
        found = _nodes(self._root, path[1:].split("/"))
        for wanted in (method, "GET") if method == "HEAD" else (method,):
            for node, values in found:
                if wanted in node.methods:
                    target, names, mixed = node.methods[wanted]
                    if mixed is not None:
                        fit = mixed.fullmatch(path)
                        if fit is None:
                            continue
                        values = fit.groups()
                    texts = [unquote(value) if "%" in value else value for value in values]
                    return Match(target, dict(zip(names, texts, strict=True)), ())
        allowed = {
            name
            for node, _ in found
            for name, (_, _, mixed) in node.methods.items()
            if mixed is None or mixed.fullmatch(path)
        }
        if not allowed:
            return None
        if "GET" in allowed:
            allowed.add("HEAD")
        return Match(None, {}, tuple(sorted(allowed | {"OPTIONS"})))


def _nodes(root: _Node[T], steps: list[str]) -> list[tuple[_Node[T], tuple[str, ...]]]:
    """Every node that the path leads to with the values of its parameters, those by literals first."""
    node = root
    values: list[str] = []
    for at, step in enumerate(steps):
        literal = node.literals.get(step)
        if literal is not None and node.parameter is not None and step:  # two ways on
            found: list[tuple[_Node[T], tuple[str, ...]]] = []
            _walk(node, steps, at, tuple(values), found)
            return found
        if literal is not None:
            node = literal
        elif node.parameter is not None and step:
            node = node.parameter
            values.append(step)
        else:
            return []
    return [(node, tuple(values))] if node.methods else []


def _walk(
    node: _Node[T], steps: list[str], at: int, values: tuple[str, ...], found: list[tuple[_Node[T], tuple[str, ...]]]
) -> None:
    if at == len(steps):
        if node.methods:
            found.append((node, values))
        return
    step = steps[at]
    literal = node.literals.get(step)
    if literal is not None:
        _walk(literal, steps, at + 1, values, found)
    if node.parameter is not None and step:
        _walk(node.parameter, steps, at + 1, (*values, step), found)
