"""The promises of the guarantees page, under load, with real processes: see README, "Guarantees".

`make test` runs them scaled down, `make prove` at full length. Nothing in the product helps: the proxy between gateway
and system delays answers, and the gateway is killed from outside at random moments.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

import httpx

from tests.e2e.ledger import Ledger
from tests.e2e.load import Load, Order
from tests.e2e.proxy import Proxy
from tests.e2e.stack import Stack, until


def bodies(entries: Iterable[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [entry["body"] for entry in entries if entry["kind"] == kind]


def test_kills_under_load_lose_no_answer_and_double_no_execution(
    gateways: Stack, proxy: Proxy, ledger: Ledger, is_proof
):
    """After `kill -9` at random moments: every answer is journalled, every execution is journalled or in doubt, and
    no order was executed twice although every client retried with its key."""
    kills = 30 if is_proof else 4
    chance = random.Random(20261123)
    key = gateways.key("buyer")
    proxy.delay_s = (0.0, 0.04)
    load = Load(gateways.urls, key, clients=8).start()
    for _ in range(kills):
        time.sleep(chance.uniform(0.3, 1.5))
        gateways.strike(chance)
    orders = load.stop()
    until(lambda: not open_intents(gateways.exported()), "every intent has an outcome", 60)
    entries = gateways.exported()
    check_answers(orders, entries)
    check_executions(orders, ledger, entries)
    finals = Counter(order.statuses[-1] for order in orders)
    assert finals[201] > kills
    assert {status for order in orders if order.is_final for status in order.statuses[-1:]} == {201}
    until(lambda: shipped(gateways) == gateways.written(), "everything arrived at the control plane", 60)


def open_intents(entries: list[dict[str, Any]]) -> set[str]:
    intents = {body["exchange_id"] for body in bodies(entries, "intent")}
    done = {body["exchange_id"] for body in bodies(entries, "outcome")}
    return intents - done


def check_answers(orders: list[Order], entries: list[dict[str, Any]]) -> None:
    """Every exchange id a client was ever told has its record in the journal, replays and refusals too, and those that
    were sent to the system have their outcome."""
    journalled = {body["exchange_id"] for body in bodies(entries, "exchange")}
    told = {exchange for order in orders for exchange in order.exchanges}
    outcomes = {body["exchange_id"] for body in bodies(entries, "outcome")}
    mutating = {body["exchange_id"] for body in bodies(entries, "intent")}
    assert told - journalled == set()
    assert mutating & told <= outcomes


def check_executions(orders: list[Order], ledger: Ledger, entries: list[dict[str, Any]]) -> None:
    doubled = {reference: count for reference, count in ledger.effects.items() if count > 1}
    assert doubled == {}
    for order in orders:
        if order.statuses[-1] == 201:
            assert [created["id"] for created in ledger.find(order.reference)] == [order.order_id]
    intended = {body["exchange_id"]: body["request_sha256"] for body in bodies(entries, "intent")}
    journalled = {
        intended[body["exchange_id"]] for body in bodies(entries, "outcome") if body["executed"] in ("yes", "unknown")
    }
    executed = {hashlib.sha256(ledger.bodies[reference]).hexdigest() for reference in ledger.effects}
    assert executed - journalled == set()


def shipped(stack: Stack) -> dict[str, int]:
    """What the control plane holds: last number of each stream."""
    return {item["stream"]: item["last"] for item in stack.items("/streams")}


def test_the_control_plane_away_stops_neither_enforcement_nor_the_journal(gateways: Stack, is_proof):
    """While the control plane is gone calls are answered and refused as before; afterwards all records arrive."""
    away_s = 30 if is_proof else 4
    key, reader = gateways.key("buyer"), gateways.key("reader")
    load = Load(gateways.urls, key, clients=4).start()
    time.sleep(1)
    assert gateways.control is not None
    gateways.control.kill()
    before = load.statuses()
    refusals = []
    deadline = time.monotonic() + away_s
    while time.monotonic() < deadline:
        refusals.append(refused(gateways, reader))
        time.sleep(0.25)
    during = load.statuses() - before
    gateways.start_control()
    load.stop()
    assert set(refusals) == {(401, 403, 422)}
    assert during[201] > 0
    assert set(load.statuses()) == {201}
    entries = gateways.exported()
    until(lambda: shipped(gateways) == gateways.written(), "everything arrived", 60)
    answered = sum(1 for body in bodies(entries, "exchange") if body["status"] == 201)
    assert answered == load.statuses()[201]


def refused(stack: Stack, reader: str) -> tuple[int, int, int]:
    """Nobody, somebody who may not, and somebody with a wrong document."""
    order = {"reference": "R-1", "total": {"amount": "1.00", "currency": "USD"}}
    with httpx.Client(base_url=stack.url) as client:
        nobody = client.post("/shop/v1/orders", json=order)
        forbidden = client.post("/shop/v1/orders", json=order, headers={"x-api-key": reader})
        wrong = client.get("/shop/v1/orders", headers={"x-api-key": reader})
    return (nobody.status_code, forbidden.status_code, wrong.status_code)


def test_snapshot_swaps_under_load_fail_no_request(gateways: Stack, is_proof):
    """New generations are published while clients order; every order is answered 201 at its first attempt."""
    swaps = 50 if is_proof else 6
    key = gateways.key("buyer")
    load = Load(gateways.urls, key, clients=4).start()
    for number in range(swaps):
        gateways.files["entities/mercy-health.yaml"] = json.dumps(
            {"entity": "mercy-health", "name": f"Mercy Health {number}", "region": "us-east", "currency": "USD"}
        )
        gateways.apply()
        gateways.wait_synced()
    orders = load.stop()
    assert len(orders) > swaps
    assert Counter(tuple(order.statuses) for order in orders) == {(201,): len(orders)}
    snapshots = {body["snapshot"] for body in bodies(gateways.exported(), "exchange")}
    assert len(snapshots) >= swaps // 2
