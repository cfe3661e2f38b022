"""Several gateway processes behind one port: binds it once, forks a child per slot, starts again what died.

The data plane is loaded before the forks, so that children share its memory; each makes its own loop, connections and
threads. A child learns that its supervisor is gone by the end of a pipe that only the supervisor can write to.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from catalog.errors import Unavailable
from gateway.admission import admitted
from gateway.backoff import Backoff
from gateway.server import bind
from gateway.settings import Settings
from gateway.sibling import Together

log = logging.getLogger(__name__)

GRACE_S = 6.0  # a child takes five seconds at most to stop in order
SETTLED_S = 30.0  # a child that lived for so long may die again without a longer pause
MOST_FAILURES = 8  # of a process that was never ready, one after the other: a quarter of a minute, more or less
BAD_INPUT = 2  # exit status that no further try can mend

_END = (signal.SIGTERM, signal.SIGINT)


class Inherited(NamedTuple):
    """What a child gets from its supervisor."""

    listener: socket.socket
    lifeline: int  # descriptor that becomes readable when the supervisor is gone
    ready: Callable[[str], None]  # to be called with the URL once calls are answered
    together: Together | None = None  # the processes behind the port, when there are several


class _Child:
    """The process of one slot, dead or alive."""

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.pid = 0  # 0: not running
        self.ready = -1  # descriptor that tells the URL; -1: told already
        self.url = ""
        self.started_s = 0.0
        self.start_at_s = 0.0  # monotonic
        self.backoff = Backoff(base_s=0.1, cap_s=10.0)


class Supervisor:
    """`serve(slot, inherited)` is what a child does; its result is the exit status. `on_ready(url)` is called once all
    children are ready."""

    def __init__(
        self,
        listener: socket.socket,
        slots: range,
        serve: Callable[[int, Inherited], int],
        on_ready: Callable[[str], None],
        together: Together | None = None,
    ) -> None:
        self._listener = listener
        self._together = together
        self._children = [_Child(slot) for slot in slots]
        self._serve = serve
        self._on_ready: Callable[[str], None] | None = on_ready
        self._selector = selectors.DefaultSelector()
        self._lifeline = os.pipe()
        self._is_ending = False
        self._status = 0

    def run(self) -> int:
        """Until SIGTERM or SIGINT, or until a child that was never ready finds its input bad or fails too often.
        Returns the exit status."""
        receiver, sender = socket.socketpair()
        with receiver, sender:
            sender.setblocking(False)
            receiver.setblocking(False)
            before = {number: signal.signal(number, _noted) for number in (*_END, signal.SIGCHLD)}
            previous = signal.set_wakeup_fd(sender.fileno())
            self._selector.register(receiver, selectors.EVENT_READ)
            try:
                while not self._is_ending:
                    self._start_due()
                    self._wait(receiver)
                return self._status
            finally:
                self._stop()
                signal.set_wakeup_fd(previous)
                for number, handler in before.items():
                    signal.signal(number, handler)

    def _start_due(self) -> None:
        now_s = time.monotonic()
        for child in self._children:
            if not child.pid and child.start_at_s <= now_s:
                self._start(child)

    def _start(self, child: _Child) -> None:
        told, tell = os.pipe()
        child.started_s = time.monotonic()
        child.pid = os.fork()
        if child.pid == 0:
            os._exit(self._become(child, tell))
        os.close(tell)
        child.ready = told
        self._selector.register(told, selectors.EVENT_READ, child)

    def _become(self, child: _Child, tell: int) -> int:
        """In the child. Nothing of the supervisor's is touched again."""
        signal.set_wakeup_fd(-1)
        for number in _END:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self._lifeline[1])

        def ready(url: str) -> None:
            os.write(tell, url.encode())
            os.close(tell)

        try:
            return self._serve(child.slot, Inherited(self._listener, self._lifeline[0], ready, self._together))
        except BaseException:
            log.exception("process of slot %d failed", child.slot)
            return 1

    def _wait(self, receiver: socket.socket) -> None:
        """Until something happens or a child is due again."""
        due_s = [child.start_at_s for child in self._children if not child.pid]
        timeout_s = max(0.0, min(due_s) - time.monotonic()) if due_s else None
        for key, _ in self._selector.select(timeout_s):
            if key.data is not None:
                self._hear(key.data)
            elif any(number in _END for number in receiver.recv(4096)):
                self._is_ending = True
        self._bury()

    def _hear(self, child: _Child) -> None:
        url = os.read(child.ready, 4096).decode()
        self._close_pipe(child)
        child.url = url or child.url
        if self._on_ready is not None and all(each.url for each in self._children):
            self._on_ready(child.url)
            self._on_ready = None

    def _bury(self) -> None:
        """Note which children have ended; they start again after a pause."""
        for child in self._children:
            if not child.pid:
                continue
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if not pid:
                continue
            code = os.waitstatus_to_exitcode(status)
            self._close_pipe(child)
            child.pid = 0
            if not self._is_ending and not child.url:
                self._judge(child, code)
            if time.monotonic() - child.started_s > SETTLED_S:
                child.backoff.reset()
            child.start_at_s = time.monotonic() + child.backoff.next_s()
            if not self._is_ending:
                log.error("process of slot %d ended with status %d and is started again", child.slot, code)

    def _judge(self, child: _Child, code: int) -> None:
        """A process that was never ready: whether another try may help. One that was is tried for ever."""
        if code == BAD_INPUT:
            self._is_ending, self._status = True, BAD_INPUT
        elif child.backoff.tries + 1 >= MOST_FAILURES:
            log.error("process of slot %d failed %d times and was never ready: giving up", child.slot, MOST_FAILURES)
            self._is_ending, self._status = True, 1

    def _close_pipe(self, child: _Child) -> None:
        if child.ready >= 0:
            self._selector.unregister(child.ready)
            os.close(child.ready)
            child.ready = -1

    def _stop(self) -> None:
        """SIGTERM to all, SIGKILL to who does not end in time."""
        deadline_s = time.monotonic() + GRACE_S
        self._is_ending = True
        self._signal(signal.SIGTERM)
        while any(child.pid for child in self._children) and time.monotonic() < deadline_s:
            time.sleep(0.02)
            self._bury()
        self._signal(signal.SIGKILL)
        for child in self._children:
            if child.pid:
                os.waitpid(child.pid, 0)
        for descriptor in self._lifeline:
            os.close(descriptor)
        self._selector.close()

    def _signal(self, number: signal.Signals) -> None:
        for child in self._children:
            if child.pid:
                os.kill(child.pid, number)


def supervise(settings: Settings, serve: Callable[[int, Inherited], int], on_ready: Callable[[str], None]) -> int:
    """Enrol, bind, and run a process for each slot. Raises: Invalid, Unauthorized; Unavailable when the address is
    taken."""
    if asyncio.run(admitted(settings)) is None:
        return 0
    slots = range(settings.slot, settings.slot + settings.processes)
    with _bound(settings.host, settings.port) as listener, TemporaryDirectory(prefix="waybill-") as directory:
        together = Together(Path(directory), slots) if len(slots) > 1 else None
        return Supervisor(listener, slots, serve, on_ready, together).run()


def _bound(host: str, port: int) -> socket.socket:
    """A listening socket; children of a supervisor that was killed may still hold the address for a moment."""
    deadline_s = time.monotonic() + GRACE_S
    while True:
        try:
            return bind(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline_s:
                raise Unavailable(f"cannot listen at {host}:{port}: {error.strerror}") from error
        time.sleep(0.1)


def slot_dir(state_dir: Path, slot: int) -> Path:
    """Where a process keeps what is its own: the first one in the state directory itself."""
    return state_dir / f"slot-{slot}" if slot else state_dir


def _noted(*_: object) -> None:
    """The wake-up descriptor tells the number."""
