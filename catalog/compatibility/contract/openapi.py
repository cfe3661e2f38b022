"""Operations of two OpenAPI documents: paths, methods, webhooks, callbacks.

Operations are matched by method and the shape of the path: another name of a path parameter, or another operationId,
makes no other operation. In webhooks and callbacks the owner of the contract sends the request, so that directions are
turned. Sources: OpenAPI 3.0.4 and 3.1.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from catalog.compatibility.contract.answer import compare_answers
from catalog.compatibility.contract.body import compare_bodies
from catalog.compatibility.contract.ledger import Ledger, Place, turned
from catalog.compatibility.contract.meaning import compare_meanings
from catalog.compatibility.contract.parameter import compare_parameters
from catalog.compatibility.contract.rule import Direction
from catalog.compatibility.contract.security import compare_schemes, compare_security
from catalog.compatibility.contract.side import Side
from catalog.pointer import join
from catalog.route import parameter_names

METHODS = ("get", "head", "options", "post", "put", "patch", "delete", "trace", "query")
_NAMED = re.compile(r"\{[^{}]*\}")
_MOST_DEEP = 4  # callbacks within callbacks


class Item(NamedTuple):
    """A path item with the template that leads to it."""

    template: str
    node: dict[str, Any]

    def methods(self, side: Side) -> dict[str, dict[str, Any]]:
        return {name: side.object(self.node[name]) for name in METHODS if name in self.node}


class Kind(NamedTuple):
    """A family of operations: who sends the request, which rules tell of coming and going."""

    direction: Direction
    removed: str
    added: str
    prefix: str = ""


_PATH = Kind("request", "path-removed", "path-added")
_METHOD = Kind("request", "method-removed", "method-added")
_WEBHOOK = Kind("response", "webhook-removed", "webhook-added", "webhook ")
_CALLBACK = Kind("response", "callback-removed", "callback-added", "callback ")


def compare_openapi(ledger: Ledger) -> None:
    """Writes down every difference of two OpenAPI documents in normal form."""
    comparer = _Comparer(ledger)
    comparer.run()
    root = Place("", "")
    old, new = ledger.sides.old.document, ledger.sides.new.document
    ledger.words("document-described", root, _info(old), _info(new), "info", "tags", "externalDocs")
    ledger.words("server-changed", root.at("servers"), old, new, "servers")
    ledger.extensions(root, old, new)
    compare_schemes(ledger)


def _info(document: dict[str, Any]) -> dict[str, Any]:
    """The version is what a comparison is asked for: that it differs says nothing."""
    info = document.get("info")
    told = {name: value for name, value in info.items() if name != "version"} if isinstance(info, dict) else {}
    return {**document, "info": told}


class _Comparer:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._old = ledger.sides.old
        self._new = ledger.sides.new
        self._depth = 0

    def run(self) -> None:
        old, new = self._old.document, self._new.document
        self._families(
            {_shape(template): Item(template, node) for template, node in _items(self._old, old, "paths")},
            {_shape(template): Item(template, node) for template, node in _items(self._new, new, "paths")},
            _PATH, "/paths",
        )  # fmt: skip
        for name in ("webhooks", "x-webhooks"):
            self._families(
                {key: Item(key, node) for key, node in _items(self._old, old, name)},
                {key: Item(key, node) for key, node in _items(self._new, new, name)},
                _WEBHOOK, f"/{name}",
            )  # fmt: skip

    def _families(self, old: Mapping[str, Item], new: Mapping[str, Item], kind: Kind, where: str) -> None:
        for key in sorted(old.keys() | new.keys()):
            self._items(old.get(key), new.get(key), kind, where)

    def _items(self, old: Item | None, new: Item | None, kind: Kind, where: str) -> None:
        before = old.methods(self._old) if old else {}
        after = new.methods(self._new) if new else {}
        known = old or new
        if old and new:
            place = Place("", join(where, old.template))
            self._ledger.words("operation-described", place, old.node, new.node, "summary", "description")
            self._ledger.extensions(place, old.node, new.node)
        for method in sorted(before.keys() | after.keys()):
            template = known.template if known else ""
            place = Place(f"{kind.prefix}{method.upper()} {template}", join(where, template, method))
            whole = kind if kind is not _PATH or not (old and new and before and after) else _METHOD
            if method not in after:
                self._ledger.tell(whole.removed, place, None, before[method], None, what=place.operation)
            elif method not in before:
                self._ledger.tell(whole.added, place, None, None, after[method], what=place.operation)
            elif old and new:
                both = ((old, before[method]), (new, after[method]))
                self._operation(*both, kind.direction, place)

    def _operation(
        self, old: tuple[Item, dict[str, Any]], new: tuple[Item, dict[str, Any]], direction: Direction, place: Place
    ) -> None:
        (old_item, before), (new_item, after) = old, new
        ledger = self._ledger
        self._identity(before, after, place)
        names = [parameter_names(item.template) for item in (old_item, new_item)]
        for index, (one, other) in enumerate(zip(*names, strict=False)):
            if one != other:
                where = place.at("parameters", "path", str(index))
                ledger.tell("path-parameter-renamed", where, None, one, other, what=f"path parameter {one!r}")
        compare_parameters(
            ledger, (old_item.node, before, names[0]), (new_item.node, after, names[1]), direction, place
        )
        compare_bodies(ledger, before, after, direction, place)
        compare_answers(ledger, before, after, turned(direction), place)
        compare_meanings(ledger, before, after, place)
        if direction == "request":
            compare_security(ledger, before, after, place)
        self._callbacks(before, after, direction, place)
        servers = [{"servers": node.get("servers", item.node.get("servers"))} for item, node in (old, new)]
        ledger.words("server-changed", place.at("servers"), servers[0], servers[1], "servers")

    def _identity(self, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
        one, other = old.get("operationId"), new.get("operationId")
        if one != other:
            rule = "operation-id-added" if one is None else "operation-id-changed"
            self._ledger.tell(rule, place.at("operationId"), None, one, other)
        was, is_ = old.get("deprecated") is True, new.get("deprecated") is True
        if was != is_:
            rule = "operation-deprecated" if is_ else "operation-reinstated"
            self._ledger.tell(rule, place.at("deprecated"), None, was, is_)
        self._ledger.words("operation-described", place, old, new, "summary", "description", "tags", "externalDocs")
        self._ledger.extensions(place, old, new)

    def _callbacks(self, old: dict[str, Any], new: dict[str, Any], direction: Direction, place: Place) -> None:
        if self._depth >= _MOST_DEEP:
            return  # a callback of a callback of a callback: references may go round in a circle here
        self._depth += 1
        before, after = _callbacks(self._old, old), _callbacks(self._new, new)
        kind = Kind(turned(direction), _CALLBACK.removed, _CALLBACK.added, f"{place.operation} {_CALLBACK.prefix}")
        self._families(before, after, kind, join(place.location, "callbacks"))
        self._depth -= 1


def _callbacks(side: Side, operation: dict[str, Any]) -> dict[str, Item]:
    """Callbacks by name and expression, as items whose template tells both."""
    found = {}
    for name, node in side.members(operation, "callbacks"):
        for expression, item in side.object(node).items():
            if not expression.startswith("x-"):
                found[f"{name} {expression}"] = Item(f"{name} {expression}", side.object(item))
    return found


def _items(side: Side, document: dict[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for template, node in side.members(document, name):
        yield template, side.object(node)


def _shape(template: str) -> str:
    """The path with every parameter alike."""
    return _NAMED.sub("{}", template)
