"""Sends spans and metrics off the request path: a bounded queue, a thread of its own.

A request pays for one append to the queue. When the collector is down, slow or hangs, the queue fills; what then comes
is dropped and counted, and nothing waits. Telemetry is not the record: what is lost here is still in the journal.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan

from catalog import conventions as names
from catalog.metric import Family
from catalog.record import Exchange
from gateway.telemetry.link import Linker
from gateway.telemetry.point import points_of
from gateway.telemetry.span import SpanBuilder

log = logging.getLogger(__name__)

CAPACITY = 2_048  # exchanges, as the SDK's own span queue
BATCH = 256  # exchanges a request to the collector
SLICE = 8  # exchanges encoded in one go, which holds the interpreter for some 0.3 ms
SLICE_PAUSE_S = 0.001
SCHEDULE_S = 1.0


class SpanSender(Protocol):
    def encode(self, span: ReadableSpan) -> bytes: ...

    def send(self, spans: Sequence[bytes]) -> bool:
        """Whether the collector has taken `spans`, encoded ones. Blocking."""
        ...

    def shutdown(self) -> None: ...


class Exporter:
    """Without `spans` or `metrics` these are not told. `read_metrics` gives what is to be exported every
    `interval_s`; None when there is nothing to tell."""

    def __init__(
        self,
        spans: SpanSender | None,
        metrics: MetricExporter | None,
        builder: SpanBuilder,
        linker: Linker,
        read_metrics: Callable[[], MetricsData | None],
        interval_s: float,
        capacity: int = CAPACITY,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spans = spans
        self._metrics = metrics
        self._builder = builder
        self._linker = linker
        self._read_metrics = read_metrics
        self._interval_s = interval_s
        self._capacity = capacity
        self._monotonic = monotonic
        self._queue: deque[tuple[Exchange, bool]] = deque()  # whether it is a settlement
        self._exported = {"span": [0, 0], "point": [0, 0]}  # taken by the collector, lost
        self._is_failing = False
        self._wakes = threading.Event()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self.dropped = 0

    @property
    def has_spans(self) -> bool:
        return self._spans is not None

    def start(self) -> None:
        self._thread.start()

    def offer(self, record: Exchange, is_sampled: bool) -> None:
        """On the request path. Of traces that are not sampled only those that begin here and went wrong are told."""
        if not is_sampled and (record.parent_span_id or not (record.status >= 400 or record.code)):
            return
        self._add(record, is_settlement=False)

    def offer_late(self, record: Exchange, is_settlement: bool) -> None:
        """An exchange that nobody was there to tell of when it ended, or whose doubt was settled (`is_settlement`).
        They are few, and told whether their trace was sampled or not: nobody knows that any more."""
        if self.has_spans:
            self._add(record, is_settlement)

    def _add(self, record: Exchange, is_settlement: bool) -> None:
        waiting = len(self._queue)
        if waiting >= self._capacity:
            self.dropped += 1
            return
        self._queue.append((record, is_settlement))
        if waiting == BATCH:
            self._wakes.set()

    def stop(self, timeout_s: float) -> None:
        """Send what waits, for so long at most; blocking. What a hanging collector has then not taken is lost."""
        self._is_stopping = True
        self._wakes.set()
        self._thread.join(timeout_s)
        for exporter in (self._spans, self._metrics):
            if exporter is not None:
                exporter.shutdown()
        if self._thread.is_alive():
            log.warning("telemetry not exported at the end: %d exchanges", len(self._queue))

    def families(self) -> list[Family]:
        """About the exporter itself; on any thread."""
        return [
            Family(names.QUEUE, [({}, len(self._queue))]),
            Family(names.QUEUE_CAPACITY, [({}, self._capacity)]),
            Family(names.DROPPED, [({}, self.dropped)]),
            _exported(names.SPANS_EXPORTED, self._exported["span"]),
            _exported(names.POINTS_EXPORTED, self._exported["point"]),
        ]

    def _run(self) -> None:
        due_s = self._monotonic() + self._interval_s
        while not self._is_stopping:
            self._wakes.wait(min(SCHEDULE_S, max(due_s - self._monotonic(), 0.0)))
            self._wakes.clear()
            self._attempt(self._send_spans)
            if self._monotonic() >= due_s:
                due_s = self._monotonic() + self._interval_s
                self._attempt(self._send_metrics)
        self._attempt(self._send_spans)
        self._attempt(self._send_metrics)

    def _attempt(self, send: Callable[[], None]) -> None:
        """Whatever goes wrong, the next attempt is made."""
        try:
            send()
        except Exception as error:
            log.error("telemetry: %s", type(error).__name__)

    def _send_spans(self) -> None:
        sender = self._spans
        while sender is not None and self._queue:
            spans = self._encoded(sender, [self._queue.popleft() for _ in range(min(len(self._queue), BATCH))])
            is_taken = sender.send(spans)
            self._note("span", len(spans), is_taken)
            if self._is_stopping and not is_taken:
                return  # the collector is away: nothing more will come of it before the end

    def _encoded(self, sender: SpanSender, batch: Sequence[tuple[Exchange, bool]]) -> list[bytes]:
        """In slices, between which requests get the interpreter."""
        self._linker.prepare([record for record, _ in batch])
        encoded: list[bytes] = []
        for at in range(0, len(batch), SLICE):
            if at and not self._is_stopping:
                time.sleep(SLICE_PAUSE_S)
            for record, is_settlement in batch[at : at + SLICE]:
                encoded += map(sender.encode, self._built(record, is_settlement))
        return encoded

    def _built(self, record: Exchange, is_settlement: bool) -> Sequence[ReadableSpan]:
        links = self._linker.links(record)
        return [self._builder.settlement(record, links)] if is_settlement else self._builder.spans(record, links)

    def _send_metrics(self) -> None:
        data = None if self._metrics is None else self._read_metrics()
        if data is not None and self._metrics is not None:
            is_taken = self._metrics.export(data) is MetricExportResult.SUCCESS
            self._note("point", points_of(data), is_taken)

    def _note(self, kind: str, number: int, is_taken: bool) -> None:
        self._exported[kind][0 if is_taken else 1] += number
        if self._is_failing is is_taken:  # it changed
            self._is_failing = not is_taken
            if is_taken:
                log.info("telemetry is exported again")
            else:
                log.warning("telemetry cannot be exported; requests go on, spans beyond the queue are dropped")


def _exported(instrument: names.Instrument, counts: list[int]) -> Family:
    taken, lost = counts
    return Family(instrument, [({}, taken), ({names.ERROR_TYPE: "not-exported"}, lost)])
