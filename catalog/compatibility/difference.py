"""Where two schemas differ: keyword by keyword, followed through references.

Each difference brings, for either side, what that side says there as a term about the whole value, so that it can be
judged alone. Branches of anyOf, oneOf, not and if are not entered: they say nothing of the value by themselves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from catalog.compatibility.comparison import Direction
from catalog.compatibility.document import Document
from catalog.compatibility.lift import Lifter, kinds_named
from catalog.compatibility.projection import hidden_names
from catalog.compatibility.rule import slug
from catalog.compatibility.term import Arena, Term, value_key
from catalog.pointer import join

Wrap = Callable[[Term], Term]
_MOST = 120  # pairs of schemas
_DEEPEST = 16

_BOUNDS = (
    *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
)
#: keywords that only mean something together; the first names the change
_GROUPS: tuple[tuple[str, ...], ...] = (
    ("type", "nullable"),
    ("enum",),
    ("const",),
    *((keyword,) for keyword in _BOUNDS),
    ("multipleOf",),
    ("pattern",),
    ("format",),
    ("uniqueItems",),
    ("contains", "minContains", "maxContains"),
    ("propertyNames",),
    ("dependencies",),
    ("dependentRequired",),
    ("dependentSchemas",),
    ("anyOf",),
    ("oneOf",),
    ("not",),
    ("if", "then", "else"),
)
_OPAQUE = ("unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$recursiveRef")


class Difference(NamedTuple):
    """One difference: `terms` are what the old and the new schema say there of the whole value; None for nothing."""

    rule: str
    pointer: str
    old: Any
    new: Any
    terms: tuple[Term | None, Term | None]


class _Side(NamedTuple):
    """One of the two schemas at some place."""

    schema: Any
    base: str
    wrap: Wrap

    def inner(self, schema: Any, wrap: Wrap) -> _Side:
        outer = self.wrap
        return _Side(schema, self.base, lambda term: outer(wrap(term)))


def differences(
    old: Any,
    new: Any,
    documents: tuple[Document, ...],
    lifters: list[Lifter],
    arena: Arena,
    direction: Direction | None,
) -> Iterator[Difference]:
    """Every difference between two schemas that may matter to an instance."""
    walk = _Walk(documents, lifters, arena, direction)
    yield from walk.all(_Side(old, "", _same), _Side(new, "", _same))


def _same(term: Term) -> Term:
    return term


class _Walk:
    def __init__(
        self,
        documents: tuple[Document, ...],
        lifters: list[Lifter],
        arena: Arena,
        direction: Direction | None,
    ) -> None:
        self._documents = documents
        self._lifters = lifters
        self._arena = arena
        self._direction = direction
        self._seen: set[tuple[int, int]] = set()
        self._queue: deque[tuple[_Side, _Side, str, int]] = deque()

    def all(self, old: _Side, new: _Side) -> Iterator[Difference]:
        """The nearest first; what lies very deep, or beyond very many others, is left to the whole."""
        self._queue.append((old, new, "", 0))
        while self._queue and len(self._seen) < _MOST:
            yield from self.pair(*self._queue.popleft())

    def pair(self, old: _Side, new: _Side, pointer: str, depth: int) -> Iterator[Difference]:
        sides = (self._followed(old, 0), self._followed(new, 1))
        terms = tuple(self._lifters[index].term(side.schema, side.base) for index, side in enumerate(sides))
        key = (id(sides[0].schema), id(sides[1].schema))
        if terms[0] is terms[1] or key in self._seen:
            return
        if any(side.schema is False for side in sides) or depth > _DEEPEST or self._is_mixed():
            yield self._whole("schema-changed", pointer, sides, terms)
            return
        self._seen.add(key)
        views = (self._view(sides[0], 0), self._view(sides[1], 1))
        for part in (self._references, self._groups, self._members, self._items, self._alls, self._opaque):
            yield from part(views, pointer, depth)

    def _is_mixed(self) -> bool:
        return "unknown" in {document.dialect.name for document in self._documents}

    def _whole(self, rule: str, pointer: str, sides: Any, terms: Any) -> Difference:
        wrapped = tuple(side.wrap(term) for side, term in zip(sides, terms, strict=True))
        return Difference(rule, pointer, sides[0].schema, sides[1].schema, (wrapped[0], wrapped[1]))

    def _followed(self, side: _Side, index: int) -> _Side:
        """Through references that stand alone."""
        document = self._documents[index]
        for _ in range(32):
            schema = side.schema
            if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
                return side
            is_alone = document.dialect.ignores_siblings or not (document.dialect.keywords & schema.keys())
            base = document.rebased(schema, side.base)
            place = document.find(document.address(schema["$ref"], base)) if is_alone else None
            if place is None:
                return side
            side = _Side(place.schema, place.base, side.wrap)
        return side

    def _view(self, side: _Side, index: int) -> _Side:
        """Only keywords that the dialect knows and the direction carries."""
        schema = side.schema if isinstance(side.schema, dict) else {}
        document = self._documents[index]
        base = document.rebased(schema, side.base)
        hidden = hidden_names(schema, base, document, self._direction)
        view = {name: value for name, value in schema.items() if name in document.dialect.keywords or name == "$ref"}
        if hidden:
            view["properties"] = {name: each for name, each in schema["properties"].items() if name not in hidden}
            view["required"] = [name for name in schema.get("required", ()) if name not in hidden]
        return _Side(view, base, side.wrap)

    def _said(self, side: _Side, index: int, keywords: tuple[str, ...]) -> Term | None:
        """What these keywords alone say of the whole value."""
        part = {name: side.schema[name] for name in keywords if name in side.schema}
        if not part:
            return None
        term = self._lifters[index].term(part, side.base)
        return None if term is self._arena.true else side.wrap(term)

    def _compared(
        self, rule: Callable[[Any, Any], str], keywords: tuple[str, ...], views: tuple[_Side, _Side], pointer: str
    ) -> Iterator[Difference]:
        terms = (self._said(views[0], 0, keywords), self._said(views[1], 1, keywords))
        if terms[0] is not terms[1]:
            shown = next((name for name in keywords if any(name in view.schema for view in views)), keywords[0])
            old, new = (view.schema.get(shown) for view in views)
            yield Difference(rule(old, new), join(pointer, shown), old, new, terms)

    def _references(self, views: tuple[_Side, _Side], pointer: str, depth: int) -> Iterator[Difference]:
        def rule(old: Any, new: Any) -> str:
            return _presence("$ref", old, new)

        yield from self._compared(rule, ("$ref",), views, pointer)

    def _groups(self, views: tuple[_Side, _Side], pointer: str, depth: int) -> Iterator[Difference]:
        for group in _GROUPS:
            if not any(name in view.schema for view in views for name in group):
                continue
            keywords = _companions(group, views)

            def rule(old: Any, new: Any, group: tuple[str, ...] = group) -> str:
                return _rule(group[0], old, new, views)

            yield from self._compared(rule, keywords, views, pointer)

    def _members(self, views: tuple[_Side, _Side], pointer: str, depth: int) -> Iterator[Difference]:
        yield from self._required(views, pointer)
        for keyword, op, word in (
            ("properties", "property", "property"),
            ("patternProperties", "matching", "pattern-property"),
        ):
            maps = [view.schema.get(keyword, {}) for view in views]
            for name in [*maps[0], *(name for name in maps[1] if name not in maps[0])]:
                place = join(pointer, keyword, name)

                def wrap(term: Term, op: str = op, name: str = name) -> Term:
                    return self._arena.make(op, name, term)

                if name in maps[0] and name in maps[1]:
                    old, new = (view.inner(each[name], wrap) for view, each in zip(views, maps, strict=True))
                    self._queue.append((old, new, place, depth + 1))
                else:
                    rule = f"{word}-removed" if name in maps[0] else f"{word}-added"
                    terms = (self._member(views, 0, keyword, name, wrap), self._member(views, 1, keyword, name, wrap))
                    yield Difference(rule, place, maps[0].get(name), maps[1].get(name), terms)
        yield from self._additional(views, pointer, depth)

    def _member(self, views: tuple[_Side, _Side], index: int, keyword: str, name: str, wrap: Wrap) -> Term | None:
        """What one side says of a member that the other does not name: its own schema, or that for all others."""
        view = views[index]
        named = view.schema.get(keyword, {})
        if name in named:
            return view.wrap(wrap(self._lifters[index].term(named[name], view.base)))
        if "additionalProperties" not in view.schema or keyword == "patternProperties":
            return self._said(view, index, ("properties", "patternProperties", "additionalProperties"))
        return view.wrap(wrap(self._lifters[index].term(view.schema["additionalProperties"], view.base)))

    def _required(self, views: tuple[_Side, _Side], pointer: str) -> Iterator[Difference]:
        lists = [view.schema.get("required", []) for view in views]
        for name in dict.fromkeys([*lists[0], *lists[1]]):
            if (name in lists[0]) != (name in lists[1]):
                rule = "required-removed" if name in lists[0] else "required-added"
                term = self._arena.make("required", name)
                terms = tuple(
                    view.wrap(term) if name in each else None for view, each in zip(views, lists, strict=True)
                )
                old, new = (name if name in each else None for each in lists)
                yield Difference(rule, join(pointer, "required"), old, new, (terms[0], terms[1]))

    def _additional(self, views: tuple[_Side, _Side], pointer: str, depth: int) -> Iterator[Difference]:
        given = [view.schema.get("additionalProperties", True) for view in views]
        place = join(pointer, "additionalProperties")
        if all(isinstance(each, dict) for each in given):
            old, new = (view.inner(each, self._others(view)) for view, each in zip(views, given, strict=True))
            self._queue.append((old, new, place, depth + 1))
            return
        terms = [self._lifters[index].term(each, views[index].base) for index, each in enumerate(given)]
        if terms[0] is terms[1]:
            return
        rule = "additional-properties-changed"
        if self._arena.false in terms:
            rule = "object-opened" if terms[0] is self._arena.false else "object-closed"
        old, new = (view.schema.get("additionalProperties") for view in views)
        closing = (self._closing(views[0], 0), self._closing(views[1], 1))
        yield Difference(rule, place, old, new, closing)

    def _closing(self, view: _Side, index: int) -> Term | None:
        """The atom for members that are not named, without what is said of those that are."""
        given = view.schema.get("additionalProperties", True)
        term = self._lifters[index].term(given, view.base)
        return None if term is self._arena.true else view.wrap(self._others(view)(term))

    def _others(self, view: _Side) -> Wrap:
        names = frozenset(view.schema.get("properties", {}))
        patterns = frozenset(view.schema.get("patternProperties", {}))
        return lambda term: self._arena.make("additional", names, patterns, term)

    def _items(self, views: tuple[_Side, _Side], pointer: str, depth: int) -> Iterator[Difference]:
        given = [view.schema.get("items") for view in views]
        tuples = [_tuple(view.schema) for view in views]
        if not any(tuples) and all(isinstance(each, dict) for each in given):
            old, new = (view.inner(each, self._every) for view, each in zip(views, given, strict=True))
            self._queue.append((old, new, join(pointer, "items"), depth + 1))
            return

        def rule(old: Any, new: Any) -> str:
            return _presence("items", old, new)

        yield from self._compared(rule, ("items", "prefixItems", "additionalItems"), views, pointer)

    def _every(self, term: Term) -> Term:
        return self._arena.make("from", 0, term)

    def _alls(self, views: tuple[_Side, _Side], pointer: str, depth: int) -> Iterator[Difference]:
        given = [view.schema.get("allOf", []) for view in views]
        if len(given[0]) == len(given[1]):
            for index, parts in enumerate(zip(*given, strict=True)):
                old, new = (view.inner(part, _same) for view, part in zip(views, parts, strict=True))
                self._queue.append((old, new, join(pointer, "allOf", index), depth + 1))
            return

        def rule(old: Any, new: Any) -> str:
            return _presence("allOf", old, new)

        yield from self._compared(rule, ("allOf",), views, pointer)

    def _opaque(self, views: tuple[_Side, _Side], pointer: str, depth: int) -> Iterator[Difference]:
        for keyword in _OPAQUE:
            old, new = (view.schema.get(keyword) for view in views)
            if value_key(old) != value_key(new):
                terms = tuple(self._said(view, index, tuple(view.schema)) for index, view in enumerate(views))
                yield Difference(_presence(keyword, old, new), join(pointer, keyword), old, new, (terms[0], terms[1]))


def _tuple(schema: dict[str, Any]) -> bool:
    return "prefixItems" in schema or isinstance(schema.get("items"), list)


def _companions(group: tuple[str, ...], views: tuple[_Side, _Side]) -> tuple[str, ...]:
    """Draft 4's exclusive bounds are flags that mean nothing without their bound."""
    bound = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}.get(group[0])
    if bound and any(isinstance(view.schema.get(group[0]), bool) for view in views):
        return (*group, bound)
    return group


def _presence(keyword: str, old: Any, new: Any) -> str:
    ending = "added" if old is None else "removed" if new is None else "changed"
    return f"{slug(keyword)}-{ending}"


def _rule(keyword: str, old: Any, new: Any, views: tuple[_Side, _Side]) -> str:
    is_there = [any(name in view.schema for name in (keyword,)) for view in views]
    if keyword in _BOUNDS and all(is_there) and not isinstance(old, bool) and not isinstance(new, bool):
        return f"{slug(keyword)}-{'raised' if new > old else 'lowered'}"
    if all(is_there) and keyword in ("enum", "type"):
        if keyword == "enum":
            before, after = (set(map(value_key, each)) for each in (old, new))
        else:
            before, after = (set(kinds_named(view.schema)) for view in views)
        if before < after or after < before:
            word = ("added", "removed") if keyword == "enum" else ("widened", "narrowed")
            name = "enum-value" if keyword == "enum" else "type"
            return f"{name}-{word[0] if before < after else word[1]}"
    if all(is_there) and keyword in ("anyOf", "oneOf") and len(old) != len(new):
        return f"{slug(keyword)}-branch-{'added' if len(new) > len(old) else 'removed'}"
    if keyword in _BOUNDS:
        return f"{slug(keyword)}-{'added' if not is_there[0] or old is False else 'removed'}"
    return _presence(keyword, True if is_there[0] else None, True if is_there[1] else None)
