"""Which legal entities a grant covers. `resolve` is pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection

from controlplane.identity.principal import ALL_ENTITIES, Scope
from controlplane.registry.store import documents


def resolve(granted: Iterable[str], entities: Mapping[str, Mapping[str, Any]]) -> Scope:
    """Every granted entity with all below it: its children, and the members that it acts for as a shared centre.

    `entities` are the published documents by id. A granted id that is not published stands for itself.
    """
    wanted = set(granted)
    if ALL_ENTITIES in wanted:
        return None
    below: dict[str, set[str]] = {name: set(document.get("members", ())) for name, document in entities.items()}
    for name, document in entities.items():
        if document.get("parent"):
            below.setdefault(document["parent"], set()).add(name)
    found: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            wanted |= below.get(name, set())
    return frozenset(found)


def within(query: Any, column: ColumnElement[str], scope: Scope) -> Any:
    """`query` for what belongs to the entities of `scope`."""
    return query if scope is None else query.where(is_within(column, scope))


def is_within(column: ColumnElement[str], scope: frozenset[str]) -> ColumnElement[bool]:
    return column.in_(sorted(scope))


def scope_of(connection: Connection, granted: Iterable[str]) -> Scope:
    """`resolve` over the entities in force."""
    granted = tuple(granted)
    return None if ALL_ENTITIES in granted else resolve(granted, documents(connection, "entity"))
