"""Outcomes in doubt, over the real chain, store and upstream client: what the system says settles them, or a person."""

import asyncio
import json
import time
from contextlib import asynccontextmanager

import msgspec
import pytest

from catalog.record import AckEntry
from gateway.finding import judge
from gateway.reconcile import BY_PERSON, Pace, Reconciler
from gateway.running import Running
from gateway.secret import Secrets
from gateway.state.sqlite import SqliteStore
from gateway.state.store import Outcome
from gateway.sync.client import Command
from gateway.upstream.client import Upstream
from tests.gateway import rig as rigging
from tests.gateway.origin import origin
from tests.gateway.rig import ORDER_BODY, rig, workspace_files
from tests.gateway.state.sample import answer, executed, not_executed, run

KEY = {"Idempotency-Key": "k-1"}
PACE = Pace(first_retry_s=1.0, longest_retry_s=4.0, attention_after=3, max_attempts=6, absence_gap_s=2.0)
LATER_S = 60.0  # beyond the system's deadline and the grace


class Erp:
    """A system that acts without answering, and tells about it when it is asked."""

    def __init__(self):
        self.posts = []
        self.gets = []
        self.orders = []
        self.stalling = None  # an event: what is posted waits for it
        self.post_answer = None  # bytes, or None: the connection breaks after the request was read
        self.get_answer = None  # bytes, or None: the orders

    async def __call__(self, asked, reader, writer):
        if asked.line.startswith(b"POST"):
            self.posts.append(asked)
            if self.stalling is not None:
                await self.stalling.wait()
            if self.post_answer is None:
                writer.transport.abort()
            else:
                writer.write(self.post_answer)
        else:
            self.gets.append(asked)
            writer.write(self.get_answer or http(200, {"items": self.orders}))


def http(status, document):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def order(name="PO-1"):
    return {"id": name, "status": {"order": "open"}}


class Doubtful:
    """A gateway, its ERP and a reconciler whose clock can be put forward."""

    def __init__(self, gateway, erp, upstream):
        self.gateway = gateway
        self.erp = erp
        self.store = gateway.store
        self.ahead_s = 0.0
        secrets = Secrets(environment={"WAYBILL_SECRET_ERP_TOKEN": rigging.SECRETS["erp-token"]})
        around = Running(gateway.app, secrets)
        self.reconciler = Reconciler(self.store, upstream, around, PACE, lambda: time.time() + self.ahead_s)

    async def create(self, **more):
        return await self.gateway.call("POST", "/buying/v1/orders", ORDER_BODY | more, headers=KEY)

    async def approve(self):
        headers = KEY | {"Waybill-Legal-Entity": "north"}
        return await self.gateway.call("POST", "/buying/v1/orders/PO-1/approve", headers=headers)

    async def step(self, ahead_s=0.0):
        self.ahead_s += ahead_s
        await self.reconciler.step()

    async def last_record(self):
        return (await self.gateway.entries())[-1]

    async def settle(self, resolution, command_id="c-1"):
        opened = (await self.gateway.entries("attention"))[0]
        command = Command(
            command_id, "settle_attention", opened["attention_id"], opened["exchange_id"], resolution, "kim"
        )
        return await self.reconciler.settle(command)


@asynccontextmanager
async def doubtful(path, **files):
    erp = Erp()
    upstream = Upstream()
    async with origin(erp) as running:
        system = msgspec.to_builtins(running.system(prefix="/api")) | {"credential": {"secret": "erp-token"}}
        async with rig(path, workspace_files(systems__erp=system, **files), upstream) as gateway:
            yield Doubtful(gateway, erp, upstream)
        await upstream.close()


def test_found_by_the_look_up(tmp_path):
    """The system acted and did not answer: 504, retries 409; the declared look-up finds the order, the claim is
    settled with it, the retry gets it as the operation's first success, and the system was asked to act once."""

    async def test():
        async with doubtful(tmp_path) as it:
            assert (await it.create()).status == 504
            assert (await it.create()).status == 409
            it.erp.orders = [order()]
            await it.step()
            replay = await it.create()
            assert (replay.status, replay.json()) == (201, order())
            assert replay.header("idempotency-replayed") == "true"
            assert len(it.erp.posts) == 1
            (asked,) = it.erp.gets
            assert asked.line == b"GET /api/orders?legal_entity=north&requisition_id=REQ-7 HTTP/1.1"
            assert b"authorization: Bearer s3cr3t-of-the-system" in asked.head

            first, _, settled, replayed = await it.gateway.entries()
            assert (first["executed"], first["code"], first.get("event", "")) == ("unknown", "in-doubt", "")
            assert settled["exchange_id"] == first["exchange_id"]
            assert (settled["executed"], settled["status"], settled["is_reconciled"]) == ("yes", 201, True)
            assert (settled["event"], settled["object"]["value"]) == ("order.created", "PO-1")
            assert settled["amount"] == {"amount": "120.50", "currency": "USD"}
            assert replayed["first_exchange_id"] == first["exchange_id"]
            outcome = (await it.gateway.entries("outcome"))[-1]
            assert (outcome["executed"], outcome["is_reconciled"]) == ("yes", True)
            assert [ref.system for ref in await it.store.cross_references("order", "PO-1")] == ["erp"]
            assert await it.gateway.entries("attention") == []

    run(test)


def test_an_absence_proves_nothing_before_its_time(tmp_path):
    """Not there yet, while the system may still be at work: nothing is settled, and what turns up later counts."""

    async def test():
        async with doubtful(tmp_path) as it:
            await it.create()
            for _ in range(3):
                await it.step()
            assert len(it.erp.gets) == 1, "asked again only when an answer could prove something"
            assert (await it.create()).status == 409
            it.erp.orders = [order()]
            await it.step(LATER_S)
            assert (await it.create()).status == 201
            assert len(it.erp.posts) == 1

    run(test)


def test_absent_twice_is_not_executed(tmp_path):
    """After deadline and grace, absent two times with a pause: settled as not executed, the retry runs."""

    async def test():
        async with doubtful(tmp_path) as it:
            await it.create()
            await it.step(LATER_S)
            await it.step()
            assert (await it.create()).status == 409, "one absence settles nothing"
            await it.step(PACE.absence_gap_s)
            settled = await it.last_record()
            assert settled["duration_us"] == settled["upstream_us"] > LATER_S * 1e6, "until the outcome was known"
            assert (settled["executed"], settled["code"], settled["is_reconciled"]) == ("no", "not-executed", True)
            assert "event" not in settled
            it.erp.post_answer = http(201, order("PO-2"))
            assert (await it.create()).json() == order("PO-2")
            assert len(it.erp.posts) == 2

    run(test)


def test_an_object_that_an_earlier_call_made_is_not_this_call_s(tmp_path):
    """Two calls for the same requisition: what the first one made does not prove that the second one was executed."""

    async def test():
        async with doubtful(tmp_path) as it:
            it.erp.post_answer = http(201, order("PO-1"))
            made = await it.gateway.call("POST", "/buying/v1/orders", ORDER_BODY, headers={"Idempotency-Key": "k-0"})
            assert made.status == 201
            it.erp.post_answer = None
            it.erp.orders = [order("PO-1")]
            assert (await it.create()).status == 504
            for ahead_s in (LATER_S, PACE.absence_gap_s):
                await it.step(ahead_s)
            assert (await it.last_record())["executed"] == "no"
            it.erp.post_answer = http(201, order("PO-2"))
            assert (await it.create()).json() == order("PO-2")

    run(test)


def test_the_new_one_among_known_objects_is_found(tmp_path):
    async def test():
        async with doubtful(tmp_path) as it:
            it.erp.post_answer = http(201, order("PO-1"))
            await it.gateway.call("POST", "/buying/v1/orders", ORDER_BODY, headers={"Idempotency-Key": "k-0"})
            it.erp.post_answer = None
            it.erp.orders = [order("PO-1"), order("PO-2")]
            await it.create()
            await it.step()
            assert (await it.create()).json() == order("PO-2")

    run(test)


def test_a_look_up_that_cannot_be_understood_keeps_no_other_from_being_settled(tmp_path):
    """Answers made to break the reader count as answers that prove nothing, whatever is in them."""

    async def test():
        async with doubtful(tmp_path) as it:
            await it.create()
            it.erp.get_answer = http(200, b'{"items":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
            await it.step()
            (attention,) = await it.gateway.entries("attention")
            assert attention["exchange_id"] == (await it.gateway.entries())[0]["exchange_id"]

    run(test)


@pytest.mark.parametrize(
    "found",
    [
        http(200, {"items": [order("PO-1"), order("PO-2")]}),
        http(200, {}),
        http(200, b"<html>"),
        http(200, b'{"items":[{"id":1e99999999999999999999999}]}'),
        http(200, b'{"items":[{"id":"\xff"}]}'),
        http(404, {}),
    ],
    ids=["several", "nothing-selected", "no-json", "number-out-of-range", "no-utf-8", "not-found-for-a-list"],
)
def test_an_answer_that_proves_nothing_goes_to_a_person(tmp_path, found):
    """Several matches, or something unexpected: attention once, no more asking, the claim stays in doubt."""

    async def test():
        async with doubtful(tmp_path) as it:
            await it.create()
            it.erp.get_answer = found
            for _ in range(4):
                await it.step(LATER_S)
            (attention,) = await it.gateway.entries("attention")
            assert (attention["kind"], attention["state"], attention["system"]) == ("in_doubt", "open", "erp")
            assert len(it.erp.gets) == 1
            assert (await it.create()).status == 409

    run(test)


def test_a_system_that_is_away_is_asked_again(tmp_path):
    """Ever more rarely; after some tries a person is told, and when it is back the look-up settles both."""

    async def test():
        async with doubtful(tmp_path) as it:
            await it.create()
            it.erp.get_answer = http(503, {})
            for _ in range(3):
                await it.step(PACE.longest_retry_s)
                await it.step()  # not due: nothing is asked
            assert len(it.erp.gets) == 3
            assert [entry["state"] for entry in await it.gateway.entries("attention")] == ["open"]
            it.erp.get_answer, it.erp.orders = None, [order()]
            await it.step(PACE.longest_retry_s)
            opened, settled = await it.gateway.entries("attention")
            assert (settled["state"], settled["resolution"]) == ("settled", "reconciled")
            assert settled["attention_id"] == opened["attention_id"]
            assert (await it.create()).status == 201

    run(test)


def test_tries_are_bounded(tmp_path):
    """A system that never answers is asked a bounded number of times."""

    async def test():
        async with doubtful(tmp_path) as it:
            await it.create()
            it.erp.get_answer = http(500, {})
            for _ in range(3 * PACE.max_attempts):
                await it.step(LATER_S)
            assert len(it.erp.gets) == PACE.max_attempts
            assert len(await it.gateway.entries("attention")) == 1

    run(test)


def test_a_person_says_it_was_executed(tmp_path):
    """No look-up declared: attention at once. `executed`: the retry learns that it was, and nothing runs again."""

    async def test():
        async with doubtful(tmp_path) as it:
            assert (await it.approve()).status == 504
            await it.step(LATER_S)
            assert it.erp.gets == []
            assert len(await it.gateway.entries("attention")) == 1
            assert await it.settle("executed") == AckEntry("c-1", "done")
            retry = await it.approve()
            assert (retry.status, retry.json()["executed"], retry.json()["code"]) == (502, "yes", "answer-lost")
            assert len(it.erp.posts) == 1
            settled = (await it.gateway.entries("attention"))[-1]
            assert (settled["resolution"], settled["settled_by"], settled["command_id"]) == ("executed", "kim", "c-1")
            record = (await it.gateway.entries())[-2]
            assert (record["executed"], record["event"], record["is_verified"]) == ("yes", "order.approved", False)
            assert "is_reconciled" not in record

    run(test)


def test_a_person_says_it_was_not_executed(tmp_path):
    """The retry runs; the same command once more changes nothing, another one is refused."""

    async def test():
        async with doubtful(tmp_path) as it:
            await it.approve()
            assert (await it.settle("not_executed")).result == "done"
            it.erp.post_answer = http(200, order())
            assert (await it.approve()).status == 200
            assert (await it.settle("not_executed")).result == "done"
            again = await it.settle("executed", "c-2")
            assert (again.result, again.detail) == ("refused", "settled already as not_executed by kim")
            assert (await it.approve()).status == 200
            assert len(it.erp.posts) == 2

    run(test)


def test_what_a_person_may_not_say(tmp_path):
    """What is in doubt cannot just be acknowledged; unknown things are refused."""

    async def test():
        async with doubtful(tmp_path) as it:
            await it.approve()
            assert (await it.settle("acknowledged")).result == "refused"
            assert (await it.settle("nonsense")).result == "refused"
            unknown = Command("c-9", "settle_attention", "nobody", "nobody", "executed", "kim")
            assert (await it.reconciler.settle(unknown)).result == "refused"
            assert (await it.approve()).status == 409

    run(test)


def test_a_withheld_answer_is_acknowledged(tmp_path):
    """The attention ends; what the retry gets stays the withheld problem."""

    async def test():
        async with doubtful(tmp_path) as it:
            it.erp.post_answer = http(201, {"surprise": True})
            assert (await it.create()).status == 502
            assert (await it.settle("executed")).result == "refused"
            assert (await it.settle("acknowledged", "c-2")).result == "done"
            assert (await it.gateway.entries("attention"))[-1]["resolution"] == "acknowledged"
            assert (await it.create()).status == 502
            assert len(it.erp.posts) == 1

    run(test)


def test_person_and_system_at_once(tmp_path):
    """Whoever settles first wins; the other changes nothing."""

    async def test():
        async with doubtful(tmp_path) as it:
            await it.create()
            it.erp.get_answer = http(503, {})
            for _ in range(3):
                await it.step(PACE.longest_retry_s)
            it.erp.get_answer, it.erp.orders, it.ahead_s = None, [order()], it.ahead_s + 60
            await asyncio.gather(it.settle("not_executed"), it.reconciler.step())
            ends = [record for record in await it.gateway.entries() if record["executed"] != "unknown"]
            assert len(ends) == 1
            assert len([entry for entry in await it.gateway.entries("attention") if entry["state"] == "settled"]) == 1

    run(test)


def test_a_successor_settles_what_a_dead_process_left(tmp_path):
    """Killed while the system worked: the next process records the exchange as unknown, names the dead stream in the
    outcome, asks the system, and settles; what had ended without its record gets it."""

    async def test():
        async with doubtful(tmp_path) as it:
            intents = []
            begin = it.store.begin

            async def watched(intent):
                intents.append(intent)
                return await begin(intent)

            it.store.begin = watched
            await it.create()
            await it.step()
            await it.gateway.call(
                "POST",
                "/buying/v1/orders",
                ORDER_BODY | {"requisition_id": "REQ-8"},
                headers={"Idempotency-Key": "k-2"},
            )
        path = tmp_path / "crash"
        store = await SqliteStore.open(path, "gw")
        names = ("running", "executed", "refused")
        for name, template in zip(names, [intents[0], intents[1], intents[1]], strict=True):
            entry = msgspec.structs.replace(template.entry, exchange_id=name)
            draft = msgspec.structs.replace(template.draft, exchange_id=name)
            claim = msgspec.structs.replace(template.claim, key=name)
            await store.begin(msgspec.structs.replace(template, entry=entry, draft=draft, claim=claim))
        body = json.dumps(order("PO-8")).encode()
        await store.finish(Outcome(executed("executed").entry, "executed", answer(201, body)))
        await store.finish(not_executed("refused"))
        dead = store.stream
        await store.close()

        async with doubtful(path) as it:
            it.erp.orders = [order()]
            await it.step()
            records = {}
            for record in await it.gateway.entries():
                records.setdefault(record["exchange_id"], []).append(record)
            unknown, settled = records["running"]
            assert (unknown["executed"], unknown["is_recovered"]) == ("unknown", True)
            assert (settled["executed"], settled["is_reconciled"], settled["status"]) == ("yes", True, 201)
            (lost,) = records["executed"]
            assert (lost["executed"], lost["status"], lost["is_recovered"]) == ("yes", 201, True)
            assert (lost["event"], lost["object"]["value"]) == ("order.created", "PO-8")
            (refused,) = records["refused"]
            assert (refused["executed"], refused["is_recovered"]) == ("no", True)
            streams = [entry.get("stream") for entry in await it.gateway.entries("outcome")]
            assert streams == [None, None, dead, dead]
            await it.step()
            assert len(await it.gateway.entries()) == 4

    run(test)


@pytest.mark.parametrize(
    ("status", "body", "select", "where", "found"),
    [
        (200, b'{"items":[{"a":1}]}', "/items", {}, "one"),
        (200, b'{"items":[{"a":1},{"a":2}]}', "/items", {"/a": [2, 3]}, "one"),
        (200, b'{"items":[{"a":1},{"a":2}]}', "/items", {"/a": [9]}, "absent"),
        (200, b'{"items":[]}', "/items", {}, "absent"),
        (200, b'{"a":{"b":"posted"}}', "", {"/a/b": ["posted"]}, "one"),
        (200, b'{"a":{"b":"draft"}}', "", {"/a/b": ["posted"]}, "absent"),
        (200, b'[{"id":1}]', "", {}, "one"),
        (200, b'{"items":[1,2]}', "/items", {}, "several"),
        (404, b"", "", {}, "absent"),
        (404, b"", "/items", {}, "unexpected"),
        (410, b"", "", {}, "unexpected"),
        (302, b"", "", {}, "unexpected"),
        (200, b"", "", {}, "unexpected"),
        (401, b"", "", {}, "away"),
        (429, b"", "/items", {}, "away"),
        (500, b"", "/items", {}, "away"),
    ],
)
def test_what_an_answer_proves(status, body, select, where, found):
    assert judge(status, body, select, where).found == found


def test_money_stays_exact():
    """A candidate out of a list is the replayable answer: its numbers keep every digit."""
    body = b'{"items":[{"total":12.10,"big":12345678901234567890.05}]}'
    assert judge(200, body, "/items", {}).bodies == (b'{"total":12.10,"big":12345678901234567890.05}',)


def test_people_decide_what_the_control_plane_offers():
    """The gateway's table and the resolutions that people are offered agree."""
    from controlplane.attention.service import RESOLUTIONS

    assert {(kind, one) for kind, all_ in RESOLUTIONS.items() for one in all_} == set(BY_PERSON)
