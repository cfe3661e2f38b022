"""What is on disk before what happens next (design §4.5, §11.2-4): the order is the promise, so it is witnessed."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from gateway.step import StepRunner
from gateway.upstream import UpstreamBroken
from tests.gateway.rig import ORDER_BODY, rig
from tests.gateway.test_reconcile import doubtful, order

POST = "/buying/v1/orders"
KEY = {"Idempotency-Key": "k-1"}
SLOW_DISK_S = 0.02


class Witness:
    """A store whose disk is slow, and which notes when each write has been committed."""

    def __init__(self, store: Any, seen: list[str]) -> None:
        self._store = store
        self._seen = seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def begin(self, intent: Any) -> Any:
        return await self._noted("intent", self._store.begin(intent))

    async def finish(self, outcome: Any) -> None:
        await self._noted("outcome", self._store.finish(outcome))

    async def withhold(self, *arguments: Any) -> None:
        await self._noted("withheld", self._store.withhold(*arguments))

    async def append_durably(self, record: Any) -> None:
        await self._noted("record", self._store.append_durably(record))

    async def _noted(self, name: str, write: Any) -> Any:
        await asyncio.sleep(SLOW_DISK_S)
        result = await write
        self._seen.append(name)
        return result


def witnessed(
    tmp_path, monkeypatch: pytest.MonkeyPatch, respond: Any, method: str, target: str, body: Any, **more: Any
):
    """What was seen, in order, during one call; "answered" is when the client has it."""
    seen: list[str] = []
    judge = StepRunner.judge

    def judged(self: Any, *arguments: Any) -> Any:
        seen.append("check")
        return judge(self, *arguments)

    def asked(call: Any) -> Any:
        seen.append("system")
        return respond(call)

    async def go() -> None:
        async with rig(tmp_path, store=lambda store: Witness(store, seen)) as gateway:
            gateway.system.respond = asked
            await gateway.call(method, target, body, **more)
            seen.append("answered")

    monkeypatch.setattr(StepRunner, "judge", judged)
    asyncio.run(go())
    return seen


def test_a_write_is_intended_executed_committed_checked_answered_in_that_order(tmp_path, monkeypatch):
    """Not one step overtakes another, however slow the disk is."""
    done = (201, {"id": "PO-1", "status": {"order": "open"}})
    seen = witnessed(tmp_path, monkeypatch, lambda call: done, "POST", POST, ORDER_BODY, headers=KEY)
    assert seen == ["intent", "system", "outcome", "check", "answered"]


def test_a_withheld_answer_is_on_disk_before_it_is_given(tmp_path, monkeypatch):
    seen = witnessed(tmp_path, monkeypatch, lambda call: (201, {"id": 7}), "POST", POST, ORDER_BODY, headers=KEY)
    assert seen == ["intent", "system", "outcome", "check", "withheld", "answered"]


def test_a_doubt_is_on_disk_before_the_caller_hears_of_it(tmp_path, monkeypatch):
    broken = UpstreamBroken("reset", False, False, False)
    seen = witnessed(tmp_path, monkeypatch, lambda call: broken, "POST", POST, ORDER_BODY, headers=KEY)
    assert seen == ["intent", "system", "outcome", "answered"]


def test_an_authenticated_refusal_of_a_write_is_on_disk_before_it_is_given(tmp_path, monkeypatch):
    seen = witnessed(tmp_path, monkeypatch, lambda call: None, "POST", POST, {"total": 1}, headers=KEY)
    assert seen == ["record", "answered"]


def test_a_replay_is_on_disk_before_it_is_given(tmp_path):
    """The retry is an exchange of its own, which a client may cite: no crash takes it away."""
    seen: list[str] = []

    async def go():
        async with rig(tmp_path, store=lambda store: Witness(store, seen)) as gateway:
            await gateway.call("POST", POST, ORDER_BODY, headers=KEY)
            seen.append("answered")
            again = await gateway.call("POST", POST, ORDER_BODY, headers=KEY)
            seen.append("replayed")
            assert again.header("idempotency-replayed") == "true"
            return await gateway.entries()

    records = asyncio.run(go())
    assert seen == ["intent", "outcome", "answered", "record", "replayed"]
    assert [record.get("is_replay", False) for record in records] == [False, True]


def test_a_settlement_follows_the_doubt_that_it_ends(tmp_path):
    """However long the client takes to read that its call is in doubt, the record that says so comes first."""

    async def go():
        async with doubtful(tmp_path) as it:
            app, is_answering, may_read = it.gateway.app, asyncio.Event(), asyncio.Event()

            async def to_a_slow_client(scope: Any, receive: Any, send: Any) -> None:
                async def held(message: Any) -> None:
                    is_answering.set()
                    await may_read.wait()
                    await send(message)

                await app(scope, receive, held)

            it.gateway.app = to_a_slow_client
            async with asyncio.timeout(10), asyncio.TaskGroup() as group:
                call = group.create_task(it.create())
                await is_answering.wait()
                it.erp.orders = [order()]
                await it.step()
                may_read.set()
            return call.result().status, [record["executed"] for record in await it.gateway.entries()]

    assert asyncio.run(go()) == (504, ["unknown", "yes"])


@pytest.mark.parametrize(("method", "target", "key"), [("POST", POST, None), ("GET", f"{POST}/PO-1?x=1", "ap")])
def test_what_nobody_may_claim_is_not_waited_for(tmp_path, monkeypatch, method, target, key):
    """A 401, and a read: journalled without making the caller wait for the disk."""
    seen = witnessed(tmp_path, monkeypatch, lambda call: (404, {}), method, target, None, key=key)
    assert "record" not in seen


def test_a_write_is_never_sent_again_even_when_a_used_connection_was_closed(tmp_path):
    """For a read that is retried; a write may have been seen."""

    async def go():
        async with rig(tmp_path) as gateway:
            gateway.system.respond = lambda call: UpstreamBroken("closed", False, True, True)
            answer = await gateway.call("POST", POST, ORDER_BODY, headers=KEY)
            return answer.status, len(gateway.system.calls)

    assert asyncio.run(go()) == (504, 1)


def test_an_absence_proves_nothing_before_the_system_s_deadline_and_a_grace(tmp_path):
    async def go():
        async with rig(tmp_path) as gateway:
            gateway.system.respond = lambda call: UpstreamBroken("reset", False, False, False)
            before_s = time.time()
            await gateway.call("POST", POST, ORDER_BODY, headers=KEY)
            (pending,) = await gateway.store.pending(10)
            return pending.intent.reconcile.not_before_s - before_s

    deadline_s = 30  # the default of a system's total_s
    assert asyncio.run(go()) >= deadline_s + 5
