"""REST surface of the objectives."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, QueryParameter

from controlplane.context import Context
from controlplane.identity.guard import read
from controlplane.identity.principal import User
from controlplane.lineage.controllers import Shown
from controlplane.lineage.sight import Sight
from controlplane.projection import slo_projection
from controlplane.slo.evaluation import SloObject, Standing
from controlplane.slo.service import SloService


class Standings(msgspec.Struct, frozen=True):
    items: list[Standing]
    has_synthetic: bool  # whether any synthetic history was taken in, shown here or not


class SloObjects(msgspec.Struct, frozen=True):
    items: list[SloObject]


def provide_service(context: NamedDependency[Context]) -> SloService:
    return SloService(context, slo_projection())


Service = NamedDependency[SloService]


class SloController(Controller):
    tags = ("slo",)
    dependencies = {"service": Provide(provide_service, sync_to_thread=False)}  # noqa: RUF012

    @get("/slos", guards=[read], sync_to_thread=True)
    def list_all(
        self,
        service: Service,
        user: NamedDependency[User],
        entity: FromQuery[str] = "",
        synthetic: Shown = "show",
    ) -> Standings:
        """Every objective as it stands: good, bad, open, budget left, burn rate, money at risk."""
        return Standings(*service.list_all(Sight(user.narrowed(entity), synthetic == "show")))

    @get("/slos/{name:str}/objects", guards=[read], sync_to_thread=True)
    def objects(
        self,
        service: Service,
        user: NamedDependency[User],
        name: FromPath[str],
        which: Annotated[Literal["bad", "open"], QueryParameter(name="state")] = "bad",
        entity: FromQuery[str] = "",
        synthetic: Shown = "show",
        limit: Annotated[int, QueryParameter(ge=1, le=1_000)] = 50,
    ) -> SloObjects:
        """Objects behind an objective: `open` (all unfinished) or `bad` (overdue or late), oldest deadline first."""
        return SloObjects(service.objects(name, which, Sight(user.narrowed(entity), synthetic == "show"), limit))
