"""A headless run: load for a while, wait until everything has settled, write the evidence down, compare."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from catalog.errors import Unavailable
from controlplane.cli.client import Client, segment
from controlplane.simulation.history.feed import BATCH
from controlplane.simulation.network import Load, Network, Stores, write_json
from controlplane.simulation.verify import Report, load, verify

DRIVER_S = 150.0  # beyond the load's own duration: onboarding and transactions under way
SETTLE_S = 60.0  # systems' own calls, open deadlines, shipping: each at most this long
POLL_S = 0.25
OBJECTS_MOST = 1000


def run_headless(
    run_dir: Path,
    load_: Load,
    has_dashboards: bool,
    say: Callable[[str], None],
    stores: Stores = Stores(),  # noqa: B008  # immutable
) -> Report:
    """Raises: Unavailable when a process ends by itself or something never settles."""
    with Network(run_dir, has_dashboards, stores) as network:
        for name, url in network.addresses.items():
            say(f"{name:<18} {url}")
        if network.left_out:
            say(network.left_out)
        if load_.has_history:
            backfill(network, load_.seed, say)
        say(f"running for {load_.duration_s:g} s at about {load_.rate_per_s:g} calls/s, seed {load_.seed}")
        _drive(network, load_)
        say("settling")
        collect(network)
    say("comparing")
    return compare(run_dir)


def backfill(network: Network, seed: int, say: Callable[[str], None]) -> None:
    """Feed the history, telling how far it is, and keep what was fed in `history.json`."""

    def show(count: int, total: int) -> None:
        if count * 4 // total > (count - BATCH) * 4 // total:
            say(f"  {count:,} of {total:,} records")

    say("history: sixty days of invented business, marked as synthetic wherever it is read")
    fed = network.backfill(seed, show)
    say(f"history: {fed.records:,} records in {fed.seconds:.1f} s, stream {fed.stream}, closed")
    write_json(network.run_dir / "history.json", fed._asdict())


def compare(run_dir: Path) -> Report:
    """Compare the evidence of a run directory and write `report.json`. Raises: Invalid when it is not complete."""
    report = verify(load(run_dir))
    write_json(run_dir / "report.json", msgspec.to_builtins(report))
    return report


def collect(network: Network) -> None:
    """Wait until everything has settled, then stop whoever calls and write down what each side knows."""
    _until(lambda: network.pending() == 0, SETTLE_S, "systems still owe calls to each other")
    with network.client() as client:
        _wait_settled(client)
        network.stop_clients()
        _until(lambda: network.gateway_streams() == network.controlplane_streams(), SETTLE_S, "", is_needed=False)
        write_json(network.run_dir / "figures.json", figures(client))
        _write(network.run_dir / "gateway/streams.ndjson", network.gateway_streams())
        _write(network.run_dir / "controlplane.ndjson", network.controlplane_streams())


def figures(client: Client) -> dict[str, Any]:
    """What the API says of real traffic at one time; synthetic history is left out."""
    slos = client.get("/slos", synthetic="hide")
    return {
        "slos": slos,
        "overview": client.get("/overview", synthetic="hide"),
        "objects": {
            item["name"]: {state: _objects(client, item["name"], state) for state in ("bad", "open")}
            for item in slos["items"]
        },
        "attention": client.get("/attention", state="open", limit=OBJECTS_MOST),
        "streams": client.get("/streams"),
    }


def _objects(client: Client, slo: str, state: str) -> list[dict[str, Any]]:
    path = f"/slos/{segment(slo)}/objects"
    items: list[dict[str, Any]] = client.get(path, state=state, limit=OBJECTS_MOST, synthetic="hide")["items"]
    return items


def _drive(network: Network, load_: Load) -> None:
    driver = network.start_driver(load_)
    deadline = time.monotonic() + load_.duration_s + DRIVER_S
    while driver.is_running:
        for process in network.processes:
            if process is not driver and not process.is_running:
                raise Unavailable(f"{process.name} ended with {process.returncode}:\n{process.log_tail()}")
        if time.monotonic() > deadline:
            raise Unavailable("the driver did not end in time")
        time.sleep(POLL_S)
    if driver.returncode != 0:
        raise Unavailable(f"the driver failed:\n{driver.log_tail()}")


def _wait_settled(client: Client) -> None:
    """No call in doubt that a look-up may still settle, and every deadline passed: figures then stand still.

    What never settles is left as it is, for the comparison to find.
    """
    doubtful = {"executed": "unknown", "limit": 1, "synthetic": "hide"}
    _until(lambda: not client.get("/exchanges", **doubtful)["items"], SETTLE_S, "", is_needed=False)

    def is_decided() -> bool:
        return all(not item["open"] for item in client.get("/slos", synthetic="hide")["items"])

    _until(is_decided, SETTLE_S, "", is_needed=False)


def _until(is_done: Callable[[], bool], most_s: float, problem: str, is_needed: bool = True) -> None:
    deadline = time.monotonic() + most_s
    while not is_done():
        if time.monotonic() > deadline:
            if is_needed:
                raise Unavailable(problem)
            return
        time.sleep(POLL_S)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
