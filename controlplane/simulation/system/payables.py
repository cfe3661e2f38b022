"""The AP automation: takes invoices, refuses duplicates, matches, gets them approved, posted and paid at the ERP."""

from __future__ import annotations

import asyncio
from typing import Any

from controlplane.simulation.caller import Call
from controlplane.simulation.money import findings
from controlplane.simulation.system.backend import Inbound, Refusal, Result, Route
from controlplane.simulation.system.matching import Variance, match
from controlplane.simulation.system.outbox import Outbox
from controlplane.simulation.system.record import Document, Shelf, allow, approval, moment, require
from controlplane.simulation.system.telling import tell
from controlplane.simulation.transaction import payment_of

FINANCE = "/finance/v1"
INVOICE_EVENTS = "/payables/v1/invoice-events"
MATCH_ROUNDS = 4  # goods may be on their way into the ledger when the invoice arrives
MATCH_PAUSE_S = 1.0
POSTED_FIELDS = (
    "id",
    "legal_entity",
    "external_reference",
    "number_raw",
    "number_normalised",
    "type",
    "supplier",
    "purchase_order_id",
    "buyer_reference",
    "invoice_date",
    "received_at",
    "due_date",
    "lines",
    "totals",
    "approvals",
)
TOLD_FIELDS = ("id", "legal_entity", "status", "purchase_order_id", "supplier")
METHODS = {"USD": "ach", "EUR": "sepa_credit_transfer"}


class Payables:
    def __init__(self, name: str, outbox: Outbox) -> None:
        self._name = name
        self._outbox = outbox
        self._late: dict[str, float] = {}
        self.invoices = Shelf("invoice", "INV-{:06d}")
        self.routes: tuple[Route, ...] = (
            Route("invoices.submit", "POST", "/invoices", self._submit),
            Route("invoices.approve", "POST", "/invoices/{id}/approve", self._approve),
            *self.invoices.reading("invoices", "/invoices"),
        )

    def pending(self) -> int:
        return len(self._outbox)

    def control(self, settings: dict[str, Any]) -> None:
        """`late`: payments of which the bank's word is passed on only after so many seconds."""
        self._late |= settings.get("late", {})

    async def close(self) -> None:
        await self._outbox.close()

    def _submit(self, inbound: Inbound) -> Result:
        body = require(inbound, "id", "legal_entity", "supplier", "number_raw", "lines", "totals")
        self.invoices.ensure_new(body)
        normalised = "".join(letter for letter in body["number_raw"].upper() if letter.isascii() and letter.isalnum())
        if self.invoices.find(supplier=body["supplier"], number_normalised=normalised):
            at = (("/number_raw", "was received before from this supplier"),)
            raise Refusal(409, "duplicate-invoice", "the supplier's invoice is here already", at)
        if wrong := findings(body):
            raise Refusal(422, "invalid", "the invoice does not add up", wrong)
        if not body.get("purchase_order_id") and not body.get("buyer_reference"):
            at = (("", "has neither purchase_order_id nor buyer_reference"),)
            raise Refusal(422, "no-reference", "an invoice needs an order or a buyer's reference", at)
        status = {"doc": "received", "approval": "pending", "match": "not_run", "payment": "unpaid"}
        document = self.invoices.add(body, status=status, number_normalised=normalised)
        if "purchase_order_id" in document:
            self._outbox.run(self._match(document, inbound.trace))
        return self.invoices.result(document, 201)

    def _approve(self, inbound: Inbound) -> Result:
        """Treasury decides: an invoice without an order, or a match exception that is released."""
        document = self.invoices.get(inbound.parameters["id"])
        allow(document, "approval", "pending")
        if "purchase_order_id" in document:
            allow(document, "match", "exception", "matched")
            self.invoices.move(document, match="released")
        document["holds"] = []
        self._accept(document, approval(inbound), inbound.trace)
        return self.invoices.result(document)

    def _accept(self, document: Document, decision: Document, trace: str) -> None:
        document["approvals"] = [*document.get("approvals", []), decision]
        self.invoices.move(document, doc="approved", approval="approved")
        self._outbox.run(self._settle(document, trace))

    async def _match(self, document: Document, trace: str) -> None:
        self.invoices.move(document, doc="in_process")
        for round_ in range(MATCH_ROUNDS):
            await asyncio.sleep(MATCH_PAUSE_S if round_ else 0)
            variances = await self._variances(document, trace)
            if document["status"]["approval"] != "pending":
                return
            if variances == ():
                self.invoices.move(document, match="matched")
                self._tell("invoice.matched", document, trace)
                self._accept(document, {"decided_by": "match", "result": "approved", "decided_at": moment()}, trace)
                return
            if variances and not all(variance.may_pass for variance in variances):
                break
        unread = Variance("order_unreachable", "order and receipts cannot be read")
        self._except(document, variances or (unread,), trace)

    def _except(self, document: Document, variances: tuple[Variance, ...], trace: str) -> None:
        document["holds"] = [
            {"code": one.code, "reason": one.reason, "since": moment(), "placed_by": "match"} for one in variances
        ]
        self.invoices.move(document, doc="under_query", match="exception")
        self._tell("invoice.exception_raised", document, trace, exceptions=document["holds"])

    def _tell(self, event: str, document: Document, trace: str, **more: Any) -> None:
        told = {name: document[name] for name in TOLD_FIELDS if name in document}
        news = {**told, "gross": document["totals"]["gross"], **more}
        self._outbox.owe(tell(self._name, INVOICE_EVENTS, event, news, trace))

    async def _variances(self, document: Document, trace: str) -> tuple[Variance, ...] | None:
        """None when the ledger could not be asked."""
        name, entity = document["purchase_order_id"], document["legal_entity"]
        order = await self._outbox.deliver(Call("GET", f"{FINANCE}/purchase-orders/{name}", entity=entity, trace=trace))
        query = f"legal_entity={entity}&purchase_order_id={name}&limit=50"
        receipts = await self._outbox.deliver(Call("GET", f"{FINANCE}/receipts?{query}", trace=trace))
        if not order.is_ok or not receipts.is_ok:
            return None
        others = [
            one
            for one in self.invoices.find(purchase_order_id=name)
            if one is not document and one["status"]["doc"] != "rejected"
        ]
        return match(document, order.body, receipts.body["items"], others)

    async def _settle(self, document: Document, trace: str) -> None:
        """Post, release, confirm: each only when the one before was done."""
        posted = await self._outbox.deliver(
            Call("POST", f"{FINANCE}/invoices", _posting(document), key=f"post-{document['id']}", trace=trace)
        )
        if not posted.is_ok:
            return
        self.invoices.move(document, doc="posted")
        released = await self._outbox.deliver(
            Call("POST", f"{FINANCE}/payments", _payment(document), key=f"pay-{document['id']}", trace=trace)
        )
        if not released.is_ok:
            return
        self.invoices.move(document, payment="scheduled")
        if await self._report(released.body["id"], document, trace):
            self.invoices.move(document, payment="paid")

    async def _report(self, payment: str, document: Document, trace: str) -> bool:
        """Pass on what the bank says: that it has taken the payment up, then that it is settled."""
        steps = {
            "advance": {"acted_at": moment()},
            "confirm": {"result": "settled", "bank_reference": f"BR-{document['id']}"},
        }
        for verb, body in steps.items():
            if verb == "confirm":
                await asyncio.sleep(self._late.get(payment, 0.0))
            path, entity = f"{FINANCE}/payments/{payment}/{verb}", document["legal_entity"]
            call = Call("POST", path, body, key=f"{verb}-{document['id']}", entity=entity, trace=trace)
            if not (await self._outbox.deliver(call)).is_ok:
                return False
        return True


def _posting(invoice: Document) -> Document:
    """What the ledger needs of an approved invoice; its status and holds stay here."""
    return {"posting_date": moment()[:10], **{name: invoice[name] for name in POSTED_FIELDS if name in invoice}}


def _payment(invoice: Document) -> Document:
    due = invoice["totals"]["due"]
    return {
        "id": payment_of(invoice["id"]),
        "legal_entity": invoice["legal_entity"],
        "external_reference": f"pay-{invoice['id']}",
        "supplier": invoice["supplier"],
        "method": METHODS[due["currency"]],
        "amount": due,
        "released_by": "ap.automation",
        "allocations": [{"invoice_id": invoice["id"], "amount": due}],
    }
