"""One client connection of the edge; see `edge` for what it promises."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from gateway.cycle import EdgeCycle
from gateway.framing import (
    METHODS,
    Refusal,
    check_host,
    check_partial_head,
    check_path,
    check_query,
    origin_form,
    plain_answer,
    without_upgrade,
)
from gateway.header import DROPPED, EXPECT, HOST, LENGTH, PLAIN, TRANSFER_ENCODING, TRUSTED_ONLY
from gateway.tls import peer_of
from policies.certificate import Certificate

if TYPE_CHECKING:
    from gateway.edge import Edge

_HEAD, _BODY, _BUSY, _LINGER = range(4)  # what the next bytes are: a head, a body, too early, nobody's
_TURN_AWAY_S = 0.5


class EdgeProtocol(HttpToolsProtocol):
    """One client connection. Parser callbacks only note; `_begin` and `_read_body` decide afterwards."""

    on_url = None  # type: ignore[assignment]  # the target is taken from the request line's own bytes

    def __init__(
        self,
        edge: Edge,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._edge = edge
        self._settings = edge.settings
        self._known_names = edge.names.known
        self._is_trusted = False
        self._certificate: Certificate | None = None
        self._phase = _HEAD
        self._pending = bytearray()  # of a head that is not complete, or of the next request
        self._deadline_s = 0.0  # of the phase; monotonic, 0: none
        self._body_by_s = 0.0
        self._write_by_s = 0.0
        self._body_left = -1  # bytes of a body with Content-Length still to come; -1: chunked
        self._reset()

    def _reset(self) -> None:
        self.headers = []
        self.expect_100_continue = False
        self._seen = 0
        self._host: bytes | None = None
        self._refusal: Refusal | None = None
        self._is_head_parsed = self._is_message_parsed = self._is_chunked = False

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline_s = monotonic() + self._settings.keep_alive_s
        if not self._edge.join(self):
            self._turn_away()
            return
        if self.client is not None:
            self._is_trusted = self._edge.is_trusted(self.client[0])
        self._certificate = peer_of(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._edge.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._phase == _HEAD:
            self._read_head(data)
        elif self._phase == _BODY:
            self._read_body(data)
        elif self._phase == _BUSY:
            self._pending += data
            self.cycle.is_pipelined = True  # type: ignore[attr-defined]
            self.flow.pause_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_by_s = monotonic() + self._settings.write_s

    def resume_writing(self) -> None:
        super().resume_writing()
        self._write_by_s = 0.0

    # Deadlines

    def check_deadlines(self, now_s: float) -> None:
        """Called by the edge's sweep."""
        if self._write_by_s and now_s >= self._write_by_s:
            self.transport.abort()
        elif self.transport.is_closing():
            self._write_by_s = self._write_by_s or now_s + self._settings.write_s  # closing waits for what is unread
        elif self._deadline_s and now_s >= self._deadline_s:
            self._overdue(now_s)

    def _overdue(self, now_s: float) -> None:
        if self._phase == _BODY and self.flow.read_paused:
            self._deadline_s = now_s + self._settings.body_idle_s  # our application is slow, not the client
        elif self._phase == _BODY:
            self._refuse_body(Refusal(408, "request-timeout", "The request's body did not arrive in time."))
        elif self._phase == _HEAD and self._pending:
            self._refuse_bytes(Refusal(408, "request-timeout", "The request's head did not arrive in time."))
        else:
            self.transport.close()

    # Head

    def _read_head(self, data: bytes) -> None:
        if not self._pending:
            if data[:2] == b"\r\n":
                data = data[2:]  # RFC 9112 §2.2: an empty line before a request is ignored
            end = data.find(b"\r\n\r\n")
            if end >= 0:
                self._begin(data[: end + 4], data[end + 4 :])
            elif data:
                self._pending += data
                self._deadline_s = monotonic() + self._settings.headers_s
                self._check_partial()
            return
        start = max(0, len(self._pending) - 3)
        self._pending += data
        end = self._pending.find(b"\r\n\r\n", start)
        if end < 0:
            self._check_partial()
            return
        whole = bytes(self._pending)
        self._pending.clear()
        self._begin(whole[: end + 4].removeprefix(b"\r\n"), whole[end + 4 :])

    def _check_partial(self) -> None:
        refusal = check_partial_head(self._pending, self._settings.max_head_bytes, self._settings.max_line_bytes)
        if refusal is not None:
            self._refuse_bytes(refusal)

    def _begin(self, head: bytes, rest: bytes) -> None:
        """A whole head: parse it, judge it, hand it on; `rest` came with it."""
        settings = self._settings
        self._deadline_s = 0.0
        line_end = head.find(b"\r\n")
        line = head[:line_end].split(b" ")
        if line_end > settings.max_line_bytes:
            self._refuse_bytes(Refusal(414, "target-too-long", "The request line is too long."))
        elif len(head) > settings.max_head_bytes or head.count(b"\n") > settings.max_header_count + 2:
            self._refuse_bytes(Refusal(431, "head-too-large", "The request's header fields are too large."))
        elif len(line) != 3:
            self._refuse_bytes(Refusal(400, "malformed-request", "The request line is malformed."))
        elif line[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
            self._refuse_bytes(Refusal(505, "version-unsupported", "Only HTTP/1.1 and HTTP/1.0 are spoken here."))
        elif line[0] not in METHODS:
            self._refuse_bytes(Refusal(501, "method-unknown", "The method is not known here."))
        elif (flaw := self._parse(head)) is not None:
            self._refuse_bytes(Refusal(400, "malformed-request", f"The request's head is malformed: {flaw}."))
        else:
            self._hand_on(line[0], line[1], line[2], rest)

    def _parse(self, head: bytes) -> str | None:
        """Feed exactly one head; what is wrong with it, or None."""
        self._reset()
        try:
            try:
                self.parser.feed_data(head)
            except httptools.HttpParserUpgrade:
                self.parser = httptools.HttpRequestParser(self)
                self._reset()
                self.parser.feed_data(without_upgrade(head))
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            return str(error)
        return None if self._is_head_parsed else "incomplete"

    def on_message_begin(self) -> None:
        if self._is_message_parsed or self._is_head_parsed:
            raise ValueError("bytes behind the end of a chunked body")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_head_parsed:
            raise ValueError("trailers")
        lower, kind = self._known_names.get(name) or self._edge.names.judge(name)
        if kind != PLAIN:
            if kind == DROPPED or (kind == TRUSTED_ONLY and not self._is_trusted):
                return
            if kind > 0:
                self._note(kind, value.strip())
        self.headers.append((lower, value.strip()))

    def _note(self, bit: int, value: bytes) -> None:
        if self._seen & bit:
            self._refusal = Refusal(400, "header-duplicate", "A header that may come only once came more often.")
        self._seen |= bit
        if bit == HOST:
            self._host = value
        elif bit == LENGTH:
            self._body_left = int(value)
        elif bit == TRANSFER_ENCODING:
            self._is_chunked = True
            self._body_left = -1
            if value.lower() != b"chunked":
                self._refusal = Refusal(400, "framing-unsupported", "The only transfer encoding known here is chunked.")
        elif bit == EXPECT:
            if value.lower() == b"100-continue":
                self.expect_100_continue = True
            else:
                self._refusal = Refusal(417, "expectation-failed", "The only expectation known here is 100-continue.")

    def on_headers_complete(self) -> None:
        self._is_head_parsed = True
        self._is_keep_alive = self.parser.should_keep_alive()

    def _judge(self, target: bytes, version: bytes) -> tuple[bytes, Refusal | None]:
        """(target in origin form as far as it is known, refusal)."""
        if self._refusal is not None:
            return target, self._refusal
        refusal = check_host(self._host, version, self._settings.allowed_hosts)
        if refusal is not None:
            return target, refusal
        if self._is_chunked and version == b"HTTP/1.0":
            return target, Refusal(400, "framing-unsupported", "HTTP/1.0 knows no transfer encoding.")
        origin = origin_form(target, self._host)
        if isinstance(origin, Refusal):
            return target, origin
        path, _, query = origin.partition(b"?")
        refusal = check_path(path)
        return origin, refusal or (check_query(query) if query else None)

    def _hand_on(self, method: bytes, target: bytes, version: bytes, rest: bytes) -> None:
        target, refusal = self._judge(target, version)
        self.scope = self._make_scope(method, target, version)
        is_last = version == b"HTTP/1.0" or not self._is_keep_alive or refusal is not None
        self.cycle = cycle = EdgeCycle(
            is_head=method == b"HEAD",
            is_http_10=version == b"HTTP/1.0",
            on_last=self._close_gently,
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue and version != b"HTTP/1.0",
            keep_alive=not is_last,
            on_response=self.on_response_complete,
        )
        if refusal is not None:
            self.scope["waybill.refusal"] = refusal  # type: ignore[typeddict-unknown-key]
            self._edge.on_refusal(refusal.code)
            cycle.waiting_for_100_continue = False
            self._phase = _LINGER
            self._end_body()
            self._start_asgi_task(cycle, self._edge.refused)
            return
        self._start_asgi_task(cycle, self.app)
        if self._is_message_parsed:
            self._phase = _BUSY
            self._end_body()
            if rest:
                self.data_received(rest)
            return
        self._phase = _BODY
        self._body_by_s = monotonic() + self._settings.body_total_s
        self._deadline_s = min(monotonic() + self._settings.body_idle_s, self._body_by_s)
        if rest:
            self._read_body(rest)

    def _make_scope(self, method: bytes, target: bytes, version: bytes) -> Any:
        raw_path, _, query = target.partition(b"?")
        path = raw_path.decode("latin-1")
        scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1" if version == b"HTTP/1.1" else "1.0",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": "",
            "headers": self.headers,
            "state": self.app_state.copy(),
            "method": method.decode("ascii"),
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "waybill.target": target,
        }
        if self._certificate is not None:
            scope["waybill.peer_certificate"] = self._certificate  # type: ignore[assignment]
        return scope

    # Body

    def _read_body(self, data: bytes) -> None:
        rest = b""
        if not self._is_chunked:
            data, rest = data[: self._body_left], data[self._body_left :]
            self._body_left -= len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            if not self._is_message_parsed:
                self._refuse_body(Refusal(400, "malformed-request", "The request's chunked body is malformed."))
                return
            self.cycle.keep_alive = False  # what follows a chunked body in the same piece is not read
        if self._is_message_parsed:
            self._body_arrived(rest)
        else:
            self._deadline_s = min(monotonic() + self._settings.body_idle_s, self._body_by_s)

    def on_body(self, body: bytes) -> None:
        if self.cycle.response_complete:
            return  # answered early: the rest is read and dropped, so that the connection can be used again
        self.cycle.body += body
        if len(self.cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        self._is_message_parsed = True

    def _end_body(self) -> None:
        self.cycle.more_body = False
        self.cycle.message_event.set()

    def _body_arrived(self, rest: bytes) -> None:
        self._deadline_s = 0.0
        self._end_body()
        if not self.cycle.response_complete:
            self._phase = _BUSY
            if rest:
                self.data_received(rest)
        elif self.cycle.keep_alive:
            self._await_next(rest)
        else:
            self.transport.close()

    def _refuse_body(self, refusal: Refusal) -> None:
        """Too late for a plain refusal: the application is running, or has already answered."""
        self._edge.on_refusal(refusal.code)
        self._phase, self._deadline_s = _LINGER, 0.0
        if self.cycle.response_complete:
            self.transport.close()
        else:
            self.cycle.give_up(refusal)  # type: ignore[attr-defined]

    # Between requests, and the end

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing() or self._phase == _LINGER:
            return
        self.flow.resume_reading()
        if self._phase == _BUSY:
            self._await_next(b"")

    def _await_next(self, rest: bytes) -> None:
        self._phase = _HEAD
        self._deadline_s = monotonic() + self._settings.keep_alive_s
        if self._pending or rest:
            data = bytes(self._pending) + rest
            self._pending.clear()
            self._read_head(data)

    def _refuse_bytes(self, refusal: Refusal) -> None:
        """Answer what never became a request, and end the connection."""
        self._edge.on_refusal(refusal.code)
        self._is_message_parsed = False
        self.transport.write(plain_answer(refusal))
        self._close_gently()

    def _turn_away(self) -> None:
        """One connection too many: nobody sweeps it, so it is answered and closed without waiting for what it sends."""
        refusal = Refusal(503, "too-many-connections", "The gateway has too many connections.")
        self._edge.on_refusal(refusal.code)
        self._phase = _LINGER
        self.transport.write(plain_answer(refusal))
        self.transport.close()
        self.loop.call_later(_TURN_AWAY_S, self.transport.abort)  # TLS would wait for the other side's farewell

    def _close_gently(self) -> None:
        """After a last answer: at once when all was read, else after a moment of reading on.

        Closing with bytes unread makes the kernel send a reset, which can destroy the answer on its way.
        """
        if self._is_message_parsed and not self._pending:
            self.transport.close()
            return
        self._phase = _LINGER
        self._pending.clear()
        self._deadline_s = monotonic() + self._settings.linger_s
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
