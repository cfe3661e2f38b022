"""REST surface of tokens."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import Controller, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, JSONBody

from controlplane.context import Context
from controlplane.identity.expiry import future_us
from controlplane.identity.guard import administer, read
from controlplane.identity.principal import ALL_ENTITIES, PERMISSIONS, Role, User
from controlplane.identity.service import IdentityService, IssuedToken, TokenView

Entity = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    role: Literal["executive", "operator", "approver", "steward", "architect", "admin", "viewer"]
    entities: Annotated[list[Entity], msgspec.Meta(min_length=1, max_length=1_000)] = msgspec.field(
        default_factory=lambda: [ALL_ENTITIES]
    )
    expires_at: str | None = None  # RFC 3339; none: until it is revoked


class Tokens(msgspec.Struct, frozen=True):
    items: list[TokenView]


class WhoAmI(msgspec.Struct, frozen=True):
    id: str
    name: str
    role: str
    entities: list[str]  # as granted; "*" for all
    sees: list[str] | None  # with all that lies below them; null: everything
    permissions: list[str]


def provide_service(context: NamedDependency[Context]) -> IdentityService:
    return IdentityService(context)


Service = NamedDependency[IdentityService]


class IdentityController(Controller):
    tags = ("identity",)
    dependencies = {"service": Provide(provide_service, sync_to_thread=False)}  # noqa: RUF012

    @get("/whoami", guards=[read], sync_to_thread=False)
    def whoami(self, user: NamedDependency[User]) -> WhoAmI:
        """Who asks: role, permissions, legal entities."""
        sees = None if user.scope is None else sorted(user.scope)
        may = sorted(permission.value for permission in PERMISSIONS[user.role])
        return WhoAmI(user.id, user.name, user.role.value, list(user.entities), sees, may)

    @post("/tokens", guards=[administer], sync_to_thread=True)
    def create(
        self,
        data: JSONBody[NewToken],
        service: Service,
        user: NamedDependency[User],
        context: NamedDependency[Context],
    ) -> IssuedToken:
        """Make a token; its text is shown in this answer only."""
        expires_us = None if data.expires_at is None else future_us(data.expires_at, context.clock())
        return service.create(data.name, Role[data.role], user, data.entities, expires_us)

    @get("/tokens", guards=[administer], sync_to_thread=True)
    def list_all(self, service: Service) -> Tokens:
        """All tokens, revoked ones included, without their secrets."""
        return Tokens(service.list_all())

    @delete("/tokens/{token_id:str}", guards=[administer], sync_to_thread=True)
    def revoke(self, token_id: FromPath[str], service: Service, user: NamedDependency[User]) -> None:
        """Revoke a token at once."""
        service.revoke(token_id, user)
