"""Guards that routes declare: `guards=[viewer]`, `[operator]`, `[architect]`, `[admin]` or `[gateway]`.

A guard recognises the bearer before anything of the body is read and puts it where handlers find it as the
dependency `user` or `gateway`. Every route below /api/v1 declares exactly one, or is listed in `PUBLIC`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from catalog.errors import Forbidden, Unauthorized
from controlplane.context import Context
from controlplane.identity.principal import GatewayIdentity, Role, User
from controlplane.identity.service import IdentityService

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]

#: routes without a bearer: enrolment carries its own one-time token
PUBLIC = frozenset({"/api/v1/gateways/enrol"})


def requires(role: Role) -> Guard:
    """A guard that lets users of `role` and above pass."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        context: Context = connection.app.state.context
        user = await asyncio.to_thread(IdentityService(context).user, _bearer(connection))
        if user.role < role:
            raise Forbidden(f"this needs the role {role.name}; the token {user.name!r} has {user.role.name}")
        connection.scope["user"] = user

    return guard


viewer = requires(Role.viewer)
operator = requires(Role.operator)
architect = requires(Role.architect)
admin = requires(Role.admin)


async def gateway(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Lets enrolled gateways pass."""
    context: Context = connection.app.state.context
    connection.scope["user"] = await asyncio.to_thread(IdentityService(context).gateway, _bearer(connection))


def provide_user(request: Request[Any, Any, Any]) -> User:
    """The dependency `user` of people's routes."""
    user: User = request.scope["user"]
    return user


def provide_gateway(request: Request[Any, Any, Any]) -> GatewayIdentity:
    """The dependency `gateway` of gateways' routes."""
    identity: GatewayIdentity = request.scope["user"]
    return identity


def _bearer(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    values = connection.headers.getall("authorization", [])
    if len(values) != 1 or values[0][:7].lower() != "bearer ":
        raise Unauthorized("present exactly one `Authorization: Bearer` credential")
    return values[0][7:].strip()
