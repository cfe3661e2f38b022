"""What comes from synthetic history is marked everywhere; objectives count beginnings, ends and delays too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controlplane.store.column import Number, Plain

revision = "0008"
down_revision = "0007"

#: roll-up -> what tells its rows apart, and what they count
ROLLUPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "call_rollup": (("grain", "bucket", "contract", "operation", "legal_entity", "refusal"), ("calls",)),
    "latency_rollup": (("contract", "operation", "grain", "bucket", "legal_entity", "step"), ("calls",)),
    "usage_rollup": (("day", "contract", "version", "operation", "consumer"), ("calls", "refused")),
}
NUMBERS = frozenset({"grain", "bucket", "step", "day"})


def upgrade() -> None:
    op.add_column("stream", marked())
    op.add_column("stream", sa.Column("closed_us", sa.BigInteger(), nullable=True))
    op.add_column("exchange", marked())
    op.add_column("business_object", marked())
    op.drop_index("business_object_by_key", table_name="business_object")
    columns = ["type", "assigner", "value", "is_synthetic"]
    op.create_index("business_object_by_key", "business_object", columns, unique=True)
    for name, (keys, counts) in ROLLUPS.items():
        widen(name, keys, counts)
    renew_objectives()


def marked() -> sa.Column[bool]:
    return sa.Column("is_synthetic", sa.Boolean(), server_default=sa.false(), nullable=False)


def widen(name: str, keys: tuple[str, ...], counts: tuple[str, ...]) -> None:
    """A roll-up anew with the mark in its key; all that it holds is real."""
    op.rename_table(name, f"{name}_before")
    op.create_table(
        name,
        *(sa.Column(key, sa.Integer() if key in NUMBERS else Plain, nullable=False) for key in keys),
        sa.Column("is_synthetic", sa.Boolean(), nullable=False),
        *(sa.Column(count, sa.BigInteger(), nullable=False) for count in counts),
        sa.PrimaryKeyConstraint(*keys, "is_synthetic", name=f"{name}_marked_pkey"),
    )
    told = sa.table(f"{name}_before", *(sa.column(column) for column in (*keys, *counts)))
    columns = [told.c[column] for column in (*keys, *counts)]
    op.execute(
        sa.table(name, *(sa.column(column) for column in (*keys, *counts, "is_synthetic")))
        .insert()
        .from_select([*keys, *counts, "is_synthetic"], sa.select(*columns, sa.false()))
    )
    op.drop_table(f"{name}_before")


def renew_objectives() -> None:
    """Contributions and their roll-ups are computed again when the objectives are next looked at."""
    for name in ("slo_rollup", "slo_contribution"):
        op.drop_table(name)
    for name in ("slo_definition", "slo_generation"):
        op.execute(sa.table(name).delete())
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
        sa.Column("is_synthetic", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["slo_id"], ["slo_definition.slo_id"]),
        sa.ForeignKeyConstraint(["object_id"], ["business_object.object_id"]),
        sa.PrimaryKeyConstraint("slo_id", "object_id"),
    )
    op.create_index("slo_contribution_by_state", "slo_contribution", ["slo_id", "state", "deadline_us"], unique=False)
    op.create_index("slo_contribution_by_object", "slo_contribution", ["object_id"], unique=False)
    create_rollup("slo_rollup", [], ["good", "bad", "begun", "ended"])
    create_rollup("slo_delay_rollup", ["step"], ["objects"])


def create_rollup(name: str, keys: list[str], counts: list[str]) -> None:
    op.create_table(
        name,
        sa.Column("slo_id", Number, nullable=False),
        sa.Column("grain", sa.Integer(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("legal_entity", Plain, nullable=False),
        sa.Column("is_synthetic", sa.Boolean(), nullable=False),
        *(sa.Column(key, sa.Integer(), nullable=False) for key in keys),
        *(sa.Column(count, sa.BigInteger(), nullable=False) for count in counts),
        sa.ForeignKeyConstraint(["slo_id"], ["slo_definition.slo_id"]),
        sa.PrimaryKeyConstraint("slo_id", "grain", "bucket", "legal_entity", "is_synthetic", *keys),
    )
