"""Log of the streams, lineage, roll-ups and objectives."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from controlplane.store.column import Number, Plain

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    create_log()
    create_objects()
    create_exchanges()
    create_rollups()
    create_objectives()


def create_log() -> None:
    op.create_table(
        "stream",
        sa.Column("stream_id", Number, nullable=False),
        sa.Column("name", Plain, nullable=False),
        sa.Column("gateway_id", Plain, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("head", Plain, nullable=False),
        sa.Column("last_at_us", sa.BigInteger(), nullable=False),
        sa.Column("ingested_us", sa.BigInteger(), nullable=False),
        sa.Column("signature", Plain, nullable=False),
        sa.Column("signed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("unread", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("stream_id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "log_batch",
        sa.Column("batch_id", Number, nullable=False),
        sa.Column("stream_id", Number, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.stream_id"]),
        sa.PrimaryKeyConstraint("batch_id"),
    )
    op.create_index("log_batch_by_last", "log_batch", ["stream_id", "last"], unique=True)


def create_objects() -> None:
    op.create_table(
        "business_object",
        sa.Column("object_id", Number, nullable=False),
        sa.Column("type", Plain, nullable=False),
        sa.Column("assigner", Plain, nullable=False),
        sa.Column("value", Plain, nullable=False),
        sa.Column("search_key", Plain, nullable=False),
        sa.Column("legal_entity", Plain, nullable=False),
        sa.Column("entity_mark", Plain, nullable=False),
        sa.Column("amount", Plain, nullable=True),
        sa.Column("currency", Plain, nullable=True),
        sa.Column("amount_mark", Plain, nullable=False),
        sa.Column("first_us", sa.BigInteger(), nullable=True),
        sa.Column("last_us", sa.BigInteger(), nullable=True),
        sa.Column("mentioned_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("object_id"),
    )
    op.create_index("business_object_by_key", "business_object", ["type", "assigner", "value"], unique=True)
    op.create_index("business_object_by_search_key", "business_object", ["search_key"], unique=False)
    op.create_index("business_object_by_time", "business_object", ["type", "last_us"], unique=False)
    op.create_table(
        "object_axis",
        sa.Column("object_id", Number, nullable=False),
        sa.Column("axis", Plain, nullable=False),
        sa.Column("value", Plain, nullable=False),
        sa.Column("mark", Plain, nullable=False),
        sa.ForeignKeyConstraint(["object_id"], ["business_object.object_id"]),
        sa.PrimaryKeyConstraint("object_id", "axis"),
    )
    op.create_index("object_axis_by_value", "object_axis", ["axis", "value"], unique=False)
    op.create_table(
        "link",
        sa.Column("source_id", Number, nullable=False),
        sa.Column("kind", Plain, nullable=False),
        sa.Column("relation", Plain, nullable=False),
        sa.Column("target_id", Number, nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["business_object.object_id"]),
        sa.ForeignKeyConstraint(["target_id"], ["business_object.object_id"]),
        sa.PrimaryKeyConstraint("source_id", "kind", "relation", "target_id"),
    )
    op.create_index("link_by_target", "link", ["target_id", "kind"], unique=False)


def create_exchanges() -> None:
    op.create_table(
        "exchange",
        sa.Column("row_id", Number, nullable=False),
        sa.Column("exchange_id", Plain, nullable=False),
        sa.Column("stream", Plain, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("committed_us", sa.BigInteger(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        sa.Column("upstream_us", sa.BigInteger(), nullable=False),
        sa.Column("method", Plain, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("executed", Plain, nullable=False),
        sa.Column("fault", Plain, nullable=False),
        sa.Column("contract", Plain, nullable=False),
        sa.Column("version", Plain, nullable=False),
        sa.Column("operation", Plain, nullable=False),
        sa.Column("consumer", Plain, nullable=False),
        sa.Column("legal_entity", Plain, nullable=False),
        sa.Column("system", Plain, nullable=False),
        sa.Column("refused_by", Plain, nullable=False),
        sa.Column("code", Plain, nullable=False),
        sa.Column("refusal", Plain, nullable=False),
        sa.Column("is_refused", sa.Boolean(), nullable=False),
        sa.Column("event", Plain, nullable=False),
        sa.Column("occurred_at", Plain, nullable=False),
        sa.Column("is_event", sa.Boolean(), nullable=False),
        sa.Column("is_failed", sa.Boolean(), nullable=False),
        sa.Column("is_verified", sa.Boolean(), nullable=False),
        sa.Column("is_replay", sa.Boolean(), nullable=False),
        sa.Column("object_id", Number, nullable=True),
        sa.Column("amount", Plain, nullable=True),
        sa.Column("currency", Plain, nullable=True),
        sa.ForeignKeyConstraint(["object_id"], ["business_object.object_id"]),
        sa.PrimaryKeyConstraint("row_id"),
    )
    op.create_index("exchange_by_contract", "exchange", ["contract", "at_us"], unique=False)
    op.create_index("exchange_by_id", "exchange", ["exchange_id"], unique=True)
    op.create_index(
        "exchange_by_object",
        "exchange",
        ["object_id", "at_us"],
        unique=False,
        sqlite_where=sa.text("object_id IS NOT NULL"),
        postgresql_where=sa.text("object_id IS NOT NULL"),
    )
    create_index_where("exchange_by_refusal", ["refusal", "at_us"], "is_refused = 1", "is_refused")
    op.create_index("exchange_by_time", "exchange", ["at_us"], unique=False)
    create_index_where("exchange_failed", ["at_us", "object_id"], "is_failed = 1", "is_failed")
    create_index_where("exchange_in_doubt", ["at_us"], "executed = 'unknown'", "executed = 'unknown'")
    create_index_where("exchange_refused", ["at_us"], "is_refused = 1", "is_refused")


def create_index_where(name: str, columns: list[str], sqlite: str, postgresql: str) -> None:
    """A partial index of `exchange`: SQLite has no booleans, PostgreSQL does not compare them with numbers."""
    where: dict[str, Any] = {"sqlite_where": sa.text(sqlite), "postgresql_where": sa.text(postgresql)}
    op.create_index(name, "exchange", columns, unique=False, **where)


def create_rollups() -> None:
    op.create_table(
        "call_rollup",
        sa.Column("grain", sa.Integer(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("contract", Plain, nullable=False),
        sa.Column("operation", Plain, nullable=False),
        sa.Column("legal_entity", Plain, nullable=False),
        sa.Column("refusal", Plain, nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("grain", "bucket", "contract", "operation", "legal_entity", "refusal"),
    )
    op.create_table(
        "latency_rollup",
        sa.Column("contract", Plain, nullable=False),
        sa.Column("operation", Plain, nullable=False),
        sa.Column("grain", sa.Integer(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("legal_entity", Plain, nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("contract", "operation", "grain", "bucket", "legal_entity", "step"),
    )
    op.create_table(
        "usage_rollup",
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("contract", Plain, nullable=False),
        sa.Column("version", Plain, nullable=False),
        sa.Column("operation", Plain, nullable=False),
        sa.Column("consumer", Plain, nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "contract", "version", "operation", "consumer"),
    )


def create_objectives() -> None:
    op.create_table(
        "slo_definition",
        sa.Column("slo_id", Number, nullable=False),
        sa.Column("name", Plain, nullable=False),
        sa.Column("sha256", Plain, nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("slo_id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "slo_generation",
        sa.Column("only", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("only"),
    )
    op.create_table(
        "slo_contribution",
        sa.Column("slo_id", Number, nullable=False),
        sa.Column("object_id", Number, nullable=False),
        sa.Column("state", Plain, nullable=False),
        sa.Column("legal_entity", Plain, nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("deadline_us", sa.BigInteger(), nullable=False),
        sa.Column("finished_us", sa.BigInteger(), nullable=True),
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["slo_id"], ["slo_definition.slo_id"]),
        sa.ForeignKeyConstraint(["object_id"], ["business_object.object_id"]),
        sa.PrimaryKeyConstraint("slo_id", "object_id"),
    )
    op.create_index("slo_contribution_by_state", "slo_contribution", ["slo_id", "state", "deadline_us"], unique=False)
    op.create_table(
        "slo_rollup",
        sa.Column("slo_id", Number, nullable=False),
        sa.Column("grain", sa.Integer(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("legal_entity", Plain, nullable=False),
        sa.Column("good", sa.BigInteger(), nullable=False),
        sa.Column("bad", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["slo_id"], ["slo_definition.slo_id"]),
        sa.PrimaryKeyConstraint("slo_id", "grain", "bucket", "legal_entity"),
    )
