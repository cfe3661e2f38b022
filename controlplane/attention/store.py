"""Table of what needs a person, as the gateways' streams tell it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from controlplane.store.database import metadata

attention = Table(
    "attention",
    metadata,
    Column("attention_id", String, primary_key=True),
    Column("gateway_id", String, nullable=False),
    Column("state", String, nullable=False),  # open | settled
    Column("opened_us", BigInteger, nullable=False),
    Column("settled_us", BigInteger),
    Column("exchange_id", String, nullable=False),
    Column("body", Text, nullable=False),  # JSON of the opening AttentionEntry, later members of the settling one
    Column("command_id", String),  # the settle command that is under way, or did it
    Column("legal_entity", String, nullable=False, server_default=""),
    Index("attention_by_state", "state", "opened_us"),
)
