"""`python -m controlplane.simulation.driver …` makes the plan happen: clients by the clock, faults by the schedule."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
from pathlib import Path

import msgspec

from controlplane.simulation.caller import Call
from controlplane.simulation.credential import Signer, read_credential
from controlplane.simulation.driver.client import PORTAL, SHADOW, TREASURY, Clients
from controlplane.simulation.driver.conductor import Address, Conductor, FaultyCalls, read_address
from controlplane.simulation.driver.journey import Journey
from controlplane.simulation.driver.path import PAYABLES, PROCUREMENT
from controlplane.simulation.fault import Fault
from controlplane.simulation.log import Log
from controlplane.simulation.plan import ENTITIES, Plan, make_plan

DRAIN_S = 60.0  # longest wait for transactions under way after the last one was started


def main() -> None:
    options = _options()
    asyncio.run(_run(options))


async def _run(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    url = str(json.loads(options.gateway_file.read_bytes())["url"])
    systems = {path.stem: read_address(path) for path in sorted(options.systems_dir.glob("*.json"))}
    clients = Clients(url, options.key_dir, options.log_dir)
    work = asyncio.create_task(_segments(options, clients, systems))
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    work.cancel()
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await work
    finally:
        await clients.close()


async def _segments(options: argparse.Namespace, clients: Clients, systems: dict[str, Address]) -> None:
    """One segment, or one after the other until the process is told to stop."""
    journey = Journey(clients)
    calls = _faulty_calls(clients, options.key_dir)
    with Log(options.fault_log) as log:
        conductor = Conductor(systems, calls, log)
        segment = 0
        try:
            await journey.onboard(tuple(name for name, _, _ in ENTITIES))
            while True:
                plan = make_plan(options.seed, options.duration, options.rate, segment)
                _keep(options.plan_file, plan)
                await _segment(plan, journey, conductor)
                segment += 1
                if not options.endless:
                    return
        finally:
            await conductor.close()


async def _segment(plan: Plan, journey: Journey, conductor: Conductor) -> None:
    """Open loop: a transaction starts at its time whatever became of the others."""
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    faults = asyncio.create_task(conductor.run(plan.faults))
    under_way: set[asyncio.Task[None]] = set()
    try:
        for transaction in plan.transactions:
            await asyncio.sleep(max(0.0, started_s + transaction.start_s - loop.time()))
            under_way.add(asyncio.create_task(journey.walk(transaction)))
        await asyncio.sleep(max(0.0, started_s + plan.duration_s - loop.time()))
        await asyncio.wait({*under_way, faults}, timeout=DRAIN_S)
    finally:
        for task in (*under_way, faults):
            task.cancel()
        outcomes = await asyncio.gather(*under_way, faults, return_exceptions=True)
    errors = [error for error in outcomes if isinstance(error, Exception)]
    if errors:
        raise ExceptionGroup("transactions failed", errors)


def _faulty_calls(clients: Clients, key_dir: Path) -> dict[str, FaultyCalls]:
    """What clients do wrong on purpose, by the kind of the fault."""

    async def expired_token(fault: Fault) -> list[str]:
        signer = read_credential(key_dir / f"{TREASURY.name}.json")
        if not isinstance(signer, Signer):
            raise TypeError("the fault needs a client that signs tokens")
        target = f"{PAYABLES}/invoices?legal_entity={ENTITIES[0][0]}"
        exchanges = []
        for _ in range(fault.calls):
            call = Call("GET", target, expect=(401,), fault=fault.id, credential=signer.expired())
            exchanges.append((await clients[TREASURY].call(call)).exchange)
            await asyncio.sleep(fault.duration_s / fault.calls)
        return exchanges

    async def unregistered(fault: Fault) -> list[str]:
        exchanges = []
        target = f"{PROCUREMENT}/purchase-orders?legal_entity={ENTITIES[0][0]}"
        for number in range(fault.calls):
            if number % 2 == 0:
                caller, call = clients[SHADOW], Call("GET", target, expect=(401,), fault=fault.id)
            else:
                caller, call = clients[PORTAL], Call("GET", "/supplies/v1/orders", expect=(404,), fault=fault.id)
            exchanges.append((await caller.call(call)).exchange)
            await asyncio.sleep(fault.duration_s / fault.calls)
        return exchanges

    return {"expired_token": expired_token, "unregistered": unregistered}


def _keep(path: Path, plan: Plan) -> None:
    """Add the segment to the plans that verification reads."""
    plans = msgspec.json.decode(path.read_bytes(), type=list[Plan]) if path.exists() else []
    draft = path.with_name(f".{path.name}")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode([*plans, plan]), indent=1))
    draft.replace(path)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m controlplane.simulation.driver", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--duration", type=float, required=True, help="seconds of one segment")
    parser.add_argument("--rate", type=float, required=True, help="client calls per second, about")
    parser.add_argument("--endless", action="store_true", help="segment after segment until SIGTERM")
    parser.add_argument("--gateway-file", type=Path, required=True, help="ready-file of the gateway")
    parser.add_argument("--systems-dir", type=Path, required=True, help="ready-files of the systems, NAME.json")
    parser.add_argument("--key-dir", type=Path, required=True, help="credential files, CLIENT.json")
    parser.add_argument("--log-dir", type=Path, required=True)
    parser.add_argument("--fault-log", type=Path, required=True)
    parser.add_argument("--plan-file", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
