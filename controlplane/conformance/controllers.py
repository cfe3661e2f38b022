"""REST surface of recorded runs."""

from __future__ import annotations

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from catalog.errors import Invalid
from controlplane.conformance.service import RunReport, RunView, record, runs
from controlplane.context import Context
from controlplane.identity.guard import publish, read_everything
from controlplane.identity.principal import User


class Runs(msgspec.Struct, frozen=True):
    items: list[RunView]


class ConformanceController(Controller):
    path = "/contracts/{name:str}/{version:str}/conformance"
    tags = ("conformance",)

    @post("/", guards=[publish], sync_to_thread=True)
    def record(
        self,
        name: FromPath[str],
        version: FromPath[str],
        data: JSONBody[RunReport],
        context: NamedDependency[Context],
        user: NamedDependency[User],
    ) -> RunView:
        """Keep what `waybill contract test` found of a version, published or still a draft."""
        if data.contract != f"{name}@{version}":
            raise Invalid("the report is of another contract version")
        return record(context, name, version, data, user)

    @get("/", guards=[read_everything], sync_to_thread=True)
    def list_all(self, name: FromPath[str], version: FromPath[str], context: NamedDependency[Context]) -> Runs:
        """Recorded runs of a version, the latest first."""
        with context.database.read() as connection:
            return Runs(runs(connection, name, version))
