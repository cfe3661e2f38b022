"""Two versions of a document side by side: what references lead to, and what is the same in both."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from catalog.canonical import resolve_local
from catalog.compatibility.dialect import dialect_of
from catalog.pointer import join
from catalog.snapshot import canonical_json, sha256_hex
from catalog.walk import objects_in

_MOST_HOPS = 20
#: members that OpenAPI lets specification extensions stand among (3.1.1 §§4.8.8, 4.8.16); among others x-… is a name
_EXTENDED = frozenset({"responses", "paths"})


class Side:
    """One version, in normal form."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._texts: dict[str, bytes | None] = {}
        self._uses: dict[str, frozenset[str]] = {}
        self._text_hashes: dict[str, str] = {}
        self._sha256: dict[bytes, str] = {}

    @cached_property
    def has_names(self) -> bool:
        """Whether schemas are named, so that references may lead to them by other ways than by pointer."""
        names = ("$id", "$anchor", "$dynamicAnchor")
        return any(isinstance(node.get(name), str) for node, _ in objects_in(self.document) for name in names)

    @cached_property
    def dialect(self) -> str:
        """What the document says that its schemas are written in; "" for what its version implies."""
        told = self.document.get("jsonSchemaDialect")
        return told if isinstance(told, str) else ""

    def is_unread(self, schema: Any) -> bool:
        """Whether what a schema means hangs on names, dynamic scope or another dialect, which are not followed here."""
        if self._is_foreign(self.dialect):
            return True
        return self._has_unread and any(map(self._is_unread, (schema, *map(self.target, self._closure(schema)))))

    @cached_property
    def _has_unread(self) -> bool:
        return self._is_unread(self.document)

    def _is_unread(self, part: Any) -> bool:
        for node, _ in objects_in(part):
            ref, named = node.get("$ref"), node.get("$id")
            by_name = isinstance(ref, str) and not ref.startswith("#/") and (ref.startswith("#") or self.has_names)
            if by_name or any(isinstance(node.get(name), str) for name in ("$dynamicRef", "$recursiveRef")):
                return True
            if self._is_foreign(node.get("$schema")) or (isinstance(named, str) and any(references(node))):
                return True
        return False

    def _is_foreign(self, uri: Any) -> bool:
        """AsyncAPI builds on draft-07, of which its schemas are lifted."""
        known = {"2020-12", "draft7"} if "asyncapi" in self.document else {"2020-12"}
        return bool(uri) and isinstance(uri, str) and dialect_of({"$schema": uri}).name not in known

    def _closure(self, node: Any) -> set[str]:
        """References within `node`, and within what they lead to."""
        found = set(references(node))
        todo = list(found)
        while todo:
            more = self.uses(todo.pop()) - found
            found |= more
            todo += more
        return found

    def target(self, ref: str) -> Any:
        """What a reference into the document names; None for any other."""
        return resolve_local(self.document, unquote(ref)) if ref.startswith("#/") else None

    def object(self, node: Any) -> dict[str, Any]:
        """`node` with references followed; {} when that is no object. What stands beside a reference lies over it."""
        laid: dict[str, Any] = {}
        for _ in range(_MOST_HOPS):
            if not isinstance(node, dict):
                return laid
            ref = node.get("$ref")
            laid = {**{name: value for name, value in node.items() if name != "$ref"}, **laid}
            if not isinstance(ref, str):
                return laid
            node = self.target(ref)
        return laid

    def members(self, parent: dict[str, Any], name: str) -> Iterator[tuple[str, Any]]:
        """Name and value of each member of `parent[name]`, extensions left out where there may be any: a header may
        well be called x-request-id."""
        children = parent.get(name)
        for key, value in children.items() if isinstance(children, dict) else ():
            if isinstance(key, str) and not (name in _EXTENDED and key.startswith("x-")):
                yield key, value

    def text(self, ref: str) -> bytes | None:
        """The JSON of what a reference names, of the whole document where a name may mean any part; None when that is
        not at hand."""
        if ref not in self._texts:
            is_by_name = not ref.startswith("#/") and self.has_names
            target = {**self.document, "info": None} if is_by_name else self.target(ref)
            self._texts[ref] = None if target is None else canonical_json(target)
        return self._texts[ref]

    def uses(self, ref: str) -> frozenset[str]:
        """References within what a reference names."""
        if ref not in self._uses:
            self._uses[ref] = frozenset(references(self.target(ref)))
        return self._uses[ref]

    def sha256(self, node: Any) -> str:
        """Of `node` and of all that it leads to."""
        own = canonical_json(node)
        known = self._sha256.get(own)
        if known is None:
            found = self._closure(node)
            parts = [sha256_hex(own), *(f"{ref} {self._text_sha256(ref)}" for ref in sorted(found))]
            known = self._sha256[own] = sha256_hex("\n".join(parts).encode())
        return known

    def _text_sha256(self, ref: str) -> str:
        if ref not in self._text_hashes:
            self._text_hashes[ref] = sha256_hex(self.text(ref) or b"")
        return self._text_hashes[ref]


class Sides:
    """Both versions. A reference counts as the same when its text is, and all that it leads to is."""

    def __init__(self, old: Side, new: Side) -> None:
        self.old = old
        self.new = new
        self._changed = _changed(old, new)

    def is_same(self, old: Any, new: Any) -> bool:
        """Whether two nodes are the same to the last word, in whatever order."""
        if old is new:
            return True
        if type(old) is not type(new) or canonical_json(old) != canonical_json(new):
            return False
        return not any(ref in self._changed for ref in references(old))

    def is_same_reference(self, ref: str) -> bool:
        """Whether a reference leads to the same in both."""
        return ref not in self._changed


def references(node: Any) -> Iterator[str]:
    """References as a document writes them, and schemas that a discriminator names."""
    for each, _ in objects_in(node):
        for name in ("$ref", "$dynamicRef", "$recursiveRef"):
            if isinstance(each.get(name), str):
                yield each[name]
        mapping = each.get("mapping")
        if isinstance(mapping, dict):
            yield from (mapped for value in mapping.values() if (mapped := mapped_reference(value)))


def mapped_reference(value: Any) -> str:
    """The reference that a discriminator's mapping means: names stand for components (OpenAPI 3.1.1 §4.8.25)."""
    if not isinstance(value, str):
        return ""
    return value if "/" in value or "#" in value else f"#{join('/components/schemas', value)}"


def _changed(old: Side, new: Side) -> frozenset[str]:
    """References that lead to something else in the two, directly or through others."""
    known = set(references(old.document)) | set(references(new.document))
    users: dict[str, set[str]] = {}
    for ref in known:
        for used in old.uses(ref) | new.uses(ref):
            users.setdefault(used, set()).add(ref)
    found = {ref for ref in known if old.text(ref) != new.text(ref)}
    todo = list(found)
    while todo:
        more = users.get(todo.pop(), set()) - found
        found |= more
        todo += more
    return frozenset(found)
