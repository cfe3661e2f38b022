"""What is started on one's behalf ends with what started it, also when that is killed or its terminal closed."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest

from controlplane.process import Process
from tests.controlplane.cli.conftest import REPOSITORY, run_waybill

ENDED_S = 10.0
STARTED_S = 90.0
COMMANDS = {
    "up": ("up", "--workspace", "net"),
    "demo": ("demo", "--run-dir", "run", "--rate", "5"),
    "demo for a while": ("demo", "--run-dir", "run", "--rate", "5", "--duration", "60", "--no-dashboards"),
}
#: each command and each signal, not each pair: a demo takes its time to start
ENDS = [
    ("up", signal.SIGKILL),
    ("up", signal.SIGHUP),
    ("demo", signal.SIGKILL),
    ("demo for a while", signal.SIGHUP),
]
LAST_STARTED = {"up": "running until Ctrl-C", "demo": "running for ", "demo for a while": "running for "}

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")


def descendants(pid: int) -> set[int]:
    """Children of `pid` and theirs."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, new = set[int](), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new}
        found |= new
    return found


def is_running(pid: int) -> bool:
    """Whether `pid` runs; what has ended and waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def start(command: str, cwd: Path) -> tuple[Process, set[int]]:
    """The command once everything runs, and all that it started."""
    if command == "up":
        assert run_waybill("init", "net", cwd=cwd).returncode == 0
    argv = [sys.executable, "-m", "controlplane", *COMMANDS[command]]
    process = Process.start(command, argv, cwd / "command.log", env={"PYTHONPATH": str(REPOSITORY)}, cwd=cwd)
    deadline = time.monotonic() + STARTED_S
    while LAST_STARTED[command] not in process.log_path.read_text():
        assert process.is_running and time.monotonic() < deadline, process.log_tail()
        time.sleep(0.1)
    time.sleep(1.0)
    return process, descendants(process.pid)


@linux
@pytest.mark.parametrize(("command", "number"), ENDS, ids=lambda value: getattr(value, "name", value))
def test_nothing_outlives_its_command(command: str, number: signal.Signals, tmp_path: Path) -> None:
    """Control plane, gateway, pages, systems and driver are gone within seconds."""
    process, started = start(command, tmp_path)
    try:
        assert len(started) >= (2 if command == "up" else 8)
        process.signal(number)
        deadline = time.monotonic() + ENDED_S
        while left := [pid for pid in (process.pid, *started) if process.is_running or is_running(pid)]:
            assert time.monotonic() < deadline, left
            time.sleep(0.1)
    finally:
        process.kill()
    if number is signal.SIGHUP:
        assert "Traceback" not in process.log_tail()


def test_what_is_left_all_the_same_is_named(tmp_path: Path) -> None:
    """Two control planes must not share one database: the next `up` says which processes to end."""
    assert run_waybill("init", "net", cwd=tmp_path).returncode == 0
    state = (tmp_path / "net" / ".waybill").resolve()
    code = "import sys, time; from controlplane.process import write_ready_file as w; from pathlib import Path\n"
    code += "w(Path(sys.argv[1]), 'http://127.0.0.1:1'); time.sleep(120)"
    left = []
    try:
        for name in ("control-plane", "gateway"):
            ready = state / f"{name}.ready.json"
            env = {"PYTHONPATH": str(REPOSITORY)}
            left.append(Process.start(name, [sys.executable, "-c", code, str(ready)], tmp_path / "log", ready, env))
        for process in left:
            process.wait_ready(30)
        result = run_waybill("up", "--workspace", "net", cwd=tmp_path)
        assert result.returncode == 1
        assert f"kill {left[0].pid} {left[1].pid}" in result.stderr
    finally:
        for process in left:
            process.kill()
