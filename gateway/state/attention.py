"""What a person must decide, what commands were carried out, and how often reconcile has asked."""

from __future__ import annotations

import msgspec

from catalog.record import AckEntry, AttentionEntry
from gateway.state.connection import Connection
from gateway.state.writer import Entries

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(AttentionEntry).decode


def open_once(connection: Connection, entry: AttentionEntry, now_us: int) -> tuple[bool, Entries]:
    """Open it unless one of its kind was ever opened for the exchange."""
    opened = connection.execute(
        "INSERT INTO attention (attention_id, exchange_id, kind, state, changed_us, body) "
        "VALUES (?, ?, ?, 'open', ?, ?) ON CONFLICT DO NOTHING",
        (entry.attention_id, entry.exchange_id, entry.kind, now_us, _encode(entry)),
    ).rowcount
    return (True, (("attention", entry),)) if opened else (False, ())


def close(connection: Connection, entry: AttentionEntry, now_us: int) -> tuple[bool, Entries]:
    """Settle it when it is open."""
    closed = connection.execute(
        "UPDATE attention SET state = 'settled', changed_us = ?, body = ? WHERE attention_id = ? AND state = 'open'",
        (now_us, _encode(entry), entry.attention_id),
    ).rowcount
    return (True, (("attention", entry),)) if closed else (False, ())


def find(connection: Connection, attention_id: str) -> AttentionEntry | None:
    row = connection.execute("SELECT body FROM attention WHERE attention_id = ?", (attention_id,)).fetchone()
    return None if row is None else _decode(row[0])


def of_exchange(connection: Connection, exchange_id: str) -> AttentionEntry | None:
    """The open one about an outcome in doubt, if any."""
    row = connection.execute(
        "SELECT body FROM attention WHERE exchange_id = ? AND kind = 'in_doubt' AND state = 'open'", (exchange_id,)
    ).fetchone()
    return None if row is None else _decode(row[0])


def acknowledge(connection: Connection, ack: AckEntry, now_us: int) -> tuple[bool, Entries]:
    """Remember that a command was carried out or refused, once."""
    is_new = connection.execute(
        "INSERT INTO command (command_id, at_us) VALUES (?, ?) ON CONFLICT DO NOTHING", (ack.command_id, now_us)
    ).rowcount
    return (True, (("ack", ack),)) if is_new else (False, ())


def is_acknowledged(connection: Connection, command_id: str) -> bool:
    return connection.execute("SELECT 1 FROM command WHERE command_id = ?", (command_id,)).fetchone() is not None


def note_absence(connection: Connection, exchange_id: str) -> tuple[int, Entries]:
    row = connection.execute(
        "UPDATE intent SET absences = absences + 1 WHERE exchange_id = ? RETURNING absences", (exchange_id,)
    ).fetchone()
    return (0 if row is None else int(row[0])), ()


def note_attempt(connection: Connection, exchange_id: str, retry_at_s: float | None) -> tuple[int, Entries]:
    row = connection.execute(
        "UPDATE intent SET attempts = attempts + 1, retry_at_us = ? WHERE exchange_id = ? RETURNING attempts",
        (None if retry_at_s is None else int(retry_at_s * 1e6), exchange_id),
    ).fetchone()
    return (0 if row is None else int(row[0])), ()
