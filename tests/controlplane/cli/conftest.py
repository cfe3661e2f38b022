"""The command line as a process, and a control plane to talk to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controlplane.process import Process

REPOSITORY = Path(__file__).parents[3]
Command = Callable[..., subprocess.CompletedProcess[str]]


def run_waybill(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WAYBILL_")}
    return subprocess.run(
        [sys.executable, "-m", "controlplane", *arguments],
        cwd=cwd,
        env={**clean, "PYTHONPATH": str(REPOSITORY), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def start_control_plane(directory: Path, **env: str) -> Process:
    """`waybill serve` with its data below `directory`."""
    argv = [sys.executable, "-m", "controlplane", "serve", "--data-dir", str(directory / "data")]
    ready_file = directory / "ready.json"
    argv += ["--ready-file", str(ready_file), "--admin-token-file", str(directory / "admin-token")]
    return Process.start("control plane", argv, directory / "serve.log", ready_file, env).wait_ready(60)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[tuple[Process, str]]:
    """A control plane as a process and its admin token."""
    directory = tmp_path_factory.mktemp("control-plane")
    process = start_control_plane(directory)
    try:
        yield process, (directory / "admin-token").read_text()
    finally:
        process.stop()


@pytest.fixture
def waybill(server, tmp_path: Path) -> Command:
    """Runs a command against the module's control plane, in a directory of its own."""

    def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        process, token = server
        return run_waybill(*arguments, cwd=tmp_path, **{"WAYBILL_URL": process.url, "WAYBILL_TOKEN": token, **env})

    return run
