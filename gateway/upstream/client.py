"""The client: finds the pool of a system, sends, and keeps everybody's deadlines with one timer."""

from __future__ import annotations

import asyncio
import ssl
from time import monotonic
from urllib.parse import urlsplit

import msgspec

from catalog.network import System
from gateway.upstream.answer import Headers, UpstreamAnswer, UpstreamUnreachable
from gateway.upstream.connection import Connection
from gateway.upstream.pool import Peer, Pool
from gateway.upstream.request import encode_request

_SWEEP_S = 0.05  # deadlines are kept to this precision
_ROUTES_MAX = 4096
_PORTS = {"http": 80, "https": 443}


class _Route(msgspec.Struct, frozen=True):
    """A system's base URL, taken apart once."""

    system: System
    pool: Pool
    authority: bytes
    prefix: bytes


class Upstream:
    """Pooled HTTP/1.1 to all systems. One per event loop; `send` and `close` are its whole interface.

    `idle_s` is shorter than the keep-alive of the servers one meets (5 s and more), so that they seldom close first.
    """

    def __init__(
        self,
        max_head_bytes: int = 65_536,
        max_body_bytes: int = 8 * 1024 * 1024,
        max_waiting: int = 1024,
        idle_s: float = 4.0,
    ) -> None:
        self._max_head_bytes = max_head_bytes
        self._max_body_bytes = max_body_bytes
        self._max_waiting = max_waiting
        self._idle_s = idle_s
        self._pools: dict[Peer, Pool] = {}
        self._routes: dict[int, _Route] = {}  # by id of the System, which the route keeps alive
        self._tls: dict[str | None, ssl.SSLContext] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def send(self, system: System, method: bytes, target: bytes, headers: Headers, body: bytes) -> UpstreamAnswer:
        """Call `system` once; `target` (path and query) is joined to its base URL, its bytes unchanged.

        Host, Content-Length and hop-by-hop headers in `headers` are ignored. Raises UpstreamUnreachable (nothing was
        sent) or UpstreamBroken (something may have been), nothing else; a cancelled call closes its connection.
        """
        started_s = monotonic()
        route = self._routes.get(id(system)) or self._resolve(system)
        request = encode_request(method, route.prefix + target, route.authority, headers, body)
        connection = route.pool.take() or await self._connect(route)
        return await connection.exchange(request, method == b"HEAD", started_s, system.timeouts)

    async def close(self) -> None:
        """Close all connections; running calls end as broken."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        for pool in self._pools.values():
            pool.abort()
        self._routes.clear()
        await asyncio.sleep(0)  # let the transports tell their connections

    def connections(self, system: System) -> int:
        """How many connections to `system` are open or being opened."""
        return self._resolve(system).pool.count()

    async def _connect(self, route: _Route) -> Connection:
        timeouts = route.system.timeouts
        connection = await route.pool.acquire(min(timeouts.connect_s, timeouts.total_s))
        if self._is_closed:
            connection.abort()
            raise UpstreamUnreachable("the client is closed")
        self._watch()
        return connection

    def _resolve(self, system: System) -> _Route:
        if self._is_closed:
            raise UpstreamUnreachable("the client is closed")
        try:
            url = urlsplit(system.base_url)
            host, port = url.hostname, url.port or _PORTS[url.scheme]
            prefix = url.path.rstrip("/").encode("ascii")
            authority = url.netloc.rpartition("@")[2].encode("ascii")
        except (ValueError, KeyError) as error:
            raise UpstreamUnreachable("the system's base URL is malformed") from error
        if not host:
            raise UpstreamUnreachable("the system's base URL names no host")
        pool = self._pool(Peer(url.scheme, host, port, system.ca_file, system.max_connections))
        if len(self._routes) >= _ROUTES_MAX:
            self._routes.clear()
        route = _Route(system, pool, authority, prefix)
        self._routes[id(system)] = route
        return route

    def _pool(self, peer: Peer) -> Pool:
        pool = self._pools.get(peer)
        if pool is None:
            tls = self._context(peer.ca_file) if peer.scheme == "https" else None
            pool = Pool(peer, tls, self._max_waiting, self._max_head_bytes, self._max_body_bytes)
            self._pools[peer] = pool
        return pool

    def _context(self, ca_file: str | None) -> ssl.SSLContext:
        if ca_file not in self._tls:
            try:
                context = ssl.create_default_context(cafile=ca_file)
            except OSError as error:
                raise UpstreamUnreachable("the system's CA file cannot be used") from error
            context.set_alpn_protocols(["http/1.1"])
            self._tls[ca_file] = context
        return self._tls[ca_file]

    def _watch(self) -> None:
        if self._timer is None and not self._is_closed:
            self._timer = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        now_s = monotonic()
        watched = [pool.sweep(now_s, self._idle_s) for pool in self._pools.values()]  # every one, no short cut
        if any(watched):
            self._watch()
