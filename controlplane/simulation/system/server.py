"""One system as a process: a bare ASGI application under uvicorn, its own log, and controls for faults.

A log line of kind `request` is one request received and answered: what came (exchange id, key, span, SHA-256 of the
body), what was answered, and whether it changed state. `/-/status` and `/-/control` are the operator's; no contract
has them, so nothing reaches them through a gateway.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
import uvicorn

from controlplane.process import write_ready_file
from controlplane.simulation.log import Log
from controlplane.simulation.system.backend import Backend, Inbound, Refusal, Result, Router
from controlplane.simulation.system.drift import Drift, drifted

OPERATOR_PREFIX = "/-/"


class Application:
    """The ASGI application of one system."""

    def __init__(self, name: str, backend: Backend, log: Log, secret: str = "", pace_s: float = 0.0) -> None:
        """`secret`: bearer token that callers must present; "" asks for none. `pace_s`: time for each request, one
        after the other; 0 for a system that takes them as they come."""
        self._name = name
        self._authorization = f"Bearer {secret}" if secret else ""
        self._backend = backend
        self._router = Router(backend.routes)
        self._log = log
        self._is_unavailable = False
        self._delay_s = 0.0
        self._drift: Drift | None = None
        self._pace_s = pace_s
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        content = await _read(receive)
        if scope["path"].startswith(OPERATOR_PREFIX):
            await _answer(send, 200, self._operate(scope["path"], content))
            return
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        if self._pace_s:
            async with self._turn:
                await asyncio.sleep(self._pace_s)
        operation, result = self._work(scope, content)
        self._log_request(scope, content, operation, result)
        is_drifting = self._drift is not None and result.status < 300
        body = drifted(result.body, self._drift) if self._drift and is_drifting else result.body
        await _answer(send, result.status, body)

    def _operate(self, path: str, content: bytes) -> Any:
        if path == "/-/control":
            settings = json.loads(content)
            self._is_unavailable = bool(settings.get("unavailable", self._is_unavailable))
            self._delay_s = float(settings.get("delay_s", self._delay_s))
            if "drift" in settings:
                self._drift = msgspec.convert(settings["drift"], Drift | None)
            self._backend.control(settings)
        return {"name": self._name, "pending": self._backend.pending()}

    def _work(self, scope: Any, content: bytes) -> tuple[str, Result]:
        operation = ""
        try:
            if self._authorization and _headers(scope).get("authorization") != self._authorization:
                raise Refusal(401, "unauthenticated", "the caller is not known here")
            if self._is_unavailable:
                raise Refusal(503, "maintenance", "the system is down for maintenance")
            route, parameters = self._router.find(scope["method"], scope["path"])
            operation = route.operation
            return operation, route.handle(_inbound(scope, parameters, content))
        except Refusal as refusal:
            return operation, Result(refusal.status, _problem(refusal))

    def _log_request(self, scope: Any, content: bytes, operation: str, result: Result) -> None:
        headers = _headers(scope)
        trace = headers.get("traceparent", "").split("-")
        self._log.write(
            "request",
            system=self._name,
            exchange=headers.get("waybill-exchange", ""),
            key=headers.get("idempotency-key", ""),
            trace=trace[1] if len(trace) == 4 else "",
            span=trace[2] if len(trace) == 4 else "",
            method=scope["method"],
            target=_target(scope),
            request_sha256=hashlib.sha256(content).hexdigest(),
            operation=operation,
            status=result.status,
            object=list(result.object or ()),
            effect=result.effect,
            reference=result.reference,
        )


class Server(uvicorn.Server):
    """Writes the ready-file once it listens."""

    def __init__(self, config: uvicorn.Config, ready_file: Path, url: str) -> None:
        super().__init__(config)
        self._ready_file = ready_file
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            write_ready_file(self._ready_file, self._url)


async def serve(application: Application, port: int, ready_file: Path) -> None:
    """Listen on 127.0.0.1 until SIGTERM or SIGINT."""
    listener = socket.create_server(("127.0.0.1", port), backlog=512)
    # Accepted sockets inherit it; asyncio itself sets it only where the protocol number is given, and without it the
    # two writes of an answer wait for each other (Nagle, delayed acknowledgement: 40 ms).
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
    )
    await Server(config, ready_file, url).serve(sockets=[listener])


async def _read(receive: Any) -> bytes:
    content: bytes = b""
    while True:
        message = await receive()
        content += bytes(message.get("body", b""))
        if not message.get("more_body", False):
            return content


async def _answer(send: Any, status: int, body: Any) -> None:
    content = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    kind = b"application/problem+json" if status >= 400 else b"application/json"
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _headers(scope: Any) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _target(scope: Any) -> str:
    query = scope["query_string"].decode("latin-1")
    path = scope["raw_path"].decode("latin-1")
    return f"{path}?{query}" if query else str(path)


def _inbound(scope: Any, parameters: dict[str, str], content: bytes) -> Inbound:
    try:
        body = json.loads(content) if content else None
    except ValueError:
        raise Refusal(400, "malformed", "the body is not JSON") from None
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    return Inbound({name: unquote(value) for name, value in parameters.items()}, query, _headers(scope), body)


def _problem(refusal: Refusal) -> dict[str, Any]:
    violations = [{"pointer": pointer, "rule": refusal.code, "message": text} for pointer, text in refusal.violations]
    return {
        "type": f"urn:waybill:problem:{refusal.code}",
        "title": refusal.code.replace("-", " "),
        "status": refusal.status,
        "detail": refusal.detail,
        "code": refusal.code,
        **({"violations": violations} if violations else {}),
    }
