"""Events that publishers post: both content modes, what is refused, what is on disk when 202 is told, and replays."""

from __future__ import annotations

import asyncio
import copy
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.errors import Unavailable
from gateway.reconcile import Reconciler
from gateway.running import Running
from gateway.secret import Secrets
from tests.gateway.rig import rig, snapshot_of, workspace_files

DOCUMENT = yaml.safe_load((Path(__file__).parents[1] / "catalog/event/good/several.yaml").read_text())
PATH = "/buying/v1/order-events"
DATA = {
    "id": "O-1",
    "legal_entity": "north",
    "requisition_id": "REQ-7",
    "total": {"amount": "12.50", "currency": "USD"},
    "status": {"lifecycle": "open"},
}


def scenario(test: Callable[..., Any]) -> Callable[..., None]:
    """Runs a coroutine as a test."""

    @functools.wraps(test)
    def run(*given: Any, **more: Any) -> None:
        asyncio.run(test(*given, **more))

    return run


def files(**more: Any) -> dict[str, bytes]:
    """The rig's workspace with a contract of events and a publisher."""
    contract = {
        "contract": "buying.order-events",
        "title": "Order events",
        "owner": "buying",
        "domain": "buying",
        "base_path": "/buying/v{major}",
        "versions": {"1.0.0": {"state": "published"}},
    }
    publisher = {
        "consumer": "publisher",
        "name": "Publisher",
        "entities": ["north"],
        "contracts": {"buying.order-events": ["publish"]},
        "jwt": {"issuer": "https://idp.example", "subject": "publisher"},
    }
    reader = {**publisher, "consumer": "reader", "contracts": {"buying.order-events": []}}
    reader["jwt"] = {"issuer": "https://idp.example", "subject": "reader"}
    return workspace_files(
        **{
            "contracts__buying__order-events__contract": contract,
            "contracts__buying__order-events__1.0.0__asyncapi": DOCUMENT,
            "consumers__publisher": publisher,
            "consumers__reader": reader,
            **more,
        }
    )


def event(**more: Any) -> dict[str, Any]:
    given = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/erp",
        "type": "order.created",
        "time": "2026-03-01T10:00:00Z",
        "data": DATA,
    }
    return {name: value for name, value in {**given, **more}.items() if value is not ...}


async def post(gateway: Any, document: Any, key: str = "publisher", path: str = PATH) -> Any:
    """In structured mode."""
    headers = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
    return await gateway.call("POST", path, document, key=key, headers=headers)


async def post_binary(gateway: Any, document: dict[str, Any], *pairs: tuple[str, str]) -> Any:
    """The same event in binary mode; `pairs` are further headers."""
    headers = [(f"ce-{name}", str(value)) for name, value in document.items() if name != "data"]
    return await gateway.call("POST", PATH, document["data"], key="publisher", headers=[*headers, *pairs])


@scenario
async def test_an_event_is_accepted_with_its_meaning(tmp_path):
    """202 tells exchange and stream; the record holds event, object, links, money, status and business time."""
    async with rig(tmp_path, files()) as gateway:
        answer = await post(gateway, event())
        assert (202, {"exchange_id": answer.header("waybill-exchange"), "stream": "gw/0/1"}) == (
            answer.status,
            answer.json(),
        )
        (record,) = await gateway.entries()
    assert gateway.system.calls == []
    assert record["event"] == "order.created"
    assert record["executed"] == "yes"
    assert record["object"] == {"type": "order", "assigner": "north", "value": "O-1"}
    assert record["links"][0]["target"]["value"] == "REQ-7"
    assert record["amount"] == {"amount": "12.50", "currency": "USD"}
    assert record["status_axes"] == {"lifecycle": "open"}
    assert record["occurred_at"] == "2026-03-01T10:00:00Z"
    assert "system" not in record or record["system"] == ""


@scenario
async def test_both_modes_are_one_event(tmp_path):
    """The same event in the other mode is a replay of the first answer, and is recorded as one."""
    async with rig(tmp_path, files()) as gateway:
        told = event(subject="Order é 1", sequence=7, type="com.acme.order.cancelled.v1")
        told["data"] = {"id": "O-1", "legal_entity": "north", "reason": "replaced"}
        first = await post(gateway, told)
        again = await post_binary(gateway, {**told, "subject": "Order%20%C3%A9%201"})
        records = await gateway.entries()
    assert (first.status, again.status) == (202, 202)
    assert first.body == again.body
    assert again.header("idempotency-replayed") == "true"
    assert [record.get("event", "") for record in records] == ["order.cancelled", ""]
    assert [record.get("is_replay", False) for record in records] == [False, True]


@scenario
async def test_the_same_id_with_other_content_is_refused(tmp_path):
    """Source and id make an event what it is; the same id of another source is another event."""
    async with rig(tmp_path, files()) as gateway:
        assert (await post(gateway, event())).status == 202
        other = await post(gateway, event(data={**DATA, "id": "O-2"}))
        assert (other.status, other.json()["code"]) == (422, "idempotency-key-reused")
        assert (await post(gateway, event(source="/other", data={**DATA, "id": "O-2"}))).status == 202


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"specversion": "0.3"}, {"/specversion"}),
        ({"specversion": ...}, {"/specversion"}),
        ({"id": ...}, {"/id"}),
        ({"id": ""}, {"/id"}),
        ({"source": "http://["}, {"/source"}),
        ({"type": "order.lost"}, {"/type"}),
        ({"time": "yesterday"}, {"/time"}),
        ({"Not_A_Name": "x"}, {""}),
        ({"data_base64": "aGk="}, {"/data_base64"}),
        ({"datacontenttype": "text/xml"}, {"/datacontenttype"}),
        ({"data": ...}, {"/data"}),
        ({"data": {**DATA, "total": {"amount": "x"}}}, {"/data/total/amount", "/data/total/currency"}),
        ({"type": "com.acme.order.cancelled.v1"}, {"/subject", "/data/reason"}),
        ({"time": None, "subject": None}, None),
    ],
    ids=lambda value: str(sorted(value)) if isinstance(value, set) else str(value),
)
@scenario
async def test_envelope_and_data_are_checked(tmp_path, change, pointers):
    """Everything that is wrong is told at once, by pointers into the event; nothing of it is executed."""
    async with rig(tmp_path, files()) as gateway:
        changed = {name: value for name, value in {**event(), **change}.items() if value is not ...}
        legal_entity = {"north"} if "data" in changed else set()
        answer = await post(gateway, changed)
        records = await gateway.entries()
    if pointers is None:
        assert answer.status == 202
        return
    assert (answer.status, answer.json()["code"]) == (422, "schema-violation")
    assert pointers == {violation["pointer"] for violation in answer.json()["violations"]}
    assert [(record["executed"], record.get("event", "")) for record in records] == [("no", "")]
    assert legal_entity <= {record["legal_entity"] for record in records}


@scenario
async def test_binary_mode_points_into_the_event_too(tmp_path):
    """What a header says wrong is told at the attribute that it became."""
    async with rig(tmp_path, files()) as gateway:
        answer = await post_binary(gateway, event(time="late", data={**DATA, "id": 7}))
    assert {"/time", "/data/id"} == {violation["pointer"] for violation in answer.json()["violations"]}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (("ce-subject", "%C0%A0"), "event-malformed"),
        (("ce-subject", "100%"), "event-malformed"),
        (("ce-id", "again"), "event-malformed"),
        (("ce-datacontenttype", "application/json"), "event-malformed"),
        (("ce-not_a_name", "x"), "event-malformed"),
        (("Content-Type", "text/plain"), "media-type-unsupported"),
        (("Content-Type", "application/cloudevents-batch+json"), "batch-unsupported"),
    ],
    ids=str,
)
@scenario
async def test_headers_that_are_no_event(tmp_path, header, code):
    """Doubtful headers are refused by name, never read one way or the other."""
    async with rig(tmp_path, files()) as gateway:
        answer = await post_binary(gateway, event(), header)
    assert (code, True) == (answer.json()["code"], 400 <= answer.status < 500)


@scenario
async def test_plain_json_is_no_event(tmp_path):
    """Without its attributes a document is not an event, and the answer says which are missing."""
    async with rig(tmp_path, files()) as gateway:
        answer = await gateway.call("POST", PATH, DATA, key="publisher")
    assert {"/specversion", "/id", "/source", "/type"} == {found["pointer"] for found in answer.json()["violations"]}


@scenario
async def test_who_may_publish(tmp_path):
    """Credential, scope and legal entity are asked for as of any call."""
    async with rig(tmp_path, files()) as gateway:
        assert (await post(gateway, event(), key=None)).status == 401
        assert (await post(gateway, event(), key="reader")).json()["code"] == "scope-missing"
        foreign = await post(gateway, event(data={**DATA, "legal_entity": "south"}))
        assert (foreign.status, foreign.json()["code"]) == (403, "entity-forbidden")
        assert (await gateway.call("GET", PATH, key="publisher")).status == 405


@scenario
async def test_the_record_tells_of_itself(tmp_path):
    """What belongs to a system of record is told by the consumer that this system is, under the names that it gave."""
    document = copy.deepcopy(DOCUMENT)
    document["operations"]["order-events.tell"]["x-waybill"]["aliases"] = ["$request.body#/data/native_id"]
    ledger = {
        **yaml.safe_load(files()["consumers/publisher.yaml"]),
        "consumer": "ledger",
        "system": "erp",
        "jwt": {"issuer": "https://idp.example", "subject": "ledger"},
    }
    more = {
        "contracts__buying__order-events__1.0.0__asyncapi": document,
        "records__order": [{"object": "order", "system": "erp", "entities": ["*"]}],
        "consumers__ledger": ledger,
    }
    async with rig(tmp_path, files(**more)) as gateway:
        told = event(data={**DATA, "native_id": "4500001"})
        refused, accepted = await post(gateway, told), await post(gateway, told, key="ledger")
        _, record = await gateway.entries()
    assert (refused.status, refused.json()["code"]) == (403, "not-system-of-record")
    assert {found["pointer"] for found in refused.json()["violations"]} == {"/data"}
    assert accepted.status == 202
    assert record["aliases"] == [{"type": "order", "assigner": "erp", "value": "4500001"}]


@scenario
async def test_a_retired_contract_takes_nothing(tmp_path):
    """Life cycle holds for events."""
    state = {
        "state": "retired",
        "deprecated_at": "2025-01-01",
        "sunset_at": "2025-06-01",
        "successor": "buying.orders@1.0.0",
    }
    contract = yaml.safe_load(files()["contracts/buying/order-events/contract.yaml"])
    contract["versions"] = {"1.0.0": state}
    async with rig(tmp_path, files(**{"contracts__buying__order-events__contract": contract})) as gateway:
        answer = await post(gateway, event())
    assert (answer.status, answer.json()["code"]) == (410, "retired")


@scenario
async def test_shadow_lets_through_and_tells(tmp_path):
    """A schema check in shadow records what it would have refused; without source and id nothing is claimed."""
    shadow = [{"name": "request-schema", "policy": "request-schema", "mode": "shadow"}]
    async with rig(tmp_path, files(policies__shadow=shadow)) as gateway:
        answers = [await post(gateway, event(id=..., type="order.lost")) for _ in range(2)]
        records = await gateway.entries()
    assert [answer.status for answer in answers] == [202, 202]
    assert [(record["executed"], record.get("event", "")) for record in records] == [("yes", "")] * 2
    assert [[found["policy"] for found in record["decisions"]] for record in records] == [["request-schema"]] * 2


@scenario
async def test_no_disk_no_202(tmp_path):
    """An event that cannot be written is answered 503 and is nowhere."""

    class Full:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        async def begin(self, intent: Any, outcome: Any) -> Any:
            raise Unavailable("no space left")

    async with rig(tmp_path, files(), store=Full) as gateway:
        answer = await post(gateway, event())
        records = await gateway.entries()
    assert (answer.status, answer.json()["code"]) == (503, "journal-unavailable")
    assert [(record["executed"], record.get("event", "")) for record in records] == [("no", "")]


@scenario
async def test_one_commit_takes_an_event(tmp_path):
    """Intent and outcome are one write: both are in the stream when 202 is told, and nothing is asked of the disk
    again."""
    lone: list[str] = []

    class Noting:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        async def begin(self, intent: Any, outcome: Any) -> Any:
            claim = await self._inner.begin(intent, outcome)
            batch = await self._inner.unshipped(1 << 20)
            kinds.extend(json.loads(line)["kind"] for line in batch.lines.splitlines())
            return claim

        async def finish(self, outcome: Any) -> None:
            lone.append("finish")

    kinds: list[str] = []
    async with rig(tmp_path, files(), store=Noting) as gateway:
        assert (await post(gateway, event())).status == 202
    assert (kinds, lone) == (["intent", "outcome"], [])


@scenario
async def test_twice_at_once_is_once(tmp_path):
    """Of many tellings of one event at the same time one is recorded as the event, the others are told to wait or get
    the first answer."""
    async with rig(tmp_path, files()) as gateway:
        answers = await asyncio.gather(*(post(gateway, event()) for _ in range(20)))
        records = await gateway.entries()
    assert {answer.status for answer in answers} <= {202, 409}
    assert [record["event"] for record in records if record.get("event")] == ["order.created"]
    assert len({answer.body for answer in answers if answer.status == 202}) == 1


@scenario
async def test_values_stay_out_of_the_journal(tmp_path):
    """Neither a refused event nor an accepted one leaves its payload in a stream or a problem."""
    async with rig(tmp_path, files()) as gateway:
        secret = "078-05-1120"
        refused = await post(gateway, event(data={**DATA, "id": secret * 9}, **{secret.replace("-", ""): [secret]}))
        accepted = await post(gateway, event(note=secret))
        journal = await gateway.journal()
    assert (refused.status, accepted.status) == (422, 202)
    assert secret not in json.dumps(refused.json())
    assert secret.encode() not in journal


def test_an_event_contract_takes_no_binding():
    """The gateway itself is where events end: a binding is refused when the workspace is loaded."""
    bound = [{"contract": "buying.order-events", "major": 1, "entity": "north", "system": "erp"}]
    with pytest.raises(Exception, match="problem") as refused:
        snapshot_of(files(bindings__events=bound))
    assert [problem.pointer for problem in refused.value.problems] == ["/0/contract"]


class Dying:
    """A store whose process dies behind an intent: nothing that comes later is ever written."""

    def __init__(self, inner: Any, keeps_outcome: bool) -> None:
        self._inner = inner
        self._keeps_outcome = keeps_outcome

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def finish(self, outcome: Any) -> None:
        if self._keeps_outcome:
            await self._inner.finish(outcome)

    def append(self, record: Any) -> None:
        pass


@pytest.mark.parametrize("keeps_outcome", [False, True], ids=["before the outcome", "before the record"])
@scenario
async def test_a_successor_finishes_what_was_accepted(tmp_path, keeps_outcome):
    """A crash behind the intent leaves the whole event: the successor records it as it was meant, nobody is asked about
    it, and the publisher's next try gets the very answer that the first one would have had."""
    async with rig(tmp_path, files(), store=functools.partial(Dying, keeps_outcome=keeps_outcome)) as gateway:
        first = await post(gateway, event())
        assert [record for record in await gateway.entries() if record.get("event")] == []
    async with rig(tmp_path, files()) as gateway:
        reconciler = Reconciler(gateway.store, gateway.system, Running(gateway.app, Secrets(environment={})))
        await reconciler.step()
        again = await post(gateway, event())
        told, replay = await gateway.entries()
        assert await gateway.store.pending(10) == []
        assert await gateway.entries("attention") == []
    assert (first.status, again.status, again.body) == (202, 202, first.body)
    assert (told["event"], told["executed"], told["status"], told["is_recovered"]) == (
        "order.created",
        "yes",
        202,
        True,
    )
    assert (told["object"]["value"], told["amount"]["amount"]) == ("O-1", "12.50")
    assert (replay["is_replay"], replay["first_exchange_id"]) == (True, told["exchange_id"])
    assert gateway.system.calls == []
