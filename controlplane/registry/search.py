"""Looks words up in all that is in force: contracts, operations, canonical schemas, and the properties of both.

Every word that is asked for must be there, in any case and order, however names are written (`taxId`, `tax_id`). A
property of a canonical schema is found by its schema's name too, and names the contracts that are pinned to it, so
that "supplier tax id" says which contracts carry one. Contracts are searched in their newest version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, select

from catalog.pointer import parse
from catalog.walk import objects_in
from controlplane.registry.contract import ContractView, contract_views
from controlplane.registry.schema import SchemaView, schema_views
from controlplane.registry.store import blob, item
from controlplane.store.upsert import chunks

Kind = Literal["contract", "schema", "operation", "property"]

MOST_PROPERTIES = 5_000  # of one document
REMEMBERED = 5_000  # documents
_LONGEST = 200  # characters of a description that are told
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_APART = re.compile(r"[^0-9a-zà-öø-ÿ]+")
_KINDS: tuple[Kind, ...] = ("contract", "schema", "operation", "property")


class Hit(msgspec.Struct, frozen=True):
    """`contract` or `schema` says where it stands, in `version`; `carriers` are the contracts it concerns."""

    kind: Kind
    name: str  # of the contract or schema, id of the operation, path of the property ("lines[].net")
    title: str
    contract: str  # "" for a canonical schema and its properties
    schema: str
    version: str  # the newest that has it
    carriers: list[str]


class Hits(msgspec.Struct, frozen=True):
    """The best first; `total` counts all."""

    items: list[Hit]
    total: int


class _Entry(NamedTuple):
    hit: Hit
    name: str  # its own words
    text: str  # all words by which it is found

    def rank(self, asked: list[str]) -> tuple[int, int, str]:
        own = set(self.name.split())
        return -sum(word in own for word in asked), _KINDS.index(self.hit.kind), self.hit.name


class _Property(NamedTuple):
    path: str
    title: str


_known: dict[str, tuple[_Property, ...]] = {}  # by hash of the blob


def search(connection: Connection, asked: str, limit: int) -> Hits:
    """What has all the words of `asked`; nothing when it has none."""
    wanted = _words(asked).split()
    if not wanted:
        return Hits([], 0)
    found = [entry for entry in _entries(connection) if all(word in entry.text for word in wanted)]
    best = sorted(found, key=lambda entry: entry.rank(wanted))[:limit]
    return Hits([entry.hit for entry in best], len(found))


def _entries(connection: Connection) -> Iterator[_Entry]:
    contracts, schemas = contract_views(connection), schema_views(connection)
    properties = _properties(connection)
    for view in contracts:
        yield from _of_contract(view, properties)
    for schema in schemas:
        yield from _of_schema(schema, properties)


def _of_contract(view: ContractView, properties: Mapping[str, tuple[_Property, ...]]) -> Iterator[_Entry]:
    newest = view.versions[-1]
    told = f"{view.owner} {view.steward} {view.description}"
    yield _entry(Hit("contract", view.name, view.title, view.name, "", newest.version, [view.name]), told)
    for each in newest.operations:
        title = each.summary or f"{each.method} {each.path}"
        hit = Hit("operation", each.operation, title, view.name, "", newest.version, [view.name])
        yield _entry(hit, " ".join([each.path, each.object or "", *each.events]))
    for path, title in properties.get(f"contract/{view.name}@{newest.version}", ()):
        yield _entry(Hit("property", path, title, view.name, "", newest.version, [view.name]), "")


def _of_schema(view: SchemaView, properties: Mapping[str, tuple[_Property, ...]]) -> Iterator[_Entry]:
    users = {user.partition("@")[0] for version in view.versions for user in version.users}
    newest = view.versions[-1].version
    yield _entry(Hit("schema", view.schema, view.title, "", view.schema, newest, sorted(users)), view.owner)
    found: dict[str, tuple[str, str]] = {}
    carriers: dict[str, set[str]] = {}
    for version in view.versions:
        for path, title in properties.get(f"schema/{view.schema}@{version.version}", ()):
            found[path] = title, version.version
            carriers.setdefault(path, set()).update(user.partition("@")[0] for user in version.users)
    for path, (title, number) in found.items():
        hit = Hit("property", path, title, "", view.schema, number, sorted(carriers[path]))
        yield _entry(hit, view.schema)


def _entry(hit: Hit, more: str) -> _Entry:
    name = _words(hit.name)
    return _Entry(hit, name, f"{name} {_words(hit.title)} {_words(more)}")


def _words(text: str) -> str:
    """`supplierTaxId` and `supplier_tax_id` as `supplier tax id`."""
    return " ".join(part for part in _APART.split(_CAMEL.sub(" ", text).casefold()) if part)


def _properties(connection: Connection) -> dict[str, tuple[_Property, ...]]:
    """Of every contract version and canonical schema in force, by "<kind>/<name>"; each document is read once."""
    query = select(item.c.kind, item.c.name, item.c.sha256).where(item.c.kind.in_(("contract", "schema")))
    rows = connection.execute(query).all()
    new = [row.sha256 for row in rows if row.sha256 not in _known]
    for some in chunks(new, 50):
        for sha256, content in connection.execute(select(blob.c.sha256, blob.c.content).where(blob.c.sha256.in_(some))):
            document = msgspec.json.decode(content)
            _known[sha256] = tuple(_properties_in(document.get("document", document)))
    found = {f"{row.kind}/{row.name}": _known[row.sha256] for row in rows}
    if len(_known) > REMEMBERED:
        for gone in _known.keys() - {row.sha256 for row in rows}:
            _known.pop(gone, None)
    return found


def _properties_in(document: Mapping[str, Any]) -> Iterable[_Property]:
    """Each property once, by its path; examples and other data are no schemas."""
    found: dict[str, _Property] = {}
    for node, pointer in objects_in(document):
        named = node.get("properties")
        if not isinstance(named, dict) or len(found) >= MOST_PROPERTIES:
            continue
        tokens = parse(pointer)
        if not {"example", "examples", "default", "x-waybill"} & set(tokens):
            for name, schema in named.items():
                path = _path((*tokens, "properties", name))
                found.setdefault(path, _Property(path, _title(schema)))
    return found.values()


def _path(tokens: tuple[str, ...]) -> str:
    """Where a property stands, in a word: names of properties and definitions, `[]` for items."""
    parts: list[str] = []
    after = ""
    for part in tokens:
        if after in ("properties", "$defs", "schemas"):
            parts.append(part)
            after = ""
        elif part in ("items", "additionalProperties") and parts:
            parts[-1] += "[]" if part == "items" else "{}"
        else:
            after = part
    return ".".join(parts)


def _title(schema: Any) -> str:
    told = (schema.get("title") or schema.get("description") or "") if isinstance(schema, dict) else ""
    return str(told)[:_LONGEST]
