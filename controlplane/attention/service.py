"""Keeps what needs a person as the streams tell it, and sends decisions back as commands."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from catalog.errors import Conflict, Invalid, NotFound, Problem
from catalog.record import AckEntry, AttentionEntry, Entry
from controlplane.act.store import remember
from controlplane.attention.store import attention
from controlplane.context import Context
from controlplane.gateways import service as gateways
from controlplane.gateways.group import home
from controlplane.gateways.store import command
from controlplane.identity.principal import Scope, User

#: kind of attention -> resolutions that a person may choose
RESOLUTIONS: dict[str, tuple[str, ...]] = {
    "in_doubt": ("executed", "not_executed"),
    "withheld": ("acknowledged",),
}


def apply(connection: Connection, stream: str, entry: Entry) -> None:
    """Project an entry of kind `attention` or `ack`; others are left alone.

    `stream` has been checked to belong to the gateway that sent it. Idempotent, and independent of the order in
    which a gateway's streams arrive: what was settled once is never opened again.
    """
    gateway_id = stream.split("/", 1)[0]
    if entry.kind == "attention":
        _apply_attention(connection, gateway_id, entry)
    elif entry.kind == "ack":
        gateways.acknowledge(connection, gateway_id, msgspec.json.decode(entry.body, type=AckEntry), entry.at_us)


def _apply_attention(connection: Connection, gateway_id: str, entry: Entry) -> None:
    told = msgspec.json.decode(entry.body, type=AttentionEntry)
    row = connection.execute(select(attention).where(attention.c.attention_id == told.attention_id)).one_or_none()
    settled_us = entry.at_us if told.state == "settled" else None
    if row is None:
        connection.execute(
            insert(attention).values(
                attention_id=told.attention_id,
                gateway_id=gateway_id,
                state=told.state,
                opened_us=entry.at_us,
                settled_us=settled_us,
                exchange_id=told.exchange_id,
                legal_entity=told.legal_entity,
                body=msgspec.json.encode(told).decode(),
            )
        )
    elif home(row.gateway_id) == home(gateway_id) and row.state == "open" and told.state == "settled":
        merged = _merged(msgspec.json.decode(row.body, type=AttentionEntry), told)
        body = msgspec.json.encode(merged).decode()
        connection.execute(
            update(attention)
            .where(attention.c.attention_id == told.attention_id)
            .values(state="settled", settled_us=settled_us, body=body, legal_entity=merged.legal_entity)
        )


def _merged(known: AttentionEntry, told: AttentionEntry) -> AttentionEntry:
    """The opening entry with what the settling one adds: a settling entry may leave the context out."""
    default = AttentionEntry(told.attention_id, told.kind, told.state, told.exchange_id)
    changed = {
        name: getattr(told, name)
        for name in AttentionEntry.__struct_fields__
        if getattr(told, name) != getattr(default, name)
    }
    return msgspec.structs.replace(known, **{"state": told.state, **changed})


class AttentionService:
    """Blocking: for worker threads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._database = context.database

    def list_all(self, state: str, limit: int, scope: Scope = None) -> list[dict[str, Any]]:
        """Entries of `scope` in `state` ("all" for every), the longest open first, with the command under way."""
        under_way = command.c.command_id == attention.c.command_id
        columns = (attention, command.c.created_by, command.c.acked_us, command.c.result, command.c.detail)
        query = select(*columns).outerjoin_from(attention, command, under_way)
        if state != "all":
            query = query.where(attention.c.state == state)
        if scope is not None:
            query = query.where(attention.c.legal_entity.in_(scope))
        query = query.order_by(attention.c.opened_us, attention.c.attention_id).limit(limit)
        with self._database.read() as connection:
            return [_view(row) for row in connection.execute(query)]

    def settle(self, attention_id: str, resolution: str, note: str, by: User) -> str:
        """Send a person's decision to the gateway that holds the state; the id of the command.

        Raises: NotFound; Invalid for a resolution that does not fit; Conflict when it is settled or being settled.
        """
        command_id = self._context.new_id()
        with self._database.write() as connection:
            row = _open_row(connection, attention_id, by)
            told = msgspec.json.decode(row.body, type=AttentionEntry)
            _check_resolution(told.kind, resolution)
            body = {
                "attention_id": attention_id,
                "exchange_id": row.exchange_id,
                "resolution": resolution,
                "by": by.name,
                "note": note,
            }
            now = self._context.clock()
            gateways.queue(connection, row.gateway_id, command_id, "settle_attention", body, by.name, now)
            connection.execute(
                update(attention).where(attention.c.attention_id == attention_id).values(command_id=command_id)
            )
            remember(connection, now, by, "attention.settled", attention_id, resolution=resolution, note=note)
        self._context.commanded.notify()
        return command_id


def _open_row(connection: Connection, attention_id: str, by: User) -> Row[Any]:
    row = connection.execute(select(attention).where(attention.c.attention_id == attention_id)).one_or_none()
    if row is None or not by.sees(row.legal_entity):
        raise NotFound(f"nothing known as {attention_id!r} needs attention")
    if row.state != "open":
        raise Conflict("this is settled already")
    pending = (command.c.command_id == row.command_id) & command.c.acked_us.is_(None)
    if connection.scalar(select(command.c.command_id).where(pending)) is not None:
        raise Conflict("a decision is on its way to the gateway; wait for its answer")
    return row


def _check_resolution(kind: str, resolution: str) -> None:
    allowed = RESOLUTIONS[kind]
    if resolution not in allowed:
        message = f"{kind} is settled as {' or '.join(allowed)}"
        raise Invalid(message, [Problem(message, pointer="/resolution", rule="resolution")])


def _view(row: Row[Any]) -> dict[str, Any]:
    pending: dict[str, Any] | None = None
    if row.command_id is not None:
        result = row.result or "pending"
        pending = {"command_id": row.command_id, "by": row.created_by, "result": result, "detail": row.detail or ""}
    return {
        **msgspec.json.decode(row.body),
        "gateway": row.gateway_id,
        "opened_us": row.opened_us,
        "settled_us": row.settled_us,
        "command": pending,
    }
