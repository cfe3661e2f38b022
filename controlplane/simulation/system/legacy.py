"""The legacy ERP of the clinics: the same contracts as the cloud ERP, another program with other tables and codes."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from typing import Any

import yaml

from controlplane.simulation.money import findings, value
from controlplane.simulation.system.backend import Inbound, Refusal, Result, Route
from controlplane.simulation.system.legacy_table import SCHEMA, Row, Table
from controlplane.simulation.system.period import SUBLEDGERS, period_document
from controlplane.simulation.system.record import Document, require
from controlplane.simulation.workspace import DATA


class Legacy:
    def __init__(self, name: str, entity: str) -> None:
        self._entity = entity
        database = sqlite3.connect(":memory:", isolation_level=None)
        database.execute(SCHEMA)
        rules = yaml.safe_load((DATA / "legacy.yaml").read_text())
        kinds = ("purchase_order", "receipt", "invoice", "payment", "period")
        self.orders, self.receipts, self.invoices, self.payments, self.periods = (
            Table(database, kind, name, rules) for kind in kinds
        )
        for ahead, code in enumerate("OZ"):
            self.periods.add(period_document(entity, ahead), code)
        self.routes: tuple[Route, ...] = (
            Route("purchaseOrders.post", "POST", "/purchase-orders", self._order),
            *self.orders.reading("purchaseOrders", "/purchase-orders"),
            Route("receipts.post", "POST", "/receipts", self._receive),
            *self.receipts.reading("receipts", "/receipts"),
            Route("invoices.post", "POST", "/invoices", self._book),
            *self.invoices.reading("invoices", "/invoices"),
            Route("payments.release", "POST", "/payments", self._pay),
            Route("payments.advance", "POST", "/payments/{id}/advance", self._advance),
            Route("payments.confirm", "POST", "/payments/{id}/confirm", self._confirm),
            *self.payments.reading("payments", "/payments"),
            Route("periods.open", "POST", "/periods/{id}/open", self._open),
            Route("periods.close", "POST", "/periods/{id}/close", self._close),
            *self.periods.reading("periods", "/periods"),
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
            raise Refusal(422, "wrong-company", "MANDANT UNKNOWN", (("/legal_entity", "is not this ledger's"),))
        return body

    def _order(self, inbound: Inbound) -> Result:
        body = self._own(inbound, "id", "supplier", "lines", "totals")
        if wrong := findings(body):
            raise Refusal(422, "invalid", "SUMS DIFFER", wrong)
        return self.orders.result(self.orders.add(body, "10"), 201)

    def _receive(self, inbound: Inbound) -> Result:
        body = self._own(inbound, "id", "purchase_order_id", "lines")
        self.receipts.ensure_new(body)
        order = self.orders.get(body["purchase_order_id"], "/purchase_order_id")
        earlier = [row.body for row in self.receipts.find(purchase_order_id=order.key)]
        left = {line["line"]: value(line["quantity"]) for line in order.body["lines"]}
        for receipt in (*earlier, body):
            for number, line in enumerate(receipt["lines"]):
                left[line["po_line"]] = left.get(line["po_line"], Decimal(0)) - value(line["received"])
                if left[line["po_line"]] < 0:
                    at = ((f"/lines/{number}/received", "exceeds the order"),)
                    raise Refusal(422, "over-receipt", "QUANTITY EXCEEDS ORDER", at)
        row = self.receipts.add(body, "W")
        self.orders.put(order, ("2" if any(left.values()) else "3") + order.code[1])
        return self.receipts.result(row, 201)

    def _book(self, inbound: Inbound) -> Result:
        body = self._own(inbound, "id", "supplier", "number_raw", "lines", "totals")
        self.invoices.ensure_new(body)
        if wrong := findings(body):
            raise Refusal(422, "invalid", "SUMS DIFFER", wrong)
        if not body.get("approvals"):
            raise Refusal(422, "not-approved", "NO RELEASE", (("/approvals", "holds no approval"),))
        for other in self.invoices.find(number_raw=body["number_raw"]):
            if other.body["supplier"] == body["supplier"]:
                raise Refusal(409, "duplicate-invoice", "NUMBER BOOKED", (("/number_raw", "was posted before"),))
        order = (
            self.orders.get(body["purchase_order_id"], "/purchase_order_id") if "purchase_order_id" in body else None
        )
        row = self.invoices.add(body, "B0")
        if order is not None:
            self.orders.put(order, order.code[0] + "F")
        return self.invoices.result(row, 201)

    def _pay(self, inbound: Inbound) -> Result:
        body = self._own(inbound, "supplier", "amount", "released_by", "allocations")
        self.payments.ensure_new(body)
        invoices = [self._unpaid(part, number) for number, part in enumerate(body["allocations"])]
        if sum((value(part["amount"]) for part in body["allocations"]), Decimal(0)) != value(body["amount"]):
            raise Refusal(422, "invalid", "SUMS DIFFER", (("/amount", "is not their sum"),))
        row = self.payments.add(body, "A")
        for invoice in invoices:
            self.invoices.put(invoice, "B1")
        return self.payments.result(row, 201)

    def _unpaid(self, part: Document, number: int) -> Row:
        at = f"/allocations/{number}"
        invoice = self.invoices.get(part["invoice_id"], f"{at}/invoice_id")
        if invoice.code != "B0":
            raise Refusal(409, "wrong-state", "INVOICE NOT OPEN")
        if value(part["amount"]) > value(invoice.body["totals"]["due"]):
            raise Refusal(422, "overpayment", "MORE THAN DUE", ((f"{at}/amount", "exceeds what is due"),))
        return invoice

    def _advance(self, inbound: Inbound) -> Result:
        row = self._in(self.payments, inbound, "A")
        self.payments.put(row, "L")
        return self.payments.result(row)

    def _confirm(self, inbound: Inbound) -> Result:
        row = self._in(self.payments, inbound, "AL")
        body = require(inbound, "result")
        is_settled = body["result"] == "settled"
        kept = {name: body[name] for name in ("bank_reference", "failure_reason") if name in body}
        self.payments.put(row, "E" if is_settled else "X", **kept)
        for part in row.body["allocations"]:
            self.invoices.put(self.invoices.get(part["invoice_id"]), "B9" if is_settled else "B0")
        return self.payments.result(row)

    def _open(self, inbound: Inbound) -> Result:
        row = self._in(self.periods, inbound, "Z")
        body = require(inbound, "change_reference", "acted_by", "subledgers")
        self.periods.put(row, "O", change_reference=body["change_reference"])
        self.periods.add(period_document(self._entity, len(self.periods.find())), "Z")
        return self.periods.result(row)

    def _close(self, inbound: Inbound) -> Result:
        row = self._in(self.periods, inbound, "O")
        body = require(inbound, "change_reference", "acted_by", "subledgers")
        if set(body["subledgers"]) != set(SUBLEDGERS):
            raise Refusal(422, "invalid", "ALL OR NONE", (("/subledgers", "close together here"),))
        self.periods.put(row, "G", change_reference=body["change_reference"])
        return self.periods.result(row)

    def _in(self, table: Table, inbound: Inbound, codes: str) -> Row:
        row = table.get(inbound.parameters["id"])
        if row.code not in codes:
            raise Refusal(409, "wrong-state", f"CODE {row.code}")
        return row
