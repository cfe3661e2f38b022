"""`python -m tests.bench.snapshot`: a large estate, 500 contracts of 12 operations with schemas of 5 kB, from files to
a gateway that swaps snapshots under load. Everything shares the machine; nothing here gates."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from catalog.compile import compile_snapshot
from catalog.snapshot import Manifest
from controlplane.registry.candidate import load_workspace
from gateway.compile import Compiled
from gateway.loading import Loading, release, settle_collector
from tests.bench import estate, schedule
from tests.bench.peer import free_port, listens
from tests.e2e.stack import Stack, until

CONTRACTS = int(os.environ.get("WAYBILL_BENCH_CONTRACTS", "500"))
SWAPS = int(os.environ.get("WAYBILL_BENCH_SWAPS", "50"))
RATE_PER_S = 200
PATIENCE_S = 600.0


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "answer.json").write_text(json.dumps({"id": "1"}))
        port = free_port()
        argv = [sys.executable, "-m", "tests.bench.upstream", str(port)]
        system = subprocess.Popen([*argv, str(folder / "answer.json"), str(folder / "answer.json")])
        seed = folder / "workspace"
        for path, text in estate.files(CONTRACTS, f"http://127.0.0.1:{port}").items():
            (seed / path).parent.mkdir(parents=True, exist_ok=True)
            (seed / path).write_text(text)
        stack = Stack(folder / "stack", seed, {}, {})
        try:
            until(lambda: listens(port), "the system listens")
            Run(stack).all()
        finally:
            stack.stop()
            system.terminate()
            system.wait(10)
    return 0


class Run:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def all(self) -> None:
        size = sum(map(len, self.stack.files.values()))
        print(f"{CONTRACTS} contracts of {estate.OPERATIONS} operations, {size / 1e6:.0f} MB of files", flush=True)
        self.stack.start_control()
        self.stack.token = (self.stack.folder / "admin-token").read_text().strip()
        self.stack.api = httpx.Client(
            base_url=f"{self.stack.control_url}/api/v1",
            headers={"authorization": f"Bearer {self.stack.token}"},
            timeout=PATIENCE_S,
        )
        self.stack.clients.append(self.stack.api)
        self._timed("plan", lambda: self.stack.api.post("/workspace/plan", json={"files": self.stack.files}))
        self._timed("apply: load, compile every schema, publish", self.stack.apply)
        _say("control plane, memory", f"{_memory_mb(self.stack.control):.0f} MB")
        self.stack.enrol()
        self._timed("gateway: start, fetch, load, ready", self.stack.start_gateway)
        _say("gateway, memory after loading", f"{_memory_mb(self.stack.gateway):.0f} MB")
        key = self._key()
        self._every_operation(key)
        _say("gateway, memory after every operation", f"{_memory_mb(self.stack.gateway):.0f} MB")
        self._swaps(key)
        before, during = asyncio.run(_pauses(self.stack.files))
        _say("loop's longest pause, nothing else at work", f"{before * 1e3:.1f} ms")
        _say("loop's longest pause, the same compiling", f"{during * 1e3:.1f} ms")
        _say("gateway, memory after the swaps", f"{_memory_mb(self.stack.gateway):.0f} MB")

    def _timed(self, what: str, act: Any) -> None:
        start_s = time.monotonic()
        act()
        _say(what, f"{time.monotonic() - start_s:.1f} s")

    def _key(self) -> str:
        key = str(self.stack.api.post("/consumers/client/keys", json={}).raise_for_status().json()["key"])
        newest = self._newest()
        until(lambda: self._runs(newest), "the gateway knows the key", PATIENCE_S)
        return key

    def _newest(self) -> int:
        answer = self.stack.api.post("/consumers/client/keys", json={}).raise_for_status().json()
        return int(answer["generation"])

    def _runs(self, generation: int) -> bool:
        return all(item["generation"] >= generation for item in self.stack.items("/gateways"))

    def _every_operation(self, key: str) -> None:
        with httpx.Client(base_url=self.stack.url, headers={"x-api-key": key}) as client:
            start_s = time.monotonic()
            for number in range(CONTRACTS):
                for index in range(0, estate.OPERATIONS, 2):
                    path = f"/c-{number:04}/v1/things{index}"
                    answers = [client.get(path), client.post(path, json={"id": "1"})]
                    for answer in answers:
                        if not answer.is_success:
                            raise RuntimeError(f"{path}: {answer.status_code} {answer.text}")
            calls = CONTRACTS * estate.OPERATIONS
            _say("first use of every operation, each call", f"{(time.monotonic() - start_s) / calls * 1e3:.2f} ms")

    def _swaps(self, key: str) -> None:
        """Keys issued one after the other, each a generation, beside a fixed schedule of reads."""
        port = int(self.stack.url.rsplit(":", 1)[1])
        headers = {"x-api-key": key, "Waybill-Legal-Entity": "main"}
        request = schedule.raw("GET", "/c-0001/v1/things0", headers)
        quiet = schedule.run(port, request, RATE_PER_S, 10)
        done = threading.Event()
        took_s: list[float] = []

        def swap() -> None:
            for _ in range(SWAPS):
                start_s = time.monotonic()
                newest = self._newest()
                until(lambda newest=newest: self._runs(newest), "the gateway swapped", PATIENCE_S)
                took_s.append(time.monotonic() - start_s)
            done.set()

        swapping = threading.Thread(target=swap)
        swapping.start()
        runs = []
        while not done.is_set():
            runs.append(schedule.run(port, request, RATE_PER_S, 10))
        swapping.join()
        _say("a swap, from publishing to acknowledged", f"median {sorted(took_s)[len(took_s) // 2]:.1f} s")
        for what, found in (("without swaps", [quiet]), (f"during {SWAPS} swaps", runs)):
            errors, calls = sum(run.errors for run in found), sum(run.requests for run in found)
            worst = max(run.worst_ms for run in found)
            p99 = sorted(run.p99_ms for run in found)[len(found) // 2]
            _say(
                f"reads at {RATE_PER_S}/s {what}", f"p99 {p99:.1f} ms, worst {worst:.1f} ms, {errors} of {calls} failed"
            )


async def _pauses(files: dict[str, str]) -> tuple[float, float]:
    """The longest a loop stood still, in seconds: idle, and while snapshots are compiled, swapped and released beside
    it, without the control plane and a load generator at its side."""
    refs, blobs = compile_snapshot(load_workspace(files), {})
    settle_collector()
    loading = Loading(b"p" * 32, lambda issuer, where: None)  # type: ignore[arg-type, return-value]
    before: Compiled | None = None
    longest_s = {"idle": 0.0, "busy": 0.0}
    phase = "idle"

    async def tick() -> None:
        last_s = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now_s = time.perf_counter()
            longest_s[phase] = max(longest_s[phase], now_s - last_s)
            last_s = now_s

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(2)
    for generation in range(1, 8):
        phase = "busy" if generation > 1 else "idle first"
        longest_s.setdefault(phase, 0.0)
        manifest = Manifest(generation, "", refs)
        compiled = await asyncio.to_thread(loading.compile, manifest, blobs, {})
        plans = before.plans() if before is not None else []
        before = compiled
        await asyncio.to_thread(release, plans)
    ticking.cancel()
    return longest_s["idle"], longest_s["busy"]


def _say(what: str, figure: str) -> None:
    print(f"  {what:46}{figure}", flush=True)


def _memory_mb(process: Any) -> float:
    text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("Pss:")).split()[1]) / 1e3


if __name__ == "__main__":
    sys.exit(main())
