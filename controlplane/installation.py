"""Which keys a database belongs to: whoever shares it signs with the same ones.

Gateways pin the signing key when they enrol, and hashes of API keys are made with the pepper: a second process with
keys of its own would sign what no gateway takes and hash keys that nobody can use.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import Column, Integer, String, Table, insert, select

from catalog.errors import Conflict, Problem
from controlplane.keys import KeyRing
from controlplane.store.database import Database, metadata

# One row, written at the first start.
installation = Table(
    "installation",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("public_key", String, nullable=False),  # base64, raw Ed25519
    Column("pepper_sha256", String, nullable=False),
)


def recognise(database: Database, keys: KeyRing) -> None:
    """Bind a new database to `keys`. Raises: Conflict when it is bound to others."""
    mine = (keys.public_key, hashlib.sha256(keys.pepper).hexdigest())
    with database.write() as connection:
        known = connection.execute(select(installation.c.public_key, installation.c.pepper_sha256)).one_or_none()
        if known is None:
            row = {"only": 1, "public_key": mine[0], "pepper_sha256": mine[1]}
            connection.execute(insert(installation), row)
    if known is not None and tuple(known) != mine:
        message = "this database belongs to other keys than those in the data directory"
        remedy = "copy keys/ from the data directory of the control plane that made the database"
        raise Conflict(message, [Problem(message, remedy=remedy, rule="installation-keys")])
