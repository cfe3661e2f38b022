"""Tables of the registry: content-addressed blobs, generations, immutable versions, consumers' keys."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from controlplane.store.database import metadata

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

# What is in force: a row per object of the workspace (SLOs and measures among them, which do not go to gateways).
item = Table(
    "item",
    metadata,
    Column("kind", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("sha256", String, nullable=False),  # of the blob
    Column("size_bytes", Integer, nullable=False),
    Column("generation", Integer, nullable=False),  # the one that put it in force
)

# Every version that was ever applied; the hash of a published one never changes, not even after its removal.
version = Table(
    "version",
    metadata,
    Column("kind", String, primary_key=True),  # contract | schema
    Column("name", String, primary_key=True),
    Column("version", String, primary_key=True),
    Column("sha256", String, nullable=False),  # of the content, life cycle and ownership outside
    Column("state", String, nullable=False),
    Column("is_present", Integer, nullable=False),  # 0 once removed from the workspace
    Column("published_us", BigInteger),
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
