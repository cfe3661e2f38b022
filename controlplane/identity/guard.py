"""Guards that routes declare, each for one permission: `guards=[read]`, `[settle]`, …, or `[gateway]`.

A guard recognises the bearer before anything of the body is read and puts it where handlers find it as the
dependency `user` or `gateway`. Every route below /api/v1 declares exactly one, or is listed in `PUBLIC`.

What concerns legal entities is narrowed by the handler with `user.scope`; what cannot be narrowed (a whole workspace,
a raw stream, tokens) is open only to who acts for all entities: those guards are network-wide.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from catalog.errors import Forbidden, Unauthorized
from controlplane.context import Context
from controlplane.identity.principal import GatewayIdentity, Permission, User
from controlplane.identity.service import IdentityService

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]

#: routes without a bearer: enrolment carries its own one-time token
PUBLIC = frozenset({"/api/v1/gateways/enrol"})


class Rule(NamedTuple):
    permission: Permission
    is_network_wide: bool


#: every people's guard with its rule
RULES: dict[Guard, Rule] = {}


def _needs(permission: Permission, *, is_network_wide: bool = False) -> Guard:
    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        context: Context = connection.app.state.context
        user = await asyncio.to_thread(IdentityService(context).user, _bearer(connection))
        if not user.may(permission):
            raise Forbidden(f"this needs the permission {permission}; {user.name!r} has the role {user.role}")
        if is_network_wide and user.scope is not None:
            raise Forbidden(f"this concerns all legal entities; {user.name!r} acts for some only")
        connection.scope["user"] = user

    RULES[guard] = Rule(permission, is_network_wide)
    return guard


read = _needs(Permission.read)
read_everything = _needs(Permission.read, is_network_wide=True)
settle = _needs(Permission.settle)
issue_keys = _needs(Permission.issue_keys, is_network_wide=True)
approve = _needs(Permission.approve, is_network_wide=True)
publish = _needs(Permission.publish, is_network_wide=True)
enrol = _needs(Permission.enrol, is_network_wide=True)
audit = _needs(Permission.audit, is_network_wide=True)
administer = _needs(Permission.administer, is_network_wide=True)


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
