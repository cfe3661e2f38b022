"""Two hosts with two gateway processes each that share one PostgreSQL: every host has a disk and a port of its own."""

from __future__ import annotations

import os
import random
import signal
import sys
from contextlib import suppress
from pathlib import Path

from controlplane.process import Process
from tests.e2e.stack import Stack, free_port

HOSTS = ("a", "b")
PROCESSES = 2


class GroupStack(Stack):
    """Like `Stack`, whose one gateway is replaced by the hosts of a group."""

    def __init__(
        self, folder: Path, workspace: Path, replacements: dict[str, str], secrets: dict[str, str], state_url: str
    ) -> None:
        super().__init__(folder, workspace, replacements, secrets)
        self.state_url = state_url
        self.ports |= {host: free_port() for host in HOSTS}
        self.hosts: dict[str, Process] = {}

    @property
    def url(self) -> str:
        return self.urls[0]

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{self.ports[host]}" for host in HOSTS]

    @property
    def kept_by(self) -> list[str]:
        return ["--state-url", self.state_url]

    def enrol(self) -> None:
        for host in HOSTS:
            answer = self.api.post("/enrolments", json={"name": host, "group": "north"}).raise_for_status()
            (self.folder / f"enrolment-{host}").write_text(answer.json()["token"])

    def start_gateway(self, ready: bool = True) -> None:
        for host in HOSTS:
            self.start_host(host, ready=False)
        for process in self.hosts.values():
            process.wait_ready(60)

    def start_host(self, host: str, ready: bool = True) -> None:
        argv = [sys.executable, "-m", "gateway", "--state-dir", str(self.folder / host), *self.kept_by]
        argv += ["--processes", str(PROCESSES), "--control-plane", self.control_url, "--port", str(self.ports[host])]
        argv += ["--enrolment-token-file", str(self.folder / f"enrolment-{host}"), "--secrets", str(self.secrets)]
        self.hosts[host] = self._start(host, argv, ready)

    def kill_host(self, host: str) -> None:
        """All its processes at once."""
        os.killpg(self.hosts[host].pid, signal.SIGKILL)
        self.hosts[host].kill()

    def children(self, host: str) -> list[int]:
        pid = self.hosts[host].pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def strike(self, chance: random.Random) -> None:
        """Kill a process, which its supervisor starts again, or a whole host, which is started again at once."""
        host = chance.choice(HOSTS)
        if chance.random() < 0.3:
            self.kill_host(host)
            self.start_host(host)
            return
        with suppress(ProcessLookupError, IndexError):
            os.kill(chance.choice(self.children(host)), signal.SIGKILL)

    def stop(self) -> None:
        for process in self.hosts.values():
            process.stop(grace_s=10)
        super().stop()
