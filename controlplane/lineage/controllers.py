"""REST surface of lineage and exchanges."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from catalog.record import ObjectRef
from controlplane.context import Context
from controlplane.identity.guard import read
from controlplane.identity.principal import User
from controlplane.lineage.chain import Chain, read_chain
from controlplane.lineage.exchange import ExchangeDetail, ExchangeItem, Filter, list_exchanges, read_exchange
from controlplane.lineage.search import Found, search
from controlplane.lineage.sight import Sight, has_synthetic
from controlplane.slo.watermark import read_watermark

Shown = FromQuery[Literal["show", "hide"]]  # synthetic history
Limit = Annotated[int, QueryParameter(ge=1, le=500)]


class Objects(msgspec.Struct, frozen=True):
    items: list[Found]
    has_synthetic: bool  # whether any synthetic history was taken in, shown here or not


class Exchanges(msgspec.Struct, frozen=True):
    items: list[ExchangeItem]
    has_synthetic: bool  # whether any synthetic history was taken in, shown here or not


class LineageController(Controller):
    tags = ("lineage",)

    @get("/lineage/search", guards=[read], sync_to_thread=True)
    def search(
        self,
        context: NamedDependency[Context],
        user: NamedDependency[User],
        q: FromQuery[str],
        limit: Limit = 20,
        entity: FromQuery[str] = "",
        synthetic: Shown = "show",
    ) -> Objects:
        """Business objects whose key, or an alias of theirs, begins with `q`, in any case."""
        with context.database.read() as connection:
            sight = Sight(user.narrowed(entity), synthetic == "show")
            return Objects(search(connection, q, limit, sight), has_synthetic(connection))

    @get("/lineage/chain", guards=[read], sync_to_thread=True)
    def chain(
        self,
        context: NamedDependency[Context],
        user: NamedDependency[User],
        object_type: Annotated[str, QueryParameter(name="type")],
        assigner: FromQuery[str],
        value: FromQuery[str],
        synthetic: Shown = "show",
    ) -> Chain:
        """Everything that flow links tie to an object, and all that happened to it, in order."""
        with context.database.read() as connection:
            sight = Sight(user.scope, synthetic == "show")
            as_of_us = read_watermark(connection, context.clock()).as_of_us
            return read_chain(connection, ObjectRef(object_type, assigner, value), as_of_us, sight)

    @get("/exchanges", guards=[read], sync_to_thread=True)
    def exchanges(
        self,
        context: NamedDependency[Context],
        user: NamedDependency[User],
        refused: FromQuery[bool] = False,
        policy: FromQuery[str] = "",
        executed: FromQuery[str] = "",
        contract: FromQuery[str] = "",
        consumer: FromQuery[str] = "",
        entity: FromQuery[str] = "",
        object_type: Annotated[str, QueryParameter(name="type")] = "",
        assigner: FromQuery[str] = "",
        value: FromQuery[str] = "",
        synthetic: Shown = "show",
        limit: Limit = 50,
    ) -> Exchanges:
        """The newest exchanges first."""
        sight = Sight(user.narrowed(entity), synthetic == "show")
        wanted = Filter(refused, policy, executed, contract, consumer, sight, object_type, assigner, value)
        with context.database.read() as connection:
            return Exchanges(list_exchanges(connection, wanted, limit), has_synthetic(connection))

    @get("/exchanges/{exchange_id:str}", guards=[read], sync_to_thread=True)
    def exchange(
        self, context: NamedDependency[Context], user: NamedDependency[User], exchange_id: FromPath[str]
    ) -> ExchangeDetail:
        """The whole record of one exchange with its place in the audit stream."""
        with context.database.read() as connection:
            return read_exchange(connection, exchange_id, Sight(user.scope))
