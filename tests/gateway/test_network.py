"""The network at work in a gateway: systems of record, centres that act for members, layers, entities of a template."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.gateway.rig import ORDER_BODY, Rig, consumer, orders_document, rig, workspace_files
from tests.gateway.test_event import event, post
from tests.gateway.test_event import files as event_files

POST = "/buying/v1/orders"
MASTER = {"system": "master", "name": "Order master", "region": "us-east", "base_url": "http://127.0.0.1:2"}
GRANT = {"buying.order-events": ["publish"]}
TEMPLATE = {
    "template": "clinic",
    "entity": {"region": "us-east", "currency": "USD", "parent": "north"},
    "bindings": [{"contract": "buying.orders", "major": 1, "system": "erp"}],
    "consumers": ["ap"],
}


def run(path: Path, scenario: Any, **more: Any) -> Any:
    """`scenario(gateway)` over a workspace with `more` files, with the exchange records: (result, records)."""

    async def go() -> Any:
        async with rig(path, workspace_files(**more)) as gateway:
            result = await scenario(gateway)
            return result, await gateway.entries()

    return asyncio.run(go())


async def order(gateway: Rig, caller: str, key: str, **more: Any) -> Any:
    return await gateway.call("POST", POST, ORDER_BODY | more, key=caller, headers={"Idempotency-Key": key})


def test_a_write_from_a_stranger_is_refused_before_the_system_sees_it(tmp_path):
    """403 names the record and the pointer; nothing is called, nothing remembered: with the field gone it goes on."""
    records = [{"object": "order", "system": "erp"}, {"object": "order", "system": "master", "fields": ["/note"]}]

    async def go(gateway: Rig) -> Any:
        refused = await order(gateway, "ap", "k-1", note="hush")
        calls = len(gateway.system.calls)
        passed = await order(gateway, "ap", "k-1")
        approved = await gateway.call("POST", f"{POST}/PO-1/approve", key="ap")
        return refused, calls, passed.status, approved.status

    (refused, calls, *statuses), told = run(tmp_path, go, systems__master=MASTER, records__order=records)
    assert (refused.status, calls) == (403, 0)
    problem = refused.json()
    assert (problem["code"], problem["policy"]) == ("not-system-of-record", "system-of-record")
    assert problem["violations"] == [
        {"pointer": "/note", "rule": "system-of-record", "message": "belongs to the system of record master"}
    ]
    assert b"hush" not in refused.body
    assert statuses[0] == 201
    assert [(record["status"], record["executed"]) for record in told[:2]] == [(403, "no"), (201, "yes")]
    assert told[0]["decisions"] == [
        {
            "policy": "system-of-record",
            "kind": "reject",
            "code": "not-system-of-record",
            "pointers": ["/note"],
        }
    ]
    assert [link["target"]["value"] for link in told[0]["links"]] == ["REQ-7", "S-9"]


def test_the_record_itself_may_tell_other_systems(tmp_path):
    """The consumer that is the master writes the master's field into the ERP."""
    spread = consumer("master", ["north"], ["read", "write"]) | {"system": "master"}
    records = {"object": "order", "system": "master"}
    more = {"systems__master": MASTER, "consumers__master": spread, "records__order": records}

    async def go(gateway: Rig) -> Any:
        return [(await order(gateway, caller, "k-1")).status for caller in ("ap", "master")]

    statuses, told = run(tmp_path, go, **more)
    assert statuses == [403, 201]
    assert told[0]["decisions"][0]["pointers"] == [""]


def test_reads_and_validations_ask_for_no_record(tmp_path):
    """They change nothing."""
    more = {"systems__master": MASTER, "records__order": {"object": "order", "system": "master"}}

    async def go(gateway: Rig) -> Any:
        gateway.system.respond = lambda call: (200, {"id": "PO-1", "status": {}, "valid": True, "items": []})
        read = await gateway.call("GET", f"{POST}?legal_entity=north", key="ap")
        valid = await gateway.call("POST", "/buying/v1/order-validations", ORDER_BODY, key="ap")
        return read.status, valid.status

    assert run(tmp_path, go, **more)[0] == (200, 200)


def test_a_centre_acts_for_its_members(tmp_path):
    """Granted the centre only: orders of a member pass and are found again by their number; of others they do not."""
    centre = {"entity": "centre", "name": "Shared services", "region": "us-east", "currency": "USD"}
    more = {
        "entities__centre": centre | {"members": ["north"]},
        "consumers__desk": consumer("desk", ["centre"], ["read", "write"]),
    }

    async def go(gateway: Rig) -> Any:
        made = [(await order(gateway, "desk", entity, legal_entity=entity)).status for entity in ("north", "south")]
        gateway.system.respond = lambda call: (200, {"id": "PO-1", "status": {}})
        return made, (await gateway.call("GET", f"{POST}/PO-1", key="desk")).status

    (made, found), told = run(tmp_path, go, **more)
    assert (made, found) == ([201, 403], 200)
    assert [record.get("legal_entity", "") for record in told] == ["north", "", "north"]


def test_an_experience_that_calls_a_system_goes_on_and_is_on_record(tmp_path):
    """Flagged, not refused."""
    app = consumer("app", ["north"], ["read", "write"]) | {"layer": "experience"}

    async def go(gateway: Rig) -> Any:
        return [(await order(gateway, caller, caller)).status for caller in ("app", "ap")]

    statuses, told = run(tmp_path, go, consumers__app=app)
    assert statuses == [201, 201]
    reasons = [[(each["kind"], each["code"]) for each in record.get("decisions", [])] for record in told]
    assert reasons == [[("flag", "layer-bypass")], []]


def test_traffic_of_an_entity_of_a_template_flows(tmp_path):
    """One small file: the consumer may act for it, and its calls go to the template's system; its own binding wins."""
    harbour = {"entity": "harbour", "name": "Harbour Clinic", "template": "clinic"}
    pier = harbour | {"entity": "pier", "name": "Pier Clinic"}
    more = {
        "templates__clinic": TEMPLATE,
        "entities__harbour": harbour,
        "entities__pier": pier,
        "systems__master": MASTER,
        "bindings__pier": {"contract": "buying.orders", "major": 1, "entity": "pier", "system": "master"},
        "contracts__buying__orders__1.0.0__openapi": orders_document(),
    }

    async def go(gateway: Rig) -> Any:
        made = [(await order(gateway, "ap", name, legal_entity=name)).status for name in ("harbour", "pier", "south")]
        return made, [call["system"] for call in gateway.system.calls]

    (made, systems), _ = run(tmp_path, go, **more)
    assert (made, systems) == ([201, 201, 403], ["erp", "master"])


def test_only_the_record_announces_changes(tmp_path):
    """An event ends at the gateway: whoever publishes it must be the system of record of what it says."""
    of_erp = {"system": "erp"}
    more = {
        "records__order": [{"object": "order", "system": "erp"}],
        "systems__master": MASTER,
        "consumers__reader": consumer("reader", ["north"], []) | {"system": "master", "contracts": GRANT},
        "consumers__publisher": consumer("publisher", ["north"], []) | of_erp | {"contracts": GRANT},
    }

    async def go() -> Any:
        async with rig(tmp_path, event_files(**more)) as gateway:
            answers = [await post(gateway, event(), key=key) for key in ("reader", "publisher")]
            return answers, await gateway.entries()

    (refused, accepted), told = asyncio.run(go())
    assert (refused.status, accepted.status) == (403, 202)
    assert refused.json()["violations"] == [
        {"pointer": "/data", "rule": "system-of-record", "message": "belongs to the system of record erp"}
    ]
    assert [(record["status"], record.get("event", "")) for record in told] == [(403, ""), (202, "order.created")]
