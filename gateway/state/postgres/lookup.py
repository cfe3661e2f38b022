"""The one thread that asks: claims, cross-references and quotas of all calls of a moment, in one round trip.

A quota is a row, moved on under its lock: exact over all processes and hosts, by the database's clock. Of the calls
that ask for one bucket at the same moment a single statement says how many may pass. Source of the algorithm:
ITU-T I.371 (virtual scheduling), as in `gateway.state.quota`.
"""

from __future__ import annotations

import asyncio
import threading
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

import msgspec
import psycopg

from catalog.errors import Unavailable
from gateway.state.postgres.schema import VOLATILE, Connection, connect

_MAX_GROUP = 256
_TOLERANCE_NS = 1_000  # as in the function `conforming` (`schema`)

TAKE = """INSERT INTO quota AS q (bucket, arrival_ns, ahead_ns, now_ns, interval_ns, burst_ns, wanted)
SELECT w.bucket, n.now_ns + w.pace * conforming(0, w.burst, w.pace, w.wanted), 0, n.now_ns, w.pace, w.burst, w.wanted
FROM unnest(?::text[], ?::bigint[], ?::bigint[], ?::bigint[]) AS w (bucket, pace, burst, wanted),
  (SELECT now_us() * 1000 AS now_ns) AS n ORDER BY w.bucket
ON CONFLICT (bucket) DO UPDATE SET (ahead_ns, arrival_ns, now_ns) = (
  SELECT a.ahead, excluded.now_ns + a.ahead + excluded.interval_ns
    * conforming(a.ahead, excluded.burst_ns, excluded.interval_ns, excluded.wanted), excluded.now_ns
  FROM (SELECT least(greatest(q.arrival_ns - excluded.now_ns, 0), excluded.burst_ns + excluded.interval_ns) AS ahead) a)
RETURNING bucket, ahead_ns"""

FORGET_QUOTAS = (
    "DELETE FROM quota WHERE bucket IN (SELECT bucket FROM quota WHERE arrival_ns < now_us() * 1000 LIMIT ?) "
    "RETURNING 1"
)


class Bucket(NamedTuple):
    """One call's share of a quota."""

    name: str
    interval_ns: int
    burst_ns: int


class _Ask(NamedTuple):
    sql: str  # "" for a quota
    values: tuple[Any, ...]
    future: asyncio.Future[Any]


class Lookup:
    """To be used on the loop's thread."""

    def __init__(self, url: str, loop: asyncio.AbstractEventLoop) -> None:
        self._url = url
        self._loop = loop
        self._connection: Connection | None = None
        self._queue: SimpleQueue[list[_Ask] | None] = SimpleQueue()
        self._gathered: list[_Ask] = []
        self._thread = threading.Thread(target=self._run, name="state-lookup", daemon=True)
        self._thread.start()

    async def rows(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        """What a short query finds. Raises: Unavailable."""
        found: list[Any] = await self._ask(sql, values)
        return found

    async def take(self, key: tuple[Any, ...], emission_interval_s: float, burst_s: float) -> tuple[float, float]:
        """See `Store.take`. Raises: Unavailable."""
        interval_ns = max(1, round(emission_interval_s * 1e9))
        bucket = Bucket(msgspec.json.encode(key).decode(), interval_ns, round(burst_s * 1e9))
        taken: tuple[float, float] = await self._ask("", bucket)
        return taken

    def stop(self) -> None:
        """Blocks until what was asked is answered."""
        self._queue.put(None)
        self._thread.join()

    def _ask(self, sql: str, values: tuple[Any, ...]) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self._loop.create_future()
        if not self._gathered:
            self._loop.call_soon(self._hand_over)
        self._gathered.append(_Ask(sql, values, future))
        return future

    def _hand_over(self) -> None:
        self._queue.put(self._gathered)
        self._gathered = []

    def _run(self) -> None:
        while True:
            asks = self._queue.get()
            is_last = asks is None
            group = asks or []
            while not is_last and len(group) < _MAX_GROUP:
                try:
                    more = self._queue.get_nowait()
                except Empty:
                    break
                is_last = more is None
                group += more or []
            if group:
                self._answer(group)
            if is_last:
                break
        if self._connection is not None:
            self._connection.raw.close()

    def _answer(self, group: list[_Ask]) -> None:
        error: Exception | None = None
        results: list[Any] = [None] * len(group)
        for _ in range(2):  # the connection may have died while nobody asked
            try:
                results = self._results(group)
                error = None
                break
            except psycopg.Error as failure:
                error = Unavailable(f"the state database cannot be asked: {failure}".rstrip())
                if self._connection is not None and not self._connection.is_broken:
                    self._connection.raw.close()
            except Exception as failure:  # the thread lives on, and who waits is told
                error = failure
                break
        try:
            self._loop.call_soon_threadsafe(_resolve, group, results, error)
        except RuntimeError:
            return  # the loop has ended

    def _results(self, group: list[_Ask]) -> list[Any]:
        """One for each of `group`. All in one transaction: buckets are locked in order, and the group is short."""
        connection = self._connected()
        quotas: dict[str, list[int]] = {}
        for index, ask in enumerate(group):
            if not ask.sql:
                quotas.setdefault(ask.values[0], []).append(index)
        taken = None
        with connection.raw.pipeline():
            cursors = [connection.execute(ask.sql, ask.values) if ask.sql else None for ask in group]
            if quotas:
                names = sorted(quotas)
                first = [group[quotas[name][0]].values for name in names]
                wanted = [len(quotas[name]) for name in names]
                taken = connection.execute(TAKE, (names, [b[1] for b in first], [b[2] for b in first], wanted))
        results: list[Any] = [None if cursor is None else cursor.fetchall() for cursor in cursors]
        for name, ahead_ns in taken or ():
            interval_ns, burst_ns = group[quotas[name][0]].values[1:]
            for index in quotas[name]:
                conforms = ahead_ns <= burst_ns + _TOLERANCE_NS
                wait_s = 0.0 if conforms else max((ahead_ns - burst_ns) / 1e9, 1e-6)
                ahead_ns += interval_ns if conforms else 0
                results[index] = (wait_s, ahead_ns / 1e9)
        return results

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_broken:
            self._connection = connect(self._url, VOLATILE)
        return self._connection


def _resolve(group: list[_Ask], results: list[Any], error: Exception | None) -> None:
    for ask, result in zip(group, results, strict=True):
        if ask.future.done():
            continue
        if error is None:
            ask.future.set_result(result)
        else:
            ask.future.set_exception(error)
