"""A control plane and a gateway as real processes over a workspace, for tests that need the whole thing."""

from __future__ import annotations

import json
import random
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from controlplane.process import Process

WAYBILL = str(Path(sys.executable).parent / "waybill")
READY_S = 30


class Stack:
    """Started with `start()`; every process is ended by its pid in `stop()`. Both keep their ports over restarts."""

    def __init__(self, folder: Path, workspace: Path, replacements: dict[str, str], secrets: dict[str, str]) -> None:
        self.folder = folder
        self.files = {
            str(path.relative_to(workspace)): _replaced(path.read_text(), replacements)
            for path in sorted(workspace.rglob("*"))
            if path.is_file()
        }
        self.secrets = folder / "secrets.json"
        folder.mkdir(parents=True, exist_ok=True)
        self.secrets.touch(0o600)
        self.secrets.write_text(json.dumps(secrets))
        self.ports = {"control": free_port(), "gateway": free_port()}
        self.control: Process | None = None
        self.gateway: Process | None = None
        self.clients: list[httpx.Client] = []

    def start(self) -> Stack:
        self.start_control()
        self.token = (self.folder / "admin-token").read_text().strip()
        self.api = httpx.Client(
            base_url=f"{self.control_url}/api/v1", headers={"authorization": f"Bearer {self.token}"}, timeout=30
        )
        self.clients.append(self.api)
        self.apply()
        self.enrol()
        self.start_gateway()
        return self

    def enrol(self) -> None:
        """Have a token with which the gateway enrols."""
        enrolment = self.api.post("/enrolments", json={"name": "gw"}).raise_for_status().json()["token"]
        (self.folder / "enrolment").write_text(enrolment)

    @property
    def control_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['control']}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['gateway']}"

    @property
    def urls(self) -> list[str]:
        """Where the gateways of the stack can be called."""
        return [self.url]

    @property
    def kept_by(self) -> list[str]:
        """Options of the gateway's commands that name its state."""
        return ["--state-dir", str(self.folder / "gateway")]

    def strike(self, chance: random.Random) -> None:
        """Kill what can be killed of the gateway, at once, and have it started again."""
        assert self.gateway is not None
        self.gateway.kill()
        self.start_gateway()

    def start_control(self) -> None:
        argv = [WAYBILL, "serve", "--data-dir", str(self.folder / "control"), "--port", str(self.ports["control"])]
        argv += ["--admin-token-file", str(self.folder / "admin-token")]
        self.control = self._start("control", argv)

    def start_gateway(self, ready: bool = True) -> None:
        argv = [sys.executable, "-m", "gateway", "--state-dir", str(self.folder / "gateway")]
        argv += ["--control-plane", self.control_url, "--name", "gw", "--port", str(self.ports["gateway"])]
        argv += ["--enrolment-token-file", str(self.folder / "enrolment"), "--secrets", str(self.secrets)]
        self.gateway = self._start("gateway", argv, ready)

    def _start(self, name: str, argv: list[str], ready: bool = True) -> Process:
        ready_file = self.folder / f"{name}.ready.json"
        argv = [*argv, "--ready-file", str(ready_file)]
        process = Process.start(name, argv, self.folder / f"{name}.log", ready_file)
        if ready:
            process.wait_ready(READY_S)
        return process

    def apply(self) -> dict[str, Any]:
        answer = self.api.post("/workspace/apply", json={"files": self.files})
        assert answer.is_success, answer.text
        return answer.json()

    def key(self, consumer: str) -> str:
        """Issue an API key and wait until the gateway knows it."""
        answer = self.api.post(f"/consumers/{consumer}/keys", json={})
        assert answer.is_success, answer.text
        self.wait_synced()
        return answer.json()["key"]

    def client(self, key: str, **options: Any) -> httpx.Client:
        client = httpx.Client(base_url=self.url, headers={"x-api-key": key}, timeout=30, **options)
        self.clients.append(client)
        return client

    def items(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        """The list at `path` of the control plane's API."""
        answer = self.api.get(path, params=parameters)
        assert answer.is_success, answer.text
        document = answer.json()
        return document["items"] if isinstance(document, dict) else document

    def wait_synced(self) -> None:
        """Until the gateway runs the newest generation."""
        until(self._is_synced, "the gateway runs the newest snapshot")

    def _is_synced(self) -> bool:
        newest = self.api.post("/workspace/plan", json={"files": self.files}).json()["generation"]
        return all(item["generation"] == newest for item in self.items("/gateways"))

    def exported(self) -> list[dict[str, Any]]:
        """All entries of the gateway's own streams, also of a dead gateway."""
        argv = [sys.executable, "-m", "gateway", "export", *self.kept_by]
        result = subprocess.run(argv, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def written(self) -> dict[str, int]:
        """Last number of each stream that the gateway wrote, every chain checked."""
        argv = [sys.executable, "-m", "gateway", "verify", *self.kept_by]
        result = subprocess.run(argv, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
        found = re.findall(r"^(.+): whole, entries 1 to (\d+),", result.stdout, re.MULTILINE)
        return {name: int(last) for name, last in found}

    def stop(self) -> None:
        for client in self.clients:
            client.close()
        for process in (self.gateway, self.control):
            if process is not None:
                process.stop()


def until(condition: Any, what: str, timeout_s: float = 30) -> Any:
    """Wait until `condition()` is true and return its value; fails with `what` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout_s} s: {what}")


def _replaced(text: str, replacements: dict[str, str]) -> str:
    for name, value in replacements.items():
        text = text.replace("{" + name + "}", value)
    return text


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
