"""The application around the chain: own paths, swaps, what the edge refused, failing disks and policies."""

from __future__ import annotations

import asyncio
import json
import time

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from catalog.errors import Invalid, Unavailable
from gateway.app import create_app
from policies.builtin.scope import Scope
from tests.gateway.rig import ORDER_BODY, PEPPER, SECRETS, rig, snapshot_of, workspace_files

POST = "/buying/v1/orders"
KEY = {"Idempotency-Key": "k-1"}


def run(path, scenario, files=None, **more):
    async def go():
        async with rig(path, files, **more) as gateway:
            return await scenario(gateway), await gateway.entries()

    return asyncio.run(go())


def test_own_paths_are_no_exchanges(tmp_path):
    """Health, readiness and metrics answer without a credential and leave no record."""

    async def go(gateway):
        await gateway.call("POST", POST, ORDER_BODY, headers=KEY)
        await gateway.call("POST", POST, {}, headers={"Idempotency-Key": "k-2"})
        return [await gateway.call("GET", path, key=None) for path in ("/healthz", "/readyz", "/metrics")]

    (health, ready, metrics), records = run(tmp_path, go)
    assert (health.status, ready.status, len(records)) == (200, 200, 2)
    text = metrics.body.decode()
    labels = 'waybill_contract="buying.orders",waybill_operation="orders.create"'
    assert f'waybill_exchanges_total{{{labels},http_response_status_code="201",waybill_executed="yes"}} 1' in text
    assert f"waybill_gateway_overhead_seconds_count{{{labels}}} 2" in text
    assert f"waybill_upstream_duration_seconds_count{{{labels}}} 1" in text
    refusal = 'waybill_policy="request-schema",waybill_decision_mode="enforce",waybill_decision_code="schema-violation"'
    assert f"waybill_refusals_total{{{refusal}}} 1" in text
    assert "waybill_snapshot_generation 1" in text


def test_without_a_snapshot_nothing_is_served(tmp_path):
    """Before the first snapshot the gateway lives but is not ready, and answers 503."""

    async def go(gateway):
        gateway.app = create_app(gateway.store, gateway.system, pepper=PEPPER, secrets=SECRETS)
        return [await gateway.call("GET", path) for path in ("/healthz", "/readyz", POST)]

    (health, ready, call), _ = run(tmp_path, go)
    assert (health.status, ready.status, call.status) == (200, 503, 503)
    assert call.json()["code"] == "not-ready"


def test_a_bad_snapshot_changes_nothing(tmp_path):
    """A snapshot whose secret is missing is refused, and the one before goes on."""
    system = {"system": "erp", "name": "ERP", "region": "us-east", "base_url": "http://127.0.0.1:1"}
    bad = workspace_files(systems__erp=system | {"credential": {"secret": "nowhere"}})

    async def go(gateway):
        with pytest.raises(Invalid, match="nowhere"):
            gateway.app.swap(snapshot_of(bad, generation=2))
        return await gateway.call("POST", POST, ORDER_BODY, headers=KEY)

    answer, records = run(tmp_path, go)
    assert answer.status == 201
    assert records[0]["snapshot"].startswith("1:")


def test_calls_in_flight_finish_on_their_snapshot(tmp_path):
    """A swap while the system works does not touch the call: it ends under the rules that it began with."""

    async def go(gateway):
        started, release = asyncio.Event(), asyncio.Event()

        async def slow():
            started.set()
            await release.wait()
            return 201, {"id": "PO-1", "status": {}}

        gateway.system.respond = lambda call: slow()
        task = asyncio.create_task(gateway.call("POST", POST, ORDER_BODY, headers=KEY))
        await started.wait()
        gateway.app.swap(snapshot_of(workspace_files(contracts__buying__orders__contract=None, **EMPTY), 2))
        release.set()
        return await task, await gateway.call("POST", POST, ORDER_BODY, headers=KEY)

    (old, new), records = run(tmp_path, go)
    assert (old.status, new.status) == (201, 404)
    assert [record["snapshot"].split(":")[0] for record in records] == ["1", "2"]


EMPTY = {
    "contracts__buying__orders__1.0.0__openapi": None,
    "bindings__all": None,
    "consumers__ap": None,
    "consumers__both": None,
    "consumers__reader": None,
}


def test_what_the_edge_refused_is_an_exchange(tmp_path):
    """A refusal of the edge is answered as a problem and journalled like any other."""

    async def go(gateway):
        refusal = (400, "target-ambiguous", "The path holds a dot segment.")
        return await gateway.asgi("GET", "/a/../b", [], [b""], scope={"waybill.refusal": refusal})

    answer, records = run(tmp_path, go)
    assert (answer.status, answer.json()["code"]) == (400, "target-ambiguous")
    assert (records[0]["code"], records[0]["fault"]) == ("target-ambiguous", "request")


def test_the_chain_is_shown_to_those_who_ask_and_are_known(tmp_path):
    """`Waybill-Debug: chain` lists policy#phase in the order in which they run, to authenticated callers only."""

    async def go(gateway):
        debug = {"Waybill-Debug": "chain"}
        known = await gateway.call("POST", POST, ORDER_BODY, headers=KEY | debug)
        unknown = await gateway.call("POST", POST, ORDER_BODY, headers=KEY | debug, key=None)
        return known.header("waybill-chain"), unknown.header("waybill-chain")

    (known, unknown), _ = run(tmp_path, go)
    assert known == (
        "api-key#identity, scope#head, coarse-limit#head, shape#body, entity#entity, idempotency#claim, "
        "rate-limit#late, request-schema#late, response-schema#back"
    )
    assert unknown is None


class FailingStore:
    """A real store whose disk refuses what is named."""

    def __init__(self, store, *broken):
        self._store = store
        self._broken = broken

    def __getattr__(self, name):
        if name in self._broken:
            return self._refuse
        return getattr(self._store, name)

    async def _refuse(self, *_):
        raise Unavailable("the disk is full")


def test_without_a_journal_nothing_is_changed(tmp_path):
    """When the intent cannot be written, mutating calls get 503 and reads go on."""

    async def go(gateway):
        gateway.system.respond = lambda call: (200, {"id": "x", "status": {}})
        write = await gateway.call("POST", POST, ORDER_BODY, headers=KEY)
        read = await gateway.call("GET", f"{POST}/PO-1")
        return write, read, len(gateway.system.calls)

    (write, read, calls), _ = run(tmp_path, go, store=lambda inner: FailingStore(inner, "begin", "append_durably"))
    assert (write.status, write.json()["code"], write.json()["executed"]) == (503, "journal-unavailable", "no")
    assert (read.status, calls) == (200, 1)


def test_an_outcome_that_cannot_be_written_is_unknown(tmp_path):
    """The system acted and the disk refused: the client is told that it is not known, never that it is done."""

    async def go(gateway):
        return await gateway.call("POST", POST, ORDER_BODY, headers=KEY)

    answer, records = run(tmp_path, go, store=lambda inner: FailingStore(inner, "finish"))
    assert (answer.status, answer.json()["executed"]) == (504, "unknown")
    assert records[0]["executed"] == "unknown"


@pytest.mark.parametrize(
    ("mode", "on_error", "status"), [("enforce", "reject", 500), ("enforce", "allow", 201), ("shadow", "reject", 201)]
)
def test_a_policy_that_fails(tmp_path, monkeypatch, caplog, mode, on_error, status):
    """`on_error` decides when a policy crashes; neither answer nor log shows what it choked on."""

    def crash(self, request, facts):
        raise RuntimeError("choked on MARK-77")

    monkeypatch.setattr(Scope, "decide", crash)
    envelope = {"name": "scope", "policy": "scope", "mode": mode, "on_error": on_error}

    async def go(gateway):
        return await gateway.call("POST", POST, ORDER_BODY, headers=KEY)

    answer, records = run(tmp_path, go, workspace_files(policies__scope=envelope))
    assert answer.status == status
    assert records[0]["decisions"][0]["kind"] == "error"
    assert "MARK-77" not in answer.body.decode() + caplog.text
    if status == 500:
        assert (answer.json()["code"], answer.json()["fault"], answer.json()["policy"]) == (
            "policy-error",
            "policy",
            "scope",
        )


def test_envelopes_match_consumers_and_entities(tmp_path):
    """An envelope that matches one consumer leaves the others alone."""
    envelope = {
        "name": "slow-lane",
        "policy": "rate-limit",
        "config": {"name": "slow", "limit": 1},
        "match": {"consumers": ["bo*"], "entities": ["south"]},
    }

    async def go(gateway):
        statuses = []
        for consumer, entity in (
            ("both", "south"),
            ("both", "south"),
            ("both", "north"),
            ("ap", "north"),
            ("ap", "north"),
        ):
            key = {"Idempotency-Key": str(len(statuses))}
            body = ORDER_BODY | {"legal_entity": entity}
            statuses.append((await gateway.call("POST", POST, body, key=consumer, headers=key)).status)
        return statuses

    statuses, _ = run(tmp_path, go, workspace_files(policies__lane=envelope))
    assert statuses == [201, 429, 201, 201, 201]


def test_lifespan_is_spoken(tmp_path):
    """Servers that announce start and stop get their answers."""

    async def go(gateway):
        messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        sent = []

        async def receive():
            return messages.pop(0)

        async def send(message):
            sent.append(message["type"])

        await gateway.app({"type": "lifespan"}, receive, send)
        return sent

    sent, _ = run(tmp_path, go)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_ids_and_clock_are_arguments(tmp_path):
    """With counted ids and a fixed clock a record is known to the last digit."""
    count = iter(range(1, 100))

    async def go(gateway):
        return (await gateway.call("GET", "/nowhere")).header("waybill-exchange")

    more = {"ids": lambda n: f"{next(count):02x}" * n, "clock": lambda: 1.5, "monotonic_ns": lambda: 7}
    exchange_id, records = run(tmp_path, go, **more)
    assert exchange_id == records[0]["exchange_id"] == "01" * 16
    assert (records[0]["started_us"], records[0]["duration_us"]) == (1_500_000, 0)


def test_tokens_name_consumers_too(tmp_path):
    """With an issuer configured a signed token is as good as a key, and the record says whose it was."""
    key = ed25519.Ed25519PrivateKey.generate()
    jwk = pyjwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "k"}
    issuer = {
        "issuer": "https://idp.example",
        "audience": "waybill",
        "jwks_file": "keys/idp.json",
        "algorithms": ["EdDSA"],
    }
    files = workspace_files(policies__jwt={"name": "jwt", "policy": "jwt", "config": {"issuers": [issuer]}})
    files["keys/idp.json"] = json.dumps({"keys": [jwk]}).encode()
    claims = {"iss": "https://idp.example", "aud": "waybill", "sub": "ap", "exp": int(time.time()) + 60}

    async def go(gateway):
        headers = KEY | {"Authorization": "Bearer " + pyjwt.encode(claims, key, "EdDSA", headers={"kid": "k"})}
        good = await gateway.call("POST", POST, ORDER_BODY, key=None, headers=headers)
        bad = await gateway.call(
            "POST", POST, ORDER_BODY, key=None, headers=headers | {"Authorization": "Bearer a.b.c"}
        )
        return good.status, bad.status, dict(gateway.system.calls[0]["headers"])[b"authorization"]

    (good, bad, sent), records = run(tmp_path, go, files)
    assert (good, bad) == (201, 401)
    assert sent == f"Bearer {SECRETS['erp-token']}".encode()
    assert [record.get("principal", "") for record in records] == ["jwt:ap", ""]
