"""Starts and ends the systems of the network as processes, each with its ready-file and log in the run directory."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

from controlplane.process import Process
from controlplane.simulation.workspace import STATIONS, Station


class Fleet:
    """The systems of one run directory:

    `ready/systems/NAME.json`, `systems/NAME.ndjson` (their own logs), `log/NAME.log` (what they print),
    `keys/NAME.json` (credentials, read at the first call), `systems.secret` (what callers must present).
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._processes: dict[str, Process] = {}

    def start(self) -> dict[str, str]:
        """All systems; their addresses by name. Raises: Unavailable."""
        for station in STATIONS:
            ready_file = self._run_dir / f"ready/systems/{station.name}.json"
            log_path = self._run_dir / f"log/{station.name}.log"
            self._processes[station.name] = Process.start(station.name, self._argv(station), log_path, ready_file)
        return {name: process.wait_ready().url for name, process in self._processes.items()}

    @property
    def processes(self) -> tuple[Process, ...]:
        return tuple(self._processes.values())

    def stop(self) -> None:
        """Wake whatever a fault left standing, then end all."""
        for process in self._processes.values():
            if process.is_running:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGCONT)
        for process in self._processes.values():
            process.stop()

    def _argv(self, station: Station) -> list[str]:
        run_dir = self._run_dir
        argv = [sys.executable, "-m", "controlplane.simulation.system", station.kind, "--name", station.name]
        argv += ["--ready-file", str(run_dir / f"ready/systems/{station.name}.json")]
        argv += ["--log", str(run_dir / f"systems/{station.name}.ndjson")]
        argv += ["--gateway-file", str(run_dir / "ready/gateway.json")]
        argv += ["--secret-file", str(run_dir / "systems.secret")]
        argv += ["--pace-s", str(station.pace_s)]
        if station.entity != "*":
            return [*argv, "--entity", station.entity]
        return [*argv, "--key-file", str(run_dir / f"keys/{station.name}.json")]
