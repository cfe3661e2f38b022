"""What the projections keep of an exchange. Pure."""

from __future__ import annotations

import msgspec

from catalog.record import Amount, Exchange, ObjectRef
from catalog.synthetic import is_synthetic
from controlplane.gateways.group import home_of_stream
from controlplane.ingest.batch import Position

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Summary(msgspec.Struct, frozen=True):
    """A row of `store.exchange`; the fields are its columns. Times in UTC microseconds."""

    exchange_id: str
    gateway: str
    stream: str
    seq: int
    committed_us: int
    at_us: int
    duration_us: int
    upstream_us: int
    method: str
    status: int
    executed: str
    fault: str
    contract: str
    version: str
    operation: str
    consumer: str
    legal_entity: str
    system: str
    refused_by: str
    code: str
    refusal: str
    is_refused: bool
    event: str
    occurred_at: str
    is_event: bool
    is_failed: bool
    is_verified: bool
    is_replay: bool
    amount: str | None
    currency: str | None
    is_synthetic: bool = False
    object_id: int | None = None  # given by the store

    @property
    def key(self) -> tuple[str, str]:
        """(gateway or group, exchange id): what a gateway tells of another one's id is an exchange of its own, unless
        they share their state."""
        return self.gateway, self.exchange_id

    @property
    def committed(self) -> Position:
        return Position(self.committed_us, self.stream, self.seq)

    @property
    def minute(self) -> int:
        return self.at_us // 60_000_000


class Telling(msgspec.Struct, frozen=True):
    """An exchange as one entry tells it."""

    committed: Position
    exchange: Exchange

    @property
    def is_synthetic(self) -> bool:
        return is_synthetic(self.committed.stream)

    @property
    def mark(self) -> str:
        """Order of what exchanges say about objects: by event time (design §11.10); what a refused call claimed
        ranks below what was carried out or read."""
        is_fact = self.exchange.status < 400 or self.exchange.executed == "yes"
        position = Position(self.exchange.started_us, self.committed.stream, self.committed.seq)
        return f"{int(is_fact)} {position.mark}"


def is_mutating(exchange: Exchange) -> bool:
    return exchange.method not in SAFE_METHODS


def refusal_of(exchange: Exchange) -> str:
    """The policy that refused, or the code of a refusal by the gateway itself; "" when the call went on."""
    if exchange.refused_by:
        return exchange.refused_by
    is_own = exchange.fault in ("request", "policy") and exchange.upstream_status == 0 and exchange.status >= 400
    return exchange.code if is_own and not exchange.is_replay else ""


def is_failed(exchange: Exchange) -> bool:
    """Whether this is an attempt on an object that was not carried out."""
    is_attempt = exchange.object is not None and is_mutating(exchange) and not exchange.is_replay
    return is_attempt and exchange.executed == "no" and exchange.status >= 400


def is_event(exchange: Exchange) -> bool:
    """Whether it belongs on its object's timeline: a business event, an effect without a name, a failed attempt."""
    is_effect = bool(exchange.event) or (is_mutating(exchange) and exchange.executed != "no")
    return exchange.object is not None and (is_effect or is_failed(exchange))


def summarise(telling: Telling) -> Summary:
    """The row of one telling, without the object's number."""
    exchange, committed = telling.exchange, telling.committed
    amount = exchange.amount
    refusal = refusal_of(exchange)
    return Summary(
        exchange_id=exchange.exchange_id,
        gateway=home_of_stream(committed.stream),
        stream=committed.stream,
        seq=committed.seq,
        committed_us=committed.at_us,
        at_us=exchange.started_us,
        duration_us=exchange.duration_us,
        upstream_us=exchange.upstream_us,
        method=exchange.method,
        status=exchange.status,
        executed=exchange.executed,
        fault=exchange.fault,
        contract=exchange.contract,
        version=exchange.version,
        operation=exchange.operation,
        consumer=exchange.consumer,
        legal_entity=exchange.legal_entity,
        system=exchange.system,
        refused_by=exchange.refused_by,
        code=exchange.code,
        refusal=refusal,
        is_refused=bool(refusal) or is_failed(exchange),
        event=exchange.event,
        occurred_at=exchange.occurred_at,
        is_event=is_event(exchange),
        is_failed=is_failed(exchange),
        is_verified=exchange.is_verified,
        is_replay=exchange.is_replay,
        amount=amount.amount if amount else None,
        currency=amount.currency if amount else None,
        is_synthetic=is_synthetic(committed.stream),
    )


class Sighting(msgspec.Struct):
    """All that a batch says about one object, already merged: greatest mark wins, first is least, last is greatest."""

    ref: ObjectRef
    mentioned_us: int
    legal_entity: str = ""
    entity_mark: str = ""
    amount: Amount | None = None
    amount_mark: str = ""
    first_us: int | None = None
    last_us: int | None = None
    axes: dict[str, tuple[str, str]] = {}  # axis -> (mark, value)

    def mention(self, at_us: int) -> None:
        self.mentioned_us = min(self.mentioned_us, at_us)

    def own_event(self, at_us: int) -> None:
        self.first_us = at_us if self.first_us is None else min(self.first_us, at_us)
        self.last_us = at_us if self.last_us is None else max(self.last_us, at_us)

    def learn(self, exchange: Exchange, mark: str) -> None:
        """Entity, amount and status axes, as far as the exchange states them."""
        if exchange.legal_entity and mark > self.entity_mark:
            self.legal_entity, self.entity_mark = exchange.legal_entity, mark
        if exchange.amount is not None and mark > self.amount_mark:
            self.amount, self.amount_mark = exchange.amount, mark
        for axis, value in exchange.status_axes.items():
            self.axes[axis] = max(self.axes.get(axis, ("", "")), (mark, value))
