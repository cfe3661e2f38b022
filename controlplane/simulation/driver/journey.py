"""One transaction, walked step by step by the clients whose work it is; each step needs the answer before it."""

from __future__ import annotations

import asyncio

from controlplane.simulation import document
from controlplane.simulation.caller import OK, Call, Reply
from controlplane.simulation.driver.client import (
    DESKS,
    DOCK,
    SUPPLIER_DESK,
    SUPPLIERS,
    TREASURY,
    Clients,
    Identity,
)
from controlplane.simulation.driver.errand import Errands
from controlplane.simulation.driver.path import FINANCE, MASTERDATA, PAYABLES, PROCUREMENT, RECEIVING
from controlplane.simulation.plan import SUPPLIERS_PER_ENTITY
from controlplane.simulation.transaction import Expense, Order, Transaction

LOOKS = 5  # how often somebody looks whether an invoice is paid
LOOK_PAUSE_S = 1.0
DUPLICATE = (409,)
NOT_YET = (*OK, 409)  # the state may have moved on, or not be there yet
NOT_KNOWN_YET = (*OK, 404)
KNOWN_LOOKS, KNOWN_PAUSE_S = 40, 0.1  # until procurement has heard of a supplier from the master


class Journey:
    """Walks transactions. `suppliers` are known once `onboard` has run."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._suppliers: dict[tuple[str, int], str] = {}
        self._errands = Errands(clients)

    async def onboard(self, entities: tuple[str, ...]) -> None:
        """The suppliers of every entity: entered into the master, activated there, and known to procurement."""
        await asyncio.gather(
            *(self._onboard(entity, number) for entity in entities for number in range(SUPPLIERS_PER_ENTITY))
        )

    async def _onboard(self, entity: str, number: int) -> None:
        body = document.supplier(entity, number)
        created = await self._send(SUPPLIERS, f"{MASTERDATA}/suppliers", body, key=body["external_reference"])
        if not created.is_ok:
            return
        name = str(created.body["id"])
        path = f"{MASTERDATA}/suppliers/{name}/activate"
        await self._send(SUPPLIER_DESK, path, document.decision("supplier.lead"), key=f"activate-{name}")
        look = Call("GET", f"{PROCUREMENT}/suppliers/{name}", entity=entity, expect=NOT_KNOWN_YET)
        for _ in range(KNOWN_LOOKS):
            await asyncio.sleep(KNOWN_PAUSE_S)
            if (await self._clients[SUPPLIERS].call(look)).is_ok:
                self._suppliers[entity, number] = name
                return

    async def walk(self, transaction: Transaction) -> None:
        match transaction:
            case Order():
                await self._order(transaction)
            case Expense():
                await self._expense(transaction)
            case _:
                await self._errands.run(transaction, self._suppliers)

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
        desks, body = DESKS[order.entity], document.order_invoice(order, supplier, purchase)
        submitted = await self._send(desks.intake, f"{PAYABLES}/invoices", body, key=f"scan-{order.bill.id}")
        if not submitted.is_ok:
            return
        if order.bill.duplicate:
            again = document.order_invoice(order, supplier, purchase, "-B")
            await self._send(
                desks.intake, f"{PAYABLES}/invoices", again, key=f"scan-{order.bill.id}-B", expect=DUPLICATE
            )
        await self._follow(order.bill.id, order.entity, order.bill.is_released)

    async def _requisition(self, order: Order, supplier: str) -> str:
        """The requisition's id, "" when it was not approved."""
        desks, body = DESKS[order.entity], document.requisition(order, supplier)
        await self._send(desks.requester, f"{PROCUREMENT}/requisition-validations", body, is_safe=True)
        created = await self._send(desks.requester, f"{PROCUREMENT}/requisitions", body, key=order.id)
        if not created.is_ok:
            return ""
        name = str(created.body["id"])
        approval = document.decision("department.head")
        path = f"{PROCUREMENT}/requisitions/{name}/approve"
        return name if (await self._send(desks.approver, path, approval, key=f"approve-{name}")).is_ok else ""

    async def _purchase(self, order: Order, supplier: str, requisition: str) -> str:
        """The order's id, "" when it was not issued."""
        buyer, body = DESKS[order.entity].buyer, document.purchase_order(order, supplier, requisition)
        created = await self._send(buyer, f"{PROCUREMENT}/purchase-orders", body, key=f"{order.id}-order")
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
            if not (await self._send(buyer, path, content, key=f"{verb}-{name}")).is_ok:
                return ""
        await self._read(buyer, f"{PROCUREMENT}/purchase-orders/{name}")
        return name

    async def _expense(self, expense: Expense) -> None:
        supplier = self._suppliers.get((expense.entity, expense.supplier))
        if not supplier:
            return
        desks, body = DESKS[expense.entity], document.expense_invoice(expense, supplier)
        submitted = await self._send(desks.intake, f"{PAYABLES}/invoices", body, key=f"scan-{expense.bill.id}")
        if not submitted.is_ok:
            return
        if expense.bill.duplicate:
            again = document.expense_invoice(expense, supplier, "-B")
            await self._send(
                desks.intake, f"{PAYABLES}/invoices", again, key=f"scan-{expense.bill.id}-B", expect=DUPLICATE
            )
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
