"""Answers of an operation in two versions: statuses, headers, media types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.compatibility.contract.body import compare_contents
from catalog.compatibility.contract.ledger import Ledger, Place
from catalog.compatibility.contract.parameter import is_compound
from catalog.compatibility.contract.rule import Direction
from catalog.compatibility.contract.side import Side

_MEDIA_TYPES = ("answer-media-type-removed", "answer-media-type-added")


def compare_answers(
    ledger: Ledger, old: dict[str, Any], new: dict[str, Any], direction: Direction, place: Place
) -> None:
    """The answers of an operation, `direction` being that of what they hold."""
    before, after = _answers(ledger.sides.old, old), _answers(ledger.sides.new, new)
    for status, answer in sorted(before.items()):
        where, what = place.at("responses", status), f"status {status}"
        found = _covering(status, after)
        if not found:
            rule = "answer-success-removed" if _is_success(status, before) else "answer-failure-removed"
            ledger.tell(rule, where, direction, answer, None, what=what)
        for name in found:
            _compare(ledger, answer, after[name], direction, where)
    for status, answer in sorted(after.items()):
        if status in before:
            continue
        where, what = place.at("responses", status), f"status {status}"
        rule = "answer-success-added" if _is_success(status, after) else "answer-failure-added"
        ledger.tell(rule, where, direction, None, answer, what=what)
        for name in _covering(status, before):  # what was known of it before was less exact
            _compare(ledger, before[name], answer, direction, where)


def _answers(side: Side, operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        status if status == "default" else status.upper(): side.object(node)
        for status, node in side.members(operation, "responses")
    }


def _covering(status: str, known: Mapping[str, Any]) -> list[str]:
    """Where `known` tells of a status: itself, its class, what it is the class of, or all that is left."""
    if status in known:
        return [status]
    if status.endswith("XX"):
        within = sorted(name for name in known if name[0] == status[0])
        if within:
            return within
    wider = (f"{status[0]}XX", "default") if status != "default" else ()
    return next(([name] for name in wider if name in known), [])


def _is_success(status: str, known: Mapping[str, Any]) -> bool:
    """`default` stands for success where nothing else does."""
    return status[0] in "23" or (status == "default" and not any(name[0] in "23" for name in known))


def _compare(ledger: Ledger, old: dict[str, Any], new: dict[str, Any], direction: Direction, place: Place) -> None:
    ledger.words("answer-described", place, old, new, "description")
    ledger.words("link-changed", place.at("links"), old, new, "links")
    ledger.extensions(place, old, new)
    compare_contents(ledger, old, new, direction, place, _MEDIA_TYPES)
    before, after = _headers(ledger.sides.old, old), _headers(ledger.sides.new, new)
    for name in sorted(before.keys() | after.keys()):
        where, what = place.at("headers", name), f"header {name}"
        one, other = before.get(name), after.get(name)
        if one is not None and other is not None:
            _header(ledger, one, other, direction, where, what)
        elif one is not None:
            rule = "header-required-removed" if one.get("required") is True else "header-removed"
            ledger.tell(rule, where, direction, one, None, what=what)
        elif other is not None:
            rule = "header-required-added" if other.get("required") is True else "header-added"
            ledger.tell(rule, where, direction, None, other, what=what)


def _headers(side: Side, answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By name in lower case; Content-Type is told by the media types (OpenAPI 3.1.1 §4.8.17.1)."""
    found = {name.lower(): side.object(node) for name, node in side.members(answer, "headers")}
    found.pop("content-type", None)
    return found


def _header(
    ledger: Ledger, old: dict[str, Any], new: dict[str, Any], direction: Direction, place: Place, what: str
) -> None:
    was, is_ = old.get("required") is True, new.get("required") is True
    if was != is_:
        rule = "header-became-required" if is_ else "header-became-optional"
        ledger.tell(rule, place, direction, was, is_, what=what)
    ways = [(node.get("explode") is True, sorted(node.get("content") or {})) for node in (old, new)]
    if ways[0][1] != ways[1][1] or (ways[0][0] != ways[1][0] and is_compound(ledger, old, new)):
        ledger.tell("header-written-otherwise", place, direction, list(ways[0]), list(ways[1]), what=what)
    ledger.words("header-described", place, old, new, "description", "example", "examples", "deprecated")
    ledger.extensions(place, old, new)
    for media in ways[0][1] if ways[0][1] == ways[1][1] else ():
        one, other = (node["content"][media].get("schema") for node in (old, new))
        ledger.schema(place.at("content", media, "schema"), direction, one, other, media)
    ledger.schema(place.at("schema"), direction, old.get("schema"), new.get("schema"))
