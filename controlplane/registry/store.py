"""Tables of the registry: content-addressed blobs, generations, immutable versions, consumers' keys."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    func,
    insert,
    select,
)

from catalog.errors import NotFound
from catalog.snapshot import SignedManifest, sha256_hex
from controlplane.store.database import Database, metadata

blob = Table(
    "blob",
    metadata,
    Column("sha256", String, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)

generation = Table(
    "generation",
    metadata,
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("manifest", Text, nullable=False),  # the exact text that was signed
    Column("signature", String, nullable=False),
)

# What is in force: a row per object of the newest generation; consumers without their keys.
item = Table(
    "item",
    metadata,
    Column("kind", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("sha256", String, nullable=False),  # of the blob
    Column("size_bytes", Integer, nullable=False),
    Column("generation", Integer, nullable=False),  # the one that put it in force
)

# Every contract and schema version that was ever published: its hash never changes, not even after its removal.
version = Table(
    "version",
    metadata,
    Column("kind", String, primary_key=True),  # contract | schema
    Column("name", String, primary_key=True),  # "<name>@<version>"
    Column("sha256", String, nullable=False),  # of the content, life cycle and ownership outside
    Column("published_us", BigInteger, nullable=False),
)

consumer_key = Table(
    "consumer_key",
    metadata,
    Column("key_id", String, primary_key=True),
    Column("consumer", String, nullable=False),
    Column("hmac_sha256", String, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
    Column("expires_at", String),  # RFC 3339
    Column("revoked_us", BigInteger),
    Index("consumer_key_by_consumer", "consumer"),
)


def current_generation(connection: Connection) -> int:
    """The newest generation; 0 before the first apply."""
    return connection.scalar(select(func.max(generation.c.generation))) or 0


def documents(connection: Connection, kind: str) -> dict[str, Any]:
    """The parsed contents of all objects of `kind` in force, by name."""
    query = select(item.c.name, blob.c.content).join_from(item, blob, item.c.sha256 == blob.c.sha256)
    rows = connection.execute(query.where(item.c.kind == kind).order_by(item.c.name))
    return {row.name: json.loads(row.content) for row in rows}


def newest(database: Database) -> tuple[int, SignedManifest] | None:
    """The newest generation and its signed manifest; None before the first apply."""
    query = select(generation).order_by(generation.c.generation.desc()).limit(1)
    with database.read() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else (row.generation, SignedManifest(row.manifest, row.signature))


def blob_content(database: Database, sha256: str) -> bytes:
    """Raises: NotFound."""
    with database.read() as connection:
        content: bytes | None = connection.scalar(select(blob.c.content).where(blob.c.sha256 == sha256))
    if content is None:
        raise NotFound("no blob with this SHA-256")
    return content


def keep_blob(connection: Connection, content: bytes, now_us: int) -> str:
    """Store `content` unless it is there; its SHA-256."""
    sha256 = sha256_hex(content)
    if connection.scalar(select(blob.c.sha256).where(blob.c.sha256 == sha256)) is None:
        connection.execute(insert(blob).values(sha256=sha256, content=content, created_us=now_us))
    return sha256
