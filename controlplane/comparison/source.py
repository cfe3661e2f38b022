"""Versions in force as comparisons take them. What a hash names never changes, so the latest are kept read."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from catalog.asyncapi import is_asyncapi, read_asyncapi
from catalog.canonical import Canonicals, CanonicalSchema
from catalog.contract import Contract, ContractVersion
from catalog.errors import NotFound
from catalog.memo import Memo
from catalog.openapi import read_openapi
from catalog.schema import Validators
from catalog.snapshot import ContractBlob
from controlplane.registry.store import blob, item
from controlplane.store.upsert import chunks

_schemas: Memo[dict[str, Any]] = Memo(1_000)  # by hash of the blob


def schemas_in_force(connection: Connection) -> dict[str, CanonicalSchema]:
    """By key, "supplier@1.0.0"."""
    rows = connection.execute(select(item.c.name, item.c.sha256).where(item.c.kind == "schema").order_by(item.c.name))
    found: dict[str, CanonicalSchema] = {}
    for name, sha256 in rows.all():
        document = _schemas.get(sha256, partial(_document, connection, sha256))
        found[name] = CanonicalSchema(name.partition("@")[0], name.partition("@")[2], document, sha256)
    return found


def version_in_force(connection: Connection, ref: str) -> ContractVersion:
    """A contract version without its operations. Raises: NotFound."""
    row = item.c.kind == "contract"
    sha256 = connection.scalar(select(item.c.sha256).where(row, item.c.name == ref))
    if sha256 is None:
        raise NotFound(f"no version {ref.partition('@')[2]} of {ref.partition('@')[0]!r} is in force")
    return _version(_content(connection, sha256))


def hashes_of_users(connection: Connection, refs: list[str]) -> list[str]:
    """Hashes of the blobs of contract versions, sorted by their names."""
    found: list[tuple[str, str]] = []
    for some in chunks(refs, 200):
        query = select(item.c.name, item.c.sha256).where(item.c.kind == "contract", item.c.name.in_(some))
        found += [(row.name, row.sha256) for row in connection.execute(query)]
    return [sha256 for _, sha256 in sorted(found)]


def version_with_operations(connection: Connection, sha256: str, schemas: Canonicals) -> ContractVersion:
    """The contract version of a blob; nothing is compiled: that was done when it was published."""
    version = _version(_content(connection, sha256))
    read = read_asyncapi if is_asyncapi(version.document) else read_openapi
    reading = read(version.document, schemas, Validators(is_lazy=True))
    return msgspec.structs.replace(version, operations=reading.operations)


def _document(connection: Connection, sha256: str) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(_content(connection, sha256))
    return document


def _version(content: bytes) -> ContractVersion:
    told = msgspec.json.decode(content, type=ContractBlob)
    return ContractVersion(
        msgspec.convert(told.contract, Contract), told.version, told.document, told.pins, (), told.sha256
    )


def _content(connection: Connection, sha256: str) -> bytes:
    content: bytes = connection.execute(select(blob.c.content).where(blob.c.sha256 == sha256)).scalar_one()
    return content
