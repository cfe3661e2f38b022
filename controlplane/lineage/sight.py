"""What a read may show: whose, and whether synthetic history counts."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, false, or_, select, true

from controlplane.identity.principal import Scope
from controlplane.identity.scope import is_within, within
from controlplane.ingest.store import stream


class Sight(NamedTuple):
    """`scope` None: all legal entities, and what belongs to none."""

    scope: Scope = None
    is_synthetic_shown: bool = True

    def narrow(self, query: Any, columns: Any) -> Any:
        """`query` for what may be seen of a table that has the columns `legal_entity` and `is_synthetic`."""
        return within(query, columns.legal_entity, self.scope).where(self.kind(columns))

    def kind(self, columns: Any) -> ColumnElement[bool]:
        """Whether a row is real, unless synthetic ones are shown as well."""
        return true() if self.is_synthetic_shown else columns.is_synthetic == false()

    def objects(self, thing: Any) -> ColumnElement[bool]:
        """Columns `thing` of an object: it belongs to one of the entities, or, while nobody has said whose it is (it
        was mentioned only), one of them has given it its key."""
        if self.scope is None:
            return self.kind(thing)
        is_unclaimed = and_(thing.legal_entity == "", is_within(thing.assigner, self.scope))
        return and_(self.kind(thing), or_(is_within(thing.legal_entity, self.scope), is_unclaimed))

    def sees(self, row: Any) -> bool:
        """The same of an object that was read."""
        is_shown = self.is_synthetic_shown or not row.is_synthetic
        return is_shown and (self.scope is None or (row.legal_entity or row.assigner) in self.scope)


EVERYTHING = Sight()


def has_synthetic(connection: Connection) -> bool:
    """Whether any synthetic history was taken in, shown or not."""
    return (
        connection.scalar(select(stream.c.stream_id).where(stream.c.is_synthetic, stream.c.last > 0).limit(1))
        is not None
    )
