"""Consumers' API keys: random, shown once, kept as HMAC under the group's pepper, with expiry.

Several keys of a consumer may live at once, so that a rotation overlaps (design §11.13). Issuing, rotating and revoking
each publish a generation, since gateways check keys from their snapshot.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from catalog.errors import Conflict, NotFound
from catalog.network import ConsumerBlob
from controlplane.act.store import remember
from controlplane.context import Context, rfc3339
from controlplane.identity import credential
from controlplane.identity.credential import Credential
from controlplane.identity.expiry import future_us
from controlplane.identity.principal import User
from controlplane.registry.publication import live_keys, publish
from controlplane.registry.store import consumer_key, documents, item


class IssuedKey(msgspec.Struct, frozen=True):
    """The only time that the key is shown."""

    key_id: str
    key: str
    consumer: str
    expires_at: str | None
    generation: int


class RotatedKey(msgspec.Struct, frozen=True):
    """A new key, shown this once, and the ones that it replaces."""

    key_id: str
    key: str
    consumer: str
    expires_at: str | None
    generation: int
    replaced: list[str]  # ids of the keys that end
    replaced_end_at: str  # RFC 3339; a key that was to end earlier does


class KeyView(msgspec.Struct, frozen=True):
    """A key without its secret."""

    key_id: str
    consumer: str
    created_us: int
    created_by: str
    expires_at: str | None
    revoked_us: int | None
    state: str = ""  # live | ending (live, with an end) | expired | revoked


class KeyService:
    """Blocking: for worker threads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._database = context.database

    def issue(self, consumer: str, expires_at: str | None, by: User) -> IssuedKey:
        """A new key. Raises: NotFound; Conflict when the consumer takes no keys; Invalid for a past expiry."""
        now = self._context.clock()
        expiry = None if expires_at is None else rfc3339(future_us(expires_at, now))
        with self._database.write() as connection:
            _check_consumer(connection, consumer)
            issued = self._insert(connection, consumer, expiry, by, now)
            number = publish(connection, self._context, f"key {issued.id} of {consumer} issued", by.name)
            remember(connection, now, by, "key.issued", issued.id, consumer=consumer, expires_at=expiry)
        self._context.published.notify()
        return IssuedKey(issued.id, issued.text, consumer, expiry, number)

    def rotate(self, consumer: str, overlap_s: int, expires_at: str | None, by: User) -> RotatedKey:
        """A new key; those that live end `overlap_s` from now, all in one generation.

        Raises: NotFound; Conflict when the consumer takes no keys or has none to replace; Invalid for a past expiry.
        """
        now = self._context.clock()
        expiry = None if expires_at is None else rfc3339(future_us(expires_at, now))
        end = rfc3339(now + overlap_s * 1_000_000)
        with self._database.write() as connection:
            _check_consumer(connection, consumer)
            live = live_keys(connection, rfc3339(now))[consumer]
            if not live:
                raise Conflict(f"consumer {consumer!r} has no live key to replace: issue one")
            issued = self._insert(connection, consumer, expiry, by, now)
            replaced = [key.key_id for key in live]
            later = [key.key_id for key in live if key.expires_at is None or key.expires_at > end]
            connection.execute(update(consumer_key).where(consumer_key.c.key_id.in_(later)).values(expires_at=end))
            number = publish(connection, self._context, f"keys of {consumer} rotated", by.name)
            remember(connection, now, by, "key.rotated", issued.id, consumer=consumer, replaced=replaced, end_at=end)
        self._context.published.notify()
        return RotatedKey(issued.id, issued.text, consumer, expiry, number, replaced, end)

    def list_all(self, consumer: str) -> list[KeyView]:
        """All keys ever issued to `consumer`, oldest first. Raises: NotFound for an unknown one that has none."""
        columns = [consumer_key.c[name] for name in KeyView.__struct_fields__ if name != "state"]
        now = rfc3339(self._context.clock())
        query = select(*columns).where(consumer_key.c.consumer == consumer).order_by(consumer_key.c.created_us)
        with self._database.read() as connection:
            found = [KeyView(**row._mapping, state=_state(row, now)) for row in connection.execute(query)]
            if not found:
                _check_known(connection, consumer)
        return found

    def revoke(self, consumer: str, key_id: str, by: User) -> None:
        """Raises: NotFound when the consumer has no live key `key_id`."""
        live = (
            (consumer_key.c.key_id == key_id)
            & (consumer_key.c.consumer == consumer)
            & consumer_key.c.revoked_us.is_(None)
        )
        with self._database.write() as connection:
            done = connection.execute(update(consumer_key).where(live).values(revoked_us=self._context.clock()))
            if done.rowcount != 1:
                raise NotFound(f"consumer {consumer!r} has no live key {key_id!r}")
            publish(connection, self._context, f"key {key_id} of {consumer} revoked", by.name)
            remember(connection, self._context.clock(), by, "key.revoked", key_id, consumer=consumer)
        self._context.published.notify()

    def _insert(self, connection: Connection, consumer: str, expiry: str | None, by: User, now_us: int) -> Credential:
        issued = credential.issue(credential.KEY_PREFIX)
        connection.execute(
            insert(consumer_key).values(
                key_id=issued.id,
                consumer=consumer,
                hmac_sha256=credential.keyed_digest(self._context.keys.pepper, issued.text),
                created_us=now_us,
                created_by=by.name,
                expires_at=expiry,
            )
        )
        return issued


def _state(row: Row[Any], now: str) -> str:
    """`now` is RFC 3339 in UTC, as `expires_at` is."""
    if row.revoked_us is not None:
        return "revoked"
    if row.expires_at is None:
        return "live"
    return "ending" if row.expires_at > now else "expired"


def revoke_all(connection: Connection, consumer: str, now_us: int) -> None:
    """End every key of a consumer that leaves the workspace, so that a namesake does not inherit them."""
    live = (consumer_key.c.consumer == consumer) & consumer_key.c.revoked_us.is_(None)
    connection.execute(update(consumer_key).where(live).values(revoked_us=now_us))


def _check_known(connection: Connection, consumer: str) -> None:
    known = (item.c.kind == "consumer") & (item.c.name == consumer)
    if connection.scalar(select(item.c.name).where(known)) is None:
        raise NotFound(f"no consumer {consumer!r} is in force; `waybill apply` publishes consumers/*.yaml")


def _check_consumer(connection: Connection, consumer: str) -> None:
    document = documents(connection, "consumer").get(consumer)
    if document is None:
        _check_known(connection, consumer)
    elif "api_key" not in msgspec.convert(document, ConsumerBlob).consumer.auth:
        raise Conflict(f"consumer {consumer!r} does not authenticate by API key (see `auth` in its file)")
