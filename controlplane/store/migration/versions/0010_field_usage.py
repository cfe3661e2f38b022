"""Which fields of an operation were present in traffic. Exchanges of before tell none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controlplane.store.column import Plain

revision = "0010"
down_revision = "0009"

WHAT = ("contract", "version", "operation", "direction", "consumer", "legal_entity")


def upgrade() -> None:
    op.create_table(
        "field_usage",
        *(sa.Column(name, Plain, nullable=False) for name in WHAT),
        sa.Column("is_synthetic", sa.Boolean(), nullable=False),
        sa.Column("field", Plain, nullable=False),
        sa.Column("first_day", sa.Integer(), nullable=False),
        sa.Column("last_day", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(*WHAT, "is_synthetic", "field"),
    )
