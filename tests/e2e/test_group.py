"""What a group promises beyond its members: one quota, one claim per call, and nobody's calls lost with a host."""

from __future__ import annotations

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.e2e.group import GroupStack
from tests.e2e.ledger import Ledger
from tests.e2e.load import Load
from tests.e2e.proxy import Proxy
from tests.e2e.stack import until
from tests.postgres import Cluster

LIMIT = 60


def order(url: str, key: str, reference: str) -> httpx.Response:
    """One try, with the reference as its Idempotency-Key."""
    body = {"reference": reference, "total": {"amount": "19.00", "currency": "USD"}}
    headers = {"x-api-key": key, "idempotency-key": reference}
    return httpx.post(f"{url}/shop/v1/orders", json=body, headers=headers, timeout=30)


def test_a_quota_is_one_over_all_processes_and_hosts(group: GroupStack):
    """Of 200 calls at once to two hosts with two processes each exactly as many pass as the quota allows."""
    limit = {"name": "rate-limit", "policy": "rate-limit", "config": {"limit": LIMIT, "window_s": 3600}}
    group.files["policies/limit.yaml"] = json.dumps([limit])
    group.apply()
    key = group.key("buyer")

    def call(number: int) -> int:
        url = group.urls[number % 2]
        return httpx.get(
            f"{url}/shop/v1/orders?reference=R-{number}", headers={"x-api-key": key}, timeout=30
        ).status_code

    with ThreadPoolExecutor(16) as pool:
        statuses = Counter(pool.map(call, range(200)))
    assert statuses == {200: LIMIT, 429: 200 - LIMIT}


def test_one_call_sent_to_both_hosts_is_made_once(group: GroupStack, proxy: Proxy, ledger: Ledger):
    """While a call runs at one host, another host answers its key 409; afterwards it replays the answer."""
    key = group.key("buyer")
    here, there = group.urls
    proxy.mode = "stall"
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(order, here, key, "R-once")
        until(lambda: proxy.answers_held, "the call is under way")
        assert order(there, key, "R-once").status_code == 409
        proxy.mode = "pass"
        answer = first.result(20)
    replay = order(there, key, "R-once")
    assert (answer.status_code, replay.status_code) == (201, 201)
    assert (replay.headers["idempotency-replayed"], replay.json()) == ("true", answer.json())
    assert ledger.effects == {"R-once": 1}
    read = [httpx.get(f"{url}/shop/v1/orders/{answer.json()['id']}", headers={"x-api-key": key}) for url in group.urls]
    assert [found.status_code for found in read] == [200, 200]


def test_a_host_that_is_lost_for_good(group: GroupStack, proxy: Proxy, ledger: Ledger):
    """All processes of a host are killed in the middle of calls and never come back: once its leases have run out the
    other host finishes what it had begun, by asking the system, and ships what is left of its streams."""
    key = group.key("buyer")
    alive, lost = group.urls
    proxy.mode = "stall"
    with ThreadPoolExecutor(6) as pool:
        cut = [pool.submit(order, lost, key, f"R-lost-{number}") for number in range(6)]
        until(lambda: proxy.answers_held >= 6, "six calls are under way")
        group.kill_host("b")
        errors = [call.exception(20) for call in cut]
    assert all(isinstance(error, httpx.TransportError) for error in errors)
    proxy.mode = "pass"
    assert order(alive, key, "R-lost-0").status_code == 409
    settled: dict[int, Any] = {}
    for number in range(6):
        reference = f"R-lost-{number}"
        settled[number] = until(lambda name=reference: _answered(alive, key, name), f"{reference} is settled", 60)
    assert {answer.status_code for answer in settled.values()} <= {200, 201}
    assert all(answer.headers["idempotency-replayed"] == "true" for answer in settled.values())
    assert ledger.effects == {f"R-lost-{number}": 1 for number in range(6)}
    until(lambda: _shipped(group) == group.written(), "the lost host's streams have arrived", 30)
    assert any(stream.startswith("north.b-") for stream in _shipped(group))


def _answered(url: str, key: str, reference: str) -> httpx.Response | None:
    answer = order(url, key, reference)
    return None if answer.status_code == 409 else answer


def _shipped(group: GroupStack) -> dict[str, int]:
    return {item["stream"]: item["last"] for item in group.items("/streams")}


def test_the_database_goes_away_under_load(group: GroupStack, postgres: Cluster, ledger: Ledger):
    """PostgreSQL is stopped and started while clients order: they are told 503 meanwhile, all orders are made in the
    end, each once, and no process was lost."""
    key = group.key("buyer")
    before = {host: group.children(host) for host in group.hosts}
    load = Load(group.urls, key, clients=6).start()
    time.sleep(1)
    postgres.stop()
    time.sleep(2)
    postgres.start()
    time.sleep(2)
    orders = load.stop()
    assert {order.statuses[-1] for order in orders} == {201}
    assert load.statuses()[503] > 0
    assert set(ledger.effects.values()) == {1}
    assert before == {host: group.children(host) for host in group.hosts}
    until(lambda: _shipped(group) == group.written(), "everything arrived", 30)
