"""Who uses a contract: those that may, and those that did."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection, func, select

from catalog.network import Consumer, ConsumerBlob
from controlplane.identity.principal import ALL_ENTITIES, Scope
from controlplane.lineage.sight import Sight
from controlplane.lineage.store import usage_rollup
from controlplane.registry.service import entities_within
from controlplane.registry.store import documents
from controlplane.store.column import sum_of

DAY_S = 86_400


class Use(msgspec.Struct, frozen=True):
    """What a consumer called in the window. `last_day` is the UTC day of its last call."""

    version: str
    operation: str
    calls: int
    refused: int
    last_day: str


class ContractUser(msgspec.Struct, frozen=True):
    """A consumer. `is_granted`: the workspace in force lets it call the contract; `scopes` are those it was given.

    One that was seen without being granted was refused, or had the right before, or is gone.
    """

    consumer: str
    name: str
    owner: str
    is_granted: bool
    scopes: list[str]
    entities: list[str]  # for whom it may act, as far as the asker sees them; "*" for all
    uses: list[Use]


def users_of(connection: Connection, contract: str, days: int, now_us: int, sight: Sight) -> list[ContractUser]:
    """Consumers granted the contract and consumers seen on it within the last `days` UTC days, by name."""
    known = {told.consumer: told for told in _consumers(connection)}
    uses = _uses(connection, contract, now_us // (DAY_S * 1_000_000) - days + 1, sight)
    granted = {name for name, told in known.items() if _grants(told, contract) and _is_seen(told, sight.scope)}
    return [
        _user(name, known.get(name), contract, uses.get(name, []), sight.scope) for name in sorted(granted | {*uses})
    ]


def _consumers(connection: Connection) -> Iterable[Consumer]:
    return (msgspec.convert(found, ConsumerBlob).consumer for found in documents(connection, "consumer").values())


def _grants(consumer: Consumer, contract: str) -> bool:
    return contract in consumer.contracts or ALL_ENTITIES in consumer.contracts


def _is_seen(consumer: Consumer, scope: Scope) -> bool:
    return scope is None or bool(entities_within(consumer, scope))


def _user(name: str, told: Consumer | None, contract: str, uses: list[Use], scope: Scope) -> ContractUser:
    if told is None:
        return ContractUser(name, name, "", False, [], [], uses)
    scopes = told.contracts.get(contract, told.contracts.get(ALL_ENTITIES, []))
    return ContractUser(
        name, told.name, told.owner, _grants(told, contract), list(scopes), entities_within(told, scope), uses
    )


def _uses(connection: Connection, contract: str, first_day: int, sight: Sight) -> dict[str, list[Use]]:
    table = usage_rollup.c
    what = (table.consumer, table.version, table.operation)
    query = (
        select(*what, sum_of(table.calls), sum_of(table.refused), func.max(table.day))
        .where(table.contract == contract, table.day >= first_day, table.calls > 0)
        .group_by(*what)
        .order_by(*what)
    )
    found: dict[str, list[Use]] = {}
    for consumer, version, operation, calls, refused, day in connection.execute(sight.narrow(query, table)):
        last = datetime.fromtimestamp(day * DAY_S, UTC).date().isoformat()
        found.setdefault(consumer, []).append(Use(version, operation, calls, refused, last))
    return found
