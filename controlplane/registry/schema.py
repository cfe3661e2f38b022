"""Canonical schemas in force, who answers for them, and which contracts are pinned to which version."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from catalog.errors import NotFound
from catalog.ownership import SchemaOwnership
from controlplane.registry.contract import contract_views
from controlplane.registry.store import blob, documents, item


class SchemaVersionView(msgspec.Struct, frozen=True):
    version: str
    sha256: str
    users: list[str]  # <contract>@<version> that are pinned to it


class SchemaView(msgspec.Struct, frozen=True):
    schema: str
    title: str
    owner: str
    steward: str
    versions: list[SchemaVersionView]


def schema_views(connection: Connection) -> list[SchemaView]:
    """By name, the versions in order."""
    owned = {
        name: msgspec.convert(found, SchemaOwnership) for name, found in documents(connection, "ownership").items()
    }
    users: defaultdict[str, list[str]] = defaultdict(list)
    for view in contract_views(connection):
        for version in view.versions:
            for pin in version.pins:
                users[pin].append(f"{view.name}@{version.version}")
    versions: defaultdict[str, list[SchemaVersionView]] = defaultdict(list)
    rows = connection.execute(select(item.c.name, item.c.sha256).where(item.c.kind == "schema"))
    for ref, sha256 in rows:
        name, version = ref.rsplit("@", 1)
        versions[name].append(SchemaVersionView(version, sha256, users[ref]))
    return [_view(name, owned.get(name, SchemaOwnership(name)), versions[name]) for name in sorted(versions)]


def schema_document(connection: Connection, name: str, version: str) -> dict[str, Any]:
    """The JSON Schema of a version. Raises: NotFound."""
    query = select(blob.c.content).join_from(item, blob, item.c.sha256 == blob.c.sha256)
    content = connection.scalar(query.where(item.c.kind == "schema", item.c.name == f"{name}@{version}"))
    if content is None:
        raise NotFound(f"no version {version} of the schema {name!r} is in force")
    document: dict[str, Any] = msgspec.json.decode(content)
    return document


def _view(name: str, owned: SchemaOwnership, versions: list[SchemaVersionView]) -> SchemaView:
    ordered = sorted(versions, key=lambda each: tuple(int(part) for part in each.version.split("-", 1)[0].split(".")))
    return SchemaView(name, owned.title or name, owned.owner, owned.steward, ordered)
