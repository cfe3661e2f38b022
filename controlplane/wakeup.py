"""Wakes long polls when something was committed.

A poll subscribes *before* it looks at the store, so that a commit between look and wait is never missed. `notify`
may be called from any thread; waiters live on event loops.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Wakeup:
    """One condition, any number of waiters. `announce` tells processes other than this one of each `notify`."""

    def __init__(self, announce: Callable[[], None] | None = None) -> None:
        self._announce = announce
        self._lock = threading.Lock()
        self._waiters: set[Ticket] = set()
        self._is_closed = False

    @contextmanager
    def subscribe(self) -> Iterator[Ticket]:
        ticket = Ticket(asyncio.get_running_loop())
        with self._lock:
            self._waiters.add(ticket)
            if self._is_closed:
                ticket.wake()
        try:
            yield ticket
        finally:
            with self._lock:
                self._waiters.discard(ticket)

    def notify(self) -> None:
        """Wake everybody who waits now, in other processes too."""
        if self._announce is not None:
            self._announce()
        self.wake()

    def wake(self) -> None:
        """Wake everybody who waits now in this process."""
        with self._lock:
            waiters = tuple(self._waiters)
        for ticket in waiters:
            ticket.wake()

    def close(self) -> None:
        """Wake everybody, and let nobody wait again: the server stops."""
        with self._lock:
            self._is_closed = True
        self.wake()

    @property
    def is_closed(self) -> bool:
        return self._is_closed


class Ticket:
    """One waiter's place."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._event = asyncio.Event()

    def wake(self) -> None:
        with suppress(RuntimeError):  # the waiter's loop has ended, so nobody waits
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, timeout_s: float) -> bool:
        """True when woken, False when the time passed. May be called again after a wake."""
        try:
            await asyncio.wait_for(self._event.wait(), timeout_s)
        except TimeoutError:
            return False
        self._event.clear()
        return True
