"""Cross-references: which names of an object later calls may find its legal entity by, and whose they stay."""

from __future__ import annotations

import asyncio

from tests.gateway.rig import ORDER_BODY, consumer, orders_document, rig, workspace_files
from tests.gateway.test_reconcile import doubtful, order

POST = "/buying/v1/orders"


def with_clients_alias():
    """A workspace whose orders also go by a text that the client chooses; `rival` is another entity's consumer."""
    document = orders_document()
    document["paths"]["/orders"]["post"]["x-waybill"]["aliases"] += ["$request.body#/note"]
    return {
        "contracts__buying__orders__1.0.0__openapi": document,
        "consumers__rival": consumer("rival", ["south"], ["read", "write"]),
    }


def create(gateway, entity, key, **more):
    body = ORDER_BODY | {"legal_entity": entity} | more
    return gateway.call("POST", POST, body, key=key, headers={"Idempotency-Key": "-".join([key, *more.values()])})


def test_a_client_cannot_name_its_object_like_another_entity_s(tmp_path):
    """An alias out of the request is journalled and finds nothing: the object of another entity stays not found."""

    async def go():
        async with rig(tmp_path, workspace_files(**with_clients_alias())) as gateway:
            gateway.system.respond = lambda call: (201, {"id": "PO-1", "native_id": "45", "status": {}})
            await create(gateway, "north", "ap")
            gateway.system.respond = lambda call: (201, {"id": "PO-2", "status": {}})
            for name in ("PO-1", "45", "PO-3"):
                assert (await create(gateway, "south", "rival", note=name)).status == 201
            gateway.system.respond = lambda call: (200, {"id": "x", "status": {}})
            answers = [await gateway.call("GET", f"{POST}/{name}", key="rival") for name in ("PO-1", "45", "PO-2")]
            unknown = await gateway.store.cross_references("order", "PO-3")
            records = await gateway.entries()
            return [answer.status for answer in answers], unknown, [alias["value"] for alias in records[1]["aliases"]]

    statuses, unknown, aliases = asyncio.run(go())
    assert statuses == [404, 404, 200]
    assert (unknown, aliases) == ((), ["PO-1"])


def test_a_value_stays_with_the_entity_that_had_it_first(tmp_path):
    """A system that gives a second entity's object a name which it gave before does not move it."""

    async def go():
        async with rig(tmp_path, workspace_files(**with_clients_alias())) as gateway:
            for entity, key in (("north", "ap"), ("south", "rival")):
                gateway.system.respond = lambda call: (201, {"id": "PO-1", "status": {}})
                assert (await create(gateway, entity, key)).status == 201
            gateway.system.respond = lambda call: (200, {"id": "PO-1", "status": {}})
            read = [(await gateway.call("GET", f"{POST}/PO-1", key=key)).status for key in ("ap", "rival")]
            return read, [found.entity for found in await gateway.store.cross_references("order", "PO-1")]

    assert asyncio.run(go()) == ([200, 404], ["north"])


def test_nor_by_an_outcome_that_is_settled_later(tmp_path):
    """What reconcile finds is referred to by the system's names only, as if the answer had come at once."""

    async def go():
        async with doubtful(tmp_path, **with_clients_alias()) as it:
            assert (await it.create(note="PO-9")).status == 504
            it.erp.orders = [order() | {"native_id": "45"}]
            await it.step()
            assert (await it.last_record())["executed"] == "yes"
            return [len(await it.store.cross_references("order", value)) for value in ("PO-1", "45", "PO-9")]

    assert asyncio.run(go()) == [1, 1, 0]
