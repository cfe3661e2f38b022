"""Where schemas stand in a document: what a request holds, what an answer holds, and every named field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

from catalog.bundle import Direction
from catalog.canonical import resolve_local
from catalog.errors import Invalid
from catalog.inventory import Workspace
from catalog.naming import METHODS
from catalog.pointer import join, parse
from catalog.reference import PREFIX, parse_reference
from catalog.walk import objects_in

_MOST_HOPS = 10
_ONE = ("items", "additionalProperties", "contains")
_LIST = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAP = ("properties", "patternProperties")


class Field(NamedTuple):
    """A property of an object schema. `facets` is all that is said of it: references followed, branches joined."""

    name: str
    facets: tuple[dict[str, Any], ...]
    enclosing: tuple[dict[str, Any], ...]  # the `properties` that it stands in, the innermost last
    file: str
    pointer: str

    @property
    def types(self) -> set[str]:
        found: set[str] = set()
        for facet in self.facets:
            kinds = facet.get("type")
            found.update(kinds if isinstance(kinds, list) else [kinds] if isinstance(kinds, str) else [])
        return found

    def says(self, *names: str) -> bool:
        return any(name in facet for facet in self.facets for name in names)


def documents(workspace: Workspace) -> Iterator[tuple[str, dict[str, Any]]]:
    """File and content of all that holds schemas and may still change."""
    yield from contract_documents(workspace)
    for key, schema in workspace.schemas.items():
        yield workspace.sources[f"schema/{key}"], schema.document


def contract_documents(workspace: Workspace) -> Iterator[tuple[str, dict[str, Any]]]:
    """File and content of every contract version that is not retired."""
    for version in workspace.versions:
        if version.state.state != "retired":
            yield workspace.sources[f"contract/{version.ref}"], version.document


def fields(workspace: Workspace) -> Iterator[Field]:
    """Every property that a document of the workspace declares."""
    for file, document in documents(workspace):
        for node, pointer in objects_in(document):
            properties = node.get("properties")
            for name, schema in properties.items() if isinstance(properties, dict) else ():
                if isinstance(schema, dict):
                    place = join(pointer, "properties", name)
                    facets = tuple(_facets(schema, document, workspace, _MOST_HOPS))
                    yield Field(name, facets, tuple(_enclosing(document, place)), file, place)


def _facets(schema: Any, document: dict[str, Any], workspace: Workspace, hops: int) -> Iterator[dict[str, Any]]:
    if not isinstance(schema, dict) or not hops:
        return
    yield schema
    for name in ("allOf", "anyOf", "oneOf"):
        branches = schema.get(name)
        for branch in branches if isinstance(branches, list) else ():
            yield from _facets(branch, document, workspace, hops - 1)
    ref = schema.get("$ref")
    if isinstance(ref, str) and ref.startswith("#/"):
        yield from _facets(resolve_local(document, unquote(ref)), document, workspace, hops - 1)
    elif isinstance(ref, str) and ref.startswith(PREFIX):
        yield from _canonical_facets(ref, workspace, hops)


def _canonical_facets(ref: str, workspace: Workspace, hops: int) -> Iterator[dict[str, Any]]:
    try:
        reference = parse_reference(ref)
    except Invalid:
        return
    schema = workspace.schemas.get(reference.key)
    if schema is not None:
        target = resolve_local(schema.document, f"#{reference.fragment}")
        yield from _facets(target, schema.document, workspace, hops - 1)


def _enclosing(document: dict[str, Any], pointer: str) -> Iterator[dict[str, Any]]:
    node: Any = document
    for token in parse(pointer)[:-1]:
        node = node[int(token)] if isinstance(node, list) else node[token]
        if token == "properties" and isinstance(node, dict):  # noqa: S105 - a step of a pointer, no secret
            yield node


def held(document: dict[str, Any], direction: Direction) -> Iterator[tuple[dict[str, Any], str]]:
    """Every schema that a request, or an answer, of a contract's document is made of, with its pointer; each once.
    Canonical schemas are not entered: they are looked at where they stand."""
    seen: set[str] = set()
    for root, place in _roots(document, direction):
        stack = [(root, place)]
        while stack:
            node, pointer = _followed(document, *stack.pop())
            if pointer not in seen and isinstance(node, dict):
                seen.add(pointer)
                yield node, pointer
                stack += _children(node, pointer)


def _children(node: dict[str, Any], pointer: str) -> Iterator[tuple[Any, str]]:
    for name in _ONE:
        yield node.get(name), join(pointer, name)
    for name in _LIST:
        branches = node.get(name)
        yield from (
            (each, join(pointer, name, i)) for i, each in enumerate(branches if isinstance(branches, list) else ())
        )
    for name in _MAP:
        members = node.get(name)
        yield from (
            (each, join(pointer, name, key)) for key, each in (members.items() if isinstance(members, dict) else ())
        )


def _followed(document: dict[str, Any], node: Any, pointer: str) -> tuple[Any, str]:
    """`node`, or what its local reference leads to."""
    for _ in range(_MOST_HOPS):
        ref = node.get("$ref") if isinstance(node, dict) else None
        if not isinstance(ref, str) or not ref.startswith("#/"):
            break
        node, pointer = resolve_local(document, unquote(ref)), unquote(ref)[1:]
    return node, pointer


def _roots(document: dict[str, Any], direction: Direction) -> Iterator[tuple[Any, str]]:
    if "asyncapi" in document:
        if direction == "request":
            yield from _payloads(document)
        return
    for item, pointer in _members(document, document, "paths", ""):
        if direction == "request":
            yield from _parameters(document, item, pointer)
        for method in METHODS:
            operation, place = _followed(document, item.get(method), join(pointer, method))
            if not isinstance(operation, dict):
                continue
            if direction == "request":
                yield from _parameters(document, operation, place)
                body, where = _followed(document, operation.get("requestBody"), join(place, "requestBody"))
                yield from _content(document, body, where)
            else:
                for answer, where in _members(document, operation, "responses", place):
                    yield from _content(document, answer, where)


def _payloads(document: dict[str, Any]) -> Iterator[tuple[Any, str]]:
    for node, pointer in objects_in(document):
        if "payload" in node and parse(pointer)[-2:-1] == ("messages",):
            payload = node["payload"]
            inner = isinstance(payload, dict) and "schemaFormat" in payload
            yield (
                (payload.get("schema"), join(pointer, "payload", "schema"))
                if inner
                else (payload, join(pointer, "payload"))
            )


def _parameters(document: dict[str, Any], parent: dict[str, Any], pointer: str) -> Iterator[tuple[Any, str]]:
    listed = parent.get("parameters")
    for index, item in enumerate(listed if isinstance(listed, list) else ()):
        node, place = _followed(document, item, join(pointer, "parameters", index))
        if isinstance(node, dict):
            yield node.get("schema"), join(place, "schema")
            yield from _content(document, node, place)


def _content(document: dict[str, Any], node: Any, pointer: str) -> Iterator[tuple[Any, str]]:
    for media, place in _members(document, node, "content", pointer):
        yield media.get("schema"), join(place, "schema")


def _members(document: dict[str, Any], parent: Any, name: str, pointer: str) -> Iterator[tuple[dict[str, Any], str]]:
    members = parent.get(name) if isinstance(parent, dict) else None
    for key, member in members.items() if isinstance(members, dict) else ():
        node, place = _followed(document, member, join(pointer, name, key))
        if isinstance(node, dict) and not key.startswith("x-"):
            yield node, place
