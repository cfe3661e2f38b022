"""Parameters of an operation in two versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from catalog.compatibility.contract.ledger import Ledger, Place
from catalog.compatibility.contract.node import kinds
from catalog.compatibility.contract.rule import Direction
from catalog.compatibility.contract.side import Side
from catalog.parameter import DEFAULT_STYLE

#: header parameters that OpenAPI says to ignore (§4.8.12.1)
_IGNORED = frozenset({"accept", "content-type", "authorization"})
_WORDS = ("description", "example", "examples")

#: path item, operation, names of the path's parameters in their order
Source = tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]


class Key(NamedTuple):
    """What makes two parameters the same: their place, and their name or, in a path, their number."""

    place: str
    name: str


def compare_parameters(ledger: Ledger, old: Source, new: Source, direction: Direction, place: Place) -> None:
    before, after = _declared(ledger.sides.old, old), _declared(ledger.sides.new, new)
    moved = _moved(before, after)
    for key in sorted(before.keys() | after.keys()):
        one, other = before.get(key), after.get(key)
        where = place.at("parameters", key.place, key.name)
        what = f"{key.place} parameter {(one or other or {}).get('name')!r}"
        if one is not None and other is not None:
            _compare(ledger, one, other, direction, where, what)
        elif one is not None:
            rule = "parameter-moved" if key in moved else "parameter-removed"
            ledger.tell(rule, where, direction, one, None, what=what)
        elif other is not None and key not in moved:
            rule = "parameter-required-added" if other.get("required") is True else "parameter-added"
            ledger.tell(rule, where, direction, None, other, what=what)


def _declared(side: Side, source: Source) -> dict[Key, dict[str, Any]]:
    item, operation, names = source
    found: dict[Key, dict[str, Any]] = {}
    for parent in (item, operation):  # what an operation says lies over what its path says
        listed = parent.get("parameters")
        for node in listed if isinstance(listed, list) else ():
            parameter = side.object(node)
            name, where = parameter.get("name"), parameter.get("in")
            if not isinstance(name, str) or where not in DEFAULT_STYLE:
                continue
            if where == "header" and name.lower() in _IGNORED:
                continue
            known = str(names.index(name)) if where == "path" and name in names else name
            found[Key(where, name.lower() if where == "header" else known)] = parameter
    return found


def _moved(old: Mapping[Key, dict[str, Any]], new: Mapping[Key, dict[str, Any]]) -> set[Key]:
    """Keys of parameters that are declared under the same name elsewhere."""
    gone, come = old.keys() - new.keys(), new.keys() - old.keys()
    return {
        key
        for one in gone
        for other in come
        if old[one].get("name") == new[other].get("name") and one.place != "path" != other.place
        for key in (one, other)
    }


def _compare(
    ledger: Ledger, old: dict[str, Any], new: dict[str, Any], direction: Direction, place: Place, what: str
) -> None:
    was, is_ = old.get("required") is True, new.get("required") is True
    if was != is_ and old.get("in") != "path":
        rule = "parameter-became-required" if is_ else "parameter-became-optional"
        ledger.tell(rule, place, direction, was, is_, what=what)
    if (old.get("deprecated") is True) != (new.get("deprecated") is True):
        rule = "parameter-deprecated" if new.get("deprecated") is True else "parameter-reinstated"
        ledger.tell(rule, place, direction, old.get("deprecated"), new.get("deprecated"), what=what)
    _written(ledger, old, new, direction, place, what)
    ledger.words("parameter-described", place, old, new, *_WORDS)
    ledger.extensions(place, old, new)
    medias = [_media(side, node) for side, node in ((ledger.sides.old, old), (ledger.sides.new, new))]
    if medias[0][0] != medias[1][0]:
        names = (medias[0][0], medias[1][0])
        ledger.tell("parameter-content-changed", place.at("content"), direction, *names, what=what)
    else:
        ledger.schema(place.at("schema"), direction, medias[0][1], medias[1][1], medias[0][0])


def _written(
    ledger: Ledger, old: dict[str, Any], new: dict[str, Any], direction: Direction, place: Place, what: str
) -> None:
    """Style, explode, and what may stand unescaped or empty."""
    styles = [node.get("style", DEFAULT_STYLE.get(node.get("in", "query"), "form")) for node in (old, new)]
    if styles[0] != styles[1]:
        ledger.tell("parameter-style-changed", place.at("style"), direction, *styles, what=what)
    explodes = [node.get("explode", style == "form") is True for node, style in zip((old, new), styles, strict=True)]
    if explodes[0] != explodes[1] and is_compound(ledger, old, new):
        ledger.tell("parameter-explode-changed", place.at("explode"), direction, *explodes, what=what)
    for name, allowed, refused in (
        ("allowReserved", "parameter-reserved-allowed", "parameter-reserved-refused"),
        ("allowEmptyValue", "parameter-empty-allowed", "parameter-empty-refused"),
    ):
        was, is_ = old.get(name) is True, new.get(name) is True
        if was != is_:
            ledger.tell(allowed if is_ else refused, place.at(name), direction, was, is_, what=what)


def is_compound(ledger: Ledger, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether either may hold an array or object: `explode` means nothing to a single value."""
    found = kinds(ledger.sides.old, old.get("schema")) | kinds(ledger.sides.new, new.get("schema"))
    return bool(found & {"array", "object"})


def _media(side: Side, node: dict[str, Any]) -> tuple[str, Any]:
    """The media type of a parameter, "" when it says schema, and its schema."""
    for name, entry in side.members(node, "content"):
        return name.lower(), side.object(entry).get("schema")
    return "", node.get("schema")
