"""`make bench`: a governed read, write and refused write beside the same call made direct, the chain fully on.

Authentication by API key, scope, entity, rate limit, shape and duplicate keys, JSON Schema both ways, idempotency,
and for the write two durable commits. Load generator, system, gateway and control plane share the machine.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.bench.wrk import Measured, wrk
from tests.e2e.stack import Stack, until

LIBRARY = Path(__file__).parents[2] / "catalog" / "library"
ORDERS = LIBRARY / "contracts" / "procurement" / "purchase-orders" / "1.0.0" / "openapi.yaml"
CONNECTIONS = 64
SECONDS = int(os.environ.get("WAYBILL_BENCH_S", "6"))
ROUNDS = 3

WORKSPACE = {
    "waybill.yaml": {"workspace": "bench", "include": ["procure-to-pay"]},
    "entities/mercy-health.yaml": {
        "entity": "mercy-health",
        "name": "Mercy Health",
        "region": "us-east",
        "currency": "USD",
    },
    "systems/saas.yaml": {
        "system": "saas",
        "name": "Procurement",
        "region": "us-east",
        "base_url": "{system_url}",
        "max_connections": 128,
    },
    "bindings/orders.yaml": [
        {"contract": "procurement.purchase-orders", "major": 1, "entity": "*", "system": "saas"},
    ],
    "consumers/bench.yaml": {
        "consumer": "bench",
        "name": "Load generator",
        "entities": ["mercy-health"],
        "contracts": {"procurement.purchase-orders": ["read", "write"]},
    },
    "policies/limit.yaml": [
        {"name": name, "policy": name, "config": {"limit": 100_000_000, "window_s": 60}}
        for name in ("rate-limit", "coarse-limit")
    ],
}


def main() -> int:
    if not shutil.which("wrk"):
        print("make bench needs wrk: apt-get install wrk", file=sys.stderr)
        return 2
    examples = yaml.safe_load(ORDERS.read_text())["components"]["examples"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "read.json").write_text(json.dumps(examples["acknowledged"]["value"]))
        (folder / "write.json").write_text(json.dumps(examples["created"]["value"]))
        order = examples["to_create"]["value"]
        with _system(folder) as system_url, _gateway(folder, system_url) as (stack, key):
            _report(folder, system_url, stack, key, order)
    return 0


@contextmanager
def _system(folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    argv = [
        sys.executable,
        "-m",
        "tests.bench.upstream",
        str(port),
        str(folder / "read.json"),
        str(folder / "write.json"),
    ]
    process = subprocess.Popen(argv)
    try:
        until(lambda: _listens(port), "the system listens")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@contextmanager
def _gateway(folder: Path, system_url: str) -> Iterator[tuple[Stack, str]]:
    workspace = folder / "workspace"
    for name, content in WORKSPACE.items():
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_text(json.dumps(content))
    stack = Stack(folder / "stack", workspace, {"system_url": system_url}, {})
    try:
        stack.start()
        yield stack, stack.key("bench")
    finally:
        stack.stop()


def _report(folder: Path, system_url: str, stack: Stack, key: str, order: dict[str, Any]) -> None:
    refused = {**order, "totals": {"gross": 1}}
    read = {"method": "GET", "headers": {"Waybill-Legal-Entity": "mercy-health"}}
    write = {"method": "POST", "headers": {"Content-Type": "application/json"}, "body": json.dumps(order)}
    rows = {
        "read": ("/purchase-orders/PO-2026-004502", read),
        "write": ("/purchase-orders", write),
        "refused write": ("/purchase-orders", {**write, "body": json.dumps(refused)}),
    }
    print(f"{CONNECTIONS} connections, {SECONDS} s a run, median of {ROUNDS}; body {len(json.dumps(order))} bytes")
    print(f"{'':14}{'direct/s':>10}{'governed/s':>12}{'ratio':>8}{'CPU µs':>8}{'p50 ms':>8}{'p99 ms':>8}")
    for name, (path, call) in rows.items():
        runs = [_pair(folder, system_url, stack, key, path, call) for _ in range(ROUNDS)]
        direct, governed, cpu_us = sorted(runs, key=lambda run: run[1].per_s)[ROUNDS // 2]
        print(
            f"{name:14}{direct.per_s:>10,.0f}{governed.per_s:>12,.0f}{governed.per_s / direct.per_s:>8.2f}"
            f"{cpu_us:>8.0f}{governed.p50_us / 1000:>8.1f}{governed.p99_us / 1000:>8.1f}"
        )


def _pair(folder: Path, system_url: str, stack: Stack, key: str, path: str, call: dict[str, Any]) -> Any:
    """The same call direct and governed, one after the other; and the gateway's own CPU per request."""
    direct = wrk(f"{system_url}{path}", folder, **call, connections=CONNECTIONS, seconds=SECONDS)
    assert stack.gateway is not None
    keyed = f"{uuid.uuid4().hex}-" if call["method"] == "POST" else ""
    governed_call = {**call, "headers": {**call["headers"], "X-API-Key": key}, "keyed": keyed}
    before = _cpu_us(stack.gateway.pid)
    governed: Measured = wrk(
        f"{stack.url}/procurement/v1{path}", folder, **governed_call, connections=CONNECTIONS, seconds=SECONDS
    )
    spent = _cpu_us(stack.gateway.pid) - before
    time.sleep(1)  # let the streams ship before the next run
    return direct, governed, spent / governed.requests


def _cpu_us(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") * 1e6


if __name__ == "__main__":
    sys.exit(main())
