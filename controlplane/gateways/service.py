"""Enrols gateways, keeps what they report, hands commands to them until they acknowledge."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from catalog.errors import Conflict, Forbidden, NotFound, Unauthorized
from catalog.record import AckEntry
from controlplane.act.store import remember
from controlplane.context import Context, rfc3339
from controlplane.gateways.credential import keep_only
from controlplane.gateways.group import home, member_id
from controlplane.gateways.store import command, enrolment, gateway, halted_stream
from controlplane.identity import credential
from controlplane.identity.principal import GatewayIdentity, Role, User
from controlplane.identity.service import IdentityService
from controlplane.ingest.store import stream

OF_THE_STATE = ("settle_attention",)  # commands that any gateway of a group can carry out for it
GROUP = "default"  # of gateways each by itself; those of any other group share their state (design §11.1)
RENEW = "renew_credential"  # kind of the command that has a gateway fetch a new credential


class IssuedEnrolment(msgspec.Struct, frozen=True):
    """The only time that the token is shown."""

    enrolment_id: str
    name: str
    token: str
    expires_at: str


class Enrolled(msgspec.Struct, frozen=True):
    """What a gateway keeps from its enrolment."""

    gateway: str
    group: str
    credential: str
    pepper: str  # base64
    snapshot_key: str  # base64, raw Ed25519 public key


class GatewayView(msgspec.Struct, frozen=True):
    gateway: str
    name: str
    group: str
    state: str  # enrolled | ack | nack | revoked
    is_stale: bool  # not heard of for too long; never so once it is revoked
    generation: int | None  # the last it reported on
    running_generation: int | None  # the last it acknowledged
    detail: str
    enrolled_us: int
    last_seen_us: int
    reported_us: int | None
    streams: dict[str, int] = {}  # stream -> last sequence number ingested
    halted: dict[str, str] = {}  # stream -> why the gateway cannot ship it
    revoked_us: int | None = None
    revoked_by: str | None = None


class GatewayService:
    """Blocking: for worker threads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._database = context.database
        self._clock = context.clock

    def invite(self, name: str, by: User, group: str = GROUP) -> IssuedEnrolment:
        """A token with which one gateway may enrol into `group`, once, before it expires."""
        issued = credential.issue(credential.ENROLMENT_PREFIX)
        now = self._clock()
        expires_us = now + self._context.settings.enrolment_ttl_s * 1_000_000
        with self._database.write() as connection:
            connection.execute(
                insert(enrolment).values(
                    enrolment_id=issued.id,
                    name=name,
                    sha256=credential.digest(issued.text),
                    created_us=now,
                    created_by=by.name,
                    expires_us=expires_us,
                    group_name=group,
                )
            )
            remember(connection, now, by, "enrolment.created", issued.id, name=name, group=group)
        return IssuedEnrolment(issued.id, name, issued.text, rfc3339(expires_us))

    def enrol(self, text: str, name: str) -> Enrolled:
        """Trade an enrolment token for a credential. Raises: Unauthorized when it is unknown, used or expired."""
        now = self._clock()
        with self._database.write() as connection:
            row = self._live_enrolment(connection, text, now)
            name = name or row.name
            gateway_id = member_id(row.group_name, f"{_slug(name)}-{self._context.new_id()[:6]}")
            connection.execute(
                update(enrolment)
                .where(enrolment.c.enrolment_id == row.enrolment_id)
                .values(used_us=now, gateway_id=gateway_id)
            )
            connection.execute(
                insert(gateway).values(
                    gateway_id=gateway_id,
                    name=name,
                    group_name=row.group_name,
                    enrolled_us=now,
                    last_seen_us=now,
                    state="enrolled",
                    detail="",
                )
            )
            bound = IdentityService(self._context).issue_to_gateway(connection, gateway_id, row.group_name)
            invited = User(f"enrolment:{row.enrolment_id}", row.created_by, Role.architect)
            remember(connection, now, invited, "gateway.enrolled", gateway_id, enrolment=row.enrolment_id)
        keys = self._context.keys
        return Enrolled(gateway_id, row.group_name, bound, base64.b64encode(keys.pepper).decode(), keys.public_key)

    def report(self, gateway_id: str, generation: int, state: str, detail: str) -> None:
        """Keep that a gateway runs a generation (`ack`) or refused it (`nack`)."""
        now = self._clock()
        values: dict[str, Any] = {"generation": generation, "state": state, "detail": detail, "reported_us": now}
        if state == "ack":
            values["running_generation"] = generation
        with self._database.write() as connection:
            touch(connection, gateway_id, now)
            connection.execute(update(gateway).where(gateway.c.gateway_id == gateway_id).values(values))

    def seen(self, gateway_id: str) -> None:
        with self._database.write() as connection:
            touch(connection, gateway_id, self._clock())

    def list_all(self) -> list[GatewayView]:
        """All gateways by name, each with its streams."""
        stale_before = self._clock() - int(self._context.settings.gateway_stale_after_s * 1_000_000)
        with self._database.read() as connection:
            rows = connection.execute(select(gateway).order_by(gateway.c.name, gateway.c.gateway_id)).all()
            streams = dict(connection.execute(select(stream.c.name, stream.c.last)).all())
            halted = dict(connection.execute(select(halted_stream.c.stream, halted_stream.c.reason)).all())
        return [_view(row, row.last_seen_us < stale_before, streams, halted) for row in rows]

    def halt(self, shipper: GatewayIdentity, name: str, reason: str) -> None:
        """Keep why a gateway cannot ship a stream. Raises: Forbidden for another gateway's stream."""
        now = self._clock()
        with self._database.write() as connection:
            owner = owner_of(connection, shipper, name)
            shipped(connection, shipper.gateway_id, name, now)
            row = {"stream": name, "gateway_id": owner, "reason": reason, "told_us": now}
            connection.execute(insert(halted_stream).values(row))

    def commands(self, gateway_id: str) -> list[dict[str, Any]]:
        """What `gateway_id` has still to carry out, itself or for its group, oldest first."""
        open_ones = _carried_out_by(gateway_id) & command.c.acked_us.is_(None)
        with self._database.read() as connection:
            rows = connection.execute(select(command).where(open_ones).order_by(command.c.created_us)).all()
        return [{"command_id": row.command_id, "kind": row.kind, **json.loads(row.body)} for row in rows]

    def _live_enrolment(self, connection: Connection, text: str, now_us: int) -> Row[Any]:
        public = credential.id_of(credential.ENROLMENT_PREFIX, text)
        row = connection.execute(select(enrolment).where(enrolment.c.enrolment_id == public)).one_or_none()
        if row is None or not credential.matches(text, row.sha256):
            raise Unauthorized("the enrolment token is unknown")
        if row.used_us is not None:
            raise Unauthorized("the enrolment token was used already: ask for another one")
        if row.expires_us <= now_us:
            raise Unauthorized("the enrolment token has expired: ask for another one")
        return row


def touch(connection: Connection, gateway_id: str, now_us: int) -> None:
    """Note that `gateway_id` was heard of."""
    connection.execute(update(gateway).where(gateway.c.gateway_id == gateway_id).values(last_seen_us=now_us))


def owner_of(connection: Connection, shipper: GatewayIdentity, name: str) -> str:
    """The gateway whose stream `name` is. Raises: Forbidden when `shipper` may not ship it: it is another one's, and
    not one's that shares its state."""
    owner = name.partition("/")[0]
    if owner == shipper.gateway_id:
        return owner
    fellow = (gateway.c.gateway_id == owner) & (gateway.c.group_name == shipper.group)
    if shipper.group == GROUP or connection.scalar(select(gateway.c.gateway_id).where(fellow)) is None:
        raise Forbidden("this stream belongs to another gateway")
    return owner


def shipped(connection: Connection, gateway_id: str, name: str, now_us: int) -> None:
    """Note that a batch of the stream `name` was taken from `gateway_id`."""
    touch(connection, gateway_id, now_us)
    connection.execute(delete(halted_stream).where(halted_stream.c.stream == name))


def queue(
    connection: Connection, gateway_id: str, command_id: str, kind: str, body: dict[str, Any], by: str, now_us: int
) -> None:
    """Queue a command in the caller's transaction; notify `Context.commanded` after the commit.

    Raises: NotFound when there is no such gateway; Conflict when it is revoked.
    """
    known = connection.execute(select(gateway).where(gateway.c.gateway_id == gateway_id)).one_or_none()
    if known is None:
        raise NotFound(f"no gateway {gateway_id!r}")
    if known.revoked_us is not None:
        raise Conflict(f"gateway {gateway_id!r} is revoked and carries nothing out any more")
    connection.execute(
        insert(command).values(
            command_id=command_id,
            gateway_id=gateway_id,
            kind=kind,
            body=json.dumps(body),
            created_us=now_us,
            created_by=by,
        )
    )


def acknowledge(connection: Connection, gateway_id: str, ack: AckEntry, at_us: int) -> None:
    """Close a command that its gateway says it carried out or refused; foreign and unknown ones are left alone."""
    mine = (command.c.command_id == ack.command_id) & _carried_out_by(gateway_id)
    closed = update(command).where(mine & command.c.acked_us.is_(None))
    closed = closed.values(acked_us=at_us, result=ack.result, detail=ack.detail)
    kind = connection.execute(closed.returning(command.c.kind)).scalar_one_or_none()
    if kind == RENEW and ack.result == "done":
        keep_only(connection, gateway_id, ack.detail, at_us)


def _carried_out_by(gateway_id: str) -> ColumnElement[bool]:
    """Its own commands, and those about the state that it shares with others of its group."""
    own = command.c.gateway_id == gateway_id
    if home(gateway_id) == gateway_id:
        return own
    return own | (command.c.gateway_id.startswith(home(gateway_id), autoescape=True) & command.c.kind.in_(OF_THE_STATE))


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "gateway"


def _view(row: Row[Any], is_stale: bool, streams: dict[str, int], halted: dict[str, str]) -> GatewayView:
    prefix, is_revoked = f"{row.gateway_id}/", row.revoked_us is not None
    return GatewayView(
        row.gateway_id,
        row.name,
        row.group_name,
        "revoked" if is_revoked else row.state,
        is_stale and not is_revoked,
        row.generation,
        row.running_generation,
        row.detail,
        row.enrolled_us,
        row.last_seen_us,
        row.reported_us,
        {name: last for name, last in streams.items() if name.startswith(prefix)},
        {} if is_revoked else {name: why for name, why in halted.items() if name.startswith(prefix)},
        row.revoked_us,
        row.revoked_by,
    )
