"""An exchange is known by its gateway and its id: no gateway can tell another one's anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("exchange", sa.Column("gateway", sa.String(), nullable=False, server_default=""))
    op.execute("UPDATE exchange SET gateway = substr(stream, 1, instr(stream, '/') - 1)")
    op.drop_index("exchange_by_id", table_name="exchange")
    op.create_index("exchange_by_id", "exchange", ["exchange_id", "gateway"], unique=True)
