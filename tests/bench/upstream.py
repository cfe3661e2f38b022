"""A system as fast as Python can be: prepared bytes by method, so that the gateway is what is measured.

Run as `python -m tests.bench.upstream PORT READ.json WRITE.json`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import httptools
import uvloop


def prepared(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % (status, len(body)) + body


class Prepared(asyncio.Protocol):
    def __init__(self, read: bytes, write: bytes) -> None:
        self.answers = {b"GET": read, b"POST": write}
        self.parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.transport.write(self.answers[self.parser.get_method()])


async def serve(port: int, read: bytes, write: bytes) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Prepared(read, write), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    read, write = (Path(name).read_bytes() for name in sys.argv[2:4])
    uvloop.run(serve(int(sys.argv[1]), prepared(b"200 OK", read), prepared(b"201 Created", write)))
