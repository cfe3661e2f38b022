"""Stream lines as they lie in the state: what is not shipped yet, what may be forgotten, what can be exported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from catalog.errors import Conflict, NotFound
from gateway.state.connection import Connection
from gateway.state.store import Batch
from gateway.stream import skip

STEP = 500  # rows deleted in one transaction: pruning never holds other writes up for long


class Retention(NamedTuple):
    claim_s: float = 7 * 86_400.0  # how long an Idempotency-Key is remembered
    batch_s: float = 86_400.0  # how long shipped lines stay, for `export`


def oldest_unshipped(connection: Connection, own: int, is_leader: bool, limit_bytes: int) -> Batch | None:
    """Consecutive lines of the oldest stream that has unshipped ones, at least one commit's worth: of `own`, and when
    this process leads its group of those whose process is dead."""
    row = connection.execute(
        "SELECT stream_id, name, shipped FROM stream s WHERE (stream_id = ? OR ? = 1 AND died_us IS NOT NULL) "
        "AND EXISTS (SELECT 1 FROM batch b WHERE b.stream_id = s.stream_id AND b.last > s.shipped) "
        "ORDER BY stream_id LIMIT 1",
        (own, int(is_leader)),
    ).fetchone()
    if row is None:
        return None
    stream_id, name, shipped = row
    parts: list[bytes] = []
    size = 0
    last = shipped
    for first, end, lines in connection.execute(
        "SELECT first, last, lines FROM batch WHERE stream_id = ? AND first > "
        "(SELECT coalesce(max(first), 0) - 1 FROM batch WHERE stream_id = ? AND first <= ?) ORDER BY first",
        (stream_id, stream_id, shipped + 1),
    ):
        if end <= shipped:
            continue
        part = skip(lines, shipped + 1 - first) if first <= shipped else lines
        if parts and size + len(part) > limit_bytes:
            break
        parts.append(part)
        size += len(part)
        last = end
    return Batch(name, shipped + 1, last, b"".join(parts))


def mark_shipped(connection: Connection, stream: str, last: int) -> int:
    """Everything up to `last` has arrived; bytes of the commits that need no shipping any more.

    A lower `last` than before rewinds (the receiver lost something) and the answer is negative.
    Raises: NotFound when those lines are gone; Conflict when `last` was never written here.
    """
    row = connection.execute("SELECT stream_id, shipped FROM stream WHERE name = ?", (stream,)).fetchone()
    if row is None:
        raise NotFound(f"no stream {stream}")
    stream_id, shipped = row
    if last < shipped:
        kept = connection.execute(
            "SELECT 1 FROM batch WHERE stream_id = ? AND first <= ? AND last >= ?", (stream_id, last + 1, last + 1)
        ).fetchone()
        if kept is None:
            raise NotFound(f"entry {last + 1} of stream {stream} is no longer kept")
    if last > shipped:
        (written,) = connection.execute("SELECT max(last) FROM batch WHERE stream_id = ?", (stream_id,)).fetchone()
        if written is None or last > written:
            raise Conflict(f"stream {stream} ends at {written or shipped}: entry {last} was written by somebody else")
    connection.execute("UPDATE stream SET shipped = ? WHERE stream_id = ?", (last, stream_id))
    low, high = sorted((shipped, last))
    (size_bytes,) = connection.execute(
        "SELECT coalesce(sum(length(lines)), 0) FROM batch WHERE stream_id = ? AND last > ? AND last <= ?",
        (stream_id, low, high),
    ).fetchone()
    return int(size_bytes) if last >= shipped else -int(size_bytes)


def prune(connection: Connection, now_s: float, retention: Retention) -> int:
    """One bounded step; rows removed."""
    claim_us = int((now_s - retention.claim_s) * 1e6)
    batch_us = int((now_s - retention.batch_s) * 1e6)
    removed = connection.execute(
        "DELETE FROM intent WHERE exchange_id IN (SELECT exchange_id FROM intent WHERE begun_us < ? AND is_open = 0 "
        "AND state IN ('answered', 'executed', 'not_executed') ORDER BY begun_us LIMIT ?)",
        (claim_us, STEP),
    ).rowcount
    removed += connection.execute(
        "DELETE FROM batch WHERE (stream_id, first) IN (SELECT b.stream_id, b.first FROM stream s JOIN batch b "
        "ON b.stream_id = s.stream_id AND b.last <= s.shipped WHERE b.committed_us < ? LIMIT ?)",
        (batch_us, STEP),
    ).rowcount
    for statement in (
        "DELETE FROM attention WHERE state = 'settled' AND changed_us < ?",
        "DELETE FROM command WHERE at_us < ?",
    ):
        removed += connection.execute(statement, (claim_us,)).rowcount
    return removed


def streams(connection: Connection) -> list[str]:
    """Names of all streams of this state, oldest first."""
    return [name for (name,) in connection.execute("SELECT name FROM stream ORDER BY stream_id")]


def lines_of(connection: Connection, stream: str) -> Iterator[bytes]:
    """All lines still kept of one stream, in order, newline included."""
    for (lines,) in connection.execute(
        "SELECT lines FROM batch JOIN stream USING (stream_id) WHERE name = ? ORDER BY first", (stream,)
    ):
        yield from lines.splitlines(keepends=True)
