"""The cloud ERP of one legal entity: orders, receipts, invoices, payments, each posted when what it needs is there."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from controlplane.simulation.money import findings, value
from controlplane.simulation.system.backend import Inbound, Refusal, Result, Route
from controlplane.simulation.system.period import Periods
from controlplane.simulation.system.record import Document, Shelf, allow, require


class Finance:
    """`entity` is the company code: a document of another legal entity is refused. Number ranges are its own, so two
    ERPs give the same numbers to different documents."""

    def __init__(self, name: str, entity: str) -> None:
        self._name = name
        self._entity = entity
        self.orders = Shelf("purchase_order", "PO-{:06d}")
        self.receipts = Shelf("receipt", "GR-{:06d}")
        self.invoices = Shelf("invoice", "INV-{:06d}")
        self.payments = Shelf("payment", "PAY-{:06d}", {"invoice_id": ("allocations", "invoice_id")})
        self._received: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        self.routes: tuple[Route, ...] = (
            Route("purchaseOrders.post", "POST", "/purchase-orders", self._post_order),
            *self.orders.reading("purchaseOrders", "/purchase-orders"),
            Route("receipts.post", "POST", "/receipts", self._post_receipt),
            *self.receipts.reading("receipts", "/receipts"),
            Route("invoices.post", "POST", "/invoices", self._post_invoice),
            *self.invoices.reading("invoices", "/invoices"),
            Route("payments.release", "POST", "/payments", self._release),
            Route("payments.advance", "POST", "/payments/{id}/advance", self._advance),
            Route("payments.confirm", "POST", "/payments/{id}/confirm", self._confirm),
            *self.payments.reading("payments", "/payments"),
            *Periods(entity, {"system": name, "object": "gl_period"}).routes,
        )

    def pending(self) -> int:
        return 0

    def control(self, settings: dict[str, Any]) -> None:
        """No faults of its own."""

    async def close(self) -> None:
        """Nothing is owed to others."""

    def _own(self, inbound: Inbound, *fields: str) -> Document:
        body = require(inbound, "legal_entity", *fields)
        if body["legal_entity"] != self._entity:
            at = (("/legal_entity", "is not the company code of this ledger"),)
            raise Refusal(422, "wrong-company", "the document belongs to another ledger", at)
        return body

    def _native(self, shelf: Shelf, first: int) -> dict[str, Any]:
        """Number and source as this ERP gives them."""
        number = str(first + len(shelf.find()))
        native = {"scheme": "native", "value": number, "assigner": self._name}
        return {"identifiers": [native], "source": {"system": self._name, "native_id": number}}

    def _post_order(self, inbound: Inbound) -> Result:
        body = self._own(inbound, "id", "supplier", "lines", "totals")
        self.orders.ensure_new(body)
        if wrong := findings(body):
            raise Refusal(422, "invalid", "the order does not add up", wrong)
        status = {"lifecycle": "issued", "ack": "pending", "receipt": "none", "billing": "none"}
        axes = {**status, "receiving": "open", "invoicing": "open"}
        document = self.orders.add(body, status=axes, **self._native(self.orders, 4_500_000_001))
        return self.orders.result(document, 201)

    def _post_receipt(self, inbound: Inbound) -> Result:
        body = self._own(inbound, "id", "purchase_order_id", "lines")
        self.receipts.ensure_new(body)
        order = self.orders.known(body["purchase_order_id"], "/purchase_order_id")
        allow(order, "receiving", "open")
        ordered = {line["line"]: value(line["quantity"]) for line in order["lines"]}
        received = self._received[order["id"]]
        for number, line in enumerate(body["lines"]):
            at = f"/lines/{number}"
            if line["po_line"] not in ordered:
                raise Refusal(422, "invalid", "no such order line", ((f"{at}/po_line", "is no line of the order"),))
            if received[line["po_line"]] + value(line["received"]) > ordered[line["po_line"]]:
                raise Refusal(422, "over-receipt", "more than was ordered", ((f"{at}/received", "exceeds the order"),))
        document = self.receipts.add(
            body, status={"lifecycle": "accepted"}, **self._native(self.receipts, 5_000_000_001)
        )
        for line in body["lines"]:
            received[line["po_line"]] += value(line["received"])
        is_full = all(received[name] >= quantity for name, quantity in ordered.items())
        self.orders.move(order, receipt="full" if is_full else "partial")
        return self.receipts.result(document, 201)

    def _post_invoice(self, inbound: Inbound) -> Result:
        body = self._own(inbound, "id", "supplier", "number_raw", "lines", "totals")
        self.invoices.ensure_new(body)
        if wrong := findings(body):
            raise Refusal(422, "invalid", "the invoice does not add up", wrong)
        if not any(one["result"] == "approved" for one in body.get("approvals", [])):
            at = (("/approvals", "holds no approval"),)
            raise Refusal(422, "not-approved", "only approved invoices are posted", at)
        order = None
        if "purchase_order_id" in body:
            order = self.orders.known(body["purchase_order_id"], "/purchase_order_id")
        same = self.invoices.find(supplier=body["supplier"], number_raw=body["number_raw"])
        if same and same[0]["id"] != body["id"]:
            at = (("/number_raw", "was posted before"),)
            raise Refusal(409, "duplicate-invoice", "the supplier's invoice is posted already", at)
        axes = {"doc": "posted", "approval": "approved", "payment": "unpaid"}
        document = self.invoices.add(body, status=axes, **self._native(self.invoices, 5_105_600_001))
        if order is not None:
            self.orders.move(order, billing="full")
        return self.invoices.result(document, 201)

    def _release(self, inbound: Inbound) -> Result:
        body = self._own(inbound, "supplier", "amount", "released_by", "allocations")
        self.payments.ensure_new(body)
        invoices = []
        for number, part in enumerate(body["allocations"]):
            at = f"/allocations/{number}"
            invoice = self.invoices.known(part["invoice_id"], f"{at}/invoice_id")
            allow(invoice, "payment", "unpaid")
            if value(part["amount"]) > value(invoice["totals"]["due"]):
                raise Refusal(422, "overpayment", "more than is due", ((f"{at}/amount", "exceeds what is due"),))
            invoices.append(invoice)
        if sum((value(part["amount"]) for part in body["allocations"]), Decimal(0)) != value(body["amount"]):
            raise Refusal(422, "invalid", "the allocations do not add up", (("/amount", "is not their sum"),))
        document = self.payments.add(
            body, status={"lifecycle": "submitted"}, **self._native(self.payments, 1_500_000_001)
        )
        for invoice in invoices:
            self.invoices.move(invoice, payment="scheduled")
        return self.payments.result(document, 201)

    def _advance(self, inbound: Inbound) -> Result:
        document = self.payments.get(inbound.parameters["id"])
        allow(document, "lifecycle", "submitted")
        require(inbound, "acted_at")
        self.payments.move(document, lifecycle="in_progress")
        return self.payments.result(document)

    def _confirm(self, inbound: Inbound) -> Result:
        document = self.payments.get(inbound.parameters["id"])
        allow(document, "lifecycle", "submitted", "in_progress")
        body = require(inbound, "result")
        document.update({name: body[name] for name in ("bank_reference", "failure_reason") if name in body})
        self.payments.move(document, lifecycle=body["result"])
        after = "paid" if body["result"] == "settled" else "unpaid"
        for part in document["allocations"]:
            self.invoices.move(self.invoices.get(part["invoice_id"]), payment=after)
        return self.payments.result(document)
