"""Tables of lineage. `mark` columns hold `ingest.batch.Position.mark`: the greatest wins, whatever comes first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, false, text

from controlplane.store.column import Number, Plain
from controlplane.store.database import metadata

# A business object, or an alias of one (then `link` has a row of kind "alias" from the object to it).
business_object = Table(
    "business_object",
    metadata,
    Column("object_id", Number, primary_key=True),
    Column("type", Plain, nullable=False),
    Column("assigner", Plain, nullable=False),
    Column("value", Plain, nullable=False),
    Column("search_key", Plain, nullable=False),  # case-folded value
    Column("legal_entity", Plain, nullable=False),
    Column("entity_mark", Plain, nullable=False),
    Column("amount", Plain),  # exact decimal text
    Column("currency", Plain),
    Column("amount_mark", Plain, nullable=False),
    Column("first_us", BigInteger),  # of its own events; null when others only mention it
    Column("last_us", BigInteger),
    Column("mentioned_us", BigInteger, nullable=False),  # first mention of any kind
    # What synthetic history tells of is never the object that real traffic knows by the same key.
    Column("is_synthetic", Boolean, nullable=False, server_default=false()),
    Index("business_object_by_key", "type", "assigner", "value", "is_synthetic", unique=True),
    Index("business_object_by_search_key", "search_key"),
    Index("business_object_by_time", "type", "last_us"),
)

# The latest value of each status axis.
object_axis = Table(
    "object_axis",
    metadata,
    Column("object_id", Number, ForeignKey("business_object.object_id"), primary_key=True),
    Column("axis", Plain, primary_key=True),
    Column("value", Plain, nullable=False),
    Column("mark", Plain, nullable=False),
    Index("object_axis_by_value", "axis", "value"),
)

link = Table(
    "link",
    metadata,
    Column("source_id", Number, ForeignKey("business_object.object_id"), primary_key=True),
    Column("kind", Plain, primary_key=True),  # flow | reference | alias
    Column("relation", Plain, primary_key=True),
    Column("target_id", Number, ForeignKey("business_object.object_id"), primary_key=True),
    Index("link_by_target", "target_id", "kind"),
)

# SQLite has no booleans, PostgreSQL does not compare them with numbers.
_REFUSED: dict[str, Any] = {"sqlite_where": text("is_refused = 1"), "postgresql_where": text("is_refused")}
_FAILED: dict[str, Any] = {"sqlite_where": text("is_failed = 1"), "postgresql_where": text("is_failed")}
_IN_DOUBT: dict[str, Any] = {
    "sqlite_where": text("executed = 'unknown'"),
    "postgresql_where": text("executed = 'unknown'"),
}

# One row per exchange: its summary. The whole record is in the log at (stream_id, seq).
exchange = Table(
    "exchange",
    metadata,
    Column("row_id", Number, primary_key=True),
    Column("exchange_id", Plain, nullable=False),
    Column("gateway", Plain, nullable=False, server_default=""),  # an exchange is its gateway's alone
    Column("stream", Plain, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("committed_us", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
    Column("upstream_us", BigInteger, nullable=False),
    Column("method", Plain, nullable=False),
    Column("status", Integer, nullable=False),
    Column("executed", Plain, nullable=False),
    Column("fault", Plain, nullable=False),
    Column("contract", Plain, nullable=False),
    Column("version", Plain, nullable=False),
    Column("operation", Plain, nullable=False),
    Column("consumer", Plain, nullable=False),
    Column("legal_entity", Plain, nullable=False),
    Column("system", Plain, nullable=False),
    Column("refused_by", Plain, nullable=False),
    Column("code", Plain, nullable=False),
    Column("refusal", Plain, nullable=False),  # policy, or code, that kept the call from the system; "" when none
    Column("is_refused", Boolean, nullable=False),  # by the gateway or by the system
    Column("event", Plain, nullable=False),
    Column("occurred_at", Plain, nullable=False),
    Column("is_event", Boolean, nullable=False),  # belongs on the object's timeline
    Column("is_failed", Boolean, nullable=False),  # a mutating call on an object that was not carried out
    Column("is_verified", Boolean, nullable=False),
    Column("is_replay", Boolean, nullable=False),
    Column("object_id", Number, ForeignKey("business_object.object_id")),
    Column("amount", Plain),
    Column("currency", Plain),
    Column("is_synthetic", Boolean, nullable=False, server_default=false()),
    Index("exchange_by_id", "exchange_id", "gateway", unique=True),
    Index(
        "exchange_by_object",
        "object_id",
        "at_us",
        sqlite_where=text("object_id IS NOT NULL"),
        postgresql_where=text("object_id IS NOT NULL"),
    ),
    Index("exchange_by_time", "at_us"),
    Index("exchange_by_contract", "contract", "at_us"),
    Index("exchange_refused", "at_us", **_REFUSED),
    Index("exchange_by_refusal", "refusal", "at_us", **_REFUSED),
    Index("exchange_failed", "at_us", "object_id", **_FAILED),
    Index("exchange_in_doubt", "at_us", **_IN_DOUBT),
)

# Calls per bucket of 1, 60 or 1440 minutes (`grain`); `bucket` counts them since the epoch.
call_rollup = Table(
    "call_rollup",
    metadata,
    Column("grain", Integer, primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("contract", Plain, primary_key=True),
    Column("operation", Plain, primary_key=True),
    Column("legal_entity", Plain, primary_key=True),
    Column("refusal", Plain, primary_key=True),
    Column("is_synthetic", Boolean, primary_key=True),
    Column("calls", BigInteger, nullable=False),
)

# Durations of calls that reached the system; `step` is a step of `histogram`.
latency_rollup = Table(
    "latency_rollup",
    metadata,
    Column("contract", Plain, primary_key=True),
    Column("operation", Plain, primary_key=True),
    Column("grain", Integer, primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("legal_entity", Plain, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("is_synthetic", Boolean, primary_key=True),
    Column("calls", BigInteger, nullable=False),
)

# Who uses what for whom, per day.
usage_rollup = Table(
    "usage_rollup",
    metadata,
    Column("contract", Plain, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("version", Plain, primary_key=True),
    Column("operation", Plain, primary_key=True),
    Column("consumer", Plain, primary_key=True),
    Column("legal_entity", Plain, primary_key=True),
    Column("is_synthetic", Boolean, primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
)
