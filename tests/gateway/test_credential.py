"""A gateway's own credential as a process: renewed on command, and what happens once it is refused."""

from __future__ import annotations

import asyncio
import json

from tests.gateway.rig import consumer
from tests.gateway.state.sample import run
from tests.gateway.test_main import host
from tests.gateway.test_reconcile import http, order

RENEWED = "wbg_renewed1_secret"


async def until(condition, timeout_s: float = 15.0) -> None:
    for _ in range(int(timeout_s / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("not in time")


def test_a_credential_is_renewed_on_command(tmp_path):
    """Kept before it is used, acknowledged by its id, and the one that the next start presents."""

    async def test():
        async with host(tmp_path) as it:
            it.publish()
            it.double.commands = [{"command_id": "c-1", "kind": "renew_credential"}]
            await it.start()
            await until(lambda: RENEWED in it.double.bearers)
            await until(lambda: any(entry.kind == "ack" for entry in it.double.entries))
            acks = [json.loads(bytes(entry.body)) for entry in it.double.entries if entry.kind == "ack"]
            assert acks == [{"command_id": "c-1", "result": "done", "detail": "renewed1"}]
            kept = json.loads((it.state_dir / "enrolment.json").read_text())
            assert (kept["credential"], kept["gateway"]) == (RENEWED, "gw-1")
            assert (it.state_dir / "enrolment.json").stat().st_mode & 0o777 == 0o600
            assert await it.stop() == 0
            it.double.bearers.clear()
            await it.start()  # it serves what is on disk before it has asked anything
            await until(lambda: it.double.bearers)
            assert set(it.double.bearers) == {RENEWED}

    run(test)


def test_a_credential_that_another_process_renewed_is_found(tmp_path):
    """Refused with the old one, it reads what is kept and goes on with that."""

    async def test():
        async with host(tmp_path) as it:
            it.publish()
            await it.start()
            file = it.state_dir / "enrolment.json"
            file.write_text(json.dumps(json.loads(file.read_text()) | {"credential": "wbg_other_secret"}))
            it.double.refuse = lambda method, path: (401, b"{}") if it.double.bearers[-1] == "wbg_test" else None
            await until(lambda: "wbg_other_secret" in it.double.bearers, 30)
            it.publish(consumers__new=consumer("new", ["north"], ["read"]))
            await until(lambda: it.double.reports and it.double.reports[-1]["generation"] == 2)

    run(test)


def test_a_revoked_gateway_goes_on_enforcing(tmp_path):
    """It gets and ships nothing any more, and its calls are answered by the last good snapshot."""

    async def test():
        async with host(tmp_path) as it:
            it.publish()
            it.erp.post_answer = http(201, order())
            await it.start()
            it.double.refuse = lambda method, path: (401, b"{}")
            assert (await it.create()).status_code == 201
            await asyncio.sleep(0.5)
            assert not any(entry.kind == "exchange" for entry in it.double.entries)

    run(test)
