"""Long work tells how far it is: on a terminal as it goes, elsewhere now and then, never in the result."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from controlplane.cli.progress import LINE_EVERY_S, progress
from tests.controlplane.cli.conftest import REPOSITORY
from tests.controlplane.cli.test_program import write
from tests.controlplane.workspace import workspace


def test_without_a_terminal_a_line_now_and_then(capsys) -> None:
    """Nothing for what is short; standard output stays the result's."""
    times = iter([0.0, 1.0, LINE_EVERY_S, LINE_EVERY_S, LINE_EVERY_S + 1])
    with progress("checking entries", 30, lambda: next(times)) as step:
        step(10)
        step(10)
        step(10)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "checking entries: 20 of 30\n")


def test_on_a_terminal_it_is_shown_and_wiped_and_the_result_can_still_be_piped(server, tmp_path: Path) -> None:
    """Standard error is a real terminal, standard output a pipe: the pipe holds the result alone."""
    process, token = server
    write(tmp_path / "w", workspace())
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "WAYBILL_URL": process.url, "WAYBILL_TOKEN": token}
    result = subprocess.run(
        [sys.executable, "-m", "controlplane", "plan", "w"],
        cwd=tmp_path,
        env={**environment, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        timeout=60,
    )
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert result.returncode == 0 and result.stdout.splitlines()[-1].startswith("`waybill apply` would publish")
    assert "comparing" in shown and "comparing" not in result.stdout
