"""The same key twice makes one effect, through the whole application and a real store."""

from __future__ import annotations

import asyncio
import json

import pytest

from gateway.app import create_app
from gateway.state.sqlite import SqliteStore
from gateway.upstream import UpstreamBroken
from tests.gateway.rig import (
    ORDER_BODY,
    PEPPER,
    SECRETS,
    Rig,
    System,
    orders_document,
    rig,
    snapshot_of,
    workspace_files,
)

POST = "/buying/v1/orders"


def run(path, scenario, files=None):
    async def go():
        async with rig(path, files) as gateway:
            return await scenario(gateway), await gateway.entries()

    return asyncio.run(go())


def post(gateway, body=ORDER_BODY, key="k-1", consumer="ap", target=POST):
    return gateway.call("POST", target, body, key=consumer, headers={} if key is None else {"Idempotency-Key": key})


def test_a_retry_gets_the_first_answer(tmp_path):
    """One effect, the same bytes, marked as a replay; quoted and bare keys are the same key."""

    async def go(gateway):
        return await post(gateway), await post(gateway), await post(gateway, key='"k-1"'), gateway.system.calls

    (first, *again, calls), records = run(tmp_path, go)
    assert len(calls) == 1
    assert first.header("idempotency-replayed") is None
    for answer in again:
        assert (answer.status, answer.body) == (first.status, first.body)
        assert answer.header("idempotency-replayed") == "true"
    assert [record.get("is_replay", False) for record in records] == [False, True, True]
    assert records[1]["first_exchange_id"] == records[0]["exchange_id"]
    assert records[1]["object"] == records[0]["object"]


@pytest.mark.parametrize(
    ("change", "target"), [({"note": "other"}, POST), ({}, f"{POST}?a=1")], ids=["other body", "other query"]
)
def test_a_key_is_bound_to_its_request(tmp_path, change, target):
    """The same key with another payload or target is refused with 422 and calls nothing."""

    async def go(gateway):
        await post(gateway)
        return await post(gateway, ORDER_BODY | change, target=target), len(gateway.system.calls)

    (answer, calls), _ = run(tmp_path, go)
    assert (answer.status, answer.json()["code"], calls) == (422, "idempotency-key-reused", 1)


def test_a_key_is_bound_to_the_headers_that_the_contract_declares(tmp_path):
    """Another value of a declared header, or none, is another request; headers that nobody declared do not matter."""
    document = orders_document()
    mode = {"name": "X-Mode", "in": "header", "schema": {"type": "string"}}
    own = [{"name": name, "in": "header", "schema": {"type": "string"}} for name in ("Idempotency-Key", "traceparent")]
    document["paths"]["/orders"]["post"]["parameters"] = [mode, *own]
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    async def go(gateway):
        first = {"Idempotency-Key": "k-1", "X-Mode": "draft", "User-Agent": "a"}
        tried = [first, first | {"User-Agent": "b", "traceparent": trace, "Idempotency-Key": '"k-1"'}]
        tried += [first | {"X-Mode": "final"}, {"Idempotency-Key": "k-1"}]
        return [(await gateway.call("POST", POST, ORDER_BODY, headers=headers)).status for headers in tried]

    files = workspace_files()
    files["contracts/buying/orders/1.0.0/openapi.yaml"] = json.dumps(document).encode()
    statuses, _ = run(tmp_path, go, files)
    assert statuses == [201, 201, 422, 422]


def test_a_key_is_the_consumer_s_own_and_the_entity_s(tmp_path):
    """Another consumer, or another entity, with the same key is another call."""

    async def go(gateway):
        answers = [
            await post(gateway),
            await post(gateway, consumer="both"),
            await post(gateway, ORDER_BODY | {"legal_entity": "south"}, consumer="both"),
        ]
        return [answer.header("idempotency-replayed") for answer in answers], len(gateway.system.calls)

    assert run(tmp_path, go)[0] == ([None, None, None], 3)


@pytest.mark.parametrize(
    ("key", "code"),
    [(None, "idempotency-key-missing"), ("a b", "idempotency-key-malformed"), ("x" * 300, "idempotency-key-malformed")],
)
def test_required_keys(tmp_path, key, code):
    """An operation that requires a key refuses calls without a usable one."""

    async def go(gateway):
        return await post(gateway, key=key), len(gateway.system.calls)

    (answer, calls), records = run(tmp_path, go)
    assert (answer.status, answer.json()["code"], calls) == (400, code, 0)
    assert records[0]["refused_by"] == "idempotency"


def test_at_once_only_one_runs(tmp_path):
    """Of many calls with one key at the same moment one reaches the system; the others get 409 or its answer."""

    async def go(gateway):
        async def slow():
            await asyncio.sleep(0.02)
            return 201, {"id": "PO-1", "status": {}}

        gateway.system.respond = lambda call: slow()
        answers = await asyncio.gather(*(post(gateway) for _ in range(20)))
        return answers, len(gateway.system.calls), await post(gateway)

    (answers, calls, later), records = run(tmp_path, go)
    assert calls == 1
    statuses = sorted(answer.status for answer in answers)
    assert statuses == [201] + [409] * 19
    refusal = next(answer for answer in answers if answer.status == 409)
    assert refusal.json()["code"] == "idempotency-key-running"
    assert int(refusal.header("retry-after")) >= 1
    assert (later.status, later.header("idempotency-replayed")) == (201, "true")
    assert len(records) == 21


def test_what_was_not_done_may_be_tried_again(tmp_path):
    """A 422 or 503 of the system is not remembered: the mended request may use the same key. A 409 is."""

    async def go(gateway):
        seen = []
        for status in (422, 503, 409, 201):
            gateway.system.respond = lambda call, status=status: (
                (status, {"error": "no"}) if status != 201 else (201, {"id": "PO-1", "status": {}})
            )
            body = ORDER_BODY | {"note": "mended"} if status != 422 else ORDER_BODY
            answer = await post(gateway, body)
            seen.append((answer.status, answer.header("idempotency-replayed")))
        return seen

    assert run(tmp_path, go)[0] == [(422, None), (503, None), (409, None), (409, "true")]


def test_in_doubt_keeps_the_key(tmp_path):
    """While nobody knows whether it was done, a retry is told so and nothing is called."""

    async def go(gateway):
        gateway.system.respond = lambda call: UpstreamBroken("reset", False, False, False)
        return await post(gateway), await post(gateway), len(gateway.system.calls)

    (first, again, calls), records = run(tmp_path, go)
    assert (first.status, again.status, calls) == (504, 409, 1)
    assert again.json()["code"] == "idempotency-key-running"
    assert records[0]["executed"] == "unknown"


def test_replays_are_free_and_outlive_the_version(tmp_path):
    """A retry after the quota is used up, or after retirement, gets the first answer."""
    files = workspace_files(policies__limit={"name": "rate-limit", "policy": "rate-limit", "config": {"limit": 1}})

    async def go(gateway):
        first = await post(gateway)
        return first, await post(gateway), await post(gateway, key="k-2")

    (first, again, other), _ = run(tmp_path, go, files)
    assert (first.status, again.status, other.status) == (201, 201, 429)


def test_an_answer_that_was_never_checked_is_checked_on_replay(tmp_path):
    """A process that died between outcome and check leaves a raw answer; its successor checks before it replays."""

    async def go():
        async with rig(tmp_path) as gateway:
            gateway.system.respond = lambda call: (201, {"id": 5, "status": {}})
            gateway.store.withhold = lost
            gateway.store.append = lambda record: None  # the process dies before it journals
            await post(gateway)
        store = await SqliteStore.open(tmp_path, "gw")
        system = System()
        app = create_app(store, system, pepper=PEPPER, secrets=SECRETS)
        app.swap(snapshot_of(workspace_files()))
        answer = await post(Rig(app, store, system))
        await store.close()
        return answer, system.calls

    async def lost(*_):
        pass

    answer, calls = asyncio.run(go())
    assert (answer.status, answer.json()["executed"], calls) == (502, "yes", [])
