"""Starts a server as a child process, waits for its ready-file, and ends it by pid within a bounded time."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from catalog.errors import Unavailable

POLL_S = 0.05
TAIL_BYTES = 2_000
PR_SET_PDEATHSIG = 1  # linux/prctl.h
#: what ends a command and its children in order; SIGHUP: the terminal was closed
END_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Process:
    """A child process that writes `{"url", "pid"}` to its ready-file once it listens.

    The child leads a session of its own, so that Ctrl-C at the terminal reaches only the parent, which then ends its
    children in order. On Linux it gets SIGTERM when the thread that started it ends, so that a killed parent leaves
    nothing behind: start children from the main thread. Its output is added to `log_path`.
    """

    def __init__(
        self, name: str, child: subprocess.Popen[bytes], log_path: Path, ready_file: Path | None, log_start: int = 0
    ) -> None:
        self.name = name
        self.log_path = log_path
        self._child = child
        self._log_start = log_start  # what lies before it in the log was written by earlier processes
        self._ready_file = ready_file
        self._url: str | None = None

    @classmethod
    def start(
        cls,
        name: str,
        argv: Sequence[str],
        log_path: Path,
        ready_file: Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Process:
        """Start `argv`; `env` is added to this process's environment. A stale ready-file is removed first.

        Raises: Unavailable when the program cannot be started.
        """
        log_path.parent.mkdir(parents=True, exist_ok=True)
        if ready_file is not None:
            ready_file.parent.mkdir(parents=True, exist_ok=True)
            ready_file.unlink(missing_ok=True)
        try:
            with log_path.open("ab") as log:
                log_start = log.tell()
                child = subprocess.Popen(  # noqa: S603 - the caller names the program, no shell is involved
                    list(argv),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(env or {})},
                    cwd=cwd,
                    start_new_session=True,
                    preexec_fn=_bound_to(os.getpid()),  # one system call, its library loaded before the fork
                )
        except OSError as error:
            raise Unavailable(f"{name} cannot be started: {error}") from error
        return cls(name, child, log_path, ready_file, log_start)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def url(self) -> str:
        """Address from the ready-file. Raises: Unavailable before `wait_ready`."""
        if self._url is None:
            raise Unavailable(f"{self.name} is not ready")
        return self._url

    @property
    def returncode(self) -> int | None:
        """None while the process runs."""
        return self._child.poll()

    @property
    def is_running(self) -> bool:
        return self.returncode is None

    def wait_ready(self, timeout_s: float = 30.0) -> Process:
        """Wait for the ready-file. Raises: Unavailable with the end of the log when the process ends or is late."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._read_ready_file():
                return self
            if not self.is_running:
                raise Unavailable(f"{self.name} ended with status {self.returncode}:\n{self.log_tail()}")
            time.sleep(POLL_S)
        raise Unavailable(f"{self.name} was not ready within {timeout_s:g} s:\n{self.log_tail()}")

    def log_tail(self) -> str:
        """The last lines that this process wrote."""
        with self.log_path.open("rb") as log:
            log.seek(max(self._log_start, self.log_path.stat().st_size - TAIL_BYTES))
            return log.read().decode(errors="replace").strip()

    def stop(self, grace_s: float = 6.0) -> int:
        """SIGTERM, and SIGKILL when that did not end it within `grace_s`. Returns the exit status."""
        if self.is_running:
            self._child.send_signal(signal.SIGTERM)
            try:
                return self._child.wait(grace_s)
            except subprocess.TimeoutExpired:
                self.kill()
        return self._child.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens when it has ended."""
        self._child.send_signal(number)

    def kill(self) -> int:
        """SIGKILL at once. Returns the exit status."""
        if self.is_running:
            self._child.kill()
        return self._child.wait()

    def _read_ready_file(self) -> bool:
        if self._ready_file is None:
            return True
        try:
            ready = json.loads(self._ready_file.read_bytes())
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        self._url = str(ready["url"])
        return True


def write_ready_file(path: Path, url: str, pid: int | None = None) -> None:
    """Tell whoever waits that this process (or `pid`) listens at `url`: written whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps({"url": url, "pid": pid or os.getpid()}))
    draft.replace(path)


def raise_on_end() -> None:
    """From now on END_SIGNALS raise KeyboardInterrupt in the main thread: what is open is closed on the way out.

    SIGINT too, since shells start background jobs with it ignored; SIGHUP stays ignored where `nohup` has it ignored.
    """
    for number in END_SIGNALS:
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def ignore_end() -> None:
    """From now on END_SIGNALS do nothing: an end that is bounded anyway shall not be cut short."""
    for number in END_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(_: int, __: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _bound_to(parent: int) -> Callable[[], None] | None:
    """What a child does between fork and exec so that it ends with process `parent`; None where only Linux can.

    Source: prctl(2). The parent may have ended before the call: then nobody would send the signal any more.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def bind() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return bind
