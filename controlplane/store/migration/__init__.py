"""The schema's history. `upgrade` brings a database to the newest revision.

Revisions are `versions/NNNN_<what>.py`, numbered in one line; `env` imports every domain's tables, so that a test
can compare the migrated database with the metadata.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from controlplane.store.database import Database


def upgrade(database: Database) -> None:
    """Apply every revision that is missing, in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
