"""REST surface of the log: gateways write it, people read it verbatim."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery, QueryParameter, RawBody

from controlplane.context import Context
from controlplane.identity.guard import administer, read, read_everything
from controlplane.identity.guard import gateway as enrolled
from controlplane.identity.principal import GatewayIdentity
from controlplane.ingest.service import MAX_PAGE, IngestService, StreamView, rebuild
from controlplane.projection import projections

NDJSON = "application/x-ndjson"
Number = Annotated[int, QueryParameter(ge=1)]


class Taken(msgspec.Struct, frozen=True):
    last: int


class Rebuilt(msgspec.Struct, frozen=True):
    entries: int


def provide_service(context: NamedDependency[Context]) -> IngestService:
    return IngestService(context, projections())


Service = NamedDependency[IngestService]


class IngestController(Controller):
    tags = ("stream",)
    dependencies = {"service": Provide(provide_service, sync_to_thread=False)}  # noqa: RUF012

    @post("/ingest", guards=[enrolled], status_code=200, sync_to_thread=True)
    def ingest(
        self,
        body: RawBody,
        service: Service,
        gateway: NamedDependency[GatewayIdentity],
        stream: FromQuery[str],
        first: Number,
        last: Number,
    ) -> Taken:
        """Take entries `first` to `last` of a stream as NDJSON lines; 409 names the entry that is expected."""
        return Taken(service.ingest(gateway, stream, first, last, body))

    @get("/streams", guards=[read], sync_to_thread=True)
    def streams(self, service: Service) -> list[StreamView]:
        """Every stream with its signed head."""
        return service.streams()

    @get("/streams/entries", guards=[read_everything], sync_to_thread=True, media_type=NDJSON)
    def entries(
        self,
        service: Service,
        stream: FromQuery[str],
        after: Annotated[int, QueryParameter(ge=0)] = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE)] = 1_000,
    ) -> Response[bytes]:
        """Entries behind `after`, verbatim."""
        return Response(service.entries(stream, after, limit), media_type=NDJSON)

    @post("/projections/rebuild", guards=[administer], status_code=200, sync_to_thread=True)
    def rebuild(self, context: NamedDependency[Context]) -> Rebuilt:
        """Derive everything from the log again. Ingest waits meanwhile."""
        return Rebuilt(rebuild(context.database, projections()))
