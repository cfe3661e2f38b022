"""One connection to a system: writes one request at a time, reads its answer, knows whether it may be used again."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from time import monotonic
from typing import cast

import httptools

from catalog.network import Timeouts
from gateway.upstream.answer import Headers, UpstreamAnswer, UpstreamBroken


class _Refused(Exception):
    """Raised inside a parser callback to stop the parser; the message says why."""


class Connection(asyncio.Protocol):
    """Owned by a pool, which hears of the end of each exchange and of the connection through the two callbacks.

    Refused as malformed, besides what httptools refuses by itself (Content-Length beside Transfer-Encoding, duplicate
    Content-Length, folded headers, bare LF): any Transfer-Encoding but exactly `chunked`, any in HTTP/1.0, a version
    other than 1.0 and 1.1, 101 (nobody asked), a status above 599. Trailers are dropped (RFC 9110 §6.5.1).
    """

    def __init__(
        self,
        max_head_bytes: int,
        max_body_bytes: int,
        on_free: Callable[[Connection], None],
        on_lost: Callable[[Connection], None],
    ) -> None:
        self._max_head_bytes = max_head_bytes
        self._max_body_bytes = max_body_bytes
        self._on_free = on_free
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._stale_poll: select.poll | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._waiter: asyncio.Future[UpstreamAnswer] | None = None
        self._reason = ""
        self._served = 0
        self.idle_since_s = 0.0  # monotonic
        self._begin(is_head_request=False, started_s=0.0)

    def _begin(self, is_head_request: bool, started_s: float) -> None:
        self._is_head_request = is_head_request
        self._started_s = started_s
        self._first_byte_by_s = self._whole_by_s = self._first_byte_s = 0.0
        self._status = 0
        self._headers: Headers = []
        self._chunks: list[bytes] = []
        self._head_bytes = self._body_bytes = 0
        self._has_length = self._is_chunked = self._is_bodyless = False
        self._is_head_read = self._is_until_close = self._is_done = self._has_excess = self._is_keep_alive = False

    # What the pool and the client call.

    def is_usable(self) -> bool:
        """Whether a request may be written: open, idle, and nothing (bytes or the peer's FIN) waiting to be read."""
        if self.is_closing() or self._waiter is not None:
            return False
        return self._stale_poll is None or not self._stale_poll.poll(0)

    async def exchange(
        self, request: bytes, is_head_request: bool, started_s: float, timeouts: Timeouts
    ) -> UpstreamAnswer:
        """Write `request` in one send and return the answer. Raises UpstreamBroken; a cancelled call closes."""
        assert self._transport is not None
        now = monotonic()
        self._begin(is_head_request, started_s)
        self._whole_by_s = started_s + timeouts.total_s
        self._first_byte_by_s = min(now + timeouts.first_byte_s, self._whole_by_s)
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._waiter
        except asyncio.CancelledError:
            self.abort()
            raise

    def check_deadlines(self, now_s: float) -> None:
        """End an exchange whose deadline has passed; called by the client's sweep."""
        if self._waiter is None or self._waiter.done():
            return
        if not self._first_byte_s and now_s >= self._first_byte_by_s:
            self._fail("no answer in time", timed_out=True)
        elif now_s >= self._whole_by_s:
            self._fail("the answer did not end in time", timed_out=True)

    def is_closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def abort(self, reason: str = "the connection was given up") -> None:
        """Close at once; a running exchange ends as broken."""
        self._fail(reason)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        socket = transport.get_extra_info("socket")
        if socket is not None:
            self._stale_poll = select.poll()
            self._stale_poll.register(socket.fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if self._waiter is None or self._is_done or self._parser is None:
            self._close()  # bytes nobody asked for
            return
        if not self._first_byte_s:
            self._first_byte_s = monotonic()
        if not self._is_head_read:
            self._head_bytes += len(data)
        self._feed(self._parser, data)

    def _feed(self, parser: httptools.HttpResponseParser, data: bytes) -> None:
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._is_done:
                self._fail(self._reason or f"malformed answer: {error}")
                return
            self._has_excess = True  # the answer is whole, what follows it is not ours to read
        if self._is_done:
            self._complete()
        elif not self._is_head_read and self._head_bytes > self._max_head_bytes:
            self._fail("the head of the answer is too large")

    def eof_received(self) -> None:
        return None  # closes the transport; connection_lost tells the rest

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiter is not None and self._is_until_close and exc is None and not self._waiter.done():
            self._is_done = self._has_excess = True
            self._complete()
        self._fail("the connection was closed" if exc is None else "the connection was reset")
        self._parser = None
        self._on_lost(self)

    # httptools

    def on_message_begin(self) -> None:
        if self._is_done:
            raise _Refused
        self._headers = []
        self._has_length = self._is_chunked = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_head_read:
            return
        name = name.lower()
        if name == b"content-length":
            self._has_length = True
        elif name == b"transfer-encoding":
            if self._is_chunked or value.strip().lower() != b"chunked":
                self._refuse("malformed answer: transfer encoding other than chunked")
            self._is_chunked = True
        self._headers.append((name, value.strip()))

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        status = self._parser.get_status_code()
        version = self._parser.get_http_version()
        if status == 101 or not 100 <= status <= 599:
            self._refuse("malformed answer: unexpected status")
        if version not in ("1.1", "1.0") or (version == "1.0" and self._is_chunked):
            self._refuse("malformed answer: version")
        if status < 200:
            return
        if self._head_bytes > self._max_head_bytes and self._weigh_headers() > self._max_head_bytes:
            self._refuse("the head of the answer is too large")
        self._status = status
        self._is_head_read = True
        self._is_keep_alive = self._parser.should_keep_alive()
        if self._is_head_request or status in (204, 304):
            self._is_done = self._is_bodyless = True  # whatever the headers announce (RFC 9112 §6.3)
        self._is_until_close = not (self._has_length or self._is_chunked or self._is_bodyless)

    def on_body(self, body: bytes) -> None:
        if self._is_done:
            self._has_excess = True
            return
        self._body_bytes += len(body)
        if self._body_bytes > self._max_body_bytes:
            self._refuse("the body of the answer is too large")
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        if self._is_head_read:
            self._is_done = True

    # The end of an exchange

    def _refuse(self, reason: str) -> None:
        self._reason = reason
        raise _Refused(reason)

    def _weigh_headers(self) -> int:
        return sum(len(name) + len(value) + 4 for name, value in self._headers)

    def _complete(self) -> None:
        assert self._waiter is not None
        waiter, self._waiter = self._waiter, None
        now = monotonic()
        if not waiter.done():
            body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
            first_byte_us = int((self._first_byte_s - self._started_s) * 1e6)
            elapsed_us = int((now - self._started_s) * 1e6)
            waiter.set_result(UpstreamAnswer(self._status, self._headers, body, first_byte_us, elapsed_us))
        self._chunks = []
        self._served += 1
        if self._is_reusable():
            if self._is_bodyless:
                self._parser = None  # it may be waiting for an announced body
            self.idle_since_s = now
            self._on_free(self)
        else:
            self._close()

    def _is_reusable(self) -> bool:
        """Nothing left over on either side, and both sides willing."""
        if self._transport is None or self._transport.is_closing() or self._parser is None or self._has_excess:
            return False
        return self._is_keep_alive and self._transport.get_write_buffer_size() == 0

    def _fail(self, reason: str, timed_out: bool = False) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(UpstreamBroken(reason, timed_out, self._served > 0, not self._first_byte_s))
        self._close()

    def _close(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.abort()
