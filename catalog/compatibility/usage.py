"""Whom a change hits, of those who were seen in traffic: the consumers that used the places which it touches.

A consumer is hit by a change of a field when that field was there in its calls; by one that asks for something new when
what it has to stand in was there; by a change of the operation itself whoever calls it. What was there is the most that
a consumer can depend on: of answers nobody sees what it reads, so that some who are named will not notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

from catalog.contract import Operation
from catalog.field import ANY, BODY, DATA, DEEPEST, MOST_FIELDS, Field
from catalog.pointer import parse

Direction = Literal["request", "response"]

#: ends of rules that ask a request for what it need not hold before
_ASKING = ("-required-added", "-became-required")
_INWARD = {"properties": 2, "patternProperties": 2, "prefixItems": 2, "items": 1, "additionalProperties": 1} | {
    "unevaluatedItems": 1,
    "unevaluatedProperties": 1,
    "contains": 1,
}  # keyword of a schema -> its tokens on the way into the value
_IN_PLACE = {"allOf": 2, "anyOf": 2, "oneOf": 2, "dependentSchemas": 2, "not": 1, "if": 1, "then": 1, "else": 1}


class Change(Protocol):
    """`Change` of a comparison, or `Reason` of a release."""

    @property
    def rule(self) -> str: ...

    @property
    def location(self) -> str: ...


class Affected(NamedTuple):
    """What a change touches. `field` None: the operation, whatever a call holds."""

    operation: tuple[str, ...]  # (method, path), or (operationId,) of an event contract
    direction: Direction = "request"
    field: Field | None = None


class Caller(msgspec.Struct, frozen=True):
    """A consumer that used an operation, with the names of the fields that were there (`catalog.field`)."""

    consumer: str
    request: frozenset[str] = frozenset()
    response: frozenset[str] = frozenset()


class Touched(msgspec.Struct, frozen=True):
    """A changed place that a consumer used; `field` "" is the operation itself."""

    field: str
    location: str
    rule: str


class Hit(msgspec.Struct, frozen=True):
    """A consumer that is hit. `is_known` False: no field of its calls was told, so that every change counts."""

    consumer: str
    places: tuple[Touched, ...]
    is_known: bool


def affected(rule: str, location: str) -> Affected | None:
    """What a change at `location` (of a comparison of contracts) touches; None outside of operations."""
    tokens = parse(location)
    if tokens[:1] == ("operations",) and len(tokens) > 1:
        return _of_event(rule, tokens)
    if tokens[:1] != ("paths",) or len(tokens) < 3:
        return None
    operation, rest = (tokens[2].upper(), tokens[1]), tokens[3:]
    if rest[:1] == ("parameters",) and len(rest) > 2:
        return _of_parameter(operation, rule, rest)
    if rest[:2] == ("requestBody", "content"):
        return _of_body(operation, "request", BODY, rest[3:], rule)
    if rest[:1] == ("responses",) and rest[2:3] == ("content",):
        return _of_body(operation, "response", rest[1], rest[4:], rule)
    return Affected(operation, "response" if rest[:1] == ("responses",) else "request")


def hits(changes: Iterable[Change], operation: Operation, callers: Sequence[Caller]) -> list[Hit]:
    """Who of the callers of an operation is hit by breaking changes of it, by name."""
    key = (operation.id,) if operation.messages else (operation.method, operation.path)
    found = [(change, place) for change in changes if (place := affected(change.rule, change.location))]
    here = [(change, place) for change, place in found if place.operation == key]
    is_full = {way: _is_full(callers, way) for way in ("request", "response")}
    told = (_hit(caller, here, is_full) for caller in sorted(callers, key=lambda each: each.consumer))
    return [each for each in told if each is not None]


def sentence(hit: Sequence[Hit], callers: int, days: int) -> str:
    """`breaks 2 of the 7 consumers that used this operation in the last 30 days; fields body:/total, query:page`."""
    who = f"{callers} consumer{'' if callers == 1 else 's'} that used this operation in the last {days} days"
    if not hit:
        return f"breaks none of the {who}" if callers else f"nobody used this operation in the last {days} days"
    fields = sorted({place.field for each in hit for place in each.places if each.is_known and place.field})
    told = f"; fields {', '.join(fields)}" if fields else ""
    unknown = sum(not each.is_known for each in hit)
    doubt = f"; of {unknown} no fields are known, so that every change counts" if unknown else ""
    return f"breaks {len(hit)} of the {who}{told}{doubt}"


def _hit(caller: Caller, changes: Sequence[tuple[Change, Affected]], is_full: Mapping[str, bool]) -> Hit | None:
    is_known = bool(caller.request or caller.response)
    touched = [
        Touched("" if place.field is None else place.field.name, change.location, change.rule)
        for change, place in changes
        if not is_known or is_full[place.direction] or _uses(caller, change.rule, place)
    ]
    return Hit(caller.consumer, tuple(touched), is_known) if touched else None


def _uses(caller: Caller, rule: str, place: Affected) -> bool:
    if place.field is None:
        return True
    used = caller.request if place.direction == "request" else caller.response
    names = [Field(place.field.part, place.field.tokens[:DEEPEST]).name]
    if rule.endswith("-added") and place.field.tokens:
        names.append(Field(place.field.part, (*place.field.tokens[:-1], ANY)).name)  # sent before it was declared
    return any(name in used for name in names)


def _is_full(callers: Iterable[Caller], direction: str) -> bool:
    """Whether gateways may have left fields of the operation out."""
    return len(frozenset().union(*(getattr(caller, direction) for caller in callers))) >= MOST_FIELDS


# ---- from locations to fields


def _of_parameter(operation: tuple[str, ...], rule: str, rest: Sequence[str]) -> Affected:
    """Parameters of the path are always there; cookies are not told."""
    place, name = rest[1], rest[2]
    if place not in ("query", "header") or rule.endswith(_ASKING):
        return Affected(operation)
    return Affected(operation, "request", Field(place, (name.lower() if place == "header" else name,)))


def _of_body(operation: tuple[str, ...], direction: Direction, part: str, rest: Sequence[str], rule: str) -> Affected:
    """`rest` begins with `schema` where the change lies in it."""
    return Affected(operation, direction, _field(part, (), rest[1:], rule if direction == "request" else ""))


def _of_event(rule: str, tokens: Sequence[str]) -> Affected:
    operation, rest = (tokens[1],), tokens[2:]
    if rest[:1] == ("messages",) and rest[2:3] == ("payload",):
        return Affected(operation, "request", _field(BODY, (DATA,), rest[3:], rule))
    return Affected(operation)


def _field(part: str, home: tuple[str, ...], schema: Sequence[str], rule: str) -> Field:
    """Where in a body a place of its schema leads; a keyword belongs to the value that it says something of."""
    found, rest = list(home), list(schema)
    while rest:
        keyword = rest[0]
        if keyword in _INWARD:
            found.append(rest[1] if keyword == "properties" and len(rest) > 1 else ANY)
        elif keyword not in _IN_PLACE:
            break
        del rest[: (_INWARD | _IN_PLACE)[keyword]]
    field = Field(part, tuple(found))
    return field.holder if rule.endswith(_ASKING) and len(found) > len(home) else field
