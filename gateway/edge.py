"""The edge: uvicorn's httptools protocol, made strict, patient for a bounded time only, and exact about bytes.

This file holds what the connections of a server share; `protocol` is one connection, `cycle` one request's answer,
`framing` and `header` are the rules. Every head is collected whole, checked, parsed by httptools and handed to the
application, one request at a time; bytes of a pipelined request wait until the answer before it is complete. What the
scope has beside the usual: `waybill.target` (path and query, exact bytes), `waybill.peer_certificate` (a
`policies.certificate.Certificate`) where the client showed one that TLS has verified.

Refusals. A request whose head could be parsed but is refused becomes an exchange like any other: it goes to the
`refused` application with `scope["waybill.refusal"] = (status, code, detail)`, method and path as far as known, and
no body; that application journals and answers it. Bytes that never became a head are answered by the edge and only
counted. A body that fails (too slow, malformed) sets the same key and ends in `http.disconnect` (see `cycle`). Each
refusal is told to `on_refusal(code)`, and each ends its connection.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

import msgspec
from uvicorn.config import Config
from uvicorn.server import ServerState

from gateway.framing import Refusal, problem
from gateway.header import IDENTITY_HEADERS, HeaderNames
from gateway.protocol import EdgeProtocol

Application = Callable[[Any, Any, Any], Awaitable[None]]

_SWEEP_S = 0.25  # deadlines are kept to this precision


class EdgeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of the edge. Deadlines in seconds, kept to a quarter of a second."""

    headers_s: float = 10.0  # from the first byte of a head to its last
    body_idle_s: float = 15.0  # between two pieces of a body
    body_total_s: float = 60.0  # for a whole body
    keep_alive_s: float = 60.0  # between an answer and the next request's first byte
    write_s: float = 20.0  # for the client to read on once it has stopped
    linger_s: float = 1.0  # reading on after a last answer, so that the client gets to see it
    max_head_bytes: int = 32_768
    max_line_bytes: int = 8_192
    max_header_count: int = 100
    max_connections: int = 4_096
    allowed_hosts: frozenset[str] = frozenset()  # lower case, with or without port; empty: any
    trusted_proxies: tuple[str, ...] = ()  # addresses or networks whose identity headers count
    identity_headers: tuple[str, ...] = IDENTITY_HEADERS


async def answer_refusal(scope: Any, receive: Any, send: Any) -> None:
    """The plainest `refused` application: answers the problem and journals nothing."""
    refusal = Refusal(*scope["waybill.refusal"])
    body = problem(refusal)
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Edge:
    """What the connections of one server share. `protocol` is what uvicorn's `http=` takes."""

    def __init__(
        self,
        settings: EdgeSettings | None = None,
        refused: Application = answer_refusal,
        on_refusal: Callable[[str], None] = lambda code: None,
    ) -> None:
        self.settings = settings or EdgeSettings()
        self.refused = refused
        self.on_refusal = on_refusal
        self.names = HeaderNames(self.settings.identity_headers)
        self._networks = [ipaddress.ip_network(text) for text in self.settings.trusted_proxies]
        self._protocols: set[EdgeProtocol] = set()
        self._timer: asyncio.TimerHandle | None = None

    def protocol(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> EdgeProtocol:
        return EdgeProtocol(self, config, server_state, app_state, _loop)

    def is_trusted(self, address: str) -> bool:
        return bool(self._networks) and any(ipaddress.ip_address(address) in network for network in self._networks)

    def join(self, protocol: EdgeProtocol) -> bool:
        """Count a connection in; False when there are too many."""
        if len(self._protocols) >= self.settings.max_connections:
            return False
        self._protocols.add(protocol)
        if self._timer is None:
            self._timer = protocol.loop.call_later(_SWEEP_S, self._sweep, protocol.loop)
        return True

    def leave(self, protocol: EdgeProtocol) -> None:
        self._protocols.discard(protocol)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = monotonic()
        for protocol in tuple(self._protocols):
            protocol.check_deadlines(now_s)
        self._timer = loop.call_later(_SWEEP_S, self._sweep, loop) if self._protocols else None
