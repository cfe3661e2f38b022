"""Tables of lineage. `mark` columns hold `ingest.batch.Position.mark`: the greatest wins, whatever comes first."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, text

from controlplane.store.database import metadata

# A business object, or an alias of one (then `link` has a row of kind "alias" from the object to it).
business_object = Table(
    "business_object",
    metadata,
    Column("object_id", Integer, primary_key=True),
    Column("type", String, nullable=False),
    Column("assigner", String, nullable=False),
    Column("value", String, nullable=False),
    Column("search_key", String, nullable=False),  # case-folded value
    Column("legal_entity", String, nullable=False),
    Column("entity_mark", String, nullable=False),
    Column("amount", String),  # exact decimal text
    Column("currency", String),
    Column("amount_mark", String, nullable=False),
    Column("first_us", BigInteger),  # of its own events; null when others only mention it
    Column("last_us", BigInteger),
    Column("mentioned_us", BigInteger, nullable=False),  # first mention of any kind
    Index("business_object_by_key", "type", "assigner", "value", unique=True),
    Index("business_object_by_search_key", "search_key"),
    Index("business_object_by_time", "type", "last_us"),
)

# The latest value of each status axis.
object_axis = Table(
    "object_axis",
    metadata,
    Column("object_id", Integer, ForeignKey("business_object.object_id"), primary_key=True),
    Column("axis", String, primary_key=True),
    Column("value", String, nullable=False),
    Column("mark", String, nullable=False),
    Index("object_axis_by_value", "axis", "value"),
)

link = Table(
    "link",
    metadata,
    Column("source_id", Integer, ForeignKey("business_object.object_id"), primary_key=True),
    Column("kind", String, primary_key=True),  # flow | reference | alias
    Column("relation", String, primary_key=True),
    Column("target_id", Integer, ForeignKey("business_object.object_id"), primary_key=True),
    Index("link_by_target", "target_id", "kind"),
)

# One row per exchange: its summary. The whole record is in the log at (stream_id, seq).
exchange = Table(
    "exchange",
    metadata,
    Column("row_id", Integer, primary_key=True),
    Column("exchange_id", String, nullable=False),
    Column("gateway", String, nullable=False, server_default=""),  # an exchange is its gateway's alone
    Column("stream", String, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("committed_us", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
    Column("upstream_us", BigInteger, nullable=False),
    Column("method", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("executed", String, nullable=False),
    Column("fault", String, nullable=False),
    Column("contract", String, nullable=False),
    Column("version", String, nullable=False),
    Column("operation", String, nullable=False),
    Column("consumer", String, nullable=False),
    Column("legal_entity", String, nullable=False),
    Column("system", String, nullable=False),
    Column("refused_by", String, nullable=False),
    Column("code", String, nullable=False),
    Column("refusal", String, nullable=False),  # policy, or code, that kept the call from the system; "" when none
    Column("is_refused", Boolean, nullable=False),  # by the gateway or by the system
    Column("event", String, nullable=False),
    Column("occurred_at", String, nullable=False),
    Column("is_event", Boolean, nullable=False),  # belongs on the object's timeline
    Column("is_failed", Boolean, nullable=False),  # a mutating call on an object that was not carried out
    Column("is_verified", Boolean, nullable=False),
    Column("is_replay", Boolean, nullable=False),
    Column("object_id", Integer, ForeignKey("business_object.object_id")),
    Column("amount", String),
    Column("currency", String),
    Index("exchange_by_id", "exchange_id", "gateway", unique=True),
    Index("exchange_by_object", "object_id", "at_us", sqlite_where=text("object_id IS NOT NULL")),
    Index("exchange_by_time", "at_us"),
    Index("exchange_by_contract", "contract", "at_us"),
    Index("exchange_refused", "at_us", sqlite_where=text("is_refused = 1")),
    Index("exchange_by_refusal", "refusal", "at_us", sqlite_where=text("is_refused = 1")),
    Index("exchange_failed", "at_us", "object_id", sqlite_where=text("is_failed = 1")),
    Index("exchange_in_doubt", "at_us", sqlite_where=text("executed = 'unknown'")),
)

# Calls per bucket of 1, 60 or 1440 minutes (`grain`); `bucket` counts them since the epoch.
call_rollup = Table(
    "call_rollup",
    metadata,
    Column("grain", Integer, primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("contract", String, primary_key=True),
    Column("operation", String, primary_key=True),
    Column("legal_entity", String, primary_key=True),
    Column("refusal", String, primary_key=True),
    Column("calls", BigInteger, nullable=False),
)

# Durations of calls that reached the system; `step` is a step of `histogram`.
latency_rollup = Table(
    "latency_rollup",
    metadata,
    Column("contract", String, primary_key=True),
    Column("operation", String, primary_key=True),
    Column("grain", Integer, primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("legal_entity", String, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("calls", BigInteger, nullable=False),
)

# Who uses what, per day.
usage_rollup = Table(
    "usage_rollup",
    metadata,
    Column("day", Integer, primary_key=True),
    Column("contract", String, primary_key=True),
    Column("version", String, primary_key=True),
    Column("operation", String, primary_key=True),
    Column("consumer", String, primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
)
