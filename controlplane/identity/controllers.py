"""REST surface of tokens."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import Controller, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, JSONBody

from controlplane.context import Context
from controlplane.identity.guard import admin, viewer
from controlplane.identity.principal import Role, User
from controlplane.identity.service import IdentityService, IssuedToken, TokenView


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    role: Literal["admin", "architect", "operator", "viewer"]


class Tokens(msgspec.Struct, frozen=True):
    items: list[TokenView]


class WhoAmI(msgspec.Struct, frozen=True):
    token_id: str
    name: str
    role: str


def provide_service(context: NamedDependency[Context]) -> IdentityService:
    return IdentityService(context)


Service = NamedDependency[IdentityService]


class IdentityController(Controller):
    tags = ("identity",)
    dependencies = {"service": Provide(provide_service, sync_to_thread=False)}  # noqa: RUF012

    @get("/whoami", guards=[viewer], sync_to_thread=False)
    def whoami(self, user: NamedDependency[User]) -> WhoAmI:
        """Who the token belongs to, and its role."""
        return WhoAmI(user.token_id, user.name, user.role.name)

    @post("/tokens", guards=[admin], sync_to_thread=True)
    def create(self, data: JSONBody[NewToken], service: Service, user: NamedDependency[User]) -> IssuedToken:
        """Make a token; its text is shown in this answer only."""
        return service.create(data.name, Role[data.role], user.name)

    @get("/tokens", guards=[admin], sync_to_thread=True)
    def list_all(self, service: Service) -> Tokens:
        """All tokens, revoked ones included, without their secrets."""
        return Tokens(service.list_all())

    @delete("/tokens/{token_id:str}", guards=[admin], sync_to_thread=True)
    def revoke(self, token_id: FromPath[str], service: Service) -> None:
        """Revoke a token at once."""
        service.revoke(token_id)
