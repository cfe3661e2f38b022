"""Whose business objects are: what may be seen of lineage by who acts for some legal entities only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, or_, true

from controlplane.identity.principal import Scope
from controlplane.identity.scope import is_within


def is_visible(thing: Any, scope: Scope) -> ColumnElement[bool]:
    """Columns `thing` of an object: it belongs to one of the entities, or, while nobody has said whose it is (it was
    mentioned only), one of them has given it its key."""
    if scope is None:
        return true()
    is_unclaimed = and_(thing.legal_entity == "", is_within(thing.assigner, scope))
    return or_(is_within(thing.legal_entity, scope), is_unclaimed)


def sees(row: Any, scope: Scope) -> bool:
    """The same of a row that was read."""
    return scope is None or (row.legal_entity or row.assigner) in scope
