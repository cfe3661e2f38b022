"""The control plane as a process: opens the data directory, migrates, listens, says so, stops within seconds."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from types import FrameType

import uvicorn
from sqlalchemy.exc import DBAPIError

from catalog.errors import Unavailable
from catalog.log import configure
from controlplane.app import create_app
from controlplane.context import Context
from controlplane.identity.provider import sign_in_of
from controlplane.identity.service import IdentityService
from controlplane.installation import recognise
from controlplane.keys import KeyRing, write_secret
from controlplane.process import write_ready_file
from controlplane.settings import Settings
from controlplane.store.announcement import announcer, listening
from controlplane.store.database import Database
from controlplane.store.migration import upgrade
from controlplane.telemetry.otlp import Instrumentation
from controlplane.wakeup import Wakeup

PUBLISHED, COMMANDED = "waybill_published", "waybill_commanded"  # channels


class Server(uvicorn.Server):
    """Announces itself once it listens, and ends long polls first when it is told to stop."""

    def __init__(self, config: uvicorn.Config, context: Context, url: str) -> None:
        super().__init__(config)
        self._context = context
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._context.settings.ready_file is not None:
            write_ready_file(self._context.settings.ready_file, self._url)
        if self.started:
            print(f"control plane at {self._url}", flush=True)  # noqa: T201 - what a person waits for

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A second SIGINT forces the end. The base class would raise the signal again afterwards: here 0 is success."""
        self._context.stop_waiting()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def open_context(settings: Settings) -> Context:
    """The data directory, made when it is missing, with a migrated database and its keys. Raises: Unavailable when
    the database cannot be had."""
    sign_in = sign_in_of(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = _migrated(settings.store_url)
    keys = KeyRing.open(settings.keys_dir)
    recognise(database, keys)
    return Context(
        settings,
        database,
        keys,
        published=Wakeup(announcer(database, PUBLISHED)),
        commanded=Wakeup(announcer(database, COMMANDED)),
        sign_in=sign_in,
    )


def _migrated(url: str) -> Database:
    database = Database.open(url)
    try:
        upgrade(database)
    except DBAPIError as error:
        database.close()
        reason = (str(error.orig).strip().splitlines() or ["no reason told"])[0]
        raise Unavailable(f"the database cannot be used: {reason}; see --database-url and its server") from error
    return database


def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises: Unavailable when database or address cannot be had."""
    configure(logging.INFO, settings.log_format)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    context = open_context(settings)
    _announce_first_admin(context)
    instrumentation = Instrumentation(context)
    listener = _listen(settings)
    host, port = listener.getsockname()[:2]
    url = f"http://{host}:{port}"
    config = uvicorn.Config(
        instrumentation.around(create_app(context, instrumentation.meters)),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.shutdown_grace_s),
        lifespan="on",
    )
    wakes = {PUBLISHED: context.published.wake, COMMANDED: context.commanded.wake}
    try:
        with listening(context.database, wakes):
            Server(config, context, url).run(sockets=[listener])
    finally:
        instrumentation.stop()
        context.database.close()


def _announce_first_admin(context: Context) -> None:
    """First start: the admin token goes to the 0600 file that was asked for, else once to the standard output."""
    text = IdentityService(context).ensure_first_admin()
    if text is None:
        return
    target = context.settings.admin_token_file
    if target is not None:
        write_secret(target, text.encode())
        return
    print(f"first admin token (shown this once): {text}", file=sys.stdout, flush=True)  # noqa: T201 - asked for


def _listen(settings: Settings) -> socket.socket:
    try:
        listener = socket.create_server((settings.host, settings.port), backlog=512)
    except OSError as error:
        raise Unavailable(f"cannot listen at {settings.host}:{settings.port}: {error.strerror}") from error
    listener.set_inheritable(False)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited by what it accepts
    return listener
