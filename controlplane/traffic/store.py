"""Roll-ups per bucket of 1, 60 or 1440 minutes; `bucket` counts them since the epoch."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, Table

from controlplane.store.column import Plain
from controlplane.store.database import metadata

# Calls by the gateway that took them and the system that they went to; "" for those that went to none.
traffic_rollup = Table(
    "traffic_rollup",
    metadata,
    Column("grain", Integer, primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("gateway", Plain, primary_key=True),
    Column("system", Plain, primary_key=True),
    Column("legal_entity", Plain, primary_key=True),
    Column("is_synthetic", Boolean, primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),  # kept from the system by the gateway
    Column("failed", BigInteger, nullable=False),  # asked of the system and failed through its fault
)

# Where the time of calls to systems went; `step` is a step of `lineage.histogram`.
timing_rollup = Table(
    "timing_rollup",
    metadata,
    Column("grain", Integer, primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("part", Plain, primary_key=True),  # system: waiting for it; gateway: all the rest
    Column("system", Plain, primary_key=True),
    Column("legal_entity", Plain, primary_key=True),
    Column("is_synthetic", Boolean, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("calls", BigInteger, nullable=False),
)

# Fields of an operation that a consumer sent (request) or was answered with (response), by `catalog.field`; days are
# counted since the epoch, UTC.
field_usage = Table(
    "field_usage",
    metadata,
    Column("contract", Plain, primary_key=True),
    Column("version", Plain, primary_key=True),
    Column("operation", Plain, primary_key=True),
    Column("direction", Plain, primary_key=True),
    Column("consumer", Plain, primary_key=True),
    Column("legal_entity", Plain, primary_key=True),
    Column("is_synthetic", Boolean, primary_key=True),
    Column("field", Plain, primary_key=True),
    Column("first_day", Integer, nullable=False),
    Column("last_day", Integer, nullable=False),
)

# What drafts would have said of the calls of the version in force (`draft`); days are counted since the epoch, UTC.
draft_verdict = Table(
    "draft_verdict",
    metadata,
    Column("contract", Plain, primary_key=True),
    Column("draft", Plain, primary_key=True),  # its version
    Column("day", Integer, primary_key=True),
    Column("operation", Plain, primary_key=True),  # of the version in force
    Column("consumer", Plain, primary_key=True),
    Column("legal_entity", Plain, primary_key=True),
    Column("is_synthetic", Boolean, primary_key=True),
    Column("outcome", Plain, primary_key=True),  # judged | refused | missing | failed | place
    Column("policy", Plain, primary_key=True),
    Column("code", Plain, primary_key=True),
    Column("place", Plain, primary_key=True),  # JSON pointer, indices as *
    Column("calls", BigInteger, nullable=False),
)
