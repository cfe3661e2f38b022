"""REST surface of the gateways: their own side and the people's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody

from catalog.errors import NotFound
from catalog.snapshot import SignedManifest
from controlplane.context import Context
from controlplane.gateways.revocation import Asked, CredentialService, Ended, Renewed
from controlplane.gateways.service import GROUP, Enrolled, GatewayService, GatewayView, IssuedEnrolment
from controlplane.identity.guard import enrol, read
from controlplane.identity.guard import gateway as enrolled
from controlplane.identity.principal import GatewayIdentity, User
from controlplane.registry import store as registry
from controlplane.wakeup import Wakeup

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
Found = TypeVar("Found")


class NewEnrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    group: Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern="^[a-z0-9-]+$")] = GROUP


class Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: str
    name: Annotated[str, msgspec.Meta(max_length=60)] = ""


class Status(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    generation: int
    state: Literal["ack", "nack"]
    detail: Annotated[str, msgspec.Meta(max_length=20_000)] = ""
    at_us: int = 0


class Halted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    stream: Annotated[str, msgspec.Meta(max_length=200)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=4_000)]


class Gateways(msgspec.Struct, frozen=True):
    items: list[GatewayView]
    newest_generation: int  # what each ought to run; 0 before the first apply


class Commands(msgspec.Struct, frozen=True):
    commands: list[dict[str, Any]]


class NoSnapshot(NotFound):
    """Nothing was ever applied."""

    code = "no-snapshot"


def provide_service(context: NamedDependency[Context]) -> GatewayService:
    return GatewayService(context)


Service = NamedDependency[GatewayService]


class GatewayController(Controller):
    """What gateways call, with their own credential."""

    tags = ("gateway",)
    dependencies = {"service": Provide(provide_service, sync_to_thread=False)}  # noqa: RUF012

    @post("/gateways/enrol", sync_to_thread=True, security=[{}])
    def enrol(self, data: JSONBody[Enrolment], service: Service) -> Enrolled:
        """Trade a one-time enrolment token for a credential, the group's pepper and the snapshot key."""
        return service.enrol(data.token, data.name)

    @get("/snapshot", guards=[enrolled])
    async def snapshot(
        self,
        context: NamedDependency[Context],
        service: Service,
        gateway: NamedDependency[GatewayIdentity],
        generation: FromQuery[int] = 0,
        wait_s: FromQuery[float] = 0.0,
    ) -> Response[SignedManifest | None]:
        """The signed manifest as soon as its generation is not `generation`; 304 when that does not happen in time."""

        def look() -> tuple[int, SignedManifest] | None:
            newest = registry.newest(context.database)
            return newest if newest is not None and newest[0] != generation else None

        await asyncio.to_thread(service.seen, gateway.gateway_id)
        found = await poll(look, context.published, min(wait_s, context.settings.max_wait_s))
        if found is not None:
            return Response(found[1])
        if generation == 0:
            raise NoSnapshot("nothing has been applied yet: `waybill apply` publishes the first snapshot")
        return Response(None, status_code=304)

    @get("/blobs/{sha256:str}", guards=[enrolled], sync_to_thread=True, media_type="application/json")
    def blob(self, sha256: FromPath[str], context: NamedDependency[Context]) -> Response[bytes]:
        """A blob of a manifest, by the SHA-256 of its bytes."""
        content = registry.blob_content(context.database, sha256)
        return Response(content, media_type="application/json", headers={"cache-control": "immutable"})

    @post("/gateways/status", guards=[enrolled], status_code=204, sync_to_thread=True)
    def status(self, data: JSONBody[Status], service: Service, gateway: NamedDependency[GatewayIdentity]) -> None:
        """Report that a generation runs (`ack`) or was refused (`nack`), and why."""
        service.report(gateway.gateway_id, data.generation, data.state, data.detail)

    @post("/gateways/shipping", guards=[enrolled], status_code=204, sync_to_thread=True)
    def halted(self, data: JSONBody[Halted], service: Service, gateway: NamedDependency[GatewayIdentity]) -> None:
        """Report that a stream cannot be shipped and why; the next batch of it that is taken ends that."""
        service.halt(gateway, data.stream, data.reason)

    @post("/gateways/credential", guards=[enrolled], sync_to_thread=True)
    def renew(self, context: NamedDependency[Context], gateway: NamedDependency[GatewayIdentity]) -> Renewed:
        """Fetch the new credential that a command asks for; the old one ends with the command's acknowledgement."""
        return CredentialService(context).renew(gateway)

    @get("/commands", guards=[enrolled])
    async def commands(
        self,
        context: NamedDependency[Context],
        service: Service,
        gateway: NamedDependency[GatewayIdentity],
        wait_s: FromQuery[float] = 0.0,
    ) -> Commands:
        """Commands that this gateway has not acknowledged yet; waits for the first when there is none."""

        def look() -> list[dict[str, Any]] | None:
            return service.commands(gateway.gateway_id) or None

        await asyncio.to_thread(service.seen, gateway.gateway_id)
        found = await poll(look, context.commanded, min(wait_s, context.settings.max_wait_s))
        return Commands(found or [])


class GatewayListController(Controller):
    """What people ask about gateways."""

    tags = ("gateway",)
    dependencies = {"service": Provide(provide_service, sync_to_thread=False)}  # noqa: RUF012

    @post("/enrolments", guards=[enrol], sync_to_thread=True)
    def invite(self, data: JSONBody[NewEnrolment], service: Service, user: NamedDependency[User]) -> IssuedEnrolment:
        """Make a one-time token with which a gateway enrols; shown in this answer only."""
        return service.invite(data.name, user, data.group)

    @get("/gateways", guards=[read], sync_to_thread=True)
    def list_all(self, service: Service, context: NamedDependency[Context]) -> Gateways:
        """All gateways: the generation each runs, what it refused and why, when it was last heard of."""
        with context.database.read() as connection:
            return Gateways(service.list_all(), registry.current_generation(connection))


class GatewayCredentialController(Controller):
    """What people do about gateways' credentials."""

    path = "/gateways/{wanted:str}"
    tags = ("gateway",)

    @post("/revoke", guards=[enrol], status_code=200, sync_to_thread=True)
    def revoke(self, wanted: FromPath[str], context: NamedDependency[Context], user: NamedDependency[User]) -> Ended:
        """End a gateway, by id or name: its credential is refused from now on, its streams are closed, figures no
        longer wait for it."""
        return CredentialService(context).revoke(wanted, user)

    @post("/rotate", guards=[enrol], status_code=202, sync_to_thread=True)
    def rotate(self, wanted: FromPath[str], context: NamedDependency[Context], user: NamedDependency[User]) -> Asked:
        """Have a gateway, by id or name, fetch a new credential; the old one ends when it says that it has it."""
        return CredentialService(context).rotate(wanted, user)


async def poll(look: Callable[[], Found | None], wakeup: Wakeup, wait_s: float) -> Found | None:
    """What `look` finds at once or after a wake-up, at most `wait_s` later; None when it finds nothing."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + wait_s
    with wakeup.subscribe() as ticket:
        while True:
            found = await asyncio.to_thread(look)
            left_s = deadline_s - loop.time()
            if found is not None or left_s <= 0 or wakeup.is_closed:
                return found
            await ticket.wait(left_s)
