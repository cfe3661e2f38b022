"""REST surface of the overview."""

from __future__ import annotations

from litestar import Controller, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery

from controlplane.context import Context
from controlplane.identity.guard import read
from controlplane.identity.principal import User
from controlplane.lineage.controllers import Shown
from controlplane.lineage.sight import Sight
from controlplane.overview.service import Courses, Overview, OverviewService, TrendView
from controlplane.projection import slo_projection
from controlplane.slo.service import SloService


def provide_service(context: NamedDependency[Context]) -> OverviewService:
    return OverviewService(context, SloService(context, slo_projection()))


class OverviewController(Controller):
    tags = ("overview",)
    dependencies = {"service": Provide(provide_service, sync_to_thread=False)}  # noqa: RUF012

    @get("/overview", guards=[read], sync_to_thread=True)
    def overview(
        self,
        service: NamedDependency[OverviewService],
        user: NamedDependency[User],
        entity: FromQuery[str] = "",
        synthetic: Shown = "show",
    ) -> Overview:
        """One sentence and the declared figures, for one legal entity or for all that the asker acts for."""
        return service.overview(Sight(user.narrowed(entity), synthetic == "show"))

    @get("/slo-trends", guards=[read], sync_to_thread=True)
    def objective_trends(
        self,
        service: NamedDependency[OverviewService],
        user: NamedDependency[User],
        entity: FromQuery[str] = "",
        synthetic: Shown = "show",
    ) -> Courses:
        """What `/trends` tells of an objective, of all of them at once."""
        return service.trends(Sight(user.narrowed(entity), synthetic == "show"))

    @get("/trends", guards=[read], sync_to_thread=True)
    def trend(
        self,
        service: NamedDependency[OverviewService],
        user: NamedDependency[User],
        measure: FromQuery[str] = "",
        slo: FromQuery[str] = "",
        entity: FromQuery[str] = "",
        synthetic: Shown = "show",
    ) -> TrendView:
        """The window of a measure or an objective against the one before, and at most 60 points over both."""
        return service.trend(measure, slo, Sight(user.narrowed(entity), synthetic == "show"))
