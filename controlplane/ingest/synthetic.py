"""Streams of synthetic history: an administrator registers one, sends its entries through the ordinary ingest, and
closes it for good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from catalog.errors import Conflict, Invalid, NotFound, Problem
from catalog.synthetic import OWNER, is_name, is_unevaluated
from controlplane.act.store import remember
from controlplane.audit import StreamHead, head_message
from controlplane.context import Context
from controlplane.identity.principal import GatewayIdentity, User
from controlplane.ingest.batch import Located
from controlplane.ingest.service import IngestService
from controlplane.ingest.store import stream

#: in whose name entries are sent
IDENTITY = GatewayIdentity(OWNER, OWNER)


class SyntheticStream(msgspec.Struct, frozen=True):
    """A stream of synthetic history. `last` is the number of its last entry."""

    stream: str
    last: int
    is_closed: bool


class SyntheticService:
    """Blocking: for worker threads."""

    def __init__(self, context: Context, ingest: IngestService) -> None:
        self._context = context
        self._database = context.database
        self._ingest = ingest

    def list_all(self) -> list[SyntheticStream]:
        query = select(stream.c.name, stream.c.last, stream.c.closed_us).where(stream.c.is_synthetic)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(stream.c.name))
            return [SyntheticStream(row.name, row.last, row.closed_us is not None) for row in rows]

    def register(self, name: str, by: User) -> SyntheticStream:
        """Make a stream that takes entries. Raises: Invalid for any other name, Conflict when there is one."""
        if not is_name(name):
            raise Invalid("not a name of synthetic history", [Problem(f"must be {OWNER}/<n>/<epoch>", "/stream")])
        now = self._context.clock()
        signature = self._context.keys.sign(head_message(StreamHead(name, 0, "", "", now)))
        row = {
            "name": name,
            "gateway_id": OWNER,
            "last": 0,
            "head": "",
            "last_at_us": 0,
            "ingested_us": now,
            "signature": signature,
            "signed_at_us": now,
            "unread": 0,
            "is_synthetic": True,
        }
        with self._database.write() as connection:
            if connection.scalar(select(stream.c.stream_id).where(stream.c.name == name)) is not None:
                raise Conflict(f"the stream {name} is there already")
            connection.execute(insert(stream), row)
            remember(connection, now, by, "synthetic.registered", name)
        return SyntheticStream(name, 0, False)

    def take(self, name: str, first: int, last: int, lines: bytes) -> int:
        """Take a batch of a registered stream; the number of the last entry now known.

        Raises: NotFound, Conflict when it is closed, OutOfStep, Invalid (nothing was taken).
        """
        with self._database.read() as connection:
            _registered(connection, name)
        return self._ingest.ingest(IDENTITY, name, first, last, lines, check)

    def close(self, name: str, by: User) -> SyntheticStream:
        """No further entry is taken. Raises: NotFound, Conflict when it is closed already."""
        now = self._context.clock()
        with self._database.write() as connection:
            row = _registered(connection, name)
            if row.closed_us is not None:
                raise Conflict(f"the stream {name} is closed already")
            connection.execute(update(stream).where(stream.c.stream_id == row.stream_id).values(closed_us=now))
            remember(connection, now, by, "synthetic.closed", name, last=row.last)
        self._database.analyse()
        return SyntheticStream(name, row.last, True)


def check(entries: Sequence[Located]) -> None:
    """Synthetic history holds exchanges only, and no verdict. Raises: Invalid."""
    for entry in entries:
        if entry.exchange is None or not is_unevaluated(entry.exchange):
            message = f"entry {entry.line.seq}: not an exchange that says of itself that nothing was evaluated"
            remedy = "make it with catalog.synthetic"
            raise Invalid(message, [Problem(message, f"/{entry.line.seq}", rule="synthetic-record", remedy=remedy)])


def _registered(connection: Connection, name: str) -> Any:
    columns = (stream.c.stream_id, stream.c.last, stream.c.closed_us)
    row = connection.execute(select(*columns).where(stream.c.name == name, stream.c.is_synthetic)).one_or_none()
    if row is None:
        raise NotFound("no such stream of synthetic history: register it first")
    return row
