"""Builds, signs and keeps a generation from what is in force, in the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, insert, select

from catalog.network import ConsumerBlob, KeyHash
from catalog.snapshot import BlobRef, Manifest, canonical_json
from controlplane.context import Context, rfc3339
from controlplane.registry.store import blob, consumer_key, current_generation, generation, item, keep_blob


def publish(connection: Connection, context: Context, reason: str, by: str) -> int:
    """Write the next generation; notify `Context.published` after the commit. The new generation's number."""
    now = context.clock()
    number = current_generation(connection) + 1
    refs = sorted(_refs(connection, now), key=lambda ref: (ref.kind, ref.name))
    manifest = canonical_json(msgspec.to_builtins(Manifest(number, rfc3339(now), tuple(refs))))
    connection.execute(
        insert(generation).values(
            generation=number,
            created_us=now,
            created_by=by,
            reason=reason,
            manifest=manifest.decode(),
            signature=context.keys.sign(manifest),
        )
    )
    return number


def _refs(connection: Connection, now_us: int) -> Iterable[BlobRef]:
    """What is in force, consumers with their live keys; of what else there is no content is read: it can be much."""
    keys = live_keys(connection, rfc3339(now_us))
    for row in connection.execute(select(item).where(item.c.kind != "consumer")).all():
        yield BlobRef(row.kind, row.name, row.sha256, row.size_bytes)
    query = select(item, blob.c.content).join_from(item, blob, item.c.sha256 == blob.c.sha256)
    for row in connection.execute(query.where(item.c.kind == "consumer")).all():
        content = _with_keys(row.content, keys.get(row.name, ()))
        yield BlobRef(row.kind, row.name, keep_blob(connection, content, now_us), len(content))


def _with_keys(content: bytes, keys: Iterable[KeyHash]) -> bytes:
    blob = msgspec.structs.replace(msgspec.json.decode(content, type=ConsumerBlob), keys=tuple(keys))
    return canonical_json(msgspec.to_builtins(blob))


def live_keys(connection: Connection, now: str) -> dict[str, list[KeyHash]]:
    """Keys by consumer that are neither revoked nor expired at `now` (RFC 3339, UTC)."""
    found: dict[str, list[KeyHash]] = defaultdict(list)
    live = consumer_key.c.revoked_us.is_(None)
    for row in connection.execute(select(consumer_key).where(live).order_by(consumer_key.c.key_id)):
        if row.expires_at is None or row.expires_at > now:
            found[row.consumer].append(KeyHash(row.key_id, row.hmac_sha256, row.expires_at))
    return found
