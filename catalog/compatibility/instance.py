"""Values that a schema takes, found by the prover: the smallest one first, then ones that hold more of what it allows.

The prover answers "no value" questions with a value where there is one, and `jsonschema` confirms it; to ask for more
than the smallest value is to ask the same of the schema and a wish together. What cannot be found within its steps is
left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from jsonschema import Draft202012Validator

from catalog.compatibility.comparer import compare_schemas
from catalog.compatibility.dialect import dialect_of
from catalog.compatibility.document import Document, Place
from catalog.compatibility.judge import FORMATS

_DEEPEST = 4  # members within members that are wished for
_MOST_HOPS = 16  # references and branches that one wish looks through
_TRIES = 3  # wishes for one value: two may contradict the schema
_MOST_ITEMS = 2
_LONGEST = 4_096  # characters of a text that is wished for
_LETTERS = ("ß", "Größe 漢字", "naïve 😀 <&'\"")
#: what bounds a number or a text by itself
_LIMITS = (
    *("type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "enum", "const"),
    *("minLength", "maxLength", "pattern", "format"),
)


def instances(schema: Any, count: int, random: Random) -> Iterator[Any]:
    """At most `count` different values that are valid under a self-contained 2020-12 `schema`; none when none is
    found. The same `random` state gives the same values."""
    wishing = _Wishing(schema, random)
    seen: set[str] = set()
    for tried in range(count * _TRIES):
        found = _instance(wishing.wished() if tried else schema)
        for value in found:
            text = json.dumps(value, sort_keys=True)
            if text not in seen:
                seen.add(text)
                yield value
        if len(seen) >= count or (not tried and not found):
            return


def _instance(schema: Any) -> list[Any]:
    """One valid value, in a list; [] when there is none or none was found."""
    changes = compare_schemas(schema, False).changes
    return next(([change.witness] for change in changes if change.verdict == "incompatible"), [])


class _Wishing:
    """Wishes for values of one schema: optional members that shall be there, listed values, edges, longer arrays."""

    def __init__(self, schema: Any, random: Random) -> None:
        self._schema = schema
        self._random = random
        self._document = Document(schema, dialect_of(schema))

    def wished(self) -> Any:
        """The schema and a wish together."""
        if not isinstance(self._schema, dict):
            return self._schema
        definitions = {"$defs": self._schema["$defs"]} if "$defs" in self._schema else {}
        rest = {name: value for name, value in self._schema.items() if name != "$defs"}
        return {"allOf": [rest, self._wish(Place(self._schema, ""), 0)], **definitions}

    def _wish(self, place: Place, depth: int) -> dict[str, Any]:
        views = list(self._views(place))
        listed = [view.schema["enum"] for view in views if isinstance(view.schema.get("enum"), list)]
        if listed and listed[0]:
            return {"const": self._random.choice(listed[0])}
        wish: dict[str, Any] = {}
        for view in views if depth < _DEEPEST else ():
            self._members(view, depth, wish)
            self._items(view, depth, wish)
        return wish or self._bound(views)

    def _views(self, place: Place) -> Iterator[Place]:
        """The schema and all that it says of the very same value through `$ref` and `allOf`."""
        todo = [place]
        for _ in range(_MOST_HOPS):
            if not todo:
                return
            schema, base = todo.pop(0)
            if not isinstance(schema, dict):
                continue
            base = self._document.rebased(schema, base)
            yield Place(schema, base)
            ref = schema.get("$ref")
            target = self._document.find(self._document.address(ref, base)) if isinstance(ref, str) else None
            todo += [target] if target is not None else []
            todo += [Place(branch, base) for branch in schema.get("allOf", ())]

    def _members(self, view: Place, depth: int, wish: dict[str, Any]) -> None:
        declared = view.schema.get("properties")
        if not isinstance(declared, dict):
            return
        needed = view.schema.get("required", [])
        chosen = [name for name in declared if name in needed or self._random.random() < 1 / (depth + 1.5)]
        wish["required"] = [*wish.get("required", []), *chosen]
        told = {name: self._wish(Place(declared[name], view.base), depth + 1) for name in chosen}
        wish["properties"] = {**wish.get("properties", {}), **{name: each for name, each in told.items() if each}}

    def _items(self, view: Place, depth: int, wish: dict[str, Any]) -> None:
        items = view.schema.get("items")
        if isinstance(items, dict):
            wish["minItems"] = min(self._random.randint(1, _MOST_ITEMS), view.schema.get("maxItems", _MOST_ITEMS))
            wish["items"] = self._wish(Place(items, view.base), depth + 1)

    def _bound(self, views: list[Place]) -> dict[str, Any]:
        """Half of the time a value at an edge of what a number or a text may be, where mistakes are made."""
        limits = [{name: view.schema[name] for name in _LIMITS if name in view.schema} for view in views]
        types = {each["type"] for each in limits if isinstance(each.get("type"), str)}
        judges = [Draft202012Validator(each, format_checker=FORMATS) for each in limits]
        edges = _numbers(limits) if types & {"integer", "number"} else _texts(limits) if "string" in types else []
        edges = [edge for edge in edges if all(judge.is_valid(edge) for judge in judges)]
        return {"const": self._random.choice(edges)} if edges and self._random.random() < 0.5 else {}


def _numbers(limits: list[dict[str, Any]]) -> list[Any]:
    """The bounds, and what lies far beyond where there are none."""
    return [*_values(limits, "minimum"), *_values(limits, "maximum"), 0, -1, 1_000_000_007]


def _texts(limits: list[dict[str, Any]]) -> list[Any]:
    """The shortest and the longest, and letters beyond ASCII and beyond 16 bits."""
    least = max(_values(limits, "minLength"), default=0)
    most = min(_values(limits, "maxLength"), default=_LONGEST)
    return ["a" * least, *(["a" * most] if most <= _LONGEST else []), *(text.ljust(least, "ß") for text in _LETTERS)]


def _values(limits: list[dict[str, Any]], name: str) -> list[Any]:
    return [each[name] for each in limits if name in each]
