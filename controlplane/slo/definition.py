"""The objectives of the published workspace."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from catalog.slo import SloSpec
from controlplane.registry.store import documents


def published_specs(connection: Connection) -> list[SloSpec]:
    """All objectives in force, by name."""
    return [msgspec.convert(document, SloSpec) for document in documents(connection, "slo").values()]
