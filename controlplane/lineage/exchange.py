"""Exchanges: the newest by filter, and one with its place in the audit stream."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, func, literal_column, select, true

from catalog.errors import NotFound
from catalog.record import Amount, ObjectRef
from catalog.synthetic import is_synthetic
from controlplane.ingest.batch import Line
from controlplane.ingest.service import line_at
from controlplane.ingest.store import log_batch, stream
from controlplane.lineage.sight import EVERYTHING, Sight
from controlplane.lineage.store import business_object, exchange

# Literals, so that the store sees that the partial indexes apply: it does not look into bound parameters.
IS_REFUSED: ColumnElement[bool] = exchange.c.is_refused == true()
IS_FAILED: ColumnElement[bool] = exchange.c.is_failed == true()
IS_IN_DOUBT: ColumnElement[bool] = literal_column("exchange.executed = 'unknown'")


class Filter(msgspec.Struct, frozen=True):
    """Which exchanges; an empty member does not narrow."""

    is_refused: bool = False
    policy: str = ""  # or the code of a refusal by the gateway itself
    executed: str = ""
    contract: str = ""
    consumer: str = ""
    sight: Sight = EVERYTHING
    type: str = ""
    assigner: str = ""
    value: str = ""


class ExchangeItem(msgspec.Struct, frozen=True):
    """An exchange in a list; the names are those of `catalog.record.Exchange`."""

    exchange_id: str
    started_us: int
    duration_us: int
    upstream_us: int
    method: str
    status: int
    executed: str
    fault: str
    contract: str
    version: str
    operation: str
    consumer: str
    legal_entity: str
    system: str
    refused_by: str
    code: str
    event: str
    is_verified: bool
    is_replay: bool
    object: ObjectRef | None
    amount: Amount | None
    stream: str
    seq: int
    is_synthetic: bool


class ExchangeDetail(msgspec.Struct, frozen=True):
    """The whole record as the gateway wrote it, with its proof: hash of the entry and of the one before."""

    exchange: dict[str, Any]
    stream: str
    seq: int
    committed_us: int
    entry_sha256: str
    prev: str
    is_anchored: bool  # covered by a head that the control plane has signed
    is_synthetic: bool


def list_exchanges(connection: Connection, wanted: Filter, limit: int) -> list[ExchangeItem]:
    """The newest first."""
    call, thing = exchange.c, business_object.c
    query = (
        select(exchange, thing.type, thing.assigner, thing.value)
        .join_from(exchange, business_object, call.object_id == thing.object_id, isouter=True)
        .where(*_conditions(wanted))
        .order_by(call.at_us.desc(), call.stream.desc(), call.seq.desc())
        .limit(limit)
    )
    return [_item(row) for row in connection.execute(wanted.sight.narrow(query, call))]


def read_exchange(connection: Connection, exchange_id: str, sight: Sight = EVERYTHING) -> ExchangeDetail:
    """Should several gateways tell of one id, then the telling that arrived first. Raises: NotFound."""
    batch = (
        select(log_batch.c.batch_id)
        .where(log_batch.c.stream_id == stream.c.stream_id, log_batch.c.last >= exchange.c.seq)
        .order_by(log_batch.c.last)
        .limit(1)
        .scalar_subquery()
    )
    known = (
        select(exchange.c.stream, exchange.c.seq)
        .join_from(exchange, stream, stream.c.name == exchange.c.stream)
        .where(exchange.c.exchange_id == exchange_id)
        .order_by(batch)
        .limit(1)
    )
    row = connection.execute(sight.narrow(known, exchange.c)).one_or_none()
    if row is None:
        raise NotFound("no such exchange")
    text = line_at(connection, row.stream, row.seq)
    line = msgspec.json.decode(text, type=Line)
    signed = connection.scalar(select(stream.c.last).where(stream.c.name == row.stream, stream.c.signature != ""))
    return ExchangeDetail(
        exchange=msgspec.json.decode(line.body),
        stream=row.stream,
        seq=row.seq,
        committed_us=line.at_us,
        entry_sha256=hashlib.sha256(text).hexdigest(),
        prev=line.prev,
        is_anchored=signed is not None and row.seq <= signed,
        is_synthetic=is_synthetic(row.stream),
    )


def _conditions(wanted: Filter) -> list[Any]:
    call, thing = exchange.c, business_object.c
    conditions: list[Any] = []
    if wanted.is_refused or wanted.policy:
        conditions.append(IS_REFUSED)
    if wanted.executed == "unknown":
        conditions.append(IS_IN_DOUBT)
    if wanted.type and wanted.assigner and wanted.value:
        key = (thing.type == wanted.type) & (thing.assigner == wanted.assigner) & (thing.value == wanted.value)
        conditions.append(call.object_id.in_(select(thing.object_id).where(key).correlate(None)))
    columns = (
        (call.refusal, wanted.policy),
        (call.executed, wanted.executed),
        (call.contract, wanted.contract),
        (call.consumer, wanted.consumer),
        (func.coalesce(thing.type, ""), wanted.type),  # so that the walk starts at the exchanges, newest first
        (func.coalesce(thing.assigner, ""), wanted.assigner),
        (func.coalesce(thing.value, ""), wanted.value),
    )
    return conditions + [column == value for column, value in columns if value]


def _item(row: Row[Any]) -> ExchangeItem:
    told = row._mapping
    plain = {name: told[name] for name in ExchangeItem.__struct_fields__ if name in told}
    return ExchangeItem(
        **{
            **plain,
            "started_us": row.at_us,
            "object": ObjectRef(row.type, row.assigner, row.value) if row.type is not None else None,
            "amount": Amount(row.amount, row.currency) if row.amount is not None else None,
        }
    )
