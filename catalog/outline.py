"""The names that a schema declares, place by place: to tell which fields of a document are there.

What applies to one value counts together, whichever way it comes in: references, `allOf`, the branches of `anyOf` and
`oneOf`, conditions. Schemas are bundled ones (`catalog.bundle`): JSON Schema 2020-12, self-contained.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote

from catalog.pointer import join, resolve

_ONE = ("additionalProperties", "items", "if", "then", "else", "unevaluatedProperties", "unevaluatedItems")
_LIST = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAP = ("properties", "patternProperties", "dependentSchemas", "$defs")
_KEPT = frozenset({*_ONE, *_LIST, *_MAP, "$ref", "$id"})

_Placed = tuple[dict[str, Any], Any]  # a schema, and the document that its own references lead into


def slim(schema: Any) -> Any:
    """`schema` without what says nothing of names; what has none left is None."""
    if not isinstance(schema, dict):
        return None
    kept: dict[str, Any] = {}
    for name, value in schema.items():
        if name not in _KEPT:
            continue
        if name in _MAP:
            kept[name] = {key: slim(each) for key, each in value.items()}
        elif name in _LIST:
            kept[name] = [slim(each) for each in value]
        elif name in _ONE:
            if value is not False or name == "additionalProperties":
                kept[name] = value and slim(value)
        else:
            kept[name] = value
    return kept or None


class Position:
    """A place of documents: every schema that applies there."""

    def __init__(self, schemas: Iterable[_Placed], roots: dict[str, Any]) -> None:
        given = tuple(schemas)
        self._schemas = tuple(_applying(given, roots))
        self._roots = roots
        self._members: dict[str, Position] = {}
        #: whether an object there has no names but those declared
        self.is_closed = bool(given) and all(_is_closed(each, roots) for each in given)

    def names(self) -> set[str]:
        """Every declared name."""
        return {name for schema, _ in self._schemas for name in schema.get("properties", ())}

    @property
    def has_items(self) -> bool:
        """Whether something is declared of an array there."""
        return any(schema.keys() & {"items", "prefixItems", "unevaluatedItems"} for schema, _ in self._schemas)

    @property
    def is_leaf(self) -> bool:
        """Whether nothing is declared of what lies in it."""
        return not any(schema.keys() & _INNER for schema, _ in self._schemas)

    def member(self, name: str) -> Position | None:
        """What a declared name leads to; None when it is not declared."""
        known = self._members.get(name)
        if known is None:
            known = self._member(name)
            if known is not None:
                self._members[name] = known
        return known

    def _member(self, name: str) -> Position | None:
        found = [(schema["properties"], home) for schema, home in self._schemas if name in schema.get("properties", ())]
        return self._at((properties[name], home) for properties, home in found) if found else None

    def other(self) -> Position:
        """What names lead to that are not declared one by one."""
        return self._at(self._others())

    def item(self) -> Position:
        """What the items of an array are, wherever they stand."""
        return self._at(self._items())

    def _others(self) -> Iterator[tuple[Any, Any]]:
        for schema, home in self._schemas:
            for name in ("additionalProperties", "unevaluatedProperties"):
                yield schema.get(name), home
            for each in schema.get("patternProperties", {}).values():
                yield each, home

    def _items(self) -> Iterator[tuple[Any, Any]]:
        for schema, home in self._schemas:
            for name in ("items", "unevaluatedItems"):
                yield schema.get(name), home
            for each in schema.get("prefixItems", ()):
                yield each, home

    def _at(self, schemas: Iterable[tuple[Any, Any]]) -> Position:
        return Position(((schema, home) for schema, home in schemas if schema), self._roots)


_INNER = frozenset({"properties", "patternProperties", "additionalProperties", "unevaluatedProperties"}) | {
    *("items", "prefixItems", "unevaluatedItems")
}


def root_of(slimmed: Any, member: str | None = None) -> Position:
    """The root of a slimmed schema, or the one of its definitions that `member` names."""
    definitions = slimmed.get("$defs", {}) if slimmed else {}
    roots = {each["$id"]: each for each in definitions.values() if each and "$id" in each}
    start = {"$ref": join("#/$defs", member)} if member is not None else slimmed
    return Position([(start, slimmed)] if slimmed else [], roots)


def _is_closed(schema: _Placed, roots: dict[str, Any]) -> bool:
    return any(each.get("additionalProperties") is False for each, _ in _applying([schema], roots, is_certain=True))


def _applying(schemas: Iterable[_Placed], roots: dict[str, Any], is_certain: bool = False) -> Iterator[_Placed]:
    """Schemas with all that they bring in for the same value, each once; `is_certain`: whatever the value is."""
    todo = list(schemas)
    seen: set[int] = set()
    while todo:
        schema, home = todo.pop()
        if id(schema) in seen:
            continue
        seen.add(id(schema))
        yield schema, home
        inner = [*schema.get("allOf", ())]
        if not is_certain:
            inner += [schema.get(name) for name in ("if", "then", "else")]
            inner += [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
            inner += schema.get("dependentSchemas", {}).values()
        todo += [(each, home) for each in inner if each]
        target, its_home = _referred(schema.get("$ref"), home, roots)
        if isinstance(target, dict):
            todo.append((target, its_home))


def _referred(ref: Any, home: Any, roots: dict[str, Any]) -> tuple[Any, Any]:
    """What a reference names: `#/…` in its own document, or an embedded schema known by its `$id`."""
    if not isinstance(ref, str):
        return None, None
    base, _, fragment = ref.partition("#")
    document = roots.get(base) if base else home
    return (resolve(document, unquote(fragment) if "%" in fragment else fragment) if fragment else document), document
