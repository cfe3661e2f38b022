"""Commits batches: log, cursor and projections in one transaction; signs heads; rebuilds projections from the log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from catalog.errors import Conflict, Invalid, NotFound, Problem
from controlplane.audit import StreamHead, head_message
from controlplane.context import Context, rfc3339
from controlplane.gateways.service import owner_of, shipped
from controlplane.gateways.store import gateway as gateway_table
from controlplane.identity.principal import GatewayIdentity
from controlplane.ingest.batch import Head, Located, read_batch, split_lines
from controlplane.ingest.projection import Projection
from controlplane.ingest.store import log_batch, stream
from controlplane.store.database import Database

STREAM = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,40}/[A-Za-z0-9_.-]{1,40}")
MAX_PAGE = 5_000  # lines of one page of /streams/entries

Check = Callable[[Sequence[Located]], None]


class OutOfStep(Conflict):
    """The batch does not begin with the next entry; `members` names the one that is expected."""

    code = "unexpected-entry"

    def __init__(self, expected: int) -> None:
        super().__init__(f"the next entry of this stream is {expected}")
        self.members = {"expected": expected}


class StreamView(msgspec.Struct, frozen=True):
    """A stream and its signed head. `signature` is Ed25519 over `audit.head_message`, in base64."""

    stream: str
    last: int
    head: str
    signature: str
    signed_at: str
    signed_at_us: int
    last_at_us: int
    lag_us: int  # from the last entry's commit to its arrival here
    unread: int  # exchange entries newer than this program, in no figure
    is_closed: bool = False  # nothing more will come: it is closed, or its gateway was revoked
    is_synthetic: bool = False  # invented history: its lag says nothing and is 0


class IngestService:
    """Blocking: for worker threads."""

    def __init__(self, context: Context, projections: Sequence[Projection]) -> None:
        self._context = context
        self._database = context.database
        self._projections = projections

    def ingest(
        self, gateway: GatewayIdentity, name: str, first: int, last: int, lines: bytes, check: Check | None = None
    ) -> int:
        """Take a batch whose entries pass `check`; the number of the last entry now known.

        Raises: Forbidden for another gateway's stream, Conflict for a closed one, OutOfStep, Invalid (nothing was
        taken).
        """
        if not STREAM.fullmatch(name):
            raise Invalid("not a stream name", [Problem("must be gateway/slot/epoch", pointer="/stream")])
        with self._database.write() as connection:
            owner = owner_of(connection, gateway, name)
            row = connection.execute(select(stream).where(stream.c.name == name)).one_or_none()
            if row is not None and row.closed_us is not None:
                raise Conflict(f"the stream {name} is closed")
            head = Head(row.last, row.head) if row else Head(0, "")
            if first != head.last + 1:
                raise OutOfStep(head.last + 1)
            entries, head = read_batch(first, last, lines, head)
            located = [Located.of(name, entry) for entry in entries]
            if check is not None:
                check(located)
            self._store(connection, row, owner, name, located, head, lines)
            shipped(connection, gateway.gateway_id, name, self._context.clock())
            for projection in self._projections:
                projection.apply(connection, located)
        return last

    def streams(self) -> list[StreamView]:
        with self._database.read() as connection:
            owners = stream.outerjoin(gateway_table, stream.c.gateway_id == gateway_table.c.gateway_id)
            query = select(stream, gateway_table.c.revoked_us).select_from(owners)
            return [_view(row) for row in connection.execute(query.order_by(stream.c.name))]

    def entries(self, name: str, after: int, limit: int) -> bytes:
        """Up to `limit` lines behind entry `after`, verbatim, newline-terminated. Raises: NotFound."""
        with self._database.read() as connection:
            number = _stream_id(connection, name)
            wanted = (log_batch.c.stream_id == number) & (log_batch.c.last > after)
            query = select(log_batch.c.first, log_batch.c.lines).where(wanted).order_by(log_batch.c.last)
            found: list[bytes] = []
            for first, lines in connection.execute(query.limit(limit)):
                texts = lines[:-1].split(b"\n")
                found += texts[max(0, after + 1 - first) :]
                if len(found) >= limit:
                    break
        return b"".join(text + b"\n" for text in found[:limit])

    def _store(
        self,
        connection: Connection,
        row: Row[Any] | None,
        owner: str,
        name: str,
        entries: Sequence[Located],
        head: Head,
        lines: bytes,
    ) -> None:
        now = self._context.clock()
        values = {
            "last": head.last,
            "head": head.sha256,
            "last_at_us": max(entry.line.at_us for entry in entries),
            "ingested_us": now,
            "signature": self._context.keys.sign(head_message(StreamHead(name, head.last, head.sha256, "", now))),
            "signed_at_us": now,
            "unread": sum(entry.is_unread for entry in entries),
        }
        if row is None:
            added = insert(stream).values(name=name, gateway_id=owner, **values)
            number = connection.execute(added.returning(stream.c.stream_id)).scalar_one()
        else:
            number = row.stream_id
            values["last_at_us"] = max(row.last_at_us, values["last_at_us"])
            values["unread"] += row.unread
            connection.execute(update(stream).where(stream.c.stream_id == number).values(values))
        batch = {"stream_id": number, "first": entries[0].line.seq, "last": head.last, "lines": lines}
        connection.execute(insert(log_batch), [batch])


def line_at(connection: Connection, name: str, seq: int) -> bytes:
    """One line of the log, without newline. Raises: NotFound."""
    number = _stream_id(connection, name)
    wanted = (log_batch.c.stream_id == number) & (log_batch.c.last >= seq)
    row = connection.execute(select(log_batch).where(wanted).order_by(log_batch.c.last).limit(1)).one_or_none()
    if row is None or seq < row.first:
        raise NotFound(f"no entry {seq} in this stream")
    text: bytes = row.lines.split(b"\n")[seq - row.first]
    return text


def rebuild(database: Database, projections: Sequence[Projection]) -> int:
    """Forget all projections and derive them from the log again, in one transaction; the entries read.

    Ingest waits meanwhile; readers see the old state until the end.
    """
    count = 0
    with database.write() as connection:
        for projection in projections:
            projection.clear(connection)
        for name, lines in _all_batches(connection):
            located = [Located.of(name, line) for line in split_lines(lines)]
            count += len(located)
            for projection in projections:
                projection.apply(connection, located)
    return count


def _all_batches(connection: Connection) -> Iterator[tuple[str, bytes]]:
    """Every batch, stream by stream, each read on its own so that nothing large stays in memory."""
    order = (log_batch.c.stream_id, log_batch.c.last)
    query = select(log_batch.c.batch_id, stream.c.name).join_from(log_batch, stream).order_by(*order)
    for batch_id, name in connection.execute(query).all():
        yield name, connection.execute(select(log_batch.c.lines).where(log_batch.c.batch_id == batch_id)).scalar_one()


def _stream_id(connection: Connection, name: str) -> int:
    number = connection.scalar(select(stream.c.stream_id).where(stream.c.name == name))
    if number is None:
        raise NotFound("no such stream")
    return int(number)


def _view(row: Row[Any]) -> StreamView:
    return StreamView(
        stream=row.name,
        last=row.last,
        head=row.head,
        signature=row.signature,
        signed_at=rfc3339(row.signed_at_us),
        signed_at_us=row.signed_at_us,
        last_at_us=row.last_at_us,
        lag_us=0 if row.is_synthetic else row.ingested_us - row.last_at_us,
        unread=row.unread,
        is_closed=row.closed_us is not None or row.revoked_us is not None,
        is_synthetic=row.is_synthetic,
    )
