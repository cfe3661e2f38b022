"""Figures of the control plane that are read from its store when somebody asks for metrics."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

from sqlalchemy import Connection, func, select

from catalog import conventions as names
from catalog.conventions import Instrument
from catalog.metric import Attributes
from controlplane.approval.service import count_overdue
from controlplane.attention.store import attention
from controlplane.context import Context
from controlplane.gateways.store import command, gateway
from controlplane.ingest.store import stream
from controlplane.lineage.sight import Sight
from controlplane.projection import slo_projection
from controlplane.registry.store import generation
from controlplane.slo.evaluation import Standing
from controlplane.slo.service import SloService

T = TypeVar("T")
Samples = Iterable[tuple[Attributes, float]]

_SAME_ANSWER_S = 1.0
_LIVE_US = 3_600_000_000  # a slot that has told nothing for so long may be gone: its lag says nothing about now
REAL = Sight(is_synthetic_shown=False)  # nobody is paged for invented traffic


class Gauge(NamedTuple):
    """One metric; `read` gives (attributes, value) samples."""

    instrument: Instrument
    read: Callable[[Connection, Context], Samples]


class Once(Generic[T]):
    """What `read` gives, read once for whoever asks within a second."""

    def __init__(self, read: Callable[[], T], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._found: tuple[T, float] | None = None

    def __call__(self) -> T:
        with self._lock:
            now_s = self._monotonic()
            if self._found is None or now_s >= self._found[1]:
                self._found = self._read(), now_s + _SAME_ANSWER_S
            return self._found[0]


class Objectives:
    """All objectives as they stand, evaluated once for all metrics of one scrape."""

    def __init__(self, context: Context) -> None:
        self._standings: Once[list[Standing]] = Once(lambda: SloService(context, slo_projection()).list_all(REAL)[0])

    def budget_left(self, _: Connection, __: Context) -> Samples:
        for standing in self._standings():
            if standing.budget_left_ratio is not None:
                yield {names.SLO: standing.name}, standing.budget_left_ratio

    def states(self, _: Connection, __: Context) -> Samples:
        for standing in self._standings():
            yield {names.SLO: standing.name, names.SLO_STATE: standing.state}, 1


def gauges(context: Context) -> list[Gauge]:
    """Everything that is read from the store."""
    objectives = Objectives(context)
    return [
        Gauge(names.SNAPSHOT_GENERATION, _generation),
        Gauge(names.GATEWAY_SILENCE, _silence),
        Gauge(names.GATEWAY_GENERATION, _running),
        Gauge(names.INGEST_LAG, _lag),
        Gauge(names.ATTENTION_OPEN, _attention),
        Gauge(names.APPROVALS_OVERDUE, _overdue),
        Gauge(names.COMMANDS_UNACKNOWLEDGED, _commands),
        Gauge(names.SLO_BUDGET_LEFT, objectives.budget_left),
        Gauge(names.SLO_STANDING, objectives.states),
    ]


def _generation(connection: Connection, _: Context) -> Samples:
    return [({}, connection.scalar(select(func.max(generation.c.generation))) or 0)]


def _silence(connection: Connection, context: Context) -> Samples:
    now = context.clock()
    for row in connection.execute(select(gateway.c.gateway_id, gateway.c.last_seen_us)):
        yield {names.GATEWAY: row.gateway_id}, (now - row.last_seen_us) / 1_000_000


def _running(connection: Connection, _: Context) -> Samples:
    for row in connection.execute(select(gateway.c.gateway_id, gateway.c.running_generation)):
        yield {names.GATEWAY: row.gateway_id}, row.running_generation or 0


def _lag(connection: Connection, context: Context) -> Samples:
    """The worst over the live streams of each gateway: the newest of each slot, of those that were heard lately."""
    columns = stream.c.name, stream.c.gateway_id, stream.c.last_at_us, stream.c.ingested_us
    is_live = (stream.c.closed_us.is_(None), stream.c.last > 0, ~stream.c.is_synthetic)
    query = select(*columns).where(*is_live, stream.c.ingested_us > context.clock() - _LIVE_US)
    newest: dict[str, tuple[int, str, int]] = {}
    for row in connection.execute(query):
        slot, epoch = row.name.rsplit("/", 1)
        told = int(epoch), row.gateway_id, max(row.ingested_us - row.last_at_us, 0)
        newest[slot] = max(newest.get(slot, told), told)
    worst: dict[str, int] = {}
    for _, gateway_id, lag_us in newest.values():
        worst[gateway_id] = max(worst.get(gateway_id, 0), lag_us)
    for gateway_id, lag_us in worst.items():
        yield {names.GATEWAY: gateway_id}, lag_us / 1_000_000


def _attention(connection: Connection, _: Context) -> Samples:
    count = select(func.count()).select_from(attention).where(attention.c.state == "open")
    return [({}, connection.scalar(count) or 0)]


def _overdue(connection: Connection, context: Context) -> Samples:
    return [({}, count_overdue(connection, context.clock()))]


def _commands(connection: Connection, _: Context) -> Samples:
    count = select(func.count()).select_from(command).where(command.c.acked_us.is_(None))
    return [({}, connection.scalar(count) or 0)]
