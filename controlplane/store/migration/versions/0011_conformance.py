"""Runs of contracts against systems that somebody recorded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controlplane.store.column import Number, Plain

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "conformance_run",
        sa.Column("run_id", Number, primary_key=True),
        sa.Column("contract", Plain, nullable=False),
        sa.Column("version", Plain, nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("conforms", sa.Boolean(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("who_id", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
    )
    op.create_index("conformance_run_by_version", "conformance_run", ["contract", "version"])
