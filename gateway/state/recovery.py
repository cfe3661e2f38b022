"""Opening the state file: a new epoch, and what dead ones left behind (design §11.1).

What a dead epoch had begun and not finished is in doubt: the outcome entry stands in the successor's own stream and
names the stream of the intent. What it had finished without its exchange record stays `pending`, for the reconciler.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from catalog.errors import Unavailable
from catalog.record import OutcomeEntry
from gateway.state.writer import Entries


class Epoch(NamedTuple):
    stream_id: int
    stream: str
    backlog_bytes: int  # stream lines of all epochs not yet shipped


def open_epoch(connection: sqlite3.Connection, gateway: str, slot: int, now_us: int) -> Epoch:
    """Take the slot's next epoch number, durably. Raises: Unavailable."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        (epoch,) = connection.execute(
            "SELECT coalesce(max(epoch), 0) + 1 FROM stream WHERE slot = ?", (slot,)
        ).fetchone()
        stream = f"{gateway}/{slot}/{epoch}"
        row = connection.execute(
            "INSERT INTO stream (name, slot, epoch, opened_us) VALUES (?, ?, ?, ?) RETURNING stream_id",
            (stream, slot, epoch, now_us),
        ).fetchone()
        (backlog_bytes,) = connection.execute(
            "SELECT coalesce(sum(length(lines)), 0) FROM batch JOIN stream USING (stream_id) WHERE last > shipped"
        ).fetchone()
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise Unavailable(f"the state file refuses a new epoch: {error}") from error
    return Epoch(row[0], stream, backlog_bytes)


def doubt_unfinished(connection: sqlite3.Connection, stream_id: int, now_us: int) -> tuple[int, Entries]:
    """A writer's step, run before any intent of this epoch: how many intents came into doubt, and their entries."""
    unfinished = connection.execute(
        "SELECT i.exchange_id, s.name FROM intent i JOIN stream s USING (stream_id) "
        "WHERE i.is_open = 1 AND i.state = 'running' AND i.stream_id <> ? ORDER BY i.begun_us",
        (stream_id,),
    ).fetchall()
    connection.execute(
        "UPDATE intent SET state = 'in_doubt', retry_at_us = ? "
        "WHERE is_open = 1 AND state = 'running' AND stream_id <> ?",
        (now_us, stream_id),
    )
    entries = tuple(
        ("outcome", OutcomeEntry(exchange_id, "unknown", stream=stream)) for exchange_id, stream in unfinished
    )
    return len(entries), entries
