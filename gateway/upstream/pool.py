"""The connections to one system: bounded, reused last in first out, with a bounded queue in front."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import NamedTuple

from gateway.upstream.answer import UpstreamUnreachable
from gateway.upstream.connection import Connection


class Peer(NamedTuple):
    """What makes connections exchangeable."""

    scheme: str
    host: str
    port: int
    ca_file: str | None
    max_connections: int


class Pool:
    """At most `peer.max_connections` connections, counting those being opened."""

    def __init__(
        self, peer: Peer, tls: ssl.SSLContext | None, max_waiting: int, max_head_bytes: int, max_body_bytes: int
    ) -> None:
        self._peer = peer
        self._tls = tls
        self._max_waiting = max_waiting
        self._max_head_bytes = max_head_bytes
        self._max_body_bytes = max_body_bytes
        self._idle: deque[Connection] = deque()  # the freshest at the right
        self._open: set[Connection] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()

    def take(self) -> Connection | None:
        """An idle connection that may be written to, the one used last; None when there is none."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable():
                return connection
            connection.abort()
        return None

    async def acquire(self, within_s: float) -> Connection:
        """A connection within `within_s`, waiting for a place and opening one where needed.

        Raises UpstreamUnreachable; cancelling leaves nothing behind.
        """
        try:
            async with asyncio.timeout(within_s):
                while (connection := self.take()) is None:
                    if self._has_room():
                        self._opening += 1
                        return await self._connect()
                    connection = await self._wait()
                    if connection is None:
                        return await self._connect()
                    if connection.is_usable():
                        break
                    connection.abort()  # died while it was handed over
                return connection
        except TimeoutError:
            raise UpstreamUnreachable("no connection in time") from None

    def sweep(self, now_s: float, idle_s: float) -> bool:
        """Apply deadlines and close what has idled for `idle_s`; False when nothing is left to look after."""
        for connection in tuple(self._open):
            connection.check_deadlines(now_s)
        while self._idle and now_s - self._idle[0].idle_since_s >= idle_s:
            self._idle.popleft().abort()
        return bool(self._open)

    def abort(self) -> None:
        """Close every connection and turn away who waits."""
        self._idle.clear()
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(UpstreamUnreachable("the client is closed"))
        for connection in tuple(self._open):
            connection.abort("the client is closed")

    def count(self) -> int:
        """Connections open or being opened."""
        return len(self._open) + self._opening

    def _has_room(self) -> bool:
        return self.count() < self._peer.max_connections

    async def _wait(self) -> Connection | None:
        """Wait in line for a free connection, or for None: leave to open one (already counted)."""
        if len(self._waiting) >= self._max_waiting:
            raise UpstreamUnreachable("too many calls are waiting for a connection")
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._give_back(waiter.result())
            raise
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    def _give_back(self, connection: Connection | None) -> None:
        if connection is None:
            self._opening -= 1
            self._invite()
        else:
            self._free(connection)

    async def _connect(self) -> Connection:
        """Open a connection whose place is already counted in `_opening`."""
        loop = asyncio.get_running_loop()
        host, port, tls = self._peer.host, self._peer.port, self._tls
        try:
            _, connection = await loop.create_connection(
                self._new, host, port, ssl=tls, server_hostname=host if tls is not None else None
            )
        except ssl.SSLError as error:
            raise UpstreamUnreachable(f"TLS: {_tls_reason(error)}") from error
        except (OSError, ValueError) as error:
            raise UpstreamUnreachable(f"cannot connect: {type(error).__name__}") from error
        else:
            if connection.is_closing():
                raise UpstreamUnreachable("the connection was closed at once")
            self._open.add(connection)
            return connection
        finally:
            self._opening -= 1
            self._invite()

    def _new(self) -> Connection:
        return Connection(self._max_head_bytes, self._max_body_bytes, self._free, self._lost)

    def _free(self, connection: Connection) -> None:
        """A connection has served its exchange: to the first in line, else to the idle ones."""
        waiter = self._next_waiting()
        if waiter is not None and connection.is_usable():
            waiter.set_result(connection)
            return
        self._idle.append(connection)
        if waiter is not None:
            self._waiting.appendleft(waiter)

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._invite()

    def _invite(self) -> None:
        """A place has become free: let the first in line open a connection."""
        if self._has_room() and (waiter := self._next_waiting()) is not None:
            self._opening += 1
            waiter.set_result(None)

    def _next_waiting(self) -> asyncio.Future[Connection | None] | None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                return waiter
        return None


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate refused, {error.verify_message}"
    return error.reason or type(error).__name__
