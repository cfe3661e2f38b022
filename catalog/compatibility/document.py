"""A document that schemas lie in: where its references lead, without ever leaving it.

Identifiers (`$id`, `id`) and anchors are found where schemas may stand. A reference that leads elsewhere is known by
its address alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urldefrag, urljoin

from catalog.compatibility.dialect import Dialect
from catalog.pointer import join

_ONE = (
    *("additionalItems", "additionalProperties", "items", "contains", "not", "if", "then", "else", "propertyNames"),
    *("unevaluatedItems", "unevaluatedProperties"),
)
_LIST = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_MAP = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")


class Place(NamedTuple):
    """What a reference leads to; `base` is the address against which it resolves its own references."""

    schema: Any
    base: str


class Document:
    """References of one document, which has address "", and of the resources given with it, by theirs."""

    def __init__(self, root: Any, dialect: Dialect, resources: Mapping[str, Any] | None = None) -> None:
        self.root = root
        self.dialect = dialect
        own = root.get(dialect.identifier) if isinstance(root, dict) and dialect.identifier else None
        self.own_address = urldefrag(own).url if isinstance(own, str) else ""
        self._resources = resources or {}
        self._places: dict[str, Place | None] | None = None
        self._found: dict[str, Place | None] = {}

    def address(self, ref: str, base: str) -> str:
        """The absolute form of `ref`; "#/…" for what lies in the document itself."""
        if ref.startswith("#"):
            return base + ref
        url, fragment = urldefrag(urljoin(base or self.own_address, ref))
        if url == self.own_address:
            url = ""
        return f"{url}#{fragment}"

    def find(self, address: str) -> Place | None:
        """What an absolute reference leads to; None when it is not in the document."""
        if address not in self._found:
            self._found[address] = self._find(address)
        return self._found[address]

    def rebased(self, schema: dict[str, Any], base: str) -> str:
        """The base inside of `schema`, which lies where `base` holds."""
        identifier = schema.get(self.dialect.identifier) if self.dialect.identifier else None
        if not isinstance(identifier, str) or (self.dialect.ignores_siblings and "$ref" in schema):
            return base
        if identifier.startswith("#"):
            return base
        url = urldefrag(urljoin(base or self.own_address, identifier)).url
        return "" if url == self.own_address else url

    def _find(self, address: str) -> Place | None:
        url, _, fragment = address.partition("#")
        fragment = unquote(fragment)
        if fragment and not fragment.startswith("/"):
            return self._index().get(address)
        start = Place(self.root, "") if not url else self._index().get(f"{url}#")
        if start is None and url in self._resources:
            start = Place(self._resources[url], url)
        return self._follow(start, fragment) if start is not None else None

    def _follow(self, place: Place, pointer: str) -> Place | None:
        schema, base = place
        for token in pointer.split("/")[1:]:
            token = token.replace("~1", "/").replace("~0", "~")
            if isinstance(schema, dict) and token in schema:
                schema = schema[token]
            elif isinstance(schema, list) and token.isdecimal() and int(token) < len(schema):
                schema = schema[int(token)]
            else:
                return None
            if isinstance(schema, dict):
                base = self.rebased(schema, base)
        return Place(schema, base)

    def _index(self) -> dict[str, Place | None]:
        """Named schemas by address; a name that is given twice leads nowhere."""
        if self._places is None:
            self._places = {}
            for schema, base, _pointer in self.schemas():
                for name in self._names(schema, base):
                    is_new = name not in self._places
                    self._places[name] = Place(schema, base) if is_new else None
        return self._places

    def _names(self, schema: dict[str, Any], base: str) -> Iterator[str]:
        identifier = schema.get(self.dialect.identifier) if self.dialect.identifier else None
        if isinstance(identifier, str) and not (self.dialect.ignores_siblings and "$ref" in schema):
            yield base + identifier if identifier.startswith("#") else f"{base}#"
        for keyword in ("$anchor", "$dynamicAnchor") if not self.dialect.ignores_siblings else ():
            if isinstance(schema.get(keyword), str):
                yield f"{base}#{schema[keyword]}"

    def holds(self, address: str) -> bool:
        """Whether an absolute reference names a schema of this document, be there one or not."""
        url = address.partition("#")[0]
        return not url or f"{url}#" in self._index()

    def schemas(self) -> Iterator[tuple[dict[str, Any], str, str]]:
        """Every schema that is an object, with its base and its pointer."""
        stack = [(self.root, "", "")]
        while stack:
            schema, base, pointer = stack.pop()
            if isinstance(schema, dict):
                base = self.rebased(schema, base)
                yield schema, base, pointer
                stack += [(child, base, pointer + step) for step, child in _subschemas(schema)]


def _subschemas(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every schema directly within `schema`, after the pointer that leads to it from there."""
    for name in _ONE:
        if isinstance(schema.get(name), dict):
            yield join("", name), schema[name]
    for name in _LIST:
        if isinstance(schema.get(name), list):
            yield from ((join("", name, index), each) for index, each in enumerate(schema[name]))
    for name in _MAP:
        if isinstance(schema.get(name), dict):
            yield from ((join("", name, key), each) for key, each in schema[name].items())


class Sharing:
    """Which addresses mean the same in two documents: equal text, and equal text wherever that leads."""

    def __init__(self, old: Document, new: Document) -> None:
        self._documents = (old, new)
        self._is_same: dict[str, bool] = {}
        self._can = old.dialect == new.dialect

    def is_shared(self, address: str) -> bool:
        if not self._can:
            return False
        if address not in self._is_same:
            self._settle(address)
        return self._is_same[address]

    def _settle(self, address: str) -> None:
        """Settle `address` and all that it leads to: what differs makes differ what leads to it."""
        users: dict[str, list[str]] = {}
        differing = []
        todo, seen = [address], {address}
        while todo:
            current = todo.pop()
            leads = self._leads(current)
            if leads is None:
                differing.append(current)
                continue
            for lead in leads:
                users.setdefault(lead, []).append(current)
                if self._is_same.get(lead) is False:
                    differing.append(current)
                elif lead not in self._is_same and lead not in seen:
                    seen.add(lead)
                    todo.append(lead)
        self._is_same.update(dict.fromkeys(seen, True))
        while differing:
            current = differing.pop()
            if self._is_same[current]:
                self._is_same[current] = False
                differing += users.get(current, ())

    def _leads(self, address: str) -> set[str] | None:
        """Where equal texts at `address` lead; None when they are not equal, or hard to tell."""
        places = [document.find(address) for document in self._documents]
        if places[0] is None and places[1] is None:
            outside = not address.startswith("#")
            return set() if outside else None
        if places[0] is None or places[1] is None or places[0].base != places[1].base:
            return None
        text = json.dumps(places[0].schema, sort_keys=True)
        if text != json.dumps(places[1].schema, sort_keys=True) or is_placed(text, self._documents[0].dialect):
            return None
        return {self._documents[0].address(ref, places[0].base) for ref in references(places[0].schema)}


def is_placed(text: str, dialect: Dialect) -> bool:
    """Whether a schema's text holds what makes its meaning hang on where it stands."""
    identifier = f'"{dialect.identifier}": "'
    return bool(dialect.identifier and identifier in text) or '"$dynamicRef"' in text or '"$recursiveRef"' in text


def references(schema: Any) -> set[str]:
    """Every `$ref` in `schema`."""
    found: set[str] = set()
    stack = [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            ref = node.get("$ref")
            if isinstance(ref, str):
                found.add(ref)
            stack += node.values()
        elif isinstance(node, list):
            stack += node
    return found
