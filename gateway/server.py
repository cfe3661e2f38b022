"""Serves an ASGI application behind the edge: binds, tells its address, stops gracefully within five seconds."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator

from uvicorn.config import Config
from uvicorn.server import Server

from gateway.edge import Application, Edge, EdgeSettings, answer_refusal
from gateway.tls import Listening, Tls

_GRACE_S = 4  # for running requests, of the five seconds promised
_BACKLOG = 2048


async def serve(
    app: Application,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    ready: Callable[[str], None] = lambda url: None,
    settings: EdgeSettings | None = None,
    refused: Application = answer_refusal,
    on_refusal: Callable[[str], None] = lambda code: None,
    tls: Tls | None = None,
    stop: asyncio.Event | None = None,
    listener: socket.socket | None = None,
) -> None:
    """Serve until `stop` is set, or SIGTERM or SIGINT arrives when there is no `stop`; then return within 5 s.

    `ready` gets the base URL once connections are accepted (port 0: the one the system chose). `refused` answers what
    the edge refuses (see `edge`). A `listener` that is bound already is used instead of `host` and `port`.
    Raises: OSError when the address cannot be bound, Invalid when a file of `tls` is of
    no use. Runs on the running loop.
    """
    listening = Listening(tls) if tls is not None else None
    listener = listener or bind(host, port)
    url = f"{'https' if tls else 'http'}://{_authority(host, listener)}"
    edge = Edge(settings, refused, on_refusal)
    server = _Server(_config(app, edge, listening), lambda: ready(url))
    with contextlib.closing(listener):
        stopping = asyncio.create_task(_stop(server, stop)) if stop is not None else None
        watching = asyncio.create_task(listening.watch()) if listening is not None else None
        try:
            with _signals(server) if stop is None else contextlib.nullcontext():
                await server.serve(sockets=[listener])
        finally:
            for task in (stopping, watching):
                if task is not None:
                    task.cancel()


class _Server(Server):
    """uvicorn's server without its signal handling, which ends the process before the caller could tidy up."""

    def __init__(self, config: Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: Application, edge: Edge, listening: Listening | None) -> Config:
    return Config(
        app,
        http=edge.protocol,  # type: ignore[arg-type]  # uvicorn only calls it
        loop="none",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
        backlog=_BACKLOG,
        ssl_context_factory=None if listening is None else lambda config, default: listening.context,
    )


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises: OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited by what it accepts
    return listener


def _authority(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _stop(server: Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


@contextlib.contextmanager
def _signals(server: Server) -> Iterator[None]:
    def exit_gracefully() -> None:
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, exit_gracefully)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
