"""A system that counts what it does: every order it is asked to make, it makes, and remembers how often.

It is deliberately naive (no idempotency of its own), so that an execution doubled by the gateway cannot hide.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Ledger:
    """Serves POST /orders, GET /orders?reference=, GET /orders/{id} on a free port, in threads of this process."""

    def __init__(self) -> None:
        self.effects: Counter[str] = Counter()  # reference -> executions
        self.bodies: dict[str, bytes] = {}  # exchange id or reference -> last body received
        self.orders: dict[str, dict[str, Any]] = {}
        self.paths: Counter[str] = Counter()
        self.lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def create(self, body: bytes) -> dict[str, Any]:
        order = json.loads(body)
        with self.lock:
            reference = order["reference"]
            self.effects[reference] += 1
            self.bodies[reference] = body
            created = {**order, "id": f"O-{len(self.orders) + 1}", "state": "created"}
            self.orders[created["id"]] = created
        return created

    def find(self, reference: str) -> list[dict[str, Any]]:
        with self.lock:
            return [order for order in self.orders.values() if order["reference"] == reference]


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A connection that breaks is what the tests provoke, nothing to print."""


def _handler(ledger: Ledger) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # one write for status, headers and body

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self._answer(201, ledger.create(body))

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            with ledger.lock:
                ledger.paths[url.path] += 1
            if url.path == "/orders":
                self._answer(200, {"items": ledger.find(parse_qs(url.query).get("reference", [""])[0])})
                return
            order = ledger.orders.get(url.path.rsplit("/", 1)[-1])
            self._answer(200, order) if order else self._answer(404, {"detail": "no such order"})

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing: the ledger itself is the log."""

    return Handler
