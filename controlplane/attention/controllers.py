"""REST surface of what needs a person."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from controlplane.attention.service import AttentionService
from controlplane.context import Context
from controlplane.identity.guard import read, settle
from controlplane.identity.principal import User

MAX_LIMIT = 1_000


class Settlement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    resolution: Literal["executed", "not_executed", "acknowledged"]
    note: Annotated[str, msgspec.Meta(max_length=2_000)] = ""


class Settling(msgspec.Struct, frozen=True):
    command_id: str


class Attention(msgspec.Struct, frozen=True):
    items: list[dict[str, Any]]


def provide_service(context: NamedDependency[Context]) -> AttentionService:
    return AttentionService(context)


Service = NamedDependency[AttentionService]


class AttentionController(Controller):
    path = "/attention"
    tags = ("attention",)
    dependencies = {"service": Provide(provide_service, sync_to_thread=False)}  # noqa: RUF012

    @get("/", guards=[read], sync_to_thread=True)
    def list_all(
        self,
        service: Service,
        user: NamedDependency[User],
        wanted: Annotated[Literal["open", "settled", "all"], QueryParameter(name="state")] = "open",
        limit: FromQuery[int] = 100,
    ) -> Attention:
        """What needs a person, the longest open first."""
        return Attention(service.list_all(wanted, max(1, min(limit, MAX_LIMIT)), user.scope))

    @post("/{attention_id:str}/settle", guards=[settle], status_code=202, sync_to_thread=True)
    def settle(
        self,
        attention_id: FromPath[str],
        data: JSONBody[Settlement],
        service: Service,
        user: NamedDependency[User],
    ) -> Settling:
        """Send a decision to the gateway; it is settled when the gateway's own stream says so."""
        return Settling(service.settle(attention_id, data.resolution, data.note, user))
