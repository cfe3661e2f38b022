"""Who uses a contract: those that may, and those that did."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import msgspec
from sqlalchemy import Connection, func, select

from catalog.network import Consumer, ConsumerBlob
from controlplane.identity.principal import ALL_ENTITIES, Scope
from controlplane.lineage.sight import Sight
from controlplane.lineage.store import usage_rollup
from controlplane.registry.contract import versions_in_force
from controlplane.registry.service import entities_within
from controlplane.registry.store import documents
from controlplane.store.column import sum_of

DAY_US = 86_400_000_000
EPOCH = date(1970, 1, 1)


class Use(msgspec.Struct, frozen=True):
    """What a consumer called in the window. `last_day` is the UTC day of its last call; the rest is said of the version
    by the workspace in force, and empty where it does not know the version."""

    version: str
    operation: str
    calls: int
    refused: int
    last_day: str
    state: str = ""  # of its life cycle
    sunset_at: str | None = None
    days_to_sunset: int | None = None  # whole UTC days from today; 0 today, negative since
    successor: str | None = None


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
    today = now_us // DAY_US
    uses = _uses(connection, contract, today - days + 1, sight, _Lives(connection, contract, today))
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


class _Lives:
    """Life cycles of a contract's versions, seen from one day."""

    def __init__(self, connection: Connection, contract: str, today: int) -> None:
        self._today = today
        self._versions = {view.version: view for view in versions_in_force(connection, contract)}

    def tell(self, use: Use) -> Use:
        version = self._versions.get(use.version)
        if version is None:
            return use
        days = None if version.sunset_at is None else _days(version.sunset_at) - self._today
        return msgspec.structs.replace(
            use, state=version.state, sunset_at=version.sunset_at, days_to_sunset=days, successor=version.successor
        )


def _days(moment: str) -> int:
    """The UTC day of an RFC 3339 date or date-time; published workspaces hold no other."""
    told = datetime.fromisoformat(moment)
    return ((told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC).date() - EPOCH).days


def day_text(day: int) -> str:
    """A day since the epoch as RFC 3339 writes it."""
    return (EPOCH + timedelta(days=day)).isoformat()


def _uses(connection: Connection, contract: str, first_day: int, sight: Sight, lives: _Lives) -> dict[str, list[Use]]:
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
        use = Use(version, operation, calls, refused, day_text(day))
        found.setdefault(consumer, []).append(lives.tell(use))
    return found
