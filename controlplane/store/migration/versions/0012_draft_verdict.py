"""What drafts of contracts would have refused. Exchanges of before were judged by none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controlplane.store.column import Plain

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "draft_verdict",
        sa.Column("contract", Plain, nullable=False),
        sa.Column("draft", Plain, nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("operation", Plain, nullable=False),
        sa.Column("consumer", Plain, nullable=False),
        sa.Column("legal_entity", Plain, nullable=False),
        sa.Column("is_synthetic", sa.Boolean(), nullable=False),
        sa.Column("outcome", Plain, nullable=False),
        sa.Column("policy", Plain, nullable=False),
        sa.Column("code", Plain, nullable=False),
        sa.Column("place", Plain, nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "contract", "draft", "day", "operation", "consumer", "legal_entity", "is_synthetic", "outcome", "policy",
            "code", "place",
        ),
    )  # fmt: skip
