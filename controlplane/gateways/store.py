"""Tables of the gateways: enrolments, gateways, commands, streams whose shipping has halted."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from controlplane.store.database import metadata

enrolment = Table(
    "enrolment",
    metadata,
    Column("enrolment_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("used_us", BigInteger),
    Column("gateway_id", String),
    Column("group_name", String, nullable=False, server_default="default"),
)

gateway = Table(
    "gateway",
    metadata,
    Column("gateway_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("group_name", String, nullable=False),
    Column("enrolled_us", BigInteger, nullable=False),
    Column("last_seen_us", BigInteger, nullable=False),
    Column("generation", Integer),  # the last it reported on
    Column("state", String, nullable=False),  # enrolled | ack | nack
    Column("detail", Text, nullable=False),
    Column("running_generation", Integer),  # the last it acknowledged
    Column("reported_us", BigInteger),
    Column("revoked_us", BigInteger),
    Column("revoked_by", String),
)

# What a gateway says it cannot ship; gone with the next batch that is taken.
halted_stream = Table(
    "halted_stream",
    metadata,
    Column("stream", String, primary_key=True),
    Column("gateway_id", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("told_us", BigInteger, nullable=False),
)

command = Table(
    "command",
    metadata,
    Column("command_id", String, primary_key=True),
    Column("gateway_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("body", Text, nullable=False),  # JSON
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
    Column("acked_us", BigInteger),
    Column("result", String),  # done | refused
    Column("detail", Text),
    Index("command_by_gateway", "gateway_id", "acked_us"),
)
