"""One transaction, walked step by step by the clients whose work it is; each step needs the answer before it."""

from __future__ import annotations

import asyncio

from controlplane.simulation import document
from controlplane.simulation.caller import OK, Call, Reply
from controlplane.simulation.driver.client import BUYER, CLINIC, DOCK, INTAKE, PORTAL, TREASURY, Clients, Identity
from controlplane.simulation.plan import SUPPLIERS_PER_ENTITY, Expense, Mistake, Order, Slip, Transaction

PROCUREMENT, RECEIVING, PAYABLES, FINANCE = "/procurement/v1", "/receiving/v1", "/payables/v1", "/finance/v1"
LOOKS = 5  # how often somebody looks whether an invoice is paid
LOOK_PAUSE_S = 1.0
DUPLICATE = (409,)
NOT_YET = (*OK, 409)  # the state may have moved on, or not be there yet


class Journey:
    """Walks transactions. `suppliers` are known once `onboard` has run."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._suppliers: dict[tuple[str, int], str] = {}

    async def onboard(self, entities: tuple[str, ...]) -> None:
        """The suppliers of every entity: checked, created, and known by the id that procurement gave them."""
        for entity in entities:
            for number in range(SUPPLIERS_PER_ENTITY):
                body = document.supplier(entity, number)
                await self._send(BUYER, f"{PROCUREMENT}/supplier-validations", body, is_safe=True)
                created = await self._send(BUYER, f"{PROCUREMENT}/suppliers", body, key=body["external_reference"])
                if created.is_ok:
                    self._suppliers[entity, number] = created.body["id"]

    async def walk(self, transaction: Transaction) -> None:
        match transaction:
            case Order():
                await self._order(transaction)
            case Expense():
                await self._expense(transaction)
            case Slip():
                await self._slip(transaction)

    async def _order(self, order: Order) -> None:
        supplier = self._suppliers.get((order.entity, order.supplier))
        requisition = supplier and await self._requisition(order, supplier)
        purchase = requisition and await self._purchase(order, str(supplier), requisition)
        if not supplier or not purchase:
            return
        for delivery in order.deliveries:
            await asyncio.sleep(delivery.wait_s)
            body = document.receipt(order, delivery, purchase)
            await self._send(DOCK, f"{RECEIVING}/receipts", body, key=f"dock-{delivery.id}")
        await self._read(DOCK, f"{RECEIVING}/receipts?legal_entity={order.entity}&purchase_order_id={purchase}")
        body = document.order_invoice(order, supplier, purchase)
        submitted = await self._send(INTAKE, f"{PAYABLES}/invoices", body, key=f"scan-{order.bill.id}")
        if not submitted.is_ok:
            return
        if order.bill.duplicate:
            again = document.order_invoice(order, supplier, purchase, "-B")
            await self._send(INTAKE, f"{PAYABLES}/invoices", again, key=f"scan-{order.bill.id}-B", expect=DUPLICATE)
        await self._follow(order.bill.id, order.entity, order.bill.is_released)

    async def _requisition(self, order: Order, supplier: str) -> str:
        """The requisition's id, "" when it was not approved."""
        body = document.requisition(order, supplier)
        await self._send(PORTAL, f"{PROCUREMENT}/requisition-validations", body, is_safe=True)
        created = await self._send(PORTAL, f"{PROCUREMENT}/requisitions", body, key=order.id)
        if not created.is_ok:
            return ""
        name = str(created.body["id"])
        approval = document.decision("department.head")
        path = f"{PROCUREMENT}/requisitions/{name}/approve"
        return name if (await self._send(PORTAL, path, approval, key=f"approve-{name}")).is_ok else ""

    async def _purchase(self, order: Order, supplier: str, requisition: str) -> str:
        """The order's id, "" when it was not issued."""
        body = document.purchase_order(order, supplier, requisition)
        created = await self._send(BUYER, f"{PROCUREMENT}/purchase-orders", body, key=f"{order.id}-order")
        if not created.is_ok:
            return ""
        name = str(created.body["id"])
        steps = {
            "approve": document.decision("purchasing.lead"),
            "issue": {"issued_by": "buyer.desk"},
            "acknowledge": {"result": "accepted", "supplier_reference": f"SO-{order.id}"},
        }
        for verb, content in steps.items():
            path = f"{PROCUREMENT}/purchase-orders/{name}/{verb}"
            if not (await self._send(BUYER, path, content, key=f"{verb}-{name}")).is_ok:
                return ""
        await self._read(BUYER, f"{PROCUREMENT}/purchase-orders/{name}")
        return name

    async def _expense(self, expense: Expense) -> None:
        supplier = self._suppliers.get((expense.entity, expense.supplier))
        if not supplier:
            return
        body = document.expense_invoice(expense, supplier)
        submitted = await self._send(INTAKE, f"{PAYABLES}/invoices", body, key=f"scan-{expense.bill.id}")
        if not submitted.is_ok:
            return
        if expense.bill.duplicate:
            again = document.expense_invoice(expense, supplier, "-B")
            await self._send(INTAKE, f"{PAYABLES}/invoices", again, key=f"scan-{expense.bill.id}-B", expect=DUPLICATE)
        await self._approve(expense.bill.id)
        await self._follow(expense.bill.id, expense.entity, is_released=False)

    async def _approve(self, invoice: str) -> Reply:
        path, body = f"{PAYABLES}/invoices/{invoice}/approve", document.decision("treasury.lead")
        return await self._send(TREASURY, path, body, key=f"approve-{invoice}", expect=NOT_YET)

    async def _follow(self, invoice: str, entity: str, is_released: bool) -> None:
        """Look until it is paid or stays held; treasury may release an exception once."""
        for _ in range(LOOKS):
            await asyncio.sleep(LOOK_PAUSE_S)
            seen = await self._read(TREASURY, f"{PAYABLES}/invoices/{invoice}")
            if not seen.is_ok:
                continue
            status = seen.body["status"]
            if status.get("payment") == "paid":
                query = f"legal_entity={entity}&external_reference=pay-{invoice}"
                await self._read(TREASURY, f"{FINANCE}/payments?{query}")
                return
            if status.get("match") == "exception":
                if not is_released:
                    return
                await self._approve(invoice)
                is_released = False

    async def _slip(self, slip: Slip) -> None:
        caller, call = _wrong(slip)
        await self._clients[caller].call(call)

    async def _send(
        self,
        who: Identity,
        path: str,
        body: document.Document,
        key: str = "",
        expect: tuple[int, ...] = OK,
        is_safe: bool = False,
    ) -> Reply:
        return await self._clients[who].call(Call("POST", path, body, key=key, expect=expect, is_safe=is_safe))

    async def _read(self, who: Identity, target: str) -> Reply:
        return await self._clients[who].call(Call("GET", target, patience_s=8.0))


def _wrong(slip: Slip) -> tuple[Identity, Call]:
    """A call that must be refused, each for another reason, and who makes it."""
    path, body = f"{PROCUREMENT}/requisitions", _small(slip)
    priced_in_binary = {**body, "totals": {**body["totals"], "gross": {"amount": 12.5, "currency": "USD"}}}
    elsewhere = {**body, "legal_entity": "sankt-marien"}
    calls: dict[Mistake, tuple[Identity, Call]] = {
        "shape": (PORTAL, Call("POST", path, _nested(), key=slip.id, expect=(400,))),
        "schema": (PORTAL, Call("POST", path, priced_in_binary, key=slip.id, expect=(422,))),
        "entity": (CLINIC, Call("POST", path, elsewhere, key=slip.id, expect=(403,))),
        "scope": (DOCK, Call("POST", f"{PAYABLES}/invoices", body, key=slip.id, expect=(403,))),
        "key-missing": (PORTAL, Call("POST", path, body, expect=(400,))),
        "unknown-object": (BUYER, _unknown(slip)),
    }
    return calls[slip.mistake]


def _unknown(slip: Slip) -> Call:
    return Call("GET", f"{PROCUREMENT}/purchase-orders/PO-{slip.id}", entity=slip.entity, expect=(404,))


def _small(slip: Slip) -> document.Document:
    currency = document.CURRENCIES[slip.entity]
    net = {"amount": "12.50", "currency": currency}
    line = {"line": "1", "description": "Toner", "quantity": {"value": "1", "unit": "EA"}, "net": net}
    return {
        "legal_entity": slip.entity,
        "external_reference": slip.id,
        "requester": "ward.clerk",
        "lines": [line],
        "totals": {"net": net, "tax": {"amount": "0.00", "currency": currency}, "gross": net},
    }


def _nested(depth: int = 200) -> document.Document:
    """Deeper than any business document."""
    body: document.Document = {}
    for _ in range(depth):
        body = {"extensions": body}
    return body
