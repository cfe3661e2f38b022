"""The chain through the ASGI interface: what is let through, what is refused and how, and what the journal says."""

from __future__ import annotations

import asyncio

from tests.gateway.rig import ORDER_BODY, rig

POST = "/buying/v1/orders"


def test_a_write_goes_through_and_is_journalled(tmp_path):
    """A valid order reaches the system once; the record says who, what, how much and that it was executed."""

    async def go():
        async with rig(tmp_path) as gateway:
            answer = await gateway.call("POST", POST, ORDER_BODY, headers={"Idempotency-Key": "k-1"})
            return answer, gateway.system.calls, await gateway.entries()

    answer, calls, records = asyncio.run(go())
    assert answer.status == 201, answer.body
    assert len(calls) == 1
    assert calls[0]["target"] == b"/orders"
    assert len(records) == 1
    print(records[0], answer.headers)
    assert records[0]["executed"] == "yes"
    assert records[0]["object"] == {"type": "order", "assigner": "north", "value": "PO-1"}
