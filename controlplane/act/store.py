"""Table of acts. The database itself refuses to change or delete a row (triggers of the migration)."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, String, Table, Text, insert

from controlplane.identity.principal import User
from controlplane.store.database import metadata

act = Table(
    "act",
    metadata,
    Column("act_id", Integer, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("who_id", String, nullable=False),
    Column("who", String, nullable=False),
    Column("role", String, nullable=False),
    Column("what", String, nullable=False),  # "<thing>.<done>", as `token.created`
    Column("target", String, nullable=False),  # id of the thing
    Column("detail", Text, nullable=False),  # JSON object; never a secret
    Index("act_by_target", "target"),
    Index("act_by_who", "who"),
)


def remember(connection: Connection, at_us: int, by: User, what: str, target: str, **detail: Any) -> None:
    """Write an act in the transaction that does it: neither is there without the other."""
    row = {"at_us": at_us, "who_id": by.id, "who": by.name, "role": by.role.value, "what": what, "target": target}
    connection.execute(insert(act).values(**row, detail=json.dumps(detail, sort_keys=True)))
