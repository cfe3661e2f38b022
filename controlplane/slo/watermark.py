"""Up to when the gateways have told everything: the time at which figures are true (design §11.9)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from controlplane.gateways.store import gateway
from controlplane.identity.store import gateway_credential
from controlplane.ingest.store import stream

SILENT_AFTER_US = 60_000_000
#: A gateway that was heard of this long after its last batch had nothing more to send up to then.
SHIPPING_US = 2_000_000


class Watermark(msgspec.Struct, frozen=True):
    """`as_of_us` is the least over all enrolled gateways; stale while one of them (`silent`) is not heard of."""

    as_of_us: int
    silent: tuple[str, ...] = ()

    @property
    def is_stale(self) -> bool:
        return bool(self.silent)


class Source(msgspec.Struct, frozen=True):
    """What is known of one gateway."""

    gateway_id: str
    last_seen_us: int
    last_at_us: int = 0  # its newest entry
    ingested_us: int = 0  # when its newest batch came

    @property
    def told_us(self) -> int:
        is_idle = self.last_seen_us > self.ingested_us + SHIPPING_US
        return max(self.last_at_us, self.last_seen_us - SHIPPING_US) if is_idle else self.last_at_us

    @property
    def heard_us(self) -> int:
        return max(self.last_seen_us, self.last_at_us)


def watermark_of(sources: Iterable[Source], now_us: int) -> Watermark:
    """Pure. Without any gateway everything that can be known is known now."""
    known = list(sources)
    as_of_us = min((source.told_us for source in known), default=now_us)
    silent = tuple(sorted(item.gateway_id for item in known if now_us - item.heard_us > SILENT_AFTER_US))
    return Watermark(min(as_of_us, now_us), silent)


def read_watermark(connection: Connection, now_us: int) -> Watermark:
    """Over all gateways that hold a live credential; the newest stream of each slot counts."""
    live = select(gateway_credential.c.gateway_id).where(gateway_credential.c.revoked_us.is_(None))
    wanted = gateway.c.gateway_id.in_(live)
    gateways = connection.execute(select(gateway.c.gateway_id, gateway.c.last_seen_us).where(wanted)).all()
    slots: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for row in connection.execute(select(stream).order_by(stream.c.last_at_us, stream.c.name)):
        slots[row.gateway_id][row.name.rsplit("/", 1)[0]] = row  # the newest epoch of a slot comes last
    sources: list[Source] = []
    for gateway_id, last_seen_us in gateways:
        newest = slots[gateway_id].values()
        sources += [Source(gateway_id, last_seen_us, row.last_at_us, row.ingested_us) for row in newest]
        if not newest:
            sources.append(Source(gateway_id, last_seen_us))
    return watermark_of(sources, now_us)
