"""Consumers' API keys: random, shown once, kept as HMAC under the group's pepper, with expiry.

Several keys of a consumer may live at once, so that a rotation overlaps (design §11.13). Issuing and revoking each
publish a generation, since gateways check keys from their snapshot.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, insert, select, update

from catalog.errors import Conflict, NotFound
from catalog.network import ConsumerBlob
from controlplane.act.store import remember
from controlplane.context import Context, rfc3339
from controlplane.identity import credential
from controlplane.identity.expiry import future_us
from controlplane.identity.principal import User
from controlplane.registry.publication import publish
from controlplane.registry.store import consumer_key, documents, item


class IssuedKey(msgspec.Struct, frozen=True):
    """The only time that the key is shown."""

    key_id: str
    key: str
    consumer: str
    expires_at: str | None
    generation: int


class KeyView(msgspec.Struct, frozen=True):
    """A key without its secret."""

    key_id: str
    consumer: str
    created_us: int
    created_by: str
    expires_at: str | None
    revoked_us: int | None


class KeyService:
    """Blocking: for worker threads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._database = context.database

    def issue(self, consumer: str, expires_at: str | None, by: User) -> IssuedKey:
        """A new key. Raises: NotFound; Conflict when the consumer takes no keys; Invalid for a past expiry."""
        now = self._context.clock()
        expiry = None if expires_at is None else rfc3339(future_us(expires_at, now))
        issued = credential.issue(credential.KEY_PREFIX)
        with self._database.write() as connection:
            _check_consumer(connection, consumer)
            connection.execute(
                insert(consumer_key).values(
                    key_id=issued.id,
                    consumer=consumer,
                    hmac_sha256=credential.keyed_digest(self._context.keys.pepper, issued.text),
                    created_us=now,
                    created_by=by.name,
                    expires_at=expiry,
                )
            )
            number = publish(connection, self._context, f"key {issued.id} of {consumer} issued", by.name)
            remember(connection, now, by, "key.issued", issued.id, consumer=consumer, expires_at=expiry)
        self._context.published.notify()
        return IssuedKey(issued.id, issued.text, consumer, expiry, number)

    def list_all(self, consumer: str) -> list[KeyView]:
        """All keys ever issued to `consumer`. Raises: NotFound for one that has none and is not in force."""
        columns = [consumer_key.c[name] for name in KeyView.__struct_fields__]
        query = select(*columns).where(consumer_key.c.consumer == consumer).order_by(consumer_key.c.created_us)
        with self._database.read() as connection:
            found = [KeyView(*row) for row in connection.execute(query)]
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
