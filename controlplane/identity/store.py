"""Tables of tokens and credentials."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table, Text

from controlplane.store.database import metadata

token = Table(
    "token",
    metadata,
    Column("token_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
    Column("last_used_us", BigInteger),
    Column("revoked_us", BigInteger),
    Column("entities", Text, nullable=False, server_default='["*"]'),  # JSON list of what the holder acts for
    Column("expires_us", BigInteger),
)

gateway_credential = Table(
    "gateway_credential",
    metadata,
    Column("credential_id", String, primary_key=True),
    Column("gateway_id", String, nullable=False),
    Column("group_name", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("last_used_us", BigInteger),
    Column("revoked_us", BigInteger),
)
