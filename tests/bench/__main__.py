"""`make bench`: governed calls beside nginx and Envoy in one run, closed loop (wrk) and open loop (fixed schedule).

Load generator, system, proxies, gateway and control plane share the machine: only the ratios of one run mean
something. Every row says what the peer does not do. Nothing here gates.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from controlplane.simulation.credential import new_signer
from tests.bench import schedule, workspace
from tests.bench.peer import Peer, envoy, free_port, listens, nginx
from tests.bench.wrk import Measured, wrk
from tests.e2e.stack import Stack, until

LIBRARY = Path(__file__).parents[2] / "catalog" / "library"
ORDERS = LIBRARY / "contracts" / "procurement" / "purchase-orders" / "1.0.0" / "openapi.yaml"
CONNECTIONS = 64
SECONDS = int(os.environ.get("WAYBILL_BENCH_S", "6"))
ROUNDS = int(os.environ.get("WAYBILL_BENCH_ROUNDS", "3"))
OPEN_RATE_PER_S = 500
PREFIX = "/procurement/v1"
READ_PATH, WRITE_PATH = "/purchase-orders/PO-2026-004502", "/purchase-orders"


class Call(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: str = ""
    is_refused: bool = False


class Row(NamedTuple):
    """One line of the table."""

    name: str
    is_lean: bool
    calls: dict[str, Call]  # by what answers: "waybill" and the peers
    remark: str


def main() -> int:
    if not shutil.which("wrk"):
        print("make bench needs wrk: apt-get install wrk", file=sys.stderr)
        return 2
    examples = yaml.safe_load(ORDERS.read_text())["components"]["examples"]
    signer, jwks = new_signer(workspace.ISSUER, workspace.AUDIENCE, workspace.SUBJECT)
    signer = type(signer)(signer.issuer, signer.audience, signer.subject, signer.key_id, signer.private_key_pem, 7_200)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "read.json").write_text(json.dumps(examples["acknowledged"]["value"]))
        (folder / "write.json").write_text(json.dumps(examples["created"]["value"]))
        port = stack.enter_context(_system(folder))
        peers = [
            stack.enter_context(nginx(folder, port)),
            stack.enter_context(envoy(folder, port, None)),
            stack.enter_context(envoy(folder, port, jwks)),
        ]
        running = {peer.name: peer for peer in peers if peer is not None}
        gateway = stack.enter_context(_gateway(folder, f"http://127.0.0.1:{port}", jwks))
        bench = Bench(folder, running, gateway, f"http://127.0.0.1:{port}", jwks)
        bench.closed_loop(_rows(workspace.token(signer), examples["to_create"]["value"]))
        bench.open_loop(workspace.token(signer), examples["to_create"]["value"], port)
    return 0


def _rows(token: str, order: dict[str, Any]) -> list[Row]:
    known = {"Authorization": token, "Waybill-Legal-Entity": "mercy-health"}
    json_type = {"Content-Type": "application/json"}
    read = Call("GET", READ_PATH, known)
    write = Call("POST", WRITE_PATH, {**known, **json_type}, json.dumps(order))
    refused = write._replace(body=json.dumps({**order, "totals": {"gross": 1}}), is_refused=True)
    bare = Call("GET", READ_PATH, {})
    bare_write = Call("POST", WRITE_PATH, json_type, write.body)
    nothing = {"nginx": bare, "envoy": bare}
    nothing_write = {"nginx": bare_write, "envoy": bare_write}
    return [
        Row(
            "GET, token + rate limit",
            True,
            {"waybill": read, "envoy-jwt": read, "nginx": bare},
            "like for like with envoy-jwt; but nginx checks nothing, and only Waybill checks scope and entity and "
            "keeps a record",
        ),
        Row(
            "GET, everything",
            False,
            {"waybill": read, "envoy-jwt": read, **nothing},
            "peers check no schema and keep no record; nginx and envoy not even the token",
        ),
        Row(
            "POST, everything, durable",
            False,
            {"waybill": write, "envoy-jwt": write, **nothing_write},
            "peers check no schema, claim no key, and write nothing to disk",
        ),
        Row(
            "POST refused by schema",
            False,
            {"waybill": refused},
            "no peer can refuse it; what it costs to list every violation",
        ),
    ]


@contextmanager
def _system(folder: Path) -> Iterator[int]:
    port = free_port()
    argv = [sys.executable, "-m", "tests.bench.upstream", str(port)]
    process = subprocess.Popen([*argv, str(folder / "read.json"), str(folder / "write.json")])
    try:
        until(lambda: listens(port), "the system listens")
        yield port
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def _gateway(folder: Path, system_url: str, jwks: dict[str, Any]) -> Iterator[Stack]:
    seed = folder / "workspace"
    for name, content in workspace.files(system_url, jwks, is_lean=False).items():
        (seed / name).parent.mkdir(parents=True, exist_ok=True)
        (seed / name).write_text(content)
    stack = Stack(folder / "stack", seed, {}, {})
    try:
        yield stack.start()
    finally:
        stack.stop()


class Bench:
    """The whole run over what is up."""

    def __init__(
        self, folder: Path, peers: dict[str, Peer], stack: Stack, system_url: str, jwks: dict[str, Any]
    ) -> None:
        self.folder, self.peers, self.stack, self.system_url, self.jwks = folder, peers, stack, system_url, jwks

    def closed_loop(self, rows: list[Row]) -> None:
        print(f"Closed loop: {CONNECTIONS} connections, {SECONDS} s a run, median of {ROUNDS}; CPU of the proxy alone")
        missing = {"nginx", "envoy", "envoy-jwt"} - self.peers.keys()
        if missing:
            print(f"not installed here: {', '.join(sorted(missing))}")
        print(f"{'':28}{'':12}{'req/s':>9}{'CPU µs':>8}{'p50 ms':>8}{'p99 ms':>8}{'CPU ratio':>11}")
        for row in rows:
            self._use(row.is_lean)
            results = self._measure(row)
            own_us = results["waybill"][1]
            for name, (run, cpu_us) in results.items():
                ratio = "" if name == "waybill" else f"{own_us / cpu_us:>11.1f}"
                print(
                    f"{row.name if name == 'waybill' else '':28}{name:12}{run.per_s:>9,.0f}{cpu_us:>8.0f}"
                    f"{run.p50_us / 1000:>8.1f}{run.p99_us / 1000:>8.1f}{ratio}",
                    flush=True,
                )
            print(f"{'':28}{row.remark}")

    def open_loop(self, token: str, order: dict[str, Any], system_port: int) -> None:
        print(f"\nOpen loop: {OPEN_RATE_PER_S}/s by schedule for {SECONDS} s, latency from the moment it was due")
        print(f"{'':28}{'':12}{'p50 ms':>8}{'p99 ms':>8}{'worst':>8}{'errors':>8}")
        known = {"Authorization": token, "Waybill-Legal-Entity": "mercy-health"}
        keyed = {**known, "Content-Type": "application/json", "Idempotency-Key": "{number}"}
        for name, method, path, headers, body in (
            ("GET, everything", "GET", READ_PATH, known, ""),
            ("POST, everything, durable", "POST", WRITE_PATH, keyed, json.dumps(order)),
        ):
            ports = {"direct": (system_port, "")}
            ports |= {peer.name: (_port(peer.url), "") for peer in self.peers.values()}
            ports["waybill"] = (_port(self.stack.url), PREFIX)
            for target, (port, prefix) in ports.items():
                request = schedule.raw(method, prefix + path, headers, body)
                runs = [
                    schedule.run(port, request, OPEN_RATE_PER_S, SECONDS, f"{uuid.uuid4().hex}-") for _ in range(ROUNDS)
                ]
                run = sorted(runs, key=lambda item: item.p99_ms)[len(runs) // 2]
                print(
                    f"{name if target == 'direct' else '':28}{target:12}{run.p50_ms:>8.2f}{run.p99_ms:>8.2f}"
                    f"{run.worst_ms:>8.1f}{run.errors:>8}",
                    flush=True,
                )

    def _use(self, is_lean: bool) -> None:
        self.stack.files = workspace.files(self.system_url, self.jwks, is_lean)
        self.stack.apply()
        self.stack.wait_synced()

    def _measure(self, row: Row) -> dict[str, tuple[Measured, float]]:
        """By what answers: the median run and the CPU µs per request, each round trying all of them in turn."""
        runs: dict[str, list[tuple[Measured, float]]] = {}
        for _ in range(ROUNDS):
            for name, call in row.calls.items():
                if name == "waybill" or name in self.peers:
                    runs.setdefault(name, []).append(self._one(name, call))
        return {name: _median(found) for name, found in runs.items()}

    def _one(self, name: str, call: Call) -> tuple[Measured, float]:
        assert self.stack.gateway is not None
        is_own = name == "waybill"
        pid = self.stack.gateway.pid if is_own else self.peers[name].pid
        url = self.stack.url + PREFIX if is_own else self.peers[name].url
        keyed = f"{uuid.uuid4().hex}-" if is_own and call.method == "POST" else ""
        before_us = _cpu_us(pid)
        run = wrk(
            f"{url}{call.path}",
            self.folder,
            method=call.method,
            headers=call.headers,
            body=call.body,
            keyed=keyed,
            connections=CONNECTIONS,
            seconds=SECONDS,
        )
        spent_us = _cpu_us(pid) - before_us
        if run.errors or (run.not_2xx and not call.is_refused):
            raise RuntimeError(f"{name}, {call.method} {call.path}: {run.errors} errors, {run.not_2xx} not 2xx")
        time.sleep(1 if is_own else 0.2)  # let the streams ship before the next run
        return run, spent_us / run.requests


def _median(runs: list[tuple[Measured, float]]) -> tuple[Measured, float]:
    middle = sorted(runs, key=lambda item: item[0].per_s)[len(runs) // 2][0]
    return middle, statistics.median(cpu_us for _, cpu_us in runs)


def _port(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


def _cpu_us(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") * 1e6


if __name__ == "__main__":
    sys.exit(main())
