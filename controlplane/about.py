"""What runs here: program, database, schema and time, for whoever looks after the installation."""

from __future__ import annotations

from pathlib import Path

import msgspec
from alembic.script import ScriptDirectory
from litestar import Controller, get
from litestar.di import NamedDependency
from sqlalchemy import Connection, select, text

from controlplane.context import Context
from controlplane.identity.guard import read
from controlplane.identity.principal import User
from controlplane.identity.store import token
from controlplane.registry.store import current_generation
from controlplane.release import program_version

MIGRATIONS = Path(__file__).parent / "store" / "migration"

#: engine -> its version, and the bytes of the database
_ASKED = {
    "sqlite": ("SELECT sqlite_version()", "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"),
    "postgresql": ("SHOW server_version", "SELECT pg_database_size(current_database())"),
}


class Installation(msgspec.Struct, frozen=True):
    version: str
    engine: str  # sqlite | postgresql
    engine_version: str
    revision: str  # of the database's schema
    newest_revision: str  # that this program knows
    size_bytes: int
    generation: int  # in force; 0: nothing was applied yet
    now_us: int
    token_expires_us: int | None  # of the token that asks; null: when it is revoked


class AboutController(Controller):
    tags = ("installation",)

    @get("/installation", guards=[read], sync_to_thread=True)
    def installation(self, context: NamedDependency[Context], user: NamedDependency[User]) -> Installation:
        """What runs here: version, database engine, size and schema, the generation in force, the clock."""
        engine = context.database.engine.dialect.name
        asked_version, asked_size = _ASKED[engine]
        with context.database.read() as connection:
            return Installation(
                program_version(),
                engine,
                str(connection.scalar(text(asked_version))).split(" ", 1)[0],
                str(connection.scalar(text("SELECT version_num FROM alembic_version"))),
                ScriptDirectory(str(MIGRATIONS)).get_current_head() or "",
                int(connection.scalar(text(asked_size)) or 0),
                current_generation(connection),
                context.clock(),
                _expires_us(connection, user),
            )


def _expires_us(connection: Connection, user: User) -> int | None:
    token_id = user.id.removeprefix("token:")
    found = connection.scalar(select(token.c.expires_us).where(token.c.token_id == token_id))
    return None if found is None else int(found)
