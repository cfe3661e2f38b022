"""One request's conversation with the ASGI application: body in, answer out, in as few writes as possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from gateway.framing import Refusal, problem

_FRAMED_HERE = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"upgrade"})


class EdgeCycle(RequestResponseCycle):
    """uvicorn's cycle with the answer's head kept back until its first body message, so that both leave in one write.

    `refusal` is set when the edge gives up on a running request (body too slow, malformed chunk): the application then
    receives `http.disconnect`, finds the refusal in `scope["waybill.refusal"]` and may answer; if it does not, the
    cycle answers the refusal itself.
    """

    def __init__(self, is_head: bool, is_http_10: bool, on_last: Callable[[], None], **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._is_head = is_head
        self._is_http_10 = is_http_10
        self._on_last = on_last
        self._head = b""
        self.refusal: Refusal | None = None
        self.is_pipelined = False  # bytes of a next request wait: do not read on for now

    def give_up(self, refusal: Refusal) -> None:
        """End the request's body: nothing more will come of it."""
        self.refusal = refusal
        self.scope["waybill.refusal"] = refusal  # type: ignore[typeddict-unknown-key]
        self.keep_alive = False
        self.message_event.set()

    async def receive(self) -> Any:
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete and self.refusal is None:
            if not self.is_pipelined:
                self.flow.resume_reading()
            await self.message_event.wait()
            self.message_event.clear()
        if self.disconnected or self.response_complete or self.refusal is not None:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Any) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if not self.response_started and kind == "http.response.start":
            self._start(message["status"], message.get("headers", ()))
        elif self.response_started and not self.response_complete and kind == "http.response.body":
            self._continue(message.get("body", b""), message.get("more_body", False))
        else:
            raise RuntimeError(f"ASGI message '{kind}' is out of order")

    async def send_500_response(self) -> None:
        """Called by uvicorn when the application raised, or returned without an answer."""
        refusal = self.refusal or Refusal(500, "internal", "The gateway failed to answer.")
        body = problem(refusal)
        headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
        self.keep_alive = False
        self._start(refusal.status, headers)
        self._continue(body, more_body=False)

    def _start(self, status: int, headers: Any) -> None:
        if self.waiting_for_100_continue:
            self.keep_alive = False  # the client may or may not send its body now: the next bytes are nobody's
            self.waiting_for_100_continue = False
        has_body = not (self._is_head or status in (204, 304))
        lines = [STATUS_LINE[status][:-2]]
        length, has_date = -1, False
        for name, value in headers:
            name = name.lower()
            if name in _FRAMED_HERE:
                self.keep_alive = self.keep_alive and not (name == b"connection" and b"close" in value.lower())
                continue
            if name == b"content-length":
                length = int(value)
                if status == 204:
                    continue  # RFC 9110 §8.6
            elif name == b"date":
                has_date = True
            lines.append(name + b": " + value)
        if not has_date:
            lines += [name + b": " + value for name, value in self.default_headers]
        self.chunked_encoding = has_body and length < 0 and not self._is_http_10
        self.expected_content_length = length if has_body else 0
        if self.chunked_encoding:
            lines.append(b"transfer-encoding: chunked")
        elif has_body and length < 0:
            self.keep_alive = False  # HTTP/1.0: the end of the connection is the end of the body
        if not self.keep_alive:
            lines.append(b"connection: close")
        lines.append(b"\r\n")
        self._head = _joined(lines)
        self.response_started = True

    def _continue(self, body: bytes, more_body: bool) -> None:
        if self._is_head or not body:
            out = b""
        elif self.chunked_encoding:
            out = b"%x\r\n%b\r\n" % (len(body), body)
        else:
            out = body
            if self.expected_content_length >= 0:
                self.expected_content_length -= len(body)
                if self.expected_content_length < 0:
                    raise RuntimeError("the body is longer than its Content-Length")
        if self.chunked_encoding and not more_body:
            out += b"0\r\n\r\n"
        if self._head:
            out, self._head = self._head + out, b""
        if out:
            self.transport.write(out)
        if not more_body:
            self._finish()

    def _finish(self) -> None:
        if self.expected_content_length > 0:
            raise RuntimeError("the body is shorter than its Content-Length")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self._on_last()
        self.on_response()


def _joined(lines: list[bytes]) -> bytes:
    """The head as bytes; refuses an injected line break or NUL (RFC 9110 §5.5)."""
    head = b"\r\n".join(lines)
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
        raise RuntimeError("a header of the answer holds a line break or NUL")
    return head
