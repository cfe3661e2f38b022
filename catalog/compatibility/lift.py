"""Lifting: a schema of any dialect as a term.

What a term cannot say (unevaluated*, dynamic references, unknown vocabularies) becomes `opaque`: equal to itself
where its text and all it refers to are the same on both sides, and otherwise of no known meaning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from catalog.compatibility.comparison import Direction
from catalog.compatibility.dialect import Dialect
from catalog.compatibility.document import Document, is_placed, references
from catalog.compatibility.projection import hidden_names
from catalog.compatibility.term import Arena, Term

_OPAQUE = ("unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$recursiveRef")
_COUNTS = {
    "minLength": "min-length",
    "maxLength": "max-length",
    "minItems": "min-items",
    "maxItems": "max-items",
    "minProperties": "min-properties",
    "maxProperties": "max-properties",
}
_TYPES = {
    **{name: frozenset({name}) for name in ("null", "boolean", "string", "array", "object")},
    "number": frozenset({"integer", "integral", "fraction"}),
    "integer": frozenset({"integer", "integral"}),
}


def kinds_named(schema: dict[str, Any]) -> frozenset[str]:
    """The kinds of value that `type`, with `nullable` of OpenAPI 3.0, allows."""
    named = schema["type"]
    kinds = frozenset().union(*(_TYPES.get(name, ()) for name in (named if isinstance(named, list) else [named])))
    return kinds | {"null"} if schema.get("nullable") is True and not isinstance(named, list) else kinds


class Lifter:
    """Terms of the schemas of one side. `is_shared` tells the addresses that mean the same on both sides."""

    def __init__(
        self,
        document: Document,
        side: str,
        arena: Arena,
        is_shared: Callable[[str], bool],
        direction: Direction | None,
    ) -> None:
        self.document = document
        self._side = side
        self._arena = arena
        self._is_shared = is_shared
        self._direction = direction
        self._terms: dict[tuple[int, str], tuple[Term, Any]] = {}  # the schema is kept, so that its id stays its own

    def term(self, schema: Any, base: str = "") -> Term:
        """`schema`, found where `base` holds, as a term."""
        if not isinstance(schema, dict):
            return self._arena.false if schema is False else self._arena.true
        key = (id(schema), base)
        if key not in self._terms:
            self._terms[key] = (self._arena.all(self._atoms(schema, self.document.rebased(schema, base))), schema)
        return self._terms[key][0]

    def target(self, address: str) -> Term | None:
        """What a reference leads to; None for what lies outside."""
        place = self.document.find(address)
        return self.term(place.schema, place.base) if place is not None else None

    def _atoms(self, schema: dict[str, Any], base: str) -> Iterator[Term]:
        dialect = self.document.dialect
        if dialect.name == "unknown":
            yield self._opaque(schema, base)
            return
        if isinstance(schema.get("$ref"), str):
            yield self._reference(self.document.address(schema["$ref"], base))
            if dialect.ignores_siblings:
                return
        known = {name: value for name, value in schema.items() if name in dialect.keywords}
        if any(name in known for name in _OPAQUE):
            yield self._opaque(schema, base)
        hidden = hidden_names(schema, base, self.document, self._direction)
        lifting = _Lifting(self, self._arena, dialect, known, base, hidden)
        yield from lifting.atoms()

    def _reference(self, address: str) -> Term:
        is_outside = self.document.find(address) is None and not address.startswith("#")
        shared = is_outside or self._is_shared(address)
        return self._arena.make("ref", address, "" if shared else self._side)

    def _opaque(self, schema: dict[str, Any], base: str) -> Term:
        keywords = self.document.dialect.keywords
        said = {name: each for name, each in schema.items() if name in keywords or name == "$ref" or not keywords}
        text = json.dumps(said, sort_keys=True)
        addresses = sorted({self.document.address(ref, base) for ref in references(said)})
        is_known = not is_placed(text, self.document.dialect) and all(map(self._is_shared, addresses))
        return self._arena.make("opaque", text, *addresses, *(() if is_known else (self._side, base)))


class _Lifting:
    """The atoms of one schema object."""

    def __init__(
        self, lifter: Lifter, arena: Arena, dialect: Dialect, known: dict[str, Any], base: str, hidden: frozenset[str]
    ) -> None:
        self._make = arena.make
        self._arena = arena
        self._dialect = dialect
        self._known = known
        self._hidden = hidden
        self._lifter = lifter
        self._base = base

    def _term(self, schema: Any) -> Term:
        return self._lifter.term(schema, self._base)

    def atoms(self) -> Iterator[Term]:
        yield from self._values()
        yield from self._logic()
        yield from self._numbers()
        for keyword, op in _COUNTS.items():
            if keyword in self._known:
                yield self._make(op, int(self._known[keyword]))
        for keyword in ("pattern", "format"):
            if isinstance(self._known.get(keyword), str):
                yield self._make(keyword, self._known[keyword])
        yield from self._arrays()
        yield from self._objects()

    def _values(self) -> Iterator[Term]:
        if "type" in self._known:
            named = self._known["type"]
            kinds = kinds_named(self._known)
            if self._dialect.is_integer_strict and "integer" in named and "number" not in named:
                kinds -= {"integral"}
            yield self._make("type", kinds)
        if isinstance(self._known.get("enum"), list):
            yield self._arena.enum(self._known["enum"])
        if "const" in self._known:
            yield self._arena.enum([self._known["const"]])

    def _logic(self) -> Iterator[Term]:
        for keyword, op in (("allOf", "all"), ("anyOf", "any"), ("oneOf", "one")):
            if keyword not in self._known:
                continue
            terms = [self._term(each) for each in self._known[keyword]]
            if op == "all":
                yield from terms
            elif len(terms) == 1:
                yield terms[0]
            elif op == "one":
                yield self._make(op, *sorted(terms, key=hash))
            else:
                yield self._make(op, *sorted(set(terms), key=hash))
        if "not" in self._known:
            yield self._arena.negated(self._term(self._known["not"]))
        if "if" in self._known and ("then" in self._known or "else" in self._known):
            branches = (self._term(self._known.get(name, True)) for name in ("if", "then", "else"))
            yield self._make("if", *branches)

    def _numbers(self) -> Iterator[Term]:
        known = self._known
        for bound, exclusive, op, strict_op in (
            ("minimum", "exclusiveMinimum", "min", "over"),
            ("maximum", "exclusiveMaximum", "max", "under"),
        ):
            flag = known.get(exclusive)
            if bound in known:
                yield self._make(strict_op if flag is True else op, known[bound])
            if flag is not None and not isinstance(flag, bool):
                yield self._make(strict_op, flag)
        if "multipleOf" in known:  # 1 and 1.0 divide differently in floating point
            yield self._make("multiple", type(known["multipleOf"]).__name__, known["multipleOf"])

    def _arrays(self) -> Iterator[Term]:
        known = self._known
        if known.get("uniqueItems") is True:
            yield self._make("unique")
        first, rest = known.get("prefixItems", []), known.get("items")
        if isinstance(rest, list):
            first, rest = rest, known.get("additionalItems")
        for index, child in enumerate(first):
            yield self._make("at", index, self._term(child))
        if rest is not None and self._term(rest) is not self._arena.true:
            yield self._make("from", len(first), self._term(rest))
        if "contains" in known:
            child = self._term(known["contains"])
            if (least := int(known.get("minContains", 1))) > 0:
                yield self._make("min-contains", child, least)
            if "maxContains" in known:
                yield self._make("max-contains", child, int(known["maxContains"]))

    def _objects(self) -> Iterator[Term]:
        known, make = self._known, self._make
        properties = {name: child for name, child in known.get("properties", {}).items() if name not in self._hidden}
        patterns = known.get("patternProperties", {})
        for name in known.get("required", ()):
            if name not in self._hidden:
                yield make("required", name)
        for name, child in properties.items():
            yield make("property", name, self._term(child))
        for pattern, child in patterns.items():
            yield make("matching", pattern, self._term(child))
        if "additionalProperties" in known and self._term(known["additionalProperties"]) is not self._arena.true:
            term = self._term(known["additionalProperties"])
            yield make("additional", frozenset(properties), frozenset(patterns), term)
        if "propertyNames" in known:
            yield make("names", self._term(known["propertyNames"]))
        for keyword in ("dependencies", "dependentRequired", "dependentSchemas"):
            for name, needs in known.get(keyword, {}).items():
                if isinstance(needs, list):
                    yield from (make("dependent", name, other) for other in needs)
                else:
                    yield make("dependent-schema", name, self._term(needs))
