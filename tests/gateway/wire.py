"""Raw sockets against the real edge: a server in a thread of its own, and a client that sends any bytes at all."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import queue
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any, NamedTuple

import uvloop

from gateway.edge import EdgeSettings
from gateway.server import serve

PATIENCE_S = 10.0


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class _Kept(io.BufferedReader):
    """Lets one reader serve several HTTPResponses, each of which wants to close it."""

    def makefile(self, mode: str) -> _Kept:
        return self

    def close(self) -> None:
        pass


class Client:
    """One connection; closes itself."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._reader = _Kept(socket.SocketIO(self.socket, "r"))

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def answer(self, method: str = "GET") -> Answer:
        """The next answer, read by a parser that is not ours."""
        response = HTTPResponse(self._reader, method=method)  # type: ignore[arg-type]
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())

    def rest(self) -> bytes:
        """Everything until the server closes; raises TimeoutError when it does not."""
        received = bytearray()
        while True:
            try:
                data = self._reader.read1(65536)
            except ConnectionResetError:
                return bytes(received)
            if not data:
                return bytes(received)
            received += data


class RunningEdge:
    """An edge with its application, serving in a thread. `seen` are the scopes (with "body") that reached the app."""

    def __init__(self) -> None:
        self.port = 0
        self.seen: list[dict[str, Any]] = []
        self.refusals: list[str] = []

    def client(self) -> Client:
        return Client(self.port)

    def exchange(self, *pieces: bytes) -> Answer:
        with self.client() as client:
            client.send(*pieces)
            return client.answer()

    async def echo(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers what it was given: target, headers, body."""
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.seen.append({**scope, "body": body, "is_cut": True})
                return
            body += message["body"]
            if not message["more_body"]:
                break
        self.seen.append({**scope, "body": body, "is_cut": False})
        seen = {
            "target": scope["waybill.target"].decode("latin-1"),
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]],
            "body": body.decode("latin-1"),
        }
        await answer(send, 200, json.dumps(seen).encode())


async def answer(send: Any, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*(headers or []), length]})
    await send({"type": "http.response.body", "body": body})


@contextlib.contextmanager
def running_edge(app: Any = None, settings: EdgeSettings | None = None, **options: Any) -> Iterator[RunningEdge]:
    """Serve `app` (default: the echo) behind a real uvicorn until the block ends."""
    edge = RunningEdge()
    started: queue.Queue[tuple[int, Any]] = queue.Queue()

    async def main() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()

        def ready(url: str) -> None:
            started.put((int(url.rpartition(":")[2]), lambda: loop.call_soon_threadsafe(stop.set)))

        await serve(
            app or edge.echo, ready=ready, settings=settings, on_refusal=edge.refusals.append, stop=stop, **options
        )

    thread = threading.Thread(target=lambda: uvloop.run(main()))
    thread.start()
    edge.port, stop = started.get(timeout=PATIENCE_S)
    try:
        yield edge
    finally:
        stop()
        thread.join(timeout=PATIENCE_S)
        assert not thread.is_alive(), "the server did not stop in time"
