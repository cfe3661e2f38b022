"""Credentials of gateways: replaced under way, ended for good."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select, update

from catalog.errors import Conflict, NotFound
from controlplane.act.store import remember
from controlplane.context import Context
from controlplane.gateways.credential import keep_only
from controlplane.gateways.service import RENEW, queue
from controlplane.gateways.store import command, gateway
from controlplane.identity.principal import GatewayIdentity, User
from controlplane.identity.service import IdentityService


class Ended(msgspec.Struct, frozen=True):
    """A gateway that was revoked, and what it left undone."""

    gateway: str
    revoked_us: int
    commands_dropped: int


class Asked(msgspec.Struct, frozen=True):
    """The command that went out to a gateway."""

    gateway: str
    command_id: str


class Renewed(msgspec.Struct, frozen=True):
    """The only time that the credential is shown."""

    credential: str


class CredentialService:
    """Blocking: for worker threads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._database = context.database

    def revoke(self, wanted: str, by: User) -> Ended:
        """End a gateway, by id or name: its credentials, its streams, and the commands it will not carry out.

        Raises: NotFound; Conflict when the name is several gateways'.
        """
        now = self._context.clock()
        with self._database.write() as connection:
            gateway_id = _live(connection, wanted).gateway_id
            keep_only(connection, gateway_id, "", now)
            ended = update(gateway).where(gateway.c.gateway_id == gateway_id)
            connection.execute(ended.values(revoked_us=now, revoked_by=by.name))
            open_ones = (command.c.gateway_id == gateway_id) & command.c.acked_us.is_(None)
            dropped = update(command).where(open_ones)
            dropped = dropped.values(acked_us=now, result="refused", detail="the gateway was revoked")
            count = connection.execute(dropped).rowcount
            remember(connection, now, by, "gateway.revoked", gateway_id, commands_dropped=count)
        return Ended(gateway_id, now, count)

    def rotate(self, wanted: str, by: User) -> Asked:
        """Ask a gateway, by id or name, to fetch a new credential.

        Raises: NotFound; Conflict when the name is several gateways' or one is asked already.
        """
        now, command_id = self._context.clock(), self._context.new_id()
        with self._database.write() as connection:
            gateway_id = _live(connection, wanted).gateway_id
            if _is_asked(connection, gateway_id):
                raise Conflict(f"gateway {gateway_id!r} is asked already and has not answered yet")
            queue(connection, gateway_id, command_id, RENEW, {}, by.name, now)
            remember(connection, now, by, "gateway.rotated", gateway_id)
        self._context.commanded.notify()
        return Asked(gateway_id, command_id)

    def renew(self, identity: GatewayIdentity) -> Renewed:
        """A second credential for a gateway that is asked to take one. Raises: Conflict when it is not."""
        with self._database.write() as connection:
            if not _is_asked(connection, identity.gateway_id):
                raise Conflict("no new credential is due: `waybill gateway rotate` asks for one")
            service = IdentityService(self._context)
            return Renewed(service.issue_to_gateway(connection, identity.gateway_id, identity.group))


def _live(connection: Connection, wanted: str) -> Row[Any]:
    """The gateway with that id, else the only live one of that name."""
    named = (gateway.c.gateway_id == wanted) | (gateway.c.name == wanted)
    rows = connection.execute(select(gateway).where(named & gateway.c.revoked_us.is_(None))).all()
    exact = [row for row in rows if row.gateway_id == wanted] or rows
    if not exact:
        raise NotFound(f"no live gateway {wanted!r}; `waybill gateway list` shows them")
    if len(exact) > 1:
        ids = ", ".join(sorted(row.gateway_id for row in exact))
        raise Conflict(f"{len(exact)} gateways are called {wanted!r}: name one by its id, {ids}")
    return exact[0]


def _is_asked(connection: Connection, gateway_id: str) -> bool:
    asked = (command.c.gateway_id == gateway_id) & (command.c.kind == RENEW) & command.c.acked_us.is_(None)
    return connection.scalar(select(command.c.command_id).where(asked)) is not None
