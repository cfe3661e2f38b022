"""A real ERP that nobody here wrote, behind the gateway in its native shape (no mapping)."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e.proxy import Proxy
from tests.e2e.stack import Stack, until
from tests.e2e.tryton.environment import Tryton, TrytonUnavailable, running

PURCHASES = "/erp/v1/p2p/rest/model/purchase.purchase"
FIELDS = "f=state&f=reference&f=total_amount&f=lines.quantity&f=lines.unit_price"


@pytest.fixture(scope="module")
def tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tryton]:
    try:
        with running(tmp_path_factory.mktemp("tryton")) as server:
            yield server
    except TrytonUnavailable as error:
        pytest.skip(f"a real ERP behind the gateway: Tryton could not be installed ({error})")


@pytest.fixture(scope="module")
def proxy(tryton: Tryton) -> Iterator[Proxy]:
    address = urlsplit(tryton.base_url)
    between = Proxy((str(address.hostname), int(address.port or 0)))
    yield between
    between.close()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, proxy: Proxy, tryton: Tryton) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    whole = Stack(folder, Path(__file__).parent / "workspace", {"system_url": proxy.url}, {"tryton": tryton.key})
    try:
        yield whole.start()
    finally:
        whole.stop()


@pytest.fixture(scope="module")
def buyer(stack: Stack) -> httpx.Client:
    return stack.client(stack.key("buyer"))


@pytest.fixture(autouse=True)
def _well_behaved(proxy: Proxy) -> Iterator[None]:
    yield
    proxy.mode = "pass"
    proxy.mutate = lambda chunk: chunk


def purchase(tryton: Tryton, reference: str, **changes: Any) -> dict[str, Any]:
    line = {
        "product": tryton.master["product"],
        "quantity": 12,
        "unit": tryton.master["unit"],
        "unit_price": {"__class__": "Decimal", "decimal": "8.2500"},
    }
    ids = {"company": tryton.master["company"], "currency": tryton.master["currency"]}
    ids["payment_term"] = tryton.master["term"]
    order = {"party": tryton.master["supplier"], "invoice_address": tryton.master["address"], "reference": reference}
    return {**ids, **order, "lines": [["create", [{**line, **changes.pop("line", {})}]]], **changes}


def fresh() -> str:
    return f"WB-{uuid.uuid4().hex[:12]}"


def keyed(key: str | None = None) -> dict[str, str]:
    return {"idempotency-key": key or str(uuid.uuid4())}


def test_a_purchase_goes_from_draft_to_confirmed_under_real_schemas(stack: Stack, buyer: httpx.Client, tryton: Tryton):
    """List, create, get, quote and confirm pass the gateway; the chain of the order shows each step."""
    reference = fresh()
    created = buyer.post(PURCHASES, json=purchase(tryton, reference), headers=keyed())
    assert created.status_code == 200, created.text
    number = created.json()["id"]
    for action, state in (("quote", "quotation"), ("confirm", "confirmed")):
        answer = buyer.post(f"{PURCHASES}/{number}/{action}", json={}, headers=keyed())
        assert answer.status_code == 200, answer.text
        seen = buyer.get(f"{PURCHASES}/{number}?{FIELDS}").json()
        assert seen["state"] == state or (action == "confirm" and seen["state"] == "processing")
    assert seen["total_amount"] == {"__class__": "Decimal", "decimal": "99.00"}
    domain = base64.urlsafe_b64encode(json.dumps([["reference", "=", reference]]).encode()).decode()
    listed = buyer.get(f"{PURCHASES}?d={domain}&f=reference").json()
    assert [item["id"] for item in listed] == [number]
    chain = until(lambda: chain_of(stack, reference, 3), "the order's chain is known")
    assert [event["type"] for event in chain["events"] if event["type"]] == [
        "purchase_order.created",
        "purchase_order.quoted",
        "purchase_order.confirmed",
    ]


def chain_of(stack: Stack, reference: str, events: int) -> dict[str, Any] | None:
    found = stack.api.get("/lineage/search", params={"q": reference}).json()["items"]
    if not found:
        return None
    chain = stack.api.get("/lineage/chain", params=found[0]["object"]).json()
    return chain if len(chain["events"]) >= events else None


def test_a_mutated_answer_to_a_read_never_reaches_the_caller(buyer: httpx.Client, tryton: Tryton, proxy: Proxy):
    """A vendor that starts to answer another shape is caught at the gateway, and the problem blames the response."""
    number = buyer.post(PURCHASES, json=purchase(tryton, fresh()), headers=keyed()).json()["id"]
    proxy.mutate = lambda chunk: chunk.replace(b'"draft"', b'"dr@ft"')
    answer = buyer.get(f"{PURCHASES}/{number}?{FIELDS}")
    assert (answer.status_code, answer.json()["fault"]) == (502, "response")
    assert [violation["pointer"] for violation in answer.json()["violations"]] == ["/state"]
    assert "dr@ft" not in answer.text


def test_a_mutated_answer_to_a_write_is_withheld_and_says_it_was_executed(
    stack: Stack, buyer: httpx.Client, tryton: Tryton, proxy: Proxy
):
    """Tryton acted; the caller learns so, gets no unchecked body, and a retry with the key gives the same answer."""
    reference, headers = fresh(), keyed()
    proxy.mutate = lambda chunk: chunk.replace(b'"purchase.purchase"', b'"purchase.purchasf"')
    first = buyer.post(PURCHASES, json=purchase(tryton, reference), headers=headers)
    proxy.mutate = lambda chunk: chunk
    again = buyer.post(PURCHASES, json=purchase(tryton, reference), headers=headers)
    assert (first.status_code, first.json()["executed"]) == (502, "yes")
    assert (again.status_code, again.json()["code"]) == (502, first.json()["code"])
    assert len(tryton.purchases(reference)) == 1
    waiting = until(lambda: [e for e in stack.items("/attention") if e["kind"] == "withheld"], "a person is asked")
    assert waiting[0]["exchange_id"] == first.headers["waybill-exchange"]


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"line": {"quantity": -12}}, ["/lines/0/1/0/quantity"]),
        ({"line": {"unit_price": 8.25}}, ["/lines/0/1/0/unit_price"]),
        ({"party": "Cardinal", "colour": "red"}, ["", "/party"]),
        ({"line": {"quantity": 0, "unit": "box"}}, ["/lines/0/1/0/quantity", "/lines/0/1/0/unit"]),
    ],
)
def test_a_wrong_call_is_refused_with_all_pointers_before_tryton_sees_it(
    buyer: httpx.Client, tryton: Tryton, change, pointers
):
    """Tryton accepts a negative quantity and answers a wrong type with an HTML 500."""
    reference = fresh()
    answer = buyer.post(PURCHASES, json=purchase(tryton, reference, **change), headers=keyed())
    assert (answer.status_code, answer.json()["fault"]) == (422, "request")
    assert sorted(violation["pointer"] for violation in answer.json()["violations"]) == pointers
    assert tryton.purchases(reference) == []


def test_the_same_key_makes_one_order_where_tryton_alone_makes_two(buyer: httpx.Client, tryton: Tryton):
    """One after the other and at once."""
    alone = fresh()
    direct = {"authorization": f"Bearer {tryton.key}", **keyed("same")}
    for _ in range(2):
        url = f"{tryton.base_url}/p2p/rest/model/purchase.purchase"
        assert httpx.post(url, json=purchase(tryton, alone), headers=direct, timeout=30).status_code == 200
    assert len(tryton.purchases(alone)) == 2

    governed, headers = fresh(), keyed()
    answers = [buyer.post(PURCHASES, json=purchase(tryton, governed), headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert len(tryton.purchases(governed)) == 1

    at_once, headers = fresh(), keyed()
    with ThreadPoolExecutor(6) as pool:
        post = lambda _: buyer.post(PURCHASES, json=purchase(tryton, at_once), headers=headers)  # noqa: E731
        statuses = sorted(answer.status_code for answer in pool.map(post, range(6)))
    assert set(statuses) <= {200, 409}
    assert 200 in statuses
    assert len(tryton.purchases(at_once)) == 1


def test_another_payload_under_a_used_key_is_refused(buyer: httpx.Client, tryton: Tryton):
    headers = keyed()
    buyer.post(PURCHASES, json=purchase(tryton, fresh()), headers=headers)
    answer = buyer.post(PURCHASES, json=purchase(tryton, fresh()), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")


def test_a_killed_gateway_leaves_a_doubt_that_the_declared_look_up_settles(
    stack: Stack, buyer: httpx.Client, tryton: Tryton, proxy: Proxy
):
    """`kill -9` while Tryton works: in doubt, then settled by Tryton's own list; the retry gets that answer."""
    reference, headers = fresh(), keyed()
    proxy.mode = "stall"
    held = proxy.answers_held
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(buyer.post, PURCHASES, json=purchase(tryton, reference), headers=headers)
        until(lambda: proxy.answers_held > held, "Tryton has done its work")
        stack.gateway.kill()
        with pytest.raises(httpx.HTTPError):
            lost.result(10)
    proxy.mode = "pass"
    stack.start_gateway()

    def settled() -> httpx.Response | None:
        answer = buyer.post(PURCHASES, json=purchase(tryton, reference), headers=headers)
        assert answer.status_code in (200, 409), answer.text
        return answer if answer.status_code == 200 else None

    answer = until(settled, "the doubt is settled", 60)
    orders = tryton.purchases(reference)
    assert len(orders) == 1
    assert answer.json()["id"] == orders[0]["id"]
    assert answer.headers["idempotency-replayed"] == "true"
    records = [entry["body"] for entry in stack.exported() if entry["kind"] == "exchange"]
    assert [record["executed"] for record in records if record.get("is_reconciled")] == ["yes"]
