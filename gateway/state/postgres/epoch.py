"""One process life: taking a slot, keeping its lease, declaring others dead, finding who leads.

A slot is held by a session-level advisory lock of the writing connection: the database frees it when the process or its
host is gone. An epoch is dead when its successor has the slot, when its process has closed it, or when its lease has
run out, which every transaction renews. Only a process that has itself been connected for the time of a lease may say
so: a database that was away, for whatever time, kills nobody. Once `died_us` is set, the epoch's transactions fail
(`session`).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg

from catalog.errors import Conflict, Unavailable
from gateway.state.connection import Connection as AnyConnection
from gateway.state.postgres.schema import Connection
from gateway.state.recovery import Epoch

_POLL_S = 0.1

_LOCK = "SELECT pg_try_advisory_lock(hashtext(?), ?)"

_BURY = (
    "UPDATE stream SET died_us = now_us() WHERE stream_id IN (SELECT stream_id FROM stream WHERE died_us IS NULL "
    "AND stream_id <> ? AND renewed_us + lease_us < now_us() FOR UPDATE SKIP LOCKED)"
)

_FIRST = "SELECT min(stream_id), min(stream_id) FILTER (WHERE gateway = ?) FROM stream WHERE died_us IS NULL"
_OTHERS_BYTES = "SELECT coalesce(sum(greatest(written_bytes - shipped_bytes, 0)), 0) FROM stream WHERE stream_id <> ?"


def hold_slot(connection: Connection, gateway: str, slot: int) -> bool:
    """Try to hold the slot for as long as this session lives."""
    row = connection.execute(_LOCK, (gateway, slot)).fetchone()
    return row is not None and bool(row[0])


def wait_for_slot(
    connection: Connection, gateway: str, slot: int, patience_s: float, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Blocks. Raises: Conflict when a living process holds it beyond `patience_s`."""
    for _ in range(int(patience_s / _POLL_S) + 1):
        if hold_slot(connection, gateway, slot):
            return
        sleep(_POLL_S)
    raise Conflict(
        f"slot {slot} of gateway {gateway} is in use by another process; stop that one first, or give this one a "
        "--slot of its own"
    )


def open_epoch(connection: Connection, gateway: str, slot: int, lease_s: float) -> Epoch:
    """The slot's next epoch, durably; whoever holds the slot knows that all earlier ones are dead. Raises:
    Unavailable."""
    try:
        with connection.raw.transaction():
            connection.execute(
                "UPDATE stream SET died_us = now_us() WHERE gateway = ? AND slot = ? AND died_us IS NULL",
                (gateway, slot),
            )
            (epoch,) = connection.execute(
                "SELECT coalesce(max(epoch), 0) + 1 FROM stream WHERE gateway = ? AND slot = ?", (gateway, slot)
            ).fetchone() or (1,)
            stream = f"{gateway}/{slot}/{epoch}"
            row = connection.execute(
                "INSERT INTO stream (name, gateway, slot, epoch, opened_us, renewed_us, lease_us) "
                "VALUES (?, ?, ?, ?, now_us(), now_us(), ?) RETURNING stream_id",
                (stream, gateway, slot, epoch, int(lease_s * 1e6)),
            ).fetchone()
    except psycopg.Error as error:
        raise Unavailable(f"the state database refuses a new epoch: {error}".rstrip()) from error
    return Epoch(row[0] if row else 0, stream, 0)


def bury(connection: AnyConnection, own: int) -> None:
    """Declare dead whose lease has run out. Whoever is in the middle of a transaction is left for the next time."""
    connection.execute(_BURY, (own,))


def first_alive(connection: AnyConnection, gateway: str) -> tuple[int, int]:
    """The oldest living epochs of the group and of the gateway: they do what one process does at a time. Nobody needs
    to be elected, and one that is dead and does not know it yet can write nothing."""
    of_group, of_gateway = connection.execute(_FIRST, (gateway,)).fetchone()
    return int(of_group or 0), int(of_gateway or 0)


def others_bytes(connection: AnyConnection, own: int) -> int:
    """Unshipped stream lines of all other epochs."""
    return int(connection.execute(_OTHERS_BYTES, (own,)).fetchone()[0])
