"""Before anything runs: who this gateway is, by what its state directory holds or by its one-time token."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from catalog.errors import Invalid, Unavailable
from gateway.backoff import Backoff
from gateway.settings import Settings
from gateway.sync import enrolment
from gateway.sync.client import ControlPlane
from gateway.sync.enrolment import Enrolment

log = logging.getLogger(__name__)

T = TypeVar("T")


async def admitted(settings: Settings) -> Enrolment | None:
    """Who this gateway is; None when SIGTERM or SIGINT came first. Raises: Invalid, Unauthorized."""
    stop = asyncio.Event()
    with stopping(stop):
        return await until(stop, enrolled(settings))


async def enrolled(settings: Settings) -> Enrolment:
    """What the state directory holds, else by the one-time token, waiting for a control plane that is away."""
    found = enrolment.load(settings.state_dir)
    if found is not None:
        return found
    token = settings.token
    if not token:
        raise Invalid(
            f"{settings.state_dir} has not enrolled yet: --enrolment-token or --enrolment-token-file is needed "
            "(`waybill gateway token` makes one)"
        )
    backoff = Backoff()
    client = ControlPlane(settings.control_plane)
    try:
        while True:
            try:
                return await enrolment.enrol(client, settings.state_dir, token, settings.name)
            except Unavailable as error:
                log.warning("not enrolled yet: %s", error)
                await asyncio.sleep(backoff.next_s())
    finally:
        await client.close()


async def until(stop: asyncio.Event, coroutine: Coroutine[Any, Any, T]) -> T | None:
    """The coroutine's result; None when `stop` came first."""
    work = asyncio.create_task(coroutine)
    waiting = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else None
    finally:
        work.cancel()
        waiting.cancel()


@contextmanager
def stopping(stop: asyncio.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set `stop` instead of ending the process."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
