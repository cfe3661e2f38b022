"""Calls that a system owes to others: made in the background, repeated with the same key until they are answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from controlplane.simulation.caller import Call, Caller, Reply

#: statuses that a later attempt may mend: the other system does not know the document it is about yet
EARLY: frozenset[int] = frozenset({404, 422})
ROUNDS = 12
PAUSE_FIRST_S, PAUSE_MOST_S = 0.25, 2.0


class Outbox:
    """Background work of one system, counted so that a drain knows when it is over."""

    def __init__(self, connect: Callable[[], Caller]) -> None:
        """`connect` is asked at the first call: a system runs before the gateway does."""
        self._connect = connect
        self._caller: Caller | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def owe(self, call: Call, then: Callable[[Reply], Awaitable[None] | None] | None = None) -> None:
        """Make the call in the background; `then` gets its final answer."""
        self.run(self._deliver(call, then))

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Any other background work, counted alike."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logging.getLogger(__name__).error("background work failed", exc_info=error)

    async def close(self) -> None:
        """Drop what is still owed, as a process that is told to stop does."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._caller is not None:
            await self._caller.close()

    async def _deliver(self, call: Call, then: Callable[[Reply], Awaitable[None] | None] | None) -> None:
        reply = await self.deliver(call)
        outcome = then(reply) if then else None
        if outcome is not None:
            await outcome

    async def deliver(self, call: Call) -> Reply:
        """The call's final answer; what comes too early is repeated a bounded number of times."""
        if self._caller is None:
            self._caller = self._connect()
        call = call._replace(expect=(*call.expect, *sorted(EARLY)))
        for round_ in range(ROUNDS):
            reply = await self._caller.call(call)
            if reply.status not in EARLY:
                return reply
            await asyncio.sleep(min(PAUSE_MOST_S, PAUSE_FIRST_S * 2**round_))
        return reply
