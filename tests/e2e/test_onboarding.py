"""A new legal entity is one small file: applied, its traffic flows through a gateway that was running all along."""

from __future__ import annotations

from tests.e2e.ledger import Ledger
from tests.e2e.stack import Stack, until

TEMPLATE = """\
template: clinic
entity: {region: us-east, currency: USD, timezone: America/New_York, calendar: us-federal, parent: mercy-health}
bindings: [{contract: shop.orders, major: 1, system: ledger}]
consumers: [buyer]
"""
CALENDAR = "{calendar: us-federal, holidays: [{date: 2026-12-25, name: Christmas Day}]}\n"
HARBOUR = "{entity: harbour, name: Harbour Clinic, template: clinic}\n"
DOCUMENT = "contracts/shop/orders/{}/openapi.yaml"
STATED = "legal_entity: $request.header.waybill-legal-entity"
DECLARED = "parameters: [{name: Waybill-Legal-Entity, in: header, schema: {type: string}}]"


#: where the legal entity is taken from changes; nobody calls yet, so the next version may be a minor one
WAIVED = {
    "waivers/first.yaml": "{fingerprint: c252a7d6c12c3625, subject: shop.orders, reason: Nobody calls it yet., "
    "approver: shop, expires: 2099-12-31}\n"
}


def stating_entities(files: dict[str, str]) -> dict[str, str]:
    """The contract's next version, in which a call says what legal entity it belongs to."""
    document = files[DOCUMENT.format("1.0.0")].replace("1.0.0", "1.1.0")
    document = document.replace("event: order.created", f"event: order.created\n        {STATED}")
    document = document.replace("[{key: [write]}]", f"[{{key: [write]}}]\n      {DECLARED}")
    contract = files["contracts/shop/orders/contract.yaml"] + "  1.1.0: {state: published}\n"
    return {DOCUMENT.format("1.1.0"): document, "contracts/shop/orders/contract.yaml": contract, **WAIVED}


def order(stack: Stack, key: str, entity: str, reference: str) -> int:
    body = {"reference": reference, "total": {"amount": "10.00", "currency": "USD"}}
    headers = {"idempotency-key": reference, "waybill-legal-entity": entity}
    return stack.client(key).post("/shop/v1/orders", json=body, headers=headers).status_code


def test_a_new_entity_is_one_small_file(stack: Stack, ledger: Ledger):
    """Plan names everything that follows from the file; before it is applied its calls are refused, after it they
    reach the system, and what was there goes on undisturbed."""
    stack.files |= stating_entities(stack.files)
    stack.files |= {"templates/clinic.yaml": TEMPLATE, "calendars/us-federal.yaml": CALENDAR}
    stack.apply()
    key = stack.key("buyer")
    assert order(stack, key, "harbour", "h-0") == 403
    stack.files["entities/harbour.yaml"] = HARBOUR
    plan = stack.api.post("/workspace/plan", json={"files": stack.files}).json()
    assert [(item["kind"], item["name"], item["detail"]) for item in plan["added"]] == [
        ("binding", "shop.orders/1/harbour", "made by templates/clinic.yaml"),
        ("entity", "harbour", "template clinic"),
    ]
    assert [(item["kind"], item["name"]) for item in plan["changed"]] == [("consumer", "buyer")]
    stack.apply()
    stack.wait_synced()
    assert until(lambda: order(stack, key, "harbour", "h-1") == 201, "orders of the new entity pass")
    assert order(stack, key, "mercy-health", "m-1") == 201
    assert (ledger.effects["h-0"], ledger.effects["h-1"], ledger.effects["m-1"]) == (0, 1, 1)
    assert {item["entity"] for item in stack.items("/entities")} == {"harbour", "mercy-health"}


RECORD = "- {object: order, system: master}\n"
MASTER = "{system: master, name: Order master, region: us-east, base_url: 'http://127.0.0.1:9', owner: x}\n"


def test_a_system_of_record_is_in_force_within_seconds(stack: Stack, ledger: Ledger):
    """Declared in a file and applied: writes of strangers are refused before they reach any system, reads are not."""
    key = stack.key("buyer")
    body = {"reference": "r-1", "total": {"amount": "10.00", "currency": "USD"}}
    client = stack.client(key)
    made = client.post("/shop/v1/orders", json=body)
    assert made.status_code == 201
    stack.files |= {"records/order.yaml": RECORD, "systems/master.yaml": MASTER}
    plan = stack.api.post("/workspace/plan", json={"files": stack.files}).json()
    assert [(item["kind"], item["name"]) for item in plan["added"]] == [("record", "order/*"), ("system", "master")]
    stack.apply()
    stack.wait_synced()
    refused = client.post("/shop/v1/orders", json=body | {"reference": "r-2"})
    assert (refused.status_code, refused.json()["code"]) == (403, "not-system-of-record")
    assert client.get(f"/shop/v1/orders/{made.json()['id']}").status_code == 200
    assert (ledger.effects["r-1"], ledger.effects["r-2"]) == (1, 0)
