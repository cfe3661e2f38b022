"""Operations of two AsyncAPI 3 documents. `receive` takes in what others send, like a request; `send` tells, like a
response; a reply goes the other way. Source: AsyncAPI 3.0.0."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from catalog.compatibility.contract.ledger import Ledger, Place, turned
from catalog.compatibility.contract.meaning import compare_meanings
from catalog.compatibility.contract.rule import Direction
from catalog.compatibility.contract.security import compare_alternatives
from catalog.compatibility.contract.side import Side
from catalog.message import merged, ref_tokens
from catalog.route import parameter_names

_NAMED = re.compile(r"\{[^{}]*\}")
_WORDS = ("title", "summary", "description", "tags", "externalDocs")
_JSON_FORMAT = re.compile(r"|application/(vnd\.aai\.asyncapi.*|schema\+(json|yaml).*)")


class Event(NamedTuple):
    """An operation with its channel, traits laid in."""

    name: str
    node: dict[str, Any]
    channel_name: str
    channel: dict[str, Any]

    @property
    def action(self) -> str:
        return str(self.node.get("action"))

    @property
    def address(self) -> str:
        address = self.channel.get("address")
        return address if isinstance(address, str) else self.channel_name


def compare_asyncapi(ledger: Ledger) -> None:
    """Writes down every difference of two AsyncAPI documents in normal form."""
    old, new = ledger.sides.old.document, ledger.sides.new.document
    root = Place("", "")
    before, after = _events(ledger.sides.old), _events(ledger.sides.new)
    both = _matched(before, after)
    for name, event in before.items():
        place = Place(f"{event.action} {name}", "").at("operations", name)
        if name in both:
            _compare(ledger, event, after[both[name]], place)
        else:
            ledger.tell("event-operation-removed", place, None, event.node, None, what=place.operation)
    for name in sorted(after.keys() - set(both.values())):
        place = Place(f"{after[name].action} {name}", "").at("operations", name)
        ledger.tell("event-operation-added", place, None, None, after[name].node, what=place.operation)
    one, other = ({**node, "info": {**(node.get("info") or {}), "version": ""}} for node in (old, new))
    ledger.words("document-described", root, one, other, "info", "tags", "externalDocs", "id")
    ledger.words("server-changed", root.at("servers"), old, new, "servers")
    ledger.extensions(root, old, new)


def _events(side: Side) -> dict[str, Event]:
    found = {}
    for name, item in sorted(side.members(side.document, "operations")):
        node = _with_traits(side, side.object(item))
        tokens = ref_tokens(node.get("channel"))
        channel = side.object(node.get("channel"))
        found[name] = Event(name, node, tokens[-1] if tokens else "", channel)
    return found


def _with_traits(side: Side, item: dict[str, Any]) -> dict[str, Any]:
    """What an item says itself stands (AsyncAPI 3.0.0, Traits Merge Mechanism)."""
    laid: dict[str, Any] = {}
    traits = item.get("traits")
    for trait in traits if isinstance(traits, list) else ():
        laid = merged(laid, side.object(trait))
    return merged(laid, {name: value for name, value in item.items() if name != "traits"})


def _matched(old: Mapping[str, Event], new: Mapping[str, Event]) -> dict[str, str]:
    """Operations by name; of those that are left, the ones alone in what they do at an address."""
    both = {name: name for name in old if name in new}
    left, come = ([event for name, event in events.items() if name not in both] for events in (old, new))
    for event in left:
        same = [other for other in come if _does(other) == _does(event)]
        if len(same) == 1 and [_does(each) for each in left].count(_does(event)) == 1:
            both[event.name] = same[0].name
    return both


def _does(event: Event) -> tuple[str, str]:
    return event.action, _NAMED.sub("{}", event.address)


def _compare(ledger: Ledger, old: Event, new: Event, place: Place) -> None:
    direction: Direction = "response" if old.action == "send" else "request"
    if old.name != new.name:
        ledger.tell("operation-id-changed", place, None, old.name, new.name)
    if old.action != new.action:
        ledger.tell("action-changed", place.at("action"), None, old.action, new.action)
        return
    where = place.at("channel")
    if _does(old) != _does(new):
        ledger.tell("channel-address-changed", where.at("address"), None, old.address, new.address)
    _parameters(ledger, old, new, direction, where)
    for one, other, at in ((old.node, new.node, place), (old.channel, new.channel, where)):
        _bindings(ledger, one, other, at)
        ledger.words("operation-described", at, one, other, *_WORDS)
        ledger.extensions(at, one, other)
    compare_meanings(ledger, old.node, new.node, place)
    schemes = [_schemes(side, event.node) for side, event in ((ledger.sides.old, old), (ledger.sides.new, new))]
    compare_alternatives(ledger, schemes[0], schemes[1], place.at("security"))
    messages = [
        _messages(side, event.node, event.channel) for side, event in ((ledger.sides.old, old), (ledger.sides.new, new))
    ]
    _compare_messages(ledger, messages[0], messages[1], direction, place.at("messages"))
    _reply(ledger, old.node, new.node, turned(direction), place.at("reply"))


def _schemes(side: Side, node: dict[str, Any]) -> list[Mapping[str, frozenset[str]]]:
    """Alternatives: each scheme alone, with the scopes that it asks for."""
    found: list[Mapping[str, frozenset[str]]] = []
    listed = node.get("security")
    for each in listed if isinstance(listed, list) else ():
        tokens, scheme = ref_tokens(each), side.object(each)
        name = tokens[-1] if tokens else str(scheme.get("type"))
        found.append({name: frozenset(map(str, scheme.get("scopes") or ()))})
    return found or [{}]


def _parameters(ledger: Ledger, old: Event, new: Event, direction: Direction, place: Place) -> None:
    """Parameters of the address, by their number."""
    both = zip(parameter_names(old.address), parameter_names(new.address), strict=False)
    for index, (one, other) in enumerate(both):
        where = place.at("parameters", str(index))
        if one != other:
            ledger.tell("path-parameter-renamed", where, None, one, other, what=f"parameter {one!r}")
        nodes = [
            side.object((event.channel.get("parameters") or {}).get(name))
            for side, event, name in ((ledger.sides.old, old, one), (ledger.sides.new, new, other))
        ]
        ledger.words("parameter-described", where, nodes[0], nodes[1], "description", "examples", "default")
        if nodes[0].get("location") != nodes[1].get("location"):
            ledger.tell("parameter-moved", where, direction, nodes[0].get("location"), nodes[1].get("location"))
        schemas = [
            {"type": "string", "enum": node["enum"]} if isinstance(node.get("enum"), list) else {"type": "string"}
            for node in nodes
        ]
        ledger.schema(where, direction, schemas[0], schemas[1])


def _bindings(ledger: Ledger, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    one, other = old.get("bindings"), new.get("bindings")
    if not ledger.is_same(one, other):
        ledger.tell("binding-changed", place.at("bindings"), None, one, other, is_undecided=True)


def _reply(ledger: Ledger, old: dict[str, Any], new: dict[str, Any], direction: Direction, place: Place) -> None:
    before, after = (
        side.object(node.get("reply")) for side, node in ((ledger.sides.old, old), (ledger.sides.new, new))
    )
    if not before or not after:
        if before or after:
            ledger.tell("reply-removed" if before else "reply-added", place, None, before or None, after or None)
        return
    if not ledger.is_same(before.get("address"), after.get("address")):
        ledger.tell("reply-address-changed", place.at("address"), None, before.get("address"), after.get("address"))
    channels = [
        side.object(node.get("channel")) for side, node in ((ledger.sides.old, before), (ledger.sides.new, after))
    ]
    addresses = [channel.get("address") for channel in channels]
    if addresses[0] != addresses[1]:
        ledger.tell("reply-address-changed", place.at("channel", "address"), None, *addresses)
    messages = [
        _messages(side, node, channel)
        for side, node, channel in zip((ledger.sides.old, ledger.sides.new), (before, after), channels, strict=True)
    ]
    _compare_messages(ledger, messages[0], messages[1], direction, place.at("messages"))


# ---- messages


def _messages(side: Side, node: dict[str, Any], channel: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Messages by name, else key: those that are listed, else all of the channel."""
    listed = node.get("messages")
    if isinstance(listed, list):
        nodes: Iterator[tuple[str, Any]] = iter([((ref_tokens(each) or ("",))[-1], each) for each in listed])
    else:
        nodes = side.members(channel, "messages")
    found = {}
    for key, each in nodes:
        message = _with_traits(side, side.object(each))
        name = message.get("name")
        media = message.get("contentType", side.document.get("defaultContentType", "application/json"))
        found[name if isinstance(name, str) else key] = {**message, "contentType": media}
    return found


def _compare_messages(
    ledger: Ledger,
    old: Mapping[str, dict[str, Any]],
    new: Mapping[str, dict[str, Any]],
    direction: Direction,
    place: Place,
) -> None:
    for name in sorted(old.keys() | new.keys()):
        where, what = place.at(name), f"message {name}"
        one, other = old.get(name), new.get(name)
        if one is not None and other is not None:
            _message(ledger, one, other, direction, where)
        else:
            ledger.tell(
                "message-removed" if other is None else "message-added", where, direction, one, other, what=what
            )


def _message(ledger: Ledger, old: dict[str, Any], new: dict[str, Any], direction: Direction, place: Place) -> None:
    if old["contentType"] != new["contentType"]:
        where = place.at("contentType")
        ledger.tell("message-media-type-changed", where, direction, old["contentType"], new["contentType"])
    if not ledger.is_same(old.get("correlationId"), new.get("correlationId")):
        told = (old.get("correlationId"), new.get("correlationId"))
        ledger.tell("message-correlation-changed", place.at("correlationId"), direction, *told)
    events = [(node.get("x-waybill") or {}).get("event") for node in (old, new)]
    if events[0] != events[1]:
        rule = "event-declared" if events[0] is None else "event-changed"
        ledger.tell(rule, place.at("x-waybill", "event"), None, *events)
    _bindings(ledger, old, new, place)
    ledger.words("message-described", place, old, new, *_WORDS, "examples")
    ledger.extensions(place, old, new)
    for part in ("payload", "headers"):
        _part(ledger, old.get(part), new.get(part), direction, place.at(part), old["contentType"])


def _part(ledger: Ledger, old: Any, new: Any, direction: Direction, place: Place, media: Any) -> None:
    (old_format, before), (new_format, after) = (
        _formatted(side, schema) for side, schema in ((ledger.sides.old, old), (ledger.sides.new, new))
    )
    if _JSON_FORMAT.fullmatch(old_format) and _JSON_FORMAT.fullmatch(new_format):
        ledger.schema(place, direction, before, after, str(media))
    elif old_format != new_format or not ledger.is_same(before, after):
        ledger.tell("message-format-changed", place, direction, old, new, is_undecided=True)


def _formatted(side: Side, schema: Any) -> tuple[str, Any]:
    """The format of a schema, "" for the document's own, and what is written in it."""
    node = side.object(schema)
    return (str(node["schemaFormat"]), node.get("schema")) if "schemaFormat" in node else ("", schema)
