"""Published events through real processes: what a 202 promises across kills, and where the events are seen."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.stack import Stack, until

WORKSPACE = Path(__file__).parent / "workspace" / "events"
INVOICES, PAYMENTS = "/payables/v1/invoice-events", "/finance/v1/payment-events"
STRUCTURED = {"content-type": "application/cloudevents+json"}


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    whole = Stack(tmp_path / "stack", WORKSPACE, {}, {})
    try:
        yield whole.start()
    finally:
        whole.stop()


def event(type_: str, id_: str, **data: Any) -> dict[str, Any]:
    gross = {"amount": "1295.20", "currency": "USD"}
    money = {"gross": gross} if type_.startswith("invoice.") else {"amount": gross}
    return {
        "specversion": "1.0",
        "id": id_,
        "source": "/mercy-health/systems",
        "type": type_,
        "time": "2026-03-21T06:00:00Z",
        "data": {"legal_entity": "mercy-health", "supplier": {"id": "SUP-10045"}, **money, **data},
    }


def post(client: httpx.Client, path: str, told: dict[str, Any], is_binary: bool = False) -> httpx.Response:
    if not is_binary:
        return client.post(path, content=json.dumps(told), headers=STRUCTURED)
    headers = {f"ce-{name}": value for name, value in told.items() if name != "data"}
    return client.post(path, json=told["data"], headers=headers)


def test_an_invoice_shows_what_publishers_told(stack: Stack) -> None:
    """The chain of an invoice holds the payment that the bank's connection confirmed, with relation, money, states and
    business time, whichever mode each event came in; a refused event is none of it."""
    payables, treasury = stack.client(stack.key("accounts-payable")), stack.client(stack.key("treasury"))
    received = event("invoice.received", "e-1", id="INV-1", status={"doc": "received"})
    posted = event("invoice.posted", "e-2", id="INV-1", status={"doc": "posted", "payment": "unpaid"})
    paid = {"id": "PAY-1", "invoice_ids": ["INV-1"]}
    released = event("payment.released", "e-3", status={"lifecycle": "submitted"}, **paid)
    confirmed = event("payment.confirmed", "e-4", status={"lifecycle": "settled"}, value_date="2026-03-21", **paid)
    answers = [post(payables, INVOICES, received), post(payables, INVOICES, posted, is_binary=True)]
    answers += [post(treasury, PAYMENTS, released, is_binary=True), post(treasury, PAYMENTS, confirmed)]
    answers.append(post(treasury, PAYMENTS, confirmed, is_binary=True))
    assert [answer.status_code for answer in answers] == [202] * 5
    assert answers[3].json() == answers[4].json()
    wrong = post(treasury, PAYMENTS, {**confirmed, "id": "e-5", "type": "payment.failed"})
    assert [item["pointer"] for item in wrong.json()["violations"]] == [
        "/data/failure_reason",
        "/data/status/lifecycle",
    ]
    chain = until(lambda: chain_of(stack, "INV-1", 4), "the chain is whole")
    told = [each for each in chain["events"] if each["type"]]
    assert [each["type"] for each in told] == [
        *("invoice.received", "invoice.posted", "payment.released", "payment.confirmed"),
    ]
    assert {each["occurred_at"] for each in told} == {"2026-03-21T06:00:00Z"}
    assert {(item["relation"], item["kind"]) for item in chain["links"]} == {("settles", "flow")}
    states = {item["object"]["type"]: (item["status_axes"], item["amount"]) for item in chain["objects"]}
    money = {"amount": "1295.20", "currency": "USD"}
    assert states == {
        "invoice": ({"doc": "posted", "payment": "unpaid"}, money),
        "payment": ({"lifecycle": "settled"}, money),
    }
    listed = {item["name"]: item["versions"][0] for item in stack.items("/contracts")}
    assert (listed["finance.payment-events"]["kind"], listed["finance.payments"]["kind"]) == ("asyncapi", "openapi")
    (operation,) = listed["finance.payment-events"]["operations"]
    assert operation["events"] == ["payment.confirmed", "payment.failed", "payment.released"]
    sent = fields_of(stack, "treasury")
    assert {"body:/data/amount/currency", "body:/data/invoice_ids/*", "body:/type"} <= sent
    assert "body:/data/failure_reason" not in sent  # it was refused


def fields_of(stack: Stack, consumer: str) -> set[str]:
    """What a publisher of payments has sent."""
    items = stack.items("/contracts/finance.payment-events/fields")
    return {seen["field"] for item in items if item["consumer"] == consumer for seen in item["fields"]}


def chain_of(stack: Stack, invoice: str, events: int) -> dict[str, Any] | None:
    """Once it holds that many business events."""
    key = {"type": "invoice", "assigner": "mercy-health", "value": invoice}
    answer = stack.api.get("/lineage/chain", params=key)
    if answer.status_code == 404:
        return None
    chain: dict[str, Any] = answer.json()
    return (
        chain if len([each for each in chain["events"] if each["type"] and not each["is_replay"]]) >= events else None
    )


class Publisher(threading.Thread):
    """Posts one event after the other; each until it is answered, however often the gateway dies."""

    def __init__(self, number: int, url: str, key: str, stopping: threading.Event) -> None:
        super().__init__()
        self.number = number
        self.accepted: dict[str, set[str]] = {}  # event id -> exchange ids told
        self.tries = 0
        self._client = httpx.Client(base_url=url, headers={"x-api-key": key}, timeout=10)
        self._stopping = stopping

    def run(self) -> None:
        count = 0
        while not self._stopping.is_set():
            count += 1
            name = f"{self.number}-{count}"
            told = event("invoice.received", name, id=f"INV-{name}", status={"doc": "received"})
            self.accepted[name] = set()
            for _ in range(200):
                self.tries += 1
                try:
                    answer = post(self._client, INVOICES, told, is_binary=count % 2 == 0)
                except httpx.TransportError:
                    time.sleep(0.05)
                    continue
                if answer.status_code == 202:
                    self.accepted[name].add(answer.json()["exchange_id"])
                    break
                assert answer.status_code in (409, 503), answer.text
                time.sleep(0.05)
        self._client.close()


def test_kills_lose_no_accepted_event_and_tell_none_twice(stack: Stack, is_proof: bool) -> None:
    """After `kill -9` at random moments every event that was answered 202 is in the journal as exactly one event, under
    the exchange that was told; nothing is left in doubt, although publishers tell the same event again and again."""
    chance, stopping = random.Random(20261123), threading.Event()
    publishers = [Publisher(number, stack.url, stack.key("accounts-payable"), stopping) for number in range(4)]
    for publisher in publishers:
        publisher.start()
    try:
        for _ in range(20 if is_proof else 4):
            time.sleep(chance.uniform(0.3, 1.0))
            assert stack.gateway is not None
            stack.gateway.kill()
            stack.start_gateway()
    finally:
        time.sleep(1)
        stopping.set()
        for publisher in publishers:
            publisher.join()
    accepted = {name: told for publisher in publishers for name, told in publisher.accepted.items()}
    assert sum(publisher.tries for publisher in publishers) > len(accepted) > 20
    until(lambda: len(events(stack)) >= len(accepted), "every event has its record", 60)
    recorded = events(stack)
    assert {name: [len(told), len(recorded.get(name, ()))] for name, told in accepted.items()} == {
        name: [1, 1] for name in accepted
    }
    assert accepted == {name: recorded[name] for name in accepted}
    assert stack.items("/attention", state="open") == []


def events(stack: Stack) -> dict[str, set[str]]:
    """Name of the invoice -> exchanges whose last record says that they were its event."""
    last = {line["body"]["exchange_id"]: line["body"] for line in stack.exported() if line["kind"] == "exchange"}
    found: dict[str, set[str]] = {}
    for exchange_id, body in last.items():
        if body.get("event"):
            assert (body["executed"], body["status"]) == ("yes", 202)
            found.setdefault(body["object"]["value"].removeprefix("INV-"), set()).add(exchange_id)
    return found
