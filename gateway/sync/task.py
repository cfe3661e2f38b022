"""Keeps a step going for as long as the process lives: with pauses, through outages, through its own failures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from catalog.errors import Unauthorized, Unavailable
from gateway.backoff import Backoff

log = logging.getLogger(__name__)

Step = Callable[[], Awaitable[float]]


async def keep(name: str, step: Step, backoff: Backoff | None = None) -> None:
    """Do `step` again and again, after the seconds that it returns; ends only when it is cancelled."""
    backoff = backoff or Backoff()
    while True:
        try:
            pause_s = await step()
            if backoff.tries:
                log.info("%s goes on after %d failed tries", name, backoff.tries)
            backoff.reset()
        except (Unavailable, Unauthorized) as error:
            if backoff.tries == 0:
                log.warning("%s pauses: %s", name, error)
            pause_s = backoff.next_s()
        except Exception:
            log.exception("%s failed and will be tried again", name)
            pause_s = backoff.next_s()
        await asyncio.sleep(pause_s)
