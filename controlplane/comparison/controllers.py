"""REST surface of comparisons: versions in force, what a proposal changes, whom a canonical schema reaches."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import Controller, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, QueryParameter

from controlplane.comparison.reach import ImpactView
from controlplane.comparison.service import ComparisonService
from controlplane.comparison.view import ComparisonView, page
from controlplane.context import Context
from controlplane.identity.guard import read, read_everything
from controlplane.identity.principal import User
from controlplane.lineage.controllers import Shown
from controlplane.lineage.sight import Sight

Offset = Annotated[int, QueryParameter(ge=0)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


def provide_service(context: NamedDependency[Context]) -> ComparisonService:
    return ComparisonService(context)


Service = NamedDependency[ComparisonService]
Asker = NamedDependency[User]


class ComparisonController(Controller):
    tags = ("comparison",)
    dependencies = {"service": Provide(provide_service, sync_to_thread=False)}  # noqa: RUF012

    @get("/contracts/{name:str}/comparison", guards=[read], sync_to_thread=True)
    def contracts(
        self,
        service: Service,
        name: FromPath[str],
        old: FromQuery[str],
        new: FromQuery[str],
        offset: Offset = 0,
        limit: Limit = 50,
    ) -> ComparisonView:
        """Two versions in force of a contract: verdict, least bump, and each change with its rule in words, a witness,
        and what stands there on both sides, shortened."""
        return page(service.contracts(name, old, new), offset, limit)

    @get("/schemas/{name:str}/comparison", guards=[read], sync_to_thread=True)
    def schemas(
        self,
        service: Service,
        name: FromPath[str],
        old: FromQuery[str],
        new: FromQuery[str],
        offset: Offset = 0,
        limit: Limit = 50,
    ) -> ComparisonView:
        """The same of two versions in force of a canonical schema."""
        return page(service.schemas(name, old, new), offset, limit)

    @get("/schemas/{name:str}/{version:str}/impact", guards=[read], sync_to_thread=True)
    def impact(
        self, service: Service, user: Asker, name: FromPath[str], version: FromPath[str], synthetic: Shown = "show"
    ) -> ImpactView:
        """What it would mean if this version took the place of every other one: each contract that uses the schema,
        its operations by direction, the bump it would need, and the consumers of the last 30 days."""
        return service.impact(name, version, Sight(user.scope, synthetic == "show"))

    @get("/approvals/{proposal_id:str}/comparison", guards=[read_everything], sync_to_thread=True)
    def proposed(
        self,
        service: Service,
        proposal_id: FromPath[str],
        kind: FromQuery[Literal["contract", "schema"]],
        name: FromQuery[str],
        offset: Offset = 0,
        limit: Limit = 50,
    ) -> ComparisonView:
        """A new version of a proposal (`name` is <contract or schema>@<version>) against the one that its bump is
        counted from."""
        return page(service.proposed(proposal_id, kind, name), offset, limit)

    @get("/approvals/{proposal_id:str}/impact", guards=[read_everything], sync_to_thread=True)
    def proposed_impact(
        self, service: Service, user: Asker, proposal_id: FromPath[str], schema: FromQuery[str]
    ) -> ImpactView:
        """What a canonical schema of a proposal (<schema>@<version>) would mean to the contracts that use it."""
        return service.proposed_impact(proposal_id, schema, Sight(user.scope))
