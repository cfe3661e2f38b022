"""An exchange is known by its gateway and its id: no gateway can tell another one's anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controlplane.store.column import Plain

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("exchange", sa.Column("gateway", Plain, nullable=False, server_default=""))
    slash = "instr(stream, '/')" if op.get_bind().dialect.name == "sqlite" else "strpos(stream, '/')"
    op.execute(f"UPDATE exchange SET gateway = substr(stream, 1, {slash} - 1)")  # noqa: S608 - constants only
    op.drop_index("exchange_by_id", table_name="exchange")
    op.create_index("exchange_by_id", "exchange", ["exchange_id", "gateway"], unique=True)
