"""The procurement SaaS of all entities: suppliers, requisitions, purchase orders. Issued orders go to the ERP."""

from __future__ import annotations

from typing import Any

from controlplane.simulation.caller import Call
from controlplane.simulation.money import findings
from controlplane.simulation.system.backend import Inbound, Refusal, Result, Route
from controlplane.simulation.system.outbox import Outbox
from controlplane.simulation.system.record import Document, Shelf, allow, approval, moment, require

ERP_ORDERS = "/finance/v1/purchase-orders"
#: what the ledger needs of an order; approvals and procurement's own status stay here
ERP_FIELDS = (
    "id",
    "legal_entity",
    "external_reference",
    "requisition_id",
    "supplier",
    "buyer",
    "issue_date",
    "match_type",
    "terms",
    "lines",
    "totals",
)


class Procurement:
    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.suppliers = Shelf("supplier", "SUP-{:05d}", {"tax_id": ("tax_ids", "value")})
        self.requisitions = Shelf("requisition", "REQ-{:06d}")
        self.orders = Shelf("purchase_order", "PO-{:06d}")
        self.routes: tuple[Route, ...] = (
            Route("suppliers.validate", "POST", "/supplier-validations", self._validate_supplier),
            Route("suppliers.create", "POST", "/suppliers", self._create_supplier),
            *self.suppliers.reading("suppliers", "/suppliers"),
            Route("requisitions.validate", "POST", "/requisition-validations", self._validate),
            Route("requisitions.create", "POST", "/requisitions", self._request),
            Route("requisitions.approve", "POST", "/requisitions/{id}/approve", self._approve_requisition),
            *self.requisitions.reading("requisitions", "/requisitions"),
            Route("purchaseOrders.create", "POST", "/purchase-orders", self._order),
            Route("purchaseOrders.approve", "POST", "/purchase-orders/{id}/approve", self._approve_order),
            Route("purchaseOrders.issue", "POST", "/purchase-orders/{id}/issue", self._issue),
            Route("purchaseOrders.acknowledge", "POST", "/purchase-orders/{id}/acknowledge", self._acknowledge),
            *self.orders.reading("purchaseOrders", "/purchase-orders"),
        )

    def pending(self) -> int:
        return len(self._outbox)

    def control(self, settings: dict[str, Any]) -> None:
        """No faults of its own."""

    async def close(self) -> None:
        await self._outbox.close()

    def _validate_supplier(self, inbound: Inbound) -> Result:
        body = require(inbound, "legal_entity", "legal_name")
        return _validation(self._supplier_findings(body))

    def _create_supplier(self, inbound: Inbound) -> Result:
        body = require(inbound, "legal_entity", "legal_name")
        if taken := self._supplier_findings(body):
            raise Refusal(409, "duplicate-supplier", "a supplier with this tax id exists", taken)
        site = {
            "legal_entity": body["legal_entity"],
            "blocks": {"purchasing": False, "invoicing": False, "payment": False},
        }
        document = self.suppliers.add({"sites": [site], **body}, status={"lifecycle": "active"})
        return self.suppliers.result(document, 201)

    def _supplier_findings(self, body: Document) -> tuple[tuple[str, str], ...]:
        """Exact tax id, the first thing that duplicates are found by."""
        taken = {one["value"] for supplier in self.suppliers.find() for one in supplier.get("tax_ids", [])}
        return tuple(
            (f"/tax_ids/{number}/value", "belongs to another supplier")
            for number, one in enumerate(body.get("tax_ids", []))
            if one["value"] in taken
        )

    def _validate(self, inbound: Inbound) -> Result:
        return _validation(self._requisition_findings(require(inbound, "legal_entity", "lines", "totals")))

    def _request(self, inbound: Inbound) -> Result:
        body = require(inbound, "legal_entity", "requester", "lines", "totals")
        if wrong := self._requisition_findings(body):
            raise Refusal(422, "invalid", "the requisition is not valid", wrong)
        status = {"lifecycle": "pending_approval", "ordering": "none"}
        return self.requisitions.result(self.requisitions.add(body, status=status), 201)

    def _requisition_findings(self, body: Document) -> tuple[tuple[str, str], ...]:
        name = body.get("supplier", {}).get("id")
        known = {one["id"] for one in self.suppliers.find(legal_entity=body["legal_entity"])}
        unknown = (("/supplier/id", "is no supplier of this legal entity"),) if name and name not in known else ()
        return unknown + findings(body)

    def _approve_requisition(self, inbound: Inbound) -> Result:
        document = self.requisitions.get(inbound.parameters["id"])
        allow(document, "lifecycle", "pending_approval")
        decision = approval(inbound)
        if decision["decided_by"] == document["requester"]:
            at = (("/decided_by", "is the requester"),)
            raise Refusal(422, "segregation-of-duties", "the requester may not approve", at)
        document["approvals"] = [*document.get("approvals", []), decision]
        self.requisitions.move(document, lifecycle="approved")
        return self.requisitions.result(document)

    def _order(self, inbound: Inbound) -> Result:
        body = require(inbound, "legal_entity", "supplier", "lines", "totals")
        if wrong := findings(body):
            raise Refusal(422, "invalid", "the order does not add up", wrong)
        requisition = None
        if "requisition_id" in body:
            requisition = self.requisitions.known(body["requisition_id"], "/requisition_id")
            allow(requisition, "lifecycle", "approved")
        status = {
            "lifecycle": "pending_approval",
            "ack": "none",
            "receipt": "none",
            "billing": "none",
            "receiving": "closed",
            "invoicing": "closed",
        }
        document = self.orders.add(body, status=status, revision=0)
        if requisition is not None:
            self.requisitions.move(requisition, ordering="full")
        return self.orders.result(document, 201)

    def _approve_order(self, inbound: Inbound) -> Result:
        document = self.orders.get(inbound.parameters["id"])
        allow(document, "lifecycle", "pending_approval")
        document["approvals"] = [*document.get("approvals", []), approval(inbound)]
        self.orders.move(document, lifecycle="approved")
        return self.orders.result(document)

    def _issue(self, inbound: Inbound) -> Result:
        document = self.orders.get(inbound.parameters["id"])
        allow(document, "lifecycle", "approved")
        require(inbound, "issued_by")
        document["issue_date"] = moment()[:10]
        self.orders.move(document, lifecycle="issued", ack="pending", receiving="open", invoicing="open")
        owed = {name: document[name] for name in ERP_FIELDS if name in document}
        self._outbox.owe(Call("POST", ERP_ORDERS, owed, key=f"order-{document['id']}", trace=inbound.trace))
        return self.orders.result(document)

    def _acknowledge(self, inbound: Inbound) -> Result:
        document = self.orders.get(inbound.parameters["id"])
        allow(document, "lifecycle", "issued")
        allow(document, "ack", "pending")
        body = require(inbound, "result")
        if body.get("supplier_reference"):
            document["supplier_reference"] = body["supplier_reference"]
        self.orders.move(document, ack=body["result"])
        return self.orders.result(document)


def _validation(wrong: tuple[tuple[str, str], ...]) -> Result:
    found = [{"pointer": pointer, "rule": "invalid", "message": message} for pointer, message in wrong]
    return Result(200, {"valid": not found, "findings": found})
