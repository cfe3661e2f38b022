"""Children: ready when they say so, their end is bounded, their words are kept."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from catalog.errors import Unavailable
from controlplane.process import Process, write_ready_file

READY = """
import sys
from pathlib import Path
from controlplane.process import write_ready_file
import time
print("listening", flush=True)
write_ready_file(Path(sys.argv[1]), "http://127.0.0.1:1")
time.sleep(60)
"""
STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)"


def start(tmp_path: Path, code: str, ready: bool = True) -> Process:
    ready_file = tmp_path / "run" / "ready.json" if ready else None
    argv = [sys.executable, "-c", code, *([str(ready_file)] if ready else [])]
    return Process.start("child", argv, tmp_path / "log" / "child.log", ready_file, {"PYTHONPATH": str(Path.cwd())})


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_it_is_ready_when_its_file_says_so(tmp_path: Path) -> None:
    """A file left by an earlier life does not count."""
    write_ready_file(tmp_path / "run" / "ready.json", "http://127.0.0.1:9")
    child = start(tmp_path, READY)
    with pytest.raises(Unavailable):
        _ = child.url
    assert child.wait_ready(30).url == "http://127.0.0.1:1"
    assert child.is_running and "listening" in child.log_tail()
    assert child.stop() == -15 and is_gone(child.pid)
    assert child.stop() == -15


def test_a_child_that_dies_is_reported_with_its_last_words(tmp_path: Path) -> None:
    child = start(tmp_path, "raise SystemExit('no disk')")
    with pytest.raises(Unavailable, match=r"ended with status 1:\nno disk"):
        child.wait_ready(30)


def test_last_words_are_its_own(tmp_path: Path) -> None:
    """The log is kept over restarts; an earlier run's words are not taken for this one's."""
    for words in ("first words", "second words"):
        with pytest.raises(Unavailable) as caught:
            start(tmp_path, f"raise SystemExit('{words}')").wait_ready(30)
        assert str(caught.value).endswith(f"status 1:\n{words}")
    assert "first words" in (tmp_path / "log" / "child.log").read_text()


def test_a_child_that_is_never_ready_is_reported(tmp_path: Path) -> None:
    child = start(tmp_path, "import time; time.sleep(60)")
    with pytest.raises(Unavailable, match=r"not ready within 0\.3 s"):
        child.wait_ready(0.3)
    assert child.kill() == -9


def test_a_child_that_ignores_sigterm_is_killed_in_time(tmp_path: Path) -> None:
    child = start(tmp_path, STUBBORN, ready=False).wait_ready()
    while "up" not in child.log_tail():
        time.sleep(0.05)
    started = time.monotonic()
    assert child.stop(grace_s=0.3) == -9 and is_gone(child.pid)
    assert time.monotonic() - started < 5


def test_a_program_that_does_not_exist_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be started"):
        Process.start("ghost", ["/no/such/program"], tmp_path / "log")
