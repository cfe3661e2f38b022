"""REST surface of the log: gateways write it, people read it verbatim."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery, JSONBody, QueryParameter, RawBody

from controlplane.context import Context
from controlplane.identity.guard import administer, read, read_everything
from controlplane.identity.guard import gateway as enrolled
from controlplane.identity.principal import GatewayIdentity, User
from controlplane.ingest.service import MAX_PAGE, IngestService, StreamView, rebuild
from controlplane.ingest.synthetic import SyntheticService, SyntheticStream
from controlplane.projection import projections

NDJSON = "application/x-ndjson"
Number = Annotated[int, QueryParameter(ge=1)]


class Taken(msgspec.Struct, frozen=True):
    last: int


class NewSyntheticStream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    stream: str  # synthetic/<number>/<epoch>


class SyntheticStreams(msgspec.Struct, frozen=True):
    items: list[SyntheticStream]


class Rebuilt(msgspec.Struct, frozen=True):
    entries: int


def provide_service(context: NamedDependency[Context]) -> IngestService:
    return IngestService(context, projections())


def provide_synthetic(context: NamedDependency[Context]) -> SyntheticService:
    return SyntheticService(context, IngestService(context, projections()))


Service = NamedDependency[IngestService]
Synthetic = NamedDependency[SyntheticService]


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


class SyntheticController(Controller):
    """Invented history, for demonstrations: it comes like real traffic and is marked wherever it is read."""

    tags = ("stream",)
    path = "/synthetic-streams"
    dependencies = {"synthetic": Provide(provide_synthetic, sync_to_thread=False)}  # noqa: RUF012

    @get("/", guards=[read], sync_to_thread=True)
    def list_all(self, synthetic: Synthetic) -> SyntheticStreams:
        """All streams of synthetic history, with the number of calls that each tells of."""
        return SyntheticStreams(synthetic.list_all())

    @post("/", guards=[administer], sync_to_thread=True)
    def register(
        self, data: JSONBody[NewSyntheticStream], synthetic: Synthetic, user: NamedDependency[User]
    ) -> SyntheticStream:
        """Make a stream `synthetic/<number>/<epoch>` that takes entries until it is closed."""
        return synthetic.register(data.stream, user)

    @post("/entries", guards=[administer], status_code=200, sync_to_thread=True)
    def take(self, body: RawBody, synthetic: Synthetic, stream: FromQuery[str], first: Number, last: Number) -> Taken:
        """Take entries of a registered stream as NDJSON lines; 409 names the entry that is expected."""
        return Taken(synthetic.take(stream, first, last, body))

    @post("/close", guards=[administer], status_code=200, sync_to_thread=True)
    def close(
        self, data: JSONBody[NewSyntheticStream], synthetic: Synthetic, user: NamedDependency[User]
    ) -> SyntheticStream:
        """Take no further entry, ever."""
        return synthetic.close(data.stream, user)
