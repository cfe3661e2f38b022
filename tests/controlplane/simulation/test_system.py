"""The systems alone, as processes over real sockets, their bodies checked against the contracts."""

import asyncio
import time

import httpx
import pytest

from controlplane.simulation.driver.client import Clients
from controlplane.simulation.driver.journey import Journey
from controlplane.simulation.log import read_log
from controlplane.simulation.plan import ENTITIES
from controlplane.simulation.transaction import BankChange, Bill, Close, Delivery, Expense, Item, Order, Withdrawal


def order(name, entity="mercy-health", variance="none", lost=False, released=False, parts=((10,),), duplicate=False):
    deliveries = tuple(
        Delivery(f"GR-{name}-{number}", quantities, 0.0, lost and number == 1)
        for number, quantities in enumerate(parts)
    )
    item = Item("GLV-200", "Gloves", "BX", 10, "12.50")
    bill = Bill(f"INV-{name}", f"S-{name}", variance, duplicate, released)
    return Order(f"REQ-{name}", 0.0, entity, 0, (item,), deliveries, bill)


def expense(name, entity="mercy-health", duplicate=False):
    bill = Bill(f"INV-{name}", f"E-{name}", "none", duplicate, True)
    return Expense(f"EXP-{name}", 0.0, entity, 1, "Electricity", "4711.08", bill)


def walk(network, *transactions):
    """Walk the transactions at once and wait until no system owes anything."""

    async def run():
        clients = Clients(network.url, network.run_dir / "keys", network.run_dir / "clients", least_s=30.0)
        try:
            journey = Journey(clients)
            await journey.onboard(tuple(name for name, _, _ in ENTITIES))
            await asyncio.gather(*(journey.walk(transaction) for transaction in transactions))
        finally:
            await clients.close()

    asyncio.run(run())
    deadline = time.monotonic() + 30
    while any(httpx.get(f"{url}/-/status", trust_env=False).json()["pending"] for url in network.urls.values()):
        assert time.monotonic() < deadline, "systems still owe calls"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def walked(network):
    """A network in which one of each kind of transaction has run."""
    httpx.post(f"{network.urls['receiving']}/-/control", json={"lose": ["GR-LOST-0"]}, trust_env=False)
    walk(
        network,
        order("PARTS", parts=((4,), (6,)), duplicate=True),
        order("EU", entity="sankt-marien"),
        expense("US", duplicate=True),
        expense("DE", entity="sankt-marien"),
        order("DEAR", variance="price"),
        order("MORE", variance="quantity"),
        order("FREED", variance="price", released=True),
        order("LOST", lost=True),
        order("CLINIC", entity="riverbend-clinics", parts=((7,), (3,))),
        expense("DAY", entity="riverbend-clinics", duplicate=True),
        BankChange("BANK-1", 0.0, "mercy-health", 2, "9" * 64, "4711"),
        *(Withdrawal(f"WD-{number}", 0.0, "sankt-marien", "HIP-52", 5) for number in range(3)),
        *(Close(f"CLOSE-{name}", 0.5, name, 1) for name, _, _ in ENTITIES),
    )
    return network


def look(network, system, path):
    secret = (network.run_dir / "systems.secret").read_text()
    headers = {"authorization": f"Bearer {secret}"}
    return httpx.get(network.urls[system] + path, headers=headers, trust_env=False).json()


def client_calls(network):
    return [
        line for path in (network.run_dir / "clients").glob("*.ndjson") for line in read_log(path) if "status" in line
    ]


def paid(network, erp):
    payments = look(network, erp, "/payments")["items"]
    return {part["invoice_id"] for one in payments for part in one["allocations"] if is_settled(one)}


def is_settled(payment):
    return payment["status"]["lifecycle"] == "settled"


def test_bodies_are_as_the_contracts_say(walked):
    """Every request and answer, of clients and between systems, fits its schema, and every status was reckoned with."""
    assert walked.breaches == []
    assert [line for line in client_calls(walked) if line["status"] not in line["expect"]] == []


def test_what_matches_or_is_approved_ends_in_a_settled_payment(walked):
    """From requisition to payment in both entities; exceptions are paid only when treasury releases them."""
    assert {"INV-PARTS", "INV-US", "INV-FREED"} == paid(walked, "erp-mercy-health")
    assert {"INV-EU", "INV-DE"} == paid(walked, "erp-sankt-marien")
    assert {"INV-CLINIC", "INV-DAY"} == paid(walked, "erp-legacy")
    orders = look(walked, "erp-mercy-health", "/purchase-orders")["items"]
    assert {"full", "none"} == {one["status"]["receipt"] for one in orders}


def test_both_ledgers_give_the_same_numbers(walked):
    """Two ERPs own order 4500000001: a number is only unique with its assigner."""
    for path, number in {"/purchase-orders": "4500000001", "/payments": "1500000001"}.items():
        first = [look(walked, erp, path)["items"][0] for erp in ("erp-mercy-health", "erp-sankt-marien")]
        assert [number, number] == [one["source"]["native_id"] for one in first]


@pytest.mark.parametrize(
    ("invoice", "match", "codes"),
    [
        ("INV-PARTS", "matched", []),
        ("INV-DEAR", "exception", ["price_variance"]),
        ("INV-MORE", "exception", ["quantity_variance"]),
        ("INV-LOST", "exception", ["quantity_variance"]),
        ("INV-FREED", "released", []),
    ],
)
def test_the_match_holds_what_varies(walked, invoice, match, codes):
    """Dearer, more than received, or received and never told to the ledger: held, with the reason."""
    found = look(walked, "payables", f"/invoices/{invoice}")
    assert (match, codes) == (found["status"]["match"], [hold["code"] for hold in found.get("holds", [])])


def test_a_lost_receipt_never_reaches_the_ledger(walked):
    """The receiving system has it and forgets to forward it."""
    assert "GR-LOST-0" in {one["id"] for one in look(walked, "receiving", "/receipts")["items"]}
    assert "GR-LOST-0" not in {one["id"] for one in look(walked, "erp-mercy-health", "/receipts")["items"]}


def test_the_legacy_erp_is_another_program(walked):
    """Its own numbers and one code for all states, local time, capitals: the same canonical document."""
    order = look(walked, "erp-legacy", "/purchase-orders")["items"][0]
    source = order["source"]
    assert (source["native_id"], source["native_status"]) == ("B0000001/A", {"table": "BESTELL", "code": "3F"})
    assert (order["status"]["receipt"], order["status"]["billing"]) == ("full", "full")
    assert order["lines"][0]["description"] == "GLOVES"
    assert order["updated_at"][-6:] in ("-06:00", "-05:00") and "." not in order["updated_at"]


def test_the_legacy_erp_refuses_what_does_not_fit(walked):
    """As strictly as the cloud ERP: taken keys, quantities over the order, unknown references, papers of others."""
    secret = (walked.run_dir / "systems.secret").read_text()
    with httpx.Client(headers={"authorization": f"Bearer {secret}"}, trust_env=False) as http:
        erp = walked.urls["erp-legacy"]
        posted = http.get(f"{erp}/receipts/GR-CLINIC-0").json()
        assert http.post(f"{erp}/receipts", json=posted).status_code == 409
        over = {**posted, "id": "GR-X", "external_reference": "x"}
        assert http.post(f"{erp}/receipts", json=over).status_code == 422
        assert http.post(f"{erp}/receipts", json={**over, "purchase_order_id": "PO-NONE"}).status_code == 422
        assert http.post(f"{erp}/receipts", json={**over, "legal_entity": "mercy-health"}).status_code == 422
        payment = http.get(f"{erp}/payments").json()["items"][0]
        assert http.post(f"{erp}/payments/{payment['id']}/confirm", json={"result": "settled"}).status_code == 409
        assert http.get(f"{erp}/invoices/INV-NONE").status_code == 404


def test_stock_moves_with_receipts_and_wards_and_is_ordered_again(walked):
    """Receipts add, wards take no more than there is, and what runs low is requisitioned once."""
    gloves = look(walked, "inventory", "/positions/mercy-health.GLV-200")
    assert int(gloves["on_hand"]) == 180 + 4 + 6 + 4 * 10
    hips = look(walked, "inventory", "/positions/sankt-marien.HIP-52")
    assert (hips["on_hand"], hips["on_order"]) == ("9", "15")
    wanted = [one for one in look(walked, "procurement", "/requisitions")["items"] if "reorder" in one["requester"]]
    assert [one["lines"][0]["quantity"]["value"] for one in wanted] == ["15"]


def test_suppliers_come_from_the_master(walked):
    """Entered and activated there, known to procurement by the same id; bank accounts stay in the master."""
    master = {one["id"]: one for one in look(walked, "supplier-master", "/suppliers?limit=50")["items"]}
    known = {one["id"]: one for one in look(walked, "procurement", "/suppliers?limit=50")["items"]}
    assert master.keys() == known.keys() and len(master) == 12
    changed = [one for one in master.values() if "bank_accounts" in one]
    assert [one["bank_accounts"][0]["last4"] for one in changed] == ["4711"]
    assert not any("bank_accounts" in one for one in known.values())


def test_systems_tell_what_became_of_things(walked):
    """Matches, exceptions and activations are told as events, each under its own identity."""
    told = [(event["type"], event["data"]["id"]) for event in walked.events]
    assert {"invoice.matched", "invoice.exception_raised", "supplier.activated"} == {kind for kind, _ in told}
    assert ("invoice.exception_raised", "INV-DEAR") in told and ("invoice.matched", "INV-CLINIC") in told
    assert len({(event["source"], event["id"]) for event in walked.events}) == len(told)


def test_every_ledger_closes_its_period(walked):
    """The one that was open is closed, the next is open, a further one is ahead."""
    for erp in ("erp-mercy-health", "erp-sankt-marien", "erp-legacy"):
        states = [one["status"]["purchasing"] for one in look(walked, erp, "/periods")["items"]]
        assert states == ["closed", "open", "future"]


def test_a_drifting_vendor_answers_otherwise(walked):
    """An amount becomes a binary number and a member is gained; afterwards all is as before."""
    url = walked.urls["procurement"]
    drift = {"pointer": "/totals/gross/amount", "gained": "release"}
    name = look(walked, "procurement", "/purchase-orders")["items"][0]["id"]
    before = look(walked, "procurement", f"/purchase-orders/{name}")
    httpx.post(f"{url}/-/control", json={"drift": drift}, trust_env=False)
    during = look(walked, "procurement", f"/purchase-orders/{name}")
    httpx.post(f"{url}/-/control", json={"drift": None}, trust_env=False)
    assert during["totals"]["gross"]["amount"] == float(before["totals"]["gross"]["amount"])
    assert during["release"] is True
    assert look(walked, "procurement", f"/purchase-orders/{name}") == before


def test_systems_refuse_what_the_state_forbids(walked):
    """404 for unknown, 409 for done already, 422 for what does not add up or names nothing, 401 for strangers."""
    secret = (walked.run_dir / "systems.secret").read_text()
    with httpx.Client(headers={"authorization": f"Bearer {secret}"}, trust_env=False) as http:
        erp, saas = walked.urls["erp-mercy-health"], walked.urls["procurement"]
        posted = http.get(f"{erp}/receipts/GR-PARTS-0").json()
        assert http.post(f"{erp}/receipts", json=posted).status_code == 409
        over = {**posted, "id": "GR-X", "external_reference": "x"}
        assert http.post(f"{erp}/receipts", json=over).status_code == 422
        assert http.post(f"{erp}/receipts", json={**over, "purchase_order_id": "PO-NONE"}).status_code == 422
        payment = http.get(f"{erp}/payments").json()["items"][0]
        again = {**payment, "id": "PAY-2", "external_reference": "again"}
        assert http.post(f"{erp}/payments", json=again).status_code == 409
        assert http.post(f"{erp}/payments/{payment['id']}/confirm", json={"result": "settled"}).status_code == 409
        assert http.get(f"{saas}/requisitions/REQ-NONE").status_code == 404
        purchase = http.get(f"{saas}/purchase-orders").json()["items"][0]
        body = {"issued_by": "somebody"}
        assert http.post(f"{saas}/purchase-orders/{purchase['id']}/issue", json=body).status_code == 409
        assert http.delete(f"{saas}/purchase-orders").status_code == 405
    assert httpx.get(f"{saas}/requisitions", trust_env=False).status_code == 401


def test_faults_can_be_set_and_taken_back(walked):
    """A system that is down for maintenance answers 503 and has no effects."""
    url = walked.urls["receiving"]
    httpx.post(f"{url}/-/control", json={"unavailable": True}, trust_env=False)
    secret = (walked.run_dir / "systems.secret").read_text()
    headers = {"authorization": f"Bearer {secret}"}
    assert httpx.get(f"{url}/receipts", headers=headers, trust_env=False).status_code == 503
    httpx.post(f"{url}/-/control", json={"unavailable": False}, trust_env=False)
    assert httpx.get(f"{url}/receipts", headers=headers, trust_env=False).status_code == 200


def test_the_log_tells_each_effect_once(walked):
    """Every effect is one line, with the caller's reference on creations; the same key never has two."""
    lines = [line for path in (walked.run_dir / "systems").glob("*.ndjson") for line in read_log(path)]
    effects = [line for line in lines if line["kind"] == "request" and line["effect"]]
    references = [line["reference"] for line in effects if line["operation"] == "payments.release"]
    paid_ones = ["CLINIC", "DAY", "DE", "EU", "FREED", "PARTS", "US"]
    assert sorted(references) == [f"pay-INV-{name}" for name in paid_ones]
    keys = [(line["operation"], line["key"]) for line in effects]
    assert len(keys) == len(set(keys))
