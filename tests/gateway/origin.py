"""A system that answers any bytes at all: a scripted server on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

from catalog.network import System, Timeouts

QUICK = Timeouts(connect_s=1.0, first_byte_s=0.3, total_s=0.6)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Asked(NamedTuple):
    """A request as it arrived."""

    head: bytes
    body: bytes

    @property
    def line(self) -> bytes:
        return self.head.partition(b"\r\n")[0]


Script = Callable[[Asked, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Origin:
    def __init__(self, scheme: str) -> None:
        self._scheme = scheme
        self.port = 0
        self.asked: list[Asked] = []
        self.connections = 0
        self.writers: list[asyncio.StreamWriter] = []

    def system(self, timeouts: Timeouts = QUICK, prefix: str = "", **more: object) -> System:
        url = f"{self._scheme}://127.0.0.1:{self.port}{prefix}"
        return System("erp", "ERP", "eu", url, timeouts=timeouts, **more)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def origin(script: Script | bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[Origin]:
    """Serve `script` per request; bytes are an answer to every request."""
    running = Origin("https" if tls else "http")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.connections += 1
        running.writers.append(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                asked = await _read(reader)
                running.asked.append(asked)
                if isinstance(script, bytes):
                    writer.write(script)
                    await writer.drain()
                else:
                    await script(asked, reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
        for writer in running.writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return Asked(head, await reader.readexactly(length))
