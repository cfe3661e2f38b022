"""Open loop: requests leave by a fixed schedule whether earlier ones were answered or not; latency counts from the
moment a request was due, so that a stall is told by every request it delayed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import httptools
import uvloop

TICK_S = 0.0005
GRACE_S = 10.0


@dataclass
class Latency:
    requests: int
    errors: int  # not 2xx, or no answer at all
    p50_ms: float
    p99_ms: float
    worst_ms: float


class _Connection(asyncio.Protocol):
    def __init__(self, idle: list[_Connection], found: list[tuple[float, int]]) -> None:
        self._idle = idle
        self._found = found
        self.due_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._parser = httptools.HttpResponseParser(self)
        self._idle.append(self)

    def send(self, data: bytes, due_s: float) -> None:
        self.due_s = due_s
        self.transport.write(data)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._found.append((time.monotonic() - self.due_s, self._parser.get_status_code()))
        self._parser = httptools.HttpResponseParser(self)
        self._idle.append(self)


def run(port: int, request: bytes, rate_per_s: int, seconds: int, key: str = "") -> Latency:
    """`request` is the whole request with `{number}` in the Idempotency-Key when `key` is set."""
    return uvloop.run(_run(port, request, rate_per_s, seconds, key.encode()))


async def _run(port: int, request: bytes, rate_per_s: int, seconds: int, key: bytes) -> Latency:
    idle: list[_Connection] = []
    found: list[tuple[float, int]] = []
    waiting: list[tuple[bytes, float]] = []
    loop = asyncio.get_running_loop()
    for _ in range(64):
        await loop.create_connection(lambda: _Connection(idle, found), "127.0.0.1", port)
    total = rate_per_s * seconds
    start_s = time.monotonic() + 0.05
    sent = 0
    while len(found) < total and time.monotonic() < start_s + seconds + GRACE_S:
        now_s = time.monotonic()
        while sent < total and start_s + sent / rate_per_s <= now_s:
            waiting.append((request.replace(b"{number}", key + b"%d" % sent), start_s + sent / rate_per_s))
            sent += 1
        while waiting and idle:
            idle.pop().send(*waiting.pop(0))
        await asyncio.sleep(TICK_S)
    good = sorted(latency for latency, status in found if 200 <= status < 300)
    if not good:
        return Latency(total, total, 0.0, 0.0, 0.0)
    at = [good[min(len(good) - 1, int(len(good) * share))] * 1000 for share in (0.5, 0.99)]
    return Latency(total, total - len(good), at[0], at[1], good[-1] * 1000)


def raw(method: str, path: str, headers: dict[str, str], body: str = "") -> bytes:
    """An HTTP/1.1 request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines.append(f"Content-Length: {len(body.encode())}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
