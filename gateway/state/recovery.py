"""Opening the state: a new epoch, and what dead ones left behind (design §11.1).

What a dead epoch had begun and not finished is in doubt: the outcome entry stands in the successor's own stream and
names the stream of the intent. What it had finished without its exchange record stays `pending`, for the reconciler.
"""

from __future__ import annotations

import sqlite3
from operator import itemgetter
from typing import NamedTuple

from catalog.errors import Unavailable
from catalog.record import OutcomeEntry
from gateway.state.connection import Connection
from gateway.state.writer import Entries


class Epoch(NamedTuple):
    stream_id: int
    stream: str
    backlog_bytes: int  # stream lines of all epochs not yet shipped


def open_epoch(connection: sqlite3.Connection, gateway: str, slot: int, now_us: int) -> Epoch:
    """Take the slot's next epoch number, durably; whoever holds the state file is alone, so all earlier epochs are
    dead. Raises: Unavailable."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE stream SET died_us = ? WHERE died_us IS NULL", (now_us,))
        (epoch,) = connection.execute(
            "SELECT coalesce(max(epoch), 0) + 1 FROM stream WHERE slot = ?", (slot,)
        ).fetchone()
        stream = f"{gateway}/{slot}/{epoch}"
        row = connection.execute(
            "INSERT INTO stream (name, slot, epoch, opened_us) VALUES (?, ?, ?, ?) RETURNING stream_id",
            (stream, slot, epoch, now_us),
        ).fetchone()
        backlog_bytes = unshipped_bytes(connection)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise Unavailable(f"the state file refuses a new epoch: {error}") from error
    return Epoch(row[0], stream, backlog_bytes)


def unshipped_bytes(connection: Connection) -> int:
    (size_bytes,) = connection.execute(
        "SELECT coalesce(sum(length(lines)), 0) FROM batch b JOIN stream s ON s.stream_id = b.stream_id "
        "WHERE b.last > s.shipped"
    ).fetchone()
    return int(size_bytes)


def doubt_unfinished(connection: Connection, now_us: int) -> tuple[int, Entries]:
    """A writer's step: how many intents of dead epochs came into doubt, and their entries."""
    found = connection.execute(
        "UPDATE intent SET state = 'in_doubt', retry_at_us = ? WHERE is_open = 1 AND state = 'running' "
        "AND stream_id IN (SELECT stream_id FROM stream WHERE died_us IS NOT NULL) "
        "RETURNING exchange_id, stream_id, begun_us",
        (now_us,),
    ).fetchall()
    if not found:
        return 0, ()
    names = dict(connection.execute("SELECT stream_id, name FROM stream WHERE died_us IS NOT NULL").fetchall())
    entries = tuple(
        ("outcome", OutcomeEntry(exchange_id, "unknown", stream=names[stream_id]))
        for exchange_id, stream_id, _ in sorted(found, key=itemgetter(2))
    )
    return len(entries), entries
