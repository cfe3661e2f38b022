"""Whom a breaking change touches: the places of changes against the operations that consumers called, and the fields
that they were seen with. Pure.

What cannot be told apart counts as a hit: a consumer of which no field is known, and a change of a whole operation. Of
an answer the fields that were there count, since nobody sees which of them a consumer reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from catalog.compatibility.release import Reason
from catalog.contract import Operation
from catalog.field import BODY, PARAMETERS, Field, is_within, parse_field
from catalog.pointer import parse

_ANY = ("items", "prefixItems", "contains", "additionalProperties", "unevaluatedProperties", "patternProperties")
_NAMED = frozenset({"prefixItems", "patternProperties", "allOf", "anyOf", "oneOf", "dependentSchemas"})


class Called(NamedTuple):
    """What one consumer was seen with on one operation of one version."""

    consumer: str
    owner: str
    version: str
    operation: str
    calls: int
    fields: frozenset[str]  # names as `catalog.field` writes them, of requests and answers; empty: not known


class Touched(msgspec.Struct, frozen=True):
    """A consumer whose calls a breaking change touches."""

    consumer: str
    owner: str
    version: str  # that it uses
    operation: str
    calls: int
    fields: list[str]  # that are touched; empty where the operation as a whole is
    is_field_known: bool  # False: no field of its calls is known, so that any may be touched
    rules: list[str]


class Place(NamedTuple):
    """Where a change stands: the operation, and the field when it is about one."""

    operation: str  # "" for the whole document
    field: Field | None
    is_demand: bool  # a request must now hold it: whoever does not send it is touched, not who does


def touched(reasons: Sequence[Reason], operations: Iterable[Operation], calls: Iterable[Called]) -> list[Touched]:
    """Calls that a breaking one of `reasons` touches; `operations` are those of both versions."""
    names = {operation.pointer: operation.id for operation in operations}
    places = [(place_of(reason, names), reason) for reason in reasons if reason.severity == "major"]
    found = []
    for call in calls:
        hits = [(place, reason) for place, reason in places if _is_hit(place, call)]
        if hits:
            fields = sorted({place.field.name for place, _ in hits if place.field is not None})
            rules = sorted({reason.rule for _, reason in hits})
            told = (call.consumer, call.owner, call.version, call.operation, call.calls)
            found.append(Touched(*told, fields, bool(call.fields), rules))
    return found


def place_of(reason: Reason, names: Mapping[str, str]) -> Place:
    """Where a change of a contract stands; `names` are operations by their pointers in the document."""
    tokens = parse(reason.location)
    home = next((pointer for pointer in names if tokens[: len(parse(pointer))] == parse(pointer)), "")
    if not home:
        return Place("", None, False)
    field = _field(tokens[len(parse(home)) :])
    return Place(names[home], field, "-required" in reason.rule and "response" not in tokens and _asks(field))


def _asks(field: Field | None) -> bool:
    return field is not None and field.part in (BODY, *PARAMETERS)


def _field(rest: Sequence[str]) -> Field | None:
    """`requestBody/content/MEDIA/schema/properties/total/pattern` → body:/total; None for what is no field."""
    match list(rest):
        case ["parameters", place, name, *_]:
            return Field(place, (name,))
        case ["requestBody", "content", _, "schema", *tokens]:
            return Field(BODY, _names(tokens))
        case ["responses", status, "content", _, "schema", *tokens]:
            return Field(status, _names(tokens))
    return None


def _names(tokens: Sequence[str]) -> tuple[str, ...]:
    """Property names on the way into a schema, `*` for items and names that are not declared."""
    names: list[str] = []
    rest = list(tokens)
    while rest:
        keyword = rest.pop(0)
        if keyword == "properties" and rest:
            names.append(rest.pop(0))
        elif keyword in _ANY:
            names.append("*")
        if keyword in _NAMED and rest:
            rest.pop(0)
    return tuple(names)


def _is_hit(place: Place, call: Called) -> bool:
    if place.operation and place.operation != call.operation:
        return False
    if place.field is None or not call.fields:
        return True
    seen = [parse_field(name) for name in call.fields]
    here = any(each.part == place.field.part and is_within(each, place.field.tokens) for each in seen)
    return not here if place.is_demand else here
