"""The whole network on one machine: control plane, gateway, systems, clients and pages, started in the order of need.

Run directory: `workspace/` (as a person would keep it), `clients/ systems/ gateway/ controlplane.ndjson faults.ndjson
plan.json figures.json report.json` (the evidence), `ready/ log/ keys/ controlplane/ gateway-state/` (what it runs on).
Processes are started by `controlplane.process` and ended by pid, whatever happens.
"""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx
import yaml

import controlplane
from catalog.workspace import library_files, read_directory
from catalog.workspace import load as load_workspace
from controlplane.cli.client import Client
from controlplane.process import END_SIGNALS, Process
from controlplane.simulation.credential import ApiKey, new_signer, write_credential
from controlplane.simulation.driver.client import TREASURY
from controlplane.simulation.fleet import Fleet
from controlplane.simulation.history import Fed, feed, make_history
from controlplane.simulation.workspace import AUDIENCE, ISSUER, KEY_HOLDERS, SECRET, write_workspace

LIBRARY = "procure-to-pay"
RECEIPT_SLO = "library:slos/receipt-reaches-erp.yaml"
READY_S = 60.0
PAGE = 1000  # stream entries fetched at once


class Load(NamedTuple):
    """What the driver shall do. Without an end: segments of `duration_s`, one after the other."""

    seed: int
    duration_s: float
    rate_per_s: float
    is_endless: bool
    has_history: bool = True  # weeks of invented business before it


class Stores(NamedTuple):
    """PostgreSQL databases to run on, empty ones; "" is SQLite in the run directory."""

    database_url: str = ""
    state_url: str = ""


class Network:
    """A context manager: entering starts everything but the driver, leaving ends every process."""

    def __init__(self, run_dir: Path, has_dashboards: bool = False, stores: Stores = Stores()) -> None:  # noqa: B008
        self.run_dir = run_dir
        self._stores = stores
        self._has_dashboards = has_dashboards
        self._fleet = Fleet(run_dir)
        self._servers: list[Process] = []
        self._system_urls: dict[str, str] = {}
        self.gateway: Process | None = None
        self.driver: Process | None = None
        self.dashboards_url = ""
        self.left_out = ""  # what was asked for and is not there, in words

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def addresses(self) -> dict[str, str]:
        """Where everything listens, by name."""
        servers = {process.name: process.url for process in self._servers if process.name != "dashboards"}
        pages = {"dashboards": self.dashboards_url} if self.dashboards_url else {}
        return {**servers, **pages, **self._system_urls}

    @property
    def processes(self) -> tuple[Process, ...]:
        drivers = (self.driver,) if self.driver else ()
        return (*self._servers, *self._fleet.processes, *drivers)

    def client(self) -> Client:
        """The control plane's API, as administrator."""
        return Client(self._servers[0].url, self.admin_token)

    @property
    def admin_token(self) -> str:
        return (self.run_dir / "admin-token").read_text().strip()

    def backfill(self, seed: int, show: Callable[[int, int], None]) -> Fed:
        """Invented history up to now; `show` is told how many records of how many have arrived."""
        workspace = load_workspace(read_directory(self.run_dir / "workspace"))
        exchanges = make_history(workspace, seed, datetime.now(UTC))
        with self.client() as client:
            return feed(client, f"synthetic/1/seed-{seed}", exchanges, lambda count: show(count, len(exchanges)))

    def start_driver(self, load: Load) -> Process:
        run_dir = self.run_dir
        argv = ["-m", "controlplane.simulation.driver", "--seed", str(load.seed)]
        argv += ["--duration", str(load.duration_s), "--rate", str(load.rate_per_s)]
        argv += ["--endless"] if load.is_endless else []
        argv += ["--gateway-file", str(run_dir / "ready/gateway.json"), "--systems-dir", str(run_dir / "ready/systems")]
        argv += ["--key-dir", str(run_dir / "keys"), "--log-dir", str(run_dir / "clients")]
        argv += ["--fault-log", str(run_dir / "faults.ndjson"), "--plan-file", str(run_dir / "plan.json")]
        self.driver = Process.start("driver", [sys.executable, *argv], self._log("driver"))
        return self.driver

    def pending(self) -> int:
        """Calls that systems still owe each other."""
        answers = [httpx.get(f"{url}/-/status", timeout=10.0, trust_env=False) for url in self._system_urls.values()]
        return sum(int(answer.json()["pending"]) for answer in answers)

    def stop_clients(self) -> None:
        """End the driver and the systems: nobody calls any more, and their logs are closed."""
        if self.driver is not None:
            self.driver.stop(grace_s=20.0)
        self._fleet.stop()

    def stop(self) -> None:
        """End every process; done twice it does nothing more. A second Ctrl-C does not cut it short."""
        before = {number: signal.signal(number, signal.SIG_IGN) for number in END_SIGNALS}
        try:
            self.stop_clients()
            for process in reversed(self._servers):
                process.stop()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def gateway_streams(self) -> bytes:
        """All stream lines of the gateway, as its own export prints them."""
        state_url = self._stores.state_url
        kept = ["--state-url", state_url] if state_url else ["--state-dir", str(self.run_dir / "gateway-state")]
        argv = [sys.executable, "-m", "gateway", "export", *kept]
        done = subprocess.run(argv, capture_output=True, timeout=120, check=True)  # noqa: S603 - our own program
        return done.stdout

    def controlplane_streams(self) -> bytes:
        """All stream lines that came from gateways, as the control plane holds them, one stream after the other."""
        lines = b""
        with self.client() as client:
            listed = client.get("/streams")
            for stream in listed["items"] if isinstance(listed, dict) else listed:
                after = stream["last"] if stream["is_synthetic"] else 0
                while after < stream["last"]:
                    page = client.get_text("/streams/entries", stream=stream["stream"], after=after, limit=PAGE)
                    if not page:
                        break
                    lines += page
                    after += page.count(b"\n")
        return lines

    def _start(self) -> None:
        self.run_dir.mkdir(parents=True, exist_ok=True)
        secret = secrets.token_urlsafe(32)
        secret_file = self.run_dir / "systems.secret"
        secret_file.touch(mode=0o600)
        secret_file.write_text(secret)
        self._system_urls = self._fleet.start()
        signer, jwks = new_signer(ISSUER, AUDIENCE, TREASURY.name)
        write_credential(self.run_dir / f"keys/{TREASURY.name}.json", signer)
        slo = yaml.safe_load(library_files([LIBRARY])[RECEIPT_SLO])
        write_workspace(self.run_dir / "workspace", self._system_urls, jwks, slo)
        self._start_controlplane()
        with self.client() as client:
            self._publish(client)
            self._start_gateway(client, secret)
            if self._has_dashboards:
                self._start_dashboards(client)

    def _start_controlplane(self) -> None:
        token_file = self.run_dir / "admin-token"
        argv = ["-m", "controlplane", "serve", "--data-dir", str(self.run_dir / "controlplane"), "--port", "0"]
        argv += ["--admin-token-file", str(token_file)]
        self._serve("control plane", "controlplane", argv, {"WAYBILL_DATABASE_URL": self._stores.database_url})

    def _publish(self, client: Client) -> None:
        files = {path: data.decode() for path, data in read_directory(self.run_dir / "workspace").items()}
        client.post("/workspace/apply", {"files": files})
        for name in KEY_HOLDERS:
            key = client.post(f"/consumers/{name}/keys", {})["key"]
            write_credential(self.run_dir / f"keys/{name}.json", ApiKey(key))

    def _start_gateway(self, client: Client, secret: str) -> None:
        token_file = self.run_dir / "enrolment-token"
        token_file.touch(mode=0o600)
        token_file.write_text(client.post("/enrolments", {"name": "demo"})["token"])
        argv = ["-m", "gateway", "--state-dir", str(self.run_dir / "gateway-state"), "--slot", "0", "--port", "0"]
        argv += ["--control-plane", self._servers[0].url, "--enrolment-token-file", str(token_file), "--name", "demo"]
        environment = {f"WAYBILL_SECRET_{SECRET}": secret, "WAYBILL_GATEWAY_STATE_URL": self._stores.state_url}
        self.gateway = self._serve("gateway", "gateway", argv, environment)

    def _serve(self, name: str, file: str, argv: list[str], env: dict[str, str] | None = None) -> Process:
        ready_file = self.run_dir / f"ready/{file}.json"
        argv = [sys.executable, *argv, "--ready-file", str(ready_file)]
        process = Process.start(name, argv, self._log(file), ready_file, env)
        self._servers.append(process)
        return process.wait_ready(READY_S)

    def _start_dashboards(self, client: Client) -> None:
        """The pages, when Streamlit is installed; the demo goes on without them."""
        if importlib.util.find_spec("streamlit") is None:
            self.left_out = "dashboards left out: Streamlit is not installed (the extra `dashboards` brings it)"
            return
        token = client.post("/tokens", {"name": "demo pages", "role": "viewer"})["token"]
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        app = Path(controlplane.__file__).parents[1] / "dashboards/app.py"
        argv = [sys.executable, "-m", "streamlit", "run", str(app), "--server.address", "127.0.0.1"]
        argv += ["--server.port", str(port), "--server.headless", "true", "--browser.gatherUsageStats", "false"]
        env = {"WAYBILL_URL": self._servers[0].url, "WAYBILL_TOKEN": token}
        self._servers.append(Process.start("dashboards", argv, self._log("dashboards"), env=env))
        self.dashboards_url = f"http://127.0.0.1:{port}"

    def _log(self, name: str) -> Path:
        return self.run_dir / f"log/{name}.log"


def write_json(path: Path, content: Any) -> None:
    """Write a document of the run directory, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(content, indent=1, ensure_ascii=False))
    draft.replace(path)
