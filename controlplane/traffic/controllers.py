"""REST surface of the traffic."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlalchemy import Connection

from catalog.errors import NotFound
from catalog.network import Binding, System
from controlplane.context import Context
from controlplane.identity.guard import read
from controlplane.identity.principal import ALL_ENTITIES, Scope, User
from controlplane.lineage.controllers import Shown
from controlplane.lineage.rollup import Window
from controlplane.lineage.sight import Sight, has_synthetic
from controlplane.registry.store import documents
from controlplane.slo.watermark import Watermark, read_watermark
from controlplane.traffic.draft import DraftUse, uses_of
from controlplane.traffic.field import FieldUser, fields_of
from controlplane.traffic.service import (
    Called,
    Passage,
    Read,
    Refusal,
    Spread,
    SystemTraffic,
    Tally,
    TrafficPoint,
    by_system,
    in_doubt,
    operations,
    passages,
    points,
    refusals,
    spread,
    spreads,
    tally,
)
from controlplane.traffic.usage import ContractUser, users_of

Length = Annotated[Literal["1h", "24h", "7d", "28d"], QueryParameter(name="window")]
LENGTH_S = {"1h": 3600, "24h": 86_400, "7d": 7 * 86_400, "28d": 28 * 86_400}
NOTHING = SystemTraffic(0, 0, 0, 0, 0, Spread(None, None, None, 0), Spread(None, None, None, 0))


class Traffic(msgspec.Struct, frozen=True):
    """Calls of a window and of the one before it; `points` are slices of `step_s` over both."""

    window: str
    as_of_us: int
    is_stale: bool
    silent: list[str]  # gateways that are not heard of
    has_synthetic: bool  # whether any synthetic history was taken in, shown here or not
    now: Tally
    before: Tally
    in_doubt: int
    waiting: Spread  # for systems
    overhead: Spread  # of the gateway: the duration less the waiting, of calls to systems
    refusals: list[Refusal]
    gateways: list[Passage]
    operations: list[Called]  # the busiest
    step_s: int
    points: list[TrafficPoint]


class SystemView(msgspec.Struct, frozen=True):
    """A system in force, or one that traffic knows (then without a name)."""

    system: str
    name: str
    owner: str
    region: str
    layer: str
    contracts: list[str]  # <contract>@<major> that are bound to it for an entity that the asker sees
    entities: list[str]  # those entities; "*" for all
    traffic: SystemTraffic


class Systems(msgspec.Struct, frozen=True):
    window: str
    as_of_us: int
    is_stale: bool
    has_synthetic: bool
    items: list[SystemView]


class ContractUsers(msgspec.Struct, frozen=True):
    days: int
    as_of_us: int
    has_synthetic: bool
    items: list[ContractUser]


class SeenField(msgspec.Struct, frozen=True):
    field: str  # <place>:<name or pointer>, as `catalog.field` writes it: body:/lines/*/price, query:page, 200:/id
    last_day: str  # UTC


class FieldUse(msgspec.Struct, frozen=True):
    """Fields that a consumer sent, or was answered with, on one operation of one version.

    What it reads of an answer cannot be seen: those of a response are the most that it can have read.
    """

    consumer: str
    version: str
    operation: str
    direction: Literal["request", "response"]
    fields: list[SeenField]


class ContractFields(msgspec.Struct, frozen=True):
    days: int
    as_of_us: int
    has_synthetic: bool
    items: list[FieldUse]


class DraftVerdict(msgspec.Struct, frozen=True):
    """What a draft would have done to the calls of the version in force below it."""

    contract: str
    draft: str  # its version
    is_in_force: bool  # whether gateways judge by it now
    days: int
    as_of_us: int
    has_synthetic: bool
    calls: int  # judged
    refused: int
    missing: int
    failed: int
    items: list[DraftUse]


class TrafficController(Controller):
    tags = ("traffic",)

    @get("/traffic", guards=[read], sync_to_thread=True)
    def traffic(
        self,
        context: NamedDependency[Context],
        user: NamedDependency[User],
        length: Length = "24h",
        entity: FromQuery[str] = "",
        synthetic: Shown = "show",
    ) -> Traffic:
        """Calls, refusals by policy, faults of systems, and the gateways' own time apart from the systems'."""
        sight = Sight(user.narrowed(entity), synthetic == "show")
        with context.database.read() as connection:
            now = read_watermark(connection, context.clock())
            return _traffic(Read(connection, Window.ending(now.as_of_us, LENGTH_S[length]), sight), now, length)

    @get("/systems", guards=[read], sync_to_thread=True)
    def systems(
        self,
        context: NamedDependency[Context],
        user: NamedDependency[User],
        length: Length = "24h",
        entity: FromQuery[str] = "",
        synthetic: Shown = "show",
    ) -> Systems:
        """Every system that serves an entity of the asker's: calls, faults, waiting, what is in doubt."""
        sight = Sight(user.narrowed(entity), synthetic == "show")
        with context.database.read() as connection:
            now = read_watermark(connection, context.clock())
            told = by_system(Read(connection, Window.ending(now.as_of_us, LENGTH_S[length]), sight))
            items = _systems(connection, told, sight.scope)
            return Systems(length, now.as_of_us, now.is_stale, has_synthetic(connection), items)

    @get("/contracts/{name:str}/users", guards=[read], sync_to_thread=True)
    def users(
        self,
        context: NamedDependency[Context],
        user: NamedDependency[User],
        name: FromPath[str],
        days: Annotated[int, QueryParameter(ge=1, le=400)] = 28,
        entity: FromQuery[str] = "",
        synthetic: Shown = "show",
    ) -> ContractUsers:
        """Consumers that may call a contract, and those that did within the last `days` days."""
        sight = Sight(user.narrowed(entity), synthetic == "show")
        with context.database.read() as connection:
            as_of_us = read_watermark(connection, context.clock()).as_of_us
            items = users_of(connection, name, days, as_of_us, sight)
            return ContractUsers(days, as_of_us, has_synthetic(connection), items)

    @get("/contracts/{name:str}/fields", guards=[read], sync_to_thread=True)
    def fields(
        self,
        context: NamedDependency[Context],
        user: NamedDependency[User],
        name: FromPath[str],
        days: Annotated[int, QueryParameter(ge=1, le=400)] = 28,
        entity: FromQuery[str] = "",
        synthetic: Shown = "show",
    ) -> ContractFields:
        """Fields that consumers sent and were answered with within the last `days` days, by version and operation."""
        sight = Sight(user.narrowed(entity), synthetic == "show")
        with context.database.read() as connection:
            as_of_us = read_watermark(connection, context.clock()).as_of_us
            found = fields_of(connection, name, days, as_of_us, sight)
            items = [_field_use(who, seen) for who, seen in found.items()]
            return ContractFields(days, as_of_us, has_synthetic(connection), items)

    @get("/contracts/{name:str}/drafts/{version:str}", guards=[read], sync_to_thread=True)
    def draft(
        self,
        context: NamedDependency[Context],
        user: NamedDependency[User],
        name: FromPath[str],
        version: FromPath[str],
        days: Annotated[int, QueryParameter(ge=1, le=400)] = 28,
        entity: FromQuery[str] = "",
        synthetic: Shown = "show",
    ) -> DraftVerdict:
        """Calls of the last `days` days that a draft judged, and those it would have refused: whose, and where."""
        sight = Sight(user.narrowed(entity), synthetic == "show")
        with context.database.read() as connection:
            as_of_us = read_watermark(connection, context.clock()).as_of_us
            items = uses_of(connection, name, version, days, as_of_us, sight)
            is_in_force = f"{name}@{version}" in documents(connection, "draft")
            if not items and not is_in_force:
                raise NotFound(f"no draft {name}@{version} is in force, nor judged any call of the last {days} days")
            return DraftVerdict(
                contract=name,
                draft=version,
                is_in_force=is_in_force,
                days=days,
                as_of_us=as_of_us,
                has_synthetic=has_synthetic(connection),
                calls=sum(item.calls for item in items),
                refused=sum(item.refused for item in items),
                missing=sum(item.missing for item in items),
                failed=sum(item.failed for item in items),
                items=items,
            )


def _traffic(asked: Read, now: Watermark, length: str) -> Traffic:
    times = spreads(asked)
    step_s, slices = points(asked)
    return Traffic(
        window=length,
        as_of_us=now.as_of_us,
        is_stale=now.is_stale,
        silent=list(now.silent),
        has_synthetic=has_synthetic(asked.connection),
        now=tally(asked),
        before=tally(asked.before()),
        in_doubt=sum(in_doubt(asked.connection, asked.sight).values()),
        waiting=spread(_all(times, "system")),
        overhead=spread(_all(times, "gateway")),
        refusals=refusals(asked),
        gateways=passages(asked),
        operations=operations(asked),
        step_s=step_s,
        points=slices,
    )


def _field_use(who: FieldUser, seen: dict[str, str]) -> FieldUse:
    direction: Any = who.direction
    fields = [SeenField(field, day) for field, day in seen.items()]
    return FieldUse(who.consumer, who.version, who.operation, direction, fields)


def _all(times: dict[tuple[str, str], Any], part: str) -> dict[int, int]:
    """The steps of all systems together."""
    sums: dict[int, int] = {}
    for (which, _), steps in times.items():
        if which == part:
            for step, calls in steps.items():
                sums[step] = sums.get(step, 0) + calls
    return sums


def _systems(connection: Connection, told: dict[str, SystemTraffic], scope: Scope) -> list[SystemView]:
    known = {name: msgspec.convert(found, System) for name, found in documents(connection, "system").items()}
    bound: dict[str, list[Binding]] = {}
    for found in documents(connection, "binding").values():
        binding = msgspec.convert(found, Binding)
        if scope is None or binding.entity == ALL_ENTITIES or binding.entity in scope:
            bound.setdefault(binding.system, []).append(binding)
    wanted = {*told, *bound, *(known if scope is None else ())}
    return [_view(name, known.get(name), bound.get(name, []), told.get(name, NOTHING)) for name in sorted(wanted)]


def _view(name: str, system: System | None, bindings: list[Binding], traffic: SystemTraffic) -> SystemView:
    return SystemView(
        system=name,
        name=system.name if system else "",
        owner=system.owner if system else "",
        region=system.region if system else "",
        layer=system.layer if system else "",
        contracts=sorted({f"{each.contract}@{each.major}" for each in bindings}),
        entities=sorted({each.entity for each in bindings}),
        traffic=traffic,
    )
