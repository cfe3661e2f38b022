"""Gateways are revoked, belong to groups, and say why they cannot ship a stream."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("gateway", sa.Column("revoked_us", sa.BigInteger(), nullable=True))
    op.add_column("gateway", sa.Column("revoked_by", sa.String(), nullable=True))
    op.add_column("enrolment", sa.Column("group_name", sa.String(), nullable=False, server_default="default"))
    op.create_table(
        "halted_stream",
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("gateway_id", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("told_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream"),
    )
