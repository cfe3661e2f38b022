"""The processes of one workspace on one machine, in the order in which they need one another."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx
import msgspec

from catalog.errors import Conflict, Unavailable
from controlplane.cli.client import Client, segment
from controlplane.cli.connection import STATE_DIR, Connection, save_connection
from controlplane.cli.output import say, say_table
from controlplane.cli.progress import progress
from controlplane.cli.sample import curl, sample_call
from controlplane.cli.sign_in import SignIn
from controlplane.cli.workspace import say_applied
from controlplane.keys import write_secret
from controlplane.process import Process, ignore_end, raise_on_end, write_ready_file

GATEWAY_NAME = "local"
READY_S = 60.0
READY_FILES = "*.ready.json"
SAMPLED = ("contract", "consumer", "entity", "system")
PLACEHOLDER = "base_url in systems/*.yaml is a placeholder until a system runs there: expect 502 upstream-unreachable"
LEFT_S = 10.0  # a killed `up` takes its children along within this time, where the platform can
PAGES = Path(__file__).parents[2] / "dashboards" / "app.py"
POLL_S = 0.3
PROBE_S = 1.0


class Options(msgspec.Struct, frozen=True):
    has_dashboards: bool = True
    port: int = 0
    gateway_port: int = 0
    secrets: Path | None = None
    database_url: str = ""
    state_url: str = ""
    sign_in: SignIn = SignIn()


class Stack:
    """Starts, describes, watches and ends the processes; a context manager that always ends them.

    `.waybill/` of the workspace holds: controlplane/ and gateway/ (state), log/, connection.json, keys.json and
    tokens (0600), addresses.json (where everything listened, to be asked for again).
    """

    def __init__(self, workspace: Path, options: Options) -> None:
        self._workspace = workspace
        self._state = workspace / STATE_DIR
        self._options = options
        self._processes: list[Process] = []
        self._addresses: dict[str, str] = self._read_json("addresses.json")
        self._keys: dict[str, str] = self._read_json("keys.json")
        self._new_keys: list[str] = []
        self._files: Mapping[str, str] = {}
        self._claimed = ExitStack()

    def __enter__(self) -> Stack:
        self._state.mkdir(mode=0o700, exist_ok=True)
        self._state.chmod(0o700)
        raise_on_end()
        return self

    def __exit__(self, *_: object) -> None:
        ignore_end()  # a second Ctrl-C must not cut it short
        for process in reversed(self._processes):
            process.stop()
        for ready_file in self._state.glob(READY_FILES):
            if self._processes:
                ready_file.unlink(missing_ok=True)
        self._claimed.close()

    def start(self, files: Mapping[str, str]) -> None:
        """Bring everything up and `files` in force. Raises: Conflict when the plan refuses them."""
        self._claim()
        self._files = files
        control = self._start_control_plane()
        with self._client(control.url) as client:
            say_applied(client.post("/workspace/apply", {"files": dict(files)}))
            self._issue_keys(client)
            self._start_gateway(control.url, client)
            if self._options.has_dashboards:
                self._start_dashboards(control.url, client)
        write_secret(self._state / "addresses.json", json.dumps(self._addresses).encode())

    def describe(self) -> None:
        """Addresses, keys and a first call."""
        say_table(["", "address", "log"], [[p.name, self._addresses[p.name], p.log_path] for p in self._processes])
        if self._new_keys:
            say("API keys, shown this once (kept, 0600, in .waybill/keys.json):")
            for consumer in self._new_keys:
                say(f"  {consumer}: {self._keys[consumer]}")
        self._describe_call()
        say(f"\nfrom another shell:\n  waybill apply {self._workspace}\n  cd {self._workspace} && waybill audit verify")

    def watch(self) -> None:
        """Until Ctrl-C, SIGTERM or the terminal's end. Raises: Unavailable when a process ends by itself."""
        try:
            while True:
                for process in self._processes:
                    if not process.is_running:
                        raise Unavailable(f"{process.name} ended with {process.returncode}:\n{process.log_tail()}")
                time.sleep(POLL_S)
        except KeyboardInterrupt:
            say("stopping")

    def _claim(self) -> None:
        """One `up` per workspace, and nothing left of one that was killed. Raises: Conflict naming all that is."""
        lock = self._claimed.enter_context((self._state / "up.lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict("`waybill up` runs this workspace already") from error
        deadline = time.monotonic() + LEFT_S
        while left := [str(pid) for pid in self._left()]:
            if time.monotonic() > deadline:
                pids = " ".join(left)
                raise Conflict(f"a `waybill up` that was killed left processes running; end them: kill {pids}")
            time.sleep(POLL_S)

    def _left(self) -> Iterator[int]:
        """Processes of an earlier `up` that still run."""
        for ready_file in sorted(self._state.glob(READY_FILES)):
            pid = msgspec.json.decode(ready_file.read_bytes())["pid"]
            if _is_running(pid, (str(self._state), str(PAGES))):
                yield pid

    def _start_control_plane(self) -> Process:
        data_dir, token_file = self._state / "controlplane", self._state / "admin-token"
        argv = ["-m", "controlplane", "serve", "--data-dir", str(data_dir), "--admin-token-file", str(token_file)]
        argv += self._options.sign_in.control_plane()
        environment = {"WAYBILL_DATABASE_URL": self._options.database_url}
        process = self._start("control plane", argv, self._options.port, environment)
        save_connection(self._workspace, Connection(process.url, token_file.read_text()))
        return process

    def _start_gateway(self, control_url: str, client: Client) -> None:
        state_dir = self._state / "gateway"
        argv = ["-m", "gateway", "--state-dir", str(state_dir), "--control-plane", control_url]
        argv += ["--name", GATEWAY_NAME, "--slot", "0"]
        if not state_dir.exists() or not client.get("/gateways")["items"]:
            token_file = self._state / "enrolment-token"
            write_secret(token_file, client.post("/enrolments", {"name": GATEWAY_NAME})["token"].encode())
            argv += ["--enrolment-token-file", str(token_file)]
        if self._options.secrets is not None:
            argv += ["--secrets", str(self._options.secrets)]
        environment = {"WAYBILL_GATEWAY_STATE_URL": self._options.state_url}
        self._start("gateway", argv, self._options.gateway_port, environment)

    def _start_dashboards(self, control_url: str, client: Client) -> None:
        if importlib.util.find_spec("streamlit") is None:
            say("dashboards left out: Streamlit is not installed (the extra `dashboards` brings it)")
            return
        port = _free_port(_port_of(self._addresses.get("dashboards")))
        argv = ["-m", "dashboards", "--url", control_url, "--port", str(port)]
        argv += ["--state-dir", str(self._state / "dashboards"), *self._options.sign_in.pages()]
        environment = {} if self._options.sign_in.issuer else {"WAYBILL_TOKEN": self._page_token(client)}
        process = Process.start("dashboards", [sys.executable, *argv], self._log("dashboards"), env=environment)
        self._processes.append(process)
        self._addresses["dashboards"] = f"http://127.0.0.1:{port}"
        write_ready_file(self._state / "dashboards.ready.json", self._addresses["dashboards"], process.pid)
        with progress("starting the dashboards"):
            _wait_for_page(process, f"{self._addresses['dashboards']}/_stcore/health")

    def _page_token(self, client: Client) -> str:
        """What every reader of the pages is known by, where nobody signs in."""
        token_file = self._state / "dashboard-token"
        if not token_file.exists():
            made = client.post("/tokens", {"name": "dashboards of waybill up", "role": "viewer"})
            write_secret(token_file, made["token"].encode())
        return token_file.read_text()

    def _start(self, name: str, argv: list[str], port: int, env: Mapping[str, str] | None = None) -> Process:
        """A server of ours, at `port`, or where it was the last time, or anywhere."""
        wanted = port or _port_of(self._addresses.get(name))
        ready_file = self._state / f"{name.replace(' ', '-')}.ready.json"
        argv = [*argv, "--port", str(port or _free_port(wanted)), "--ready-file", str(ready_file)]
        process = Process.start(name, [sys.executable, *argv], self._log(name), ready_file, env)
        self._processes.append(process)
        with progress(f"starting the {name}"):
            process.wait_ready(READY_S)
        self._addresses[name] = process.url
        return process

    def _issue_keys(self, client: Client) -> None:
        """A key for each consumer that takes one and has none that lives."""
        for consumer in client.get("/consumers")["items"]:
            name = consumer["consumer"]
            if "api_key" in consumer["auth"] and not consumer["live_keys"]:
                self._keys[name] = client.post(f"/consumers/{segment(name)}/keys", {})["key"]
                self._new_keys.append(name)
        write_secret(self._state / "keys.json", json.dumps(self._keys, indent=1).encode())

    def _describe_call(self) -> None:
        from catalog.compile import compile_snapshot
        from controlplane.registry.candidate import load_workspace

        refs, blobs = compile_snapshot(load_workspace(self._files), {})
        parts = {kind: [json.loads(blobs[ref.sha256]) for ref in refs if ref.kind == kind] for kind in SAMPLED}
        consumers = [part["consumer"] for part in parts["consumer"] if part["consumer"]["consumer"] in self._keys]
        call = sample_call(parts["contract"], consumers, [entity["entity"] for entity in parts["entity"]])
        if call is None:
            return
        url = self._addresses["gateway"]
        say(f"\na governed call:\n  {curl(url, call, self._keys[call.consumer])}")
        silent = [system["base_url"] for system in parts["system"] if not _is_listening(system["base_url"])]
        if silent:
            say(f"  nothing listens at {', '.join(silent)} ({PLACEHOLDER})")
        say(f"the same, refused for want of a credential:\n  {curl(url, call, None)}")

    def _client(self, url: str) -> Client:
        return Client(url, (self._state / "admin-token").read_text())

    def _log(self, name: str) -> Path:
        return self._state / "log" / f"{name.replace(' ', '-')}.log"

    def _read_json(self, name: str) -> dict[str, str]:
        path = self._state / name
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str]) if path.is_file() else {}


def _is_running(pid: int, words: Iterable[str]) -> bool:
    """Whether process `pid` runs and, where that can be read, one of `words` is in its command line (pids return)."""
    try:
        os.kill(pid, 0)
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        return any(word.encode() in command for word in words)
    except ProcessLookupError:
        return False
    except OSError:
        return True


def _is_listening(address: str) -> bool:
    """Whether a connection to the host and port of `address` can be made."""
    url = httpx.URL(address)
    try:
        socket.create_connection((url.host, url.port or (443 if url.scheme == "https" else 80)), PROBE_S).close()
    except OSError:
        return False
    return True


def _port_of(address: str | None) -> int:
    return httpx.URL(address).port or 0 if address else 0


def _free_port(wanted: int) -> int:
    """`wanted` when nobody listens there, else any free port."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Unavailable("no free port on 127.0.0.1")


def _wait_for_page(process: Process, url: str) -> None:
    """Until the pages answer. Raises: Unavailable."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.is_running:
        try:
            if httpx.get(url, timeout=2.0, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(POLL_S)
    raise Unavailable(f"{process.name} did not come up:\n{process.log_tail()}")
