"""What differs between two shapes, facet by facet: a rule for each, and the members that are to be looked into."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from catalog.compatibility.contract.node import ENCODED, OPAQUE, TYPES, Shape
from catalog.compatibility.contract.rule import Direction
from catalog.compatibility.contract.side import Sides, mapped_reference
from catalog.snapshot import canonical_json


class Facet(NamedTuple):
    """One difference at `tokens` below the schema. `is_local`: judged by the value alone, whatever its members."""

    rule: str
    tokens: tuple[str, ...]
    old: Any
    new: Any
    what: str = ""
    is_local: bool = True


class Member(NamedTuple):
    """A part of the value with the schemas that describe it in each version."""

    tokens: tuple[str, ...]
    old: tuple[Any, ...]
    new: tuple[Any, ...]


_BOUNDS = {
    "minLength": ("minLength", "min-length-raised", "min-length-lowered"),
    "minItems": ("minItems", "min-items-raised", "min-items-lowered"),
    "minProperties": ("minProperties", "min-properties-raised", "min-properties-lowered"),
    "minimum": ("minimum", "minimum-raised", "minimum-lowered"),
    "maxLength": ("maxLength", "max-length-raised", "max-length-lowered"),
    "maxItems": ("maxItems", "max-items-raised", "max-items-lowered"),
    "maxProperties": ("maxProperties", "max-properties-raised", "max-properties-lowered"),
    "maximum": ("maximum", "maximum-lowered", "maximum-raised"),  # kept negated: the greater is the tighter
}
_SETS = {
    "pattern": ("pattern-added", "pattern-removed", "pattern-changed"),
    "format": ("format-added", "format-removed", "format-changed"),
    "multipleOf": ("multiple-given", "multiple-dropped", "multiple-changed"),
}


def facets(old: Shape, new: Shape, direction: Direction, sides: Sides, is_xml: bool) -> Iterator[Facet]:
    """Everything that differs but the members."""
    yield from _types(old, new)
    yield from _enum(old, new, direction)
    yield from _bounds(old, new)
    yield from _sets(old, new)
    yield from _properties(old, new, sides)
    yield from _flags(old, new)
    yield from _choices(old, new, sides)
    yield from _opaque(old, new, sides, is_xml)
    yield from _words(old, new)


def members(old: Shape, new: Shape, sides: Sides) -> Iterator[Member]:
    """The parts that both describe, and those that one describes and the other leaves open."""
    for name in old.properties.keys() & new.properties.keys():
        yield Member(("properties", name), tuple(old.properties[name]), tuple(new.properties[name]))
    for tokens in old.parts.keys() | new.parts.keys():
        if tokens == ("additionalProperties",) and old.is_closed != new.is_closed:
            continue  # told as closed or opened
        yield Member(tokens, tuple(old.parts.get(tokens, ())), tuple(new.parts.get(tokens, ())))
    for keyword in old.branches.keys() & new.branches.keys():
        for name, one, other in matched(old.branches[keyword], new.branches[keyword], sides).both:
            yield Member((keyword, name), (one,), (other,))


# ---- the value itself


def _types(old: Shape, new: Shape) -> Iterator[Facet]:
    before, after = old.types - {"null"}, new.types - {"null"}
    names = (sorted(old.types), sorted(new.types))
    is_null_apart = before and after and TYPES not in (old.types, new.types)
    if before != after:
        one, other = (before, after) if is_null_apart else (old.types, new.types)
        rule = "type-narrowed" if other < one else "type-widened" if one < other else "type-changed"
        yield Facet(rule, ("type",), *names, " → ".join(_listed(each) for each in names))
    if ("null" in old.types) != ("null" in new.types) and (is_null_apart or before == after):
        yield Facet("null-allowed" if "null" in new.types else "null-refused", (), *names)


def _listed(types: list[str]) -> str:
    return "anything" if len(types) == len(TYPES) else "/".join(types) or "nothing"


def _enum(old: Shape, new: Shape, direction: Direction) -> Iterator[Facet]:
    before, after = old.enum, new.enum
    if direction == "response" and (old.is_open or new.is_open):
        yield from _open_enum(old, new)
        return
    one, other = (None if values is None else sorted(values.values(), key=canonical_json) for values in (before, after))
    if before is None and after is not None:
        yield Facet("enum-given", ("enum",), one, other)
    elif before is not None and after is None:
        yield Facet("enum-dropped", ("enum",), one, other)
    elif before is not None and after is not None:
        for rule, keys in (("enum-value-added", after.keys() - before), ("enum-value-removed", before.keys() - after)):
            if keys:
                yield Facet(rule, ("enum",), one, other, ", ".join(key.decode() for key in sorted(keys)))


def _open_enum(old: Shape, new: Shape) -> Iterator[Facet]:
    """Readers of an extensible enumeration have been told to expect other values."""
    values = [sorted((shape.enum or {}).values(), key=canonical_json) for shape in (old, new)]
    if old.is_open and new.is_open:
        if canonical_json(values[0]) != canonical_json(values[1]):
            yield Facet("open-enum-changed", ("enum",), values[0], values[1])
    elif old.is_open:
        yield Facet("enum-given", ("enum",), values[0], values[1])
    else:
        yield Facet("enum-dropped", ("enum",), values[0], values[1])


def _bounds(old: Shape, new: Shape) -> Iterator[Facet]:
    for name, (keyword, grown, shrunk) in _BOUNDS.items():
        one, other = old.bounds.get(name), new.bounds.get(name)
        if one == other:
            continue
        is_grown = _is_greater(name, one, other)
        told = " → ".join(_shown(name, bound) for bound in (one, other))
        yield Facet(grown if is_grown else shrunk, (keyword,), one, other, f"{keyword} {told}")


def _shown(name: str, bound: Any) -> str:
    if bound is None:
        return "none"
    if not isinstance(bound, tuple):
        return str(bound)
    value, is_exclusive = bound
    return f"{value if name == 'minimum' else -value}{' excluded' if is_exclusive else ''}"


def _is_greater(name: str, old: Any, new: Any) -> bool:
    """Whether the bound became greater; an upper bound that is dropped did."""
    if old is None or new is None:
        is_kept_as_greatest = not name.startswith("max") or name == "maximum"
        return (old is None) == is_kept_as_greatest
    return bool(new > old)


def _sets(old: Shape, new: Shape) -> Iterator[Facet]:
    for name, (added, removed, changed) in _SETS.items():
        one, other = old.sets.get(name, frozenset()), new.sets.get(name, frozenset())
        if one != other:
            rule = added if one < other else removed if other < one else changed
            yield Facet(rule, (name,), sorted(one, key=str), sorted(other, key=str))


def _flags(old: Shape, new: Shape) -> Iterator[Facet]:
    if old.is_closed != new.is_closed:
        rule = "object-closed" if new.is_closed else "object-opened"
        is_local = not old.rest and not new.rest
        yield Facet(rule, ("additionalProperties",), old.is_closed, new.is_closed, is_local=is_local)
    if old.is_unique != new.is_unique:
        rule = "uniqueness-asked" if new.is_unique else "uniqueness-dropped"
        yield Facet(rule, ("uniqueItems",), old.is_unique, new.is_unique)


# ---- members that come and go


def _properties(old: Shape, new: Shape, sides: Sides) -> Iterator[Facet]:
    gone, come = old.properties.keys() - new.properties.keys(), new.properties.keys() - old.properties.keys()
    if old.branches.keys() != new.branches.keys():  # what moved into alternatives is judged with them
        gone -= new.branch_names(sides.new)
        come -= old.branch_names(sides.old)
    for name in sorted(gone):
        yield Facet("property-removed", ("properties", name), old.properties[name], None, name)
    for name in sorted(come):
        is_new = name in new.required and name not in old.required
        rule = "property-required-added" if is_new else "property-added"
        yield Facet(rule, ("properties", name), None, new.properties[name], name)
    for name in sorted((old.required ^ new.required) - (old.properties.keys() ^ new.properties.keys())):
        rule = "property-became-required" if name in new.required else "property-became-optional"
        yield Facet(rule, ("properties", name), name in old.required, name in new.required, name)


# ---- alternatives


class Branches(NamedTuple):
    """Branches of two choices, matched."""

    both: list[tuple[str, Any, Any]]
    removed: list[tuple[str, Any]]
    added: list[tuple[str, Any]]


def matched(old: list[Any], new: list[Any], sides: Sides) -> Branches:
    """Branches of the same name are the same; of those without, the equal ones, then those that are left in order."""
    before, after = _named(old), _named(new)
    both = [(name, before[name], after[name]) for name in before.keys() & after.keys()]
    removed = [item for item in before.items() if item[0] not in after]
    added = [item for item in after.items() if item[0] not in before]
    for item in list(removed):
        same = next((each for each in added if sides.is_same(item[1], each[1])), None)
        if same is not None:
            removed.remove(item)
            added.remove(same)
    nameless = [[item for item in items if item[0].isdecimal()] for items in (removed, added)]
    if len(nameless[0]) == len(nameless[1]):
        for one, other in zip(*nameless, strict=True):
            both.append((one[0], one[1], other[1]))
            removed.remove(one)
            added.remove(other)
    return Branches(both, removed, added)


def _named(branches: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for index, branch in enumerate(branches):
        ref = branch.get("$ref") if isinstance(branch, dict) else None
        title = branch.get("title") if isinstance(branch, dict) else None
        name = ref.rpartition("/")[2] if isinstance(ref, str) else title if isinstance(title, str) else ""
        found[name if name and name not in found and not name.isdecimal() else str(index)] = branch
    return found


def _choices(old: Shape, new: Shape, sides: Sides) -> Iterator[Facet]:
    for keyword in sorted(old.branches.keys() | new.branches.keys()):
        one, other = old.branches.get(keyword, []), new.branches.get(keyword, [])
        if not one or not other:
            yield Facet("choice-dropped" if one else "choice-given", (keyword,), one, other, is_local=False)
            continue
        found = matched(one, other, sides)
        for name, branch in found.removed:
            yield Facet("branch-removed", (keyword, name), branch, None, name, is_local=False)
        for name, branch in found.added:
            yield Facet("branch-added", (keyword, name), None, branch, name, is_local=False)
    yield from _discriminator(old.discriminator, new.discriminator)


def _mapping(discriminator: dict[str, Any]) -> dict[str, Any]:
    mapping = discriminator.get("mapping")
    return mapping if isinstance(mapping, dict) else {}


def _discriminator(old: dict[str, Any] | None, new: dict[str, Any] | None) -> Iterator[Facet]:
    where = ("discriminator",)
    if old is None or new is None:
        if old is not new:
            rule = "discriminator-added" if old is None else "discriminator-changed"
            yield Facet(rule, where, old, new, is_local=False)
        return
    if old.get("propertyName") != new.get("propertyName"):
        names = (old.get("propertyName"), new.get("propertyName"))
        yield Facet("discriminator-changed", (*where, "propertyName"), *names, is_local=False)
    before, after = _mapping(old), _mapping(new)
    for value in sorted(before.keys() | after.keys()):
        one, other = before.get(value), after.get(value)
        if one is None or other is None:
            rule = "mapping-added" if one is None else "mapping-removed"
        elif mapped_reference(one) != mapped_reference(other):
            rule = "mapping-changed"
        else:
            continue
        yield Facet(rule, (*where, "mapping", value), one, other, value, is_local=False)


# ---- the rest


def _opaque(old: Shape, new: Shape, sides: Sides, is_xml: bool) -> Iterator[Facet]:
    for name in (*OPAQUE, *ENCODED, *(("xml",) if is_xml else ())):
        one, other = old.opaque.get(name), new.opaque.get(name)
        if not sides.is_same(one, other):
            rule = {"xml": "xml-changed", **dict.fromkeys(ENCODED, "encoding-of-text-changed")}
            yield Facet(rule.get(name, "keyword-changed"), (name,), one, other, name, is_local=False)
    if sorted(old.outside) != sorted(new.outside):
        names = ", ".join(sorted({*old.outside} ^ {*new.outside}))
        yield Facet("reference-changed", ("$ref",), sorted(old.outside), sorted(new.outside), names, is_local=False)


def _words(old: Shape, new: Shape) -> Iterator[Facet]:
    if old.is_deprecated != new.is_deprecated:
        rule = "property-deprecated" if new.is_deprecated else "property-reinstated"
        yield Facet(rule, ("deprecated",), old.is_deprecated, new.is_deprecated)
    if not _is_equal(old.default, new.default):
        yield Facet("default-changed", ("default",), old.default or None, new.default or None)
    if not _is_equal(_plain(old), _plain(new)):
        yield Facet("schema-described", (), None, None)


def _plain(shape: Shape) -> dict[str, Any]:
    return {**shape.words, "xml": shape.opaque.get("xml", [])}


def _is_equal(one: Any, other: Any) -> bool:
    return canonical_json(one) == canonical_json(other)
