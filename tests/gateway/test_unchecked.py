"""Business keys of requests and answers that no schema has let through: the journal has none of them."""

from __future__ import annotations

import asyncio

import pytest

from tests.gateway.rig import ORDER_BODY, rig, workspace_files

POST = "/buying/v1/orders"
KEY = {"Idempotency-Key": "k-1"}
LONG = "long-" * 50  # longer than any id of the contract
BAD = ORDER_BODY | {"id": LONG, "requisition_id": LONG, "supplier_id": "S-1"}


def journalled(path, scenario, files=None):
    """(what the scenario gave, the last exchange record); no long text is anywhere in the journal."""

    async def go():
        async with rig(path, files) as gateway:
            result = await scenario(gateway)
            assert LONG.encode() not in await gateway.journal()
            return result, (await gateway.entries())[-1]

    return asyncio.run(go())


def links(record):
    return [link["target"]["value"] for link in record.get("links", [])]


def test_a_reused_key_journals_well_formed_keys_only(tmp_path):
    """Refused for its key, before its schema was looked at: what breaks the schema is left out, the rest is told."""

    async def go(gateway):
        await gateway.call("POST", POST, ORDER_BODY, headers=KEY)
        return await gateway.call("POST", POST, BAD, headers=KEY)

    answer, record = journalled(tmp_path, go)
    assert (answer.status, record["code"]) == (422, "idempotency-key-reused")
    assert "object" not in record
    assert links(record) == ["S-1"]
    assert "decisions" not in record or [each["policy"] for each in record["decisions"]] == ["idempotency"]


@pytest.mark.parametrize(("body", "found"), [(BAD, ["S-1"]), (ORDER_BODY, ["REQ-7", "S-9"])])
def test_so_does_a_call_beyond_its_quota(tmp_path, body, found):
    config = {"name": "tight", "limit": 1, "window_s": 3600, "burst": 1}
    files = workspace_files(policies__rate={"name": "rate-limit", "policy": "rate-limit", "config": config})

    async def go(gateway):
        await gateway.call("POST", POST, ORDER_BODY, headers=KEY)
        return await gateway.call("POST", POST, body, headers={"Idempotency-Key": "k-2"})

    answer, record = journalled(tmp_path, go, files)
    assert (answer.status, links(record)) == (429, found)


@pytest.mark.parametrize(("method", "target"), [("POST", POST), ("GET", f"{POST}/PO-7")])
def test_an_answer_that_failed_its_check_tells_no_keys(tmp_path, method, target):
    """The record and the attention name what the request named, and nothing out of the withheld answer."""

    async def go(gateway):
        gateway.system.respond = lambda call: (201, {"id": LONG, "native_id": LONG, "status": 3})
        body, headers = (ORDER_BODY, KEY) if method == "POST" else (None, None)
        answer = await gateway.call(method, target, body, headers=headers)
        assert b"long-" not in str(await gateway.entries("attention")).encode()
        return answer

    answer, record = journalled(tmp_path, go)
    assert (answer.status, record["code"]) == (502, "response-violation")
    assert "aliases" not in record
    assert record.get("object", {}).get("value") == (None if method == "POST" else "PO-7")
    assert links(record) == (["REQ-7", "S-9"] if method == "POST" else [])
