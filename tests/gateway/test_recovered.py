"""Answers that nobody checked when they came: a successor and the reconciler check them as the chain would have."""

from __future__ import annotations

import json

import msgspec
import pytest

from gateway.state.sqlite import SqliteStore
from gateway.state.store import Outcome
from tests.gateway.state.sample import answer, executed, run
from tests.gateway.test_reconcile import doubtful, http

BAD = {"id": "PO-9", "status": "no object"}


async def left_unchecked(path, body):
    """A state file whose process died between the outcome, with `body` as answer, and the check."""
    async with doubtful(path / "template") as it:
        intents = []
        begin = it.store.begin

        async def watched(intent):
            intents.append(intent)
            return await begin(intent)

        it.store.begin = watched
        it.erp.post_answer = http(201, {"id": "PO-1", "status": {}})
        assert (await it.create()).status == 201
    store = await SqliteStore.open(path, "gw")
    entry = msgspec.structs.replace(intents[0].entry, exchange_id="dead")
    draft = msgspec.structs.replace(intents[0].draft, exchange_id="dead")
    await store.begin(msgspec.structs.replace(intents[0], entry=entry, draft=draft))
    await store.finish(Outcome(executed("dead").entry, "executed", answer(201, json.dumps(body).encode())))
    await store.close()


def test_a_successor_withholds_an_answer_that_breaks_its_contract(tmp_path):
    """Crashed between outcome and check: the record says that it is not verified and tells nothing out of the answer,
    a person is asked to look, and a retry gets the problem."""
    (tmp_path / "template").mkdir()

    async def test():
        await left_unchecked(tmp_path, BAD)
        async with doubtful(tmp_path) as it:
            await it.step()
            await it.step()
            (record,) = await it.gateway.entries()
            assert (record["executed"], record["is_recovered"], record["is_verified"]) == ("yes", True, False)
            assert (record["status"], record["upstream_status"]) == (502, 201)
            assert (record["code"], record["fault"]) == ("response-violation", "response")
            assert "object" not in record
            (attention,) = await it.gateway.entries("attention")
            assert (attention["attention_id"], attention["kind"]) == ("withheld-dead", "withheld")
            retry = await it.create()
            assert (retry.status, retry.json()["executed"], retry.header("idempotency-replayed")) == (
                502,
                "yes",
                "true",
            )
            assert it.erp.posts == []

    run(test)


def test_a_successor_records_a_good_answer_as_it_is(tmp_path):
    (tmp_path / "template").mkdir()

    async def test():
        await left_unchecked(tmp_path, BAD | {"status": {"order": "open"}})
        async with doubtful(tmp_path) as it:
            await it.step()
            (record,) = await it.gateway.entries()
            assert (record["status"], record["executed"], record.get("is_verified", True)) == (201, "yes", True)
            assert (record["event"], record["object"]["value"]) == ("order.created", "PO-9")
            assert await it.gateway.entries("attention") == []
            assert (await it.create()).status == 201

    run(test)


@pytest.mark.parametrize("by_way_of", ["record", "retry"])
def test_what_the_look_up_finds_is_checked_too(tmp_path, by_way_of):
    """The object is there, so the call was executed; as the answer of the call it breaks the contract."""

    async def test():
        async with doubtful(tmp_path) as it:
            assert (await it.create()).status == 504
            it.erp.orders = [BAD]
            await it.step()
            if by_way_of == "retry":
                retry = await it.create()
                assert (retry.status, retry.json()["code"]) == (502, "response-violation")
                assert len(it.erp.posts) == 1
                return
            record = await it.last_record()
            assert (record["executed"], record["is_reconciled"], record["is_verified"]) == ("yes", True, False)
            assert (record["status"], record["code"]) == (502, "response-violation")
            assert [entry["kind"] for entry in await it.gateway.entries("attention")] == ["withheld"]
            # it is this call's object, and no later one's
            assert len(await it.store.cross_references("order", "PO-9")) == 1

    run(test)
