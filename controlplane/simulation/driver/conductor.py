"""Breaks things on schedule and writes the fault ledger: what was broken, from when to when, touching which objects."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec

from controlplane.simulation.fault import Fault
from controlplane.simulation.log import Log, now_us


class Address(msgspec.Struct, frozen=True):
    """A running system, as its ready-file says."""

    url: str
    pid: int


def read_address(path: Path) -> Address:
    return msgspec.json.decode(path.read_bytes(), type=Address)


#: makes a fault's planned calls from the client's side; returns the exchange ids it got
FaultyCalls = Callable[[Fault], Awaitable[list[str]]]


class Conductor:
    """Runs every fault of a plan once. `systems` are the targets it can reach, `calls` what clients do wrong."""

    def __init__(self, systems: dict[str, Address], calls: dict[str, FaultyCalls], log: Log) -> None:
        self._systems = systems
        self._calls = calls
        self._log = log
        self._client = httpx.AsyncClient(trust_env=False, timeout=10.0)

    async def run(self, faults: tuple[Fault, ...]) -> None:
        """All faults at their time; each leaves one line in the ledger, also when the run is cut short."""
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                group.create_task(self._run_one(fault))

    async def close(self) -> None:
        await self._client.aclose()

    async def _run_one(self, fault: Fault) -> None:
        await asyncio.sleep(fault.start_s)
        from_us, exchanges = now_us(), []
        try:
            if fault.kind == "outage":
                await self._outage(fault)
            elif fault.kind in self._calls:
                exchanges = await self._calls[fault.kind](fault)
            else:
                await self._setting(fault)
        finally:
            self._log.write(
                "fault",
                fault=fault.id,
                fault_kind=fault.kind,
                target=fault.target,
                from_us=from_us,
                to_us=now_us(),
                objects=list(fault.objects),
                exchanges=exchanges,
            )

    async def _outage(self, fault: Fault) -> None:
        """The process stands still: connections open, nothing answers, and what was sent is worked off afterwards."""
        pid = self._systems[fault.target].pid
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(fault.duration_s)
        finally:
            os.kill(pid, signal.SIGCONT)

    async def _setting(self, fault: Fault) -> None:
        during, after = SETTINGS[fault.kind](fault)
        await self._control(fault.target, during)
        try:
            await asyncio.sleep(fault.duration_s)
        finally:
            await self._control(fault.target, after)

    async def _control(self, target: str, settings: dict[str, Any]) -> None:
        answer = await self._client.post(f"{self._systems[target].url}/-/control", json=settings)
        answer.raise_for_status()


#: what a release of the vendor does to its answers
DRIFT = {"pointer": "/totals/gross/amount", "gained": "release"}
#: fault kind -> settings while it lasts, and after it. What was lost or late for good is not taken back.
SETTINGS: dict[str, Callable[[Fault], tuple[dict[str, Any], dict[str, Any]]]] = {
    "unavailable": lambda fault: ({"unavailable": True}, {"unavailable": False}),
    "slowness": lambda fault: ({"delay_s": fault.delay_s}, {"delay_s": 0.0}),
    "lost_receipts": lambda fault: ({"lose": list(fault.objects)}, {}),
    "late_payment": lambda fault: ({"late": dict.fromkeys(fault.objects, fault.delay_s)}, {}),
    "schema_drift": lambda fault: ({"drift": DRIFT}, {"drift": None}),
}
