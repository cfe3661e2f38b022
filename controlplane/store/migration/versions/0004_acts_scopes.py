"""Tokens act for entities and end; what people did is kept; attention is known by its legal entity."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

SQLITE_TRIGGERS = (
    "CREATE TRIGGER act_is_never_changed BEFORE UPDATE ON act BEGIN SELECT RAISE(ABORT, 'acts are append-only'); END",
    "CREATE TRIGGER act_is_never_deleted BEFORE DELETE ON act BEGIN SELECT RAISE(ABORT, 'acts are append-only'); END",
)
POSTGRES_TRIGGERS = (
    "CREATE FUNCTION refuse_act_change() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'acts are append-only'; END $$",
    "CREATE TRIGGER act_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON act "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_act_change()",
)


def upgrade() -> None:
    op.add_column("token", sa.Column("entities", sa.Text(), nullable=False, server_default='["*"]'))
    op.add_column("token", sa.Column("expires_us", sa.BigInteger(), nullable=True))
    create_acts()
    name_entities_of_attention()


def create_acts() -> None:
    op.create_table(
        "act",
        sa.Column("act_id", sa.Integer(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("who_id", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("act_id"),
    )
    op.create_index("act_by_target", "act", ["target"])
    op.create_index("act_by_who", "act", ["who"])
    is_postgres = op.get_bind().dialect.name == "postgresql"
    for statement in POSTGRES_TRIGGERS if is_postgres else SQLITE_TRIGGERS:
        op.execute(statement)


def name_entities_of_attention() -> None:
    op.add_column("attention", sa.Column("legal_entity", sa.String(), nullable=False, server_default=""))
    table = sa.table("attention", sa.column("attention_id"), sa.column("body"), sa.column("legal_entity"))
    connection = op.get_bind()
    for attention_id, body in connection.execute(sa.select(table.c.attention_id, table.c.body)).all():
        entity = json.loads(body).get("legal_entity", "")
        connection.execute(sa.update(table).where(table.c.attention_id == attention_id).values(legal_entity=entity))
