"""The supplier master of all entities: suppliers are entered, screened, activated, and told to procurement."""

from __future__ import annotations

from typing import Any

from controlplane.simulation.caller import Call
from controlplane.simulation.system.backend import Inbound, Refusal, Result, Route
from controlplane.simulation.system.outbox import Outbox
from controlplane.simulation.system.record import Document, Shelf, allow, require
from controlplane.simulation.system.telling import tell

PROCUREMENT_SUPPLIERS = "/procurement/v1/suppliers"
SUPPLIER_EVENTS = "/masterdata/v1/supplier-events"
#: what procurement is told; bank accounts stay here
SHARED = ("id", "legal_entity", "external_reference", "legal_name", "tax_ids", "payment_terms")
OPEN = {"purchasing": "open", "invoicing": "open", "payment": "open"}


class Masterdata:
    def __init__(self, name: str, outbox: Outbox) -> None:
        self._name = name
        self._outbox = outbox
        parts = {"tax_id": ("tax_ids", "value"), "bank_account_hash": ("bank_accounts", "hash")}
        self.suppliers = Shelf("supplier", "SUP-{:05d}", parts)
        self.routes: tuple[Route, ...] = (
            Route("suppliers.create", "POST", "/suppliers", self._create),
            Route("suppliers.activate", "POST", "/suppliers/{id}/activate", self._activate),
            Route("suppliers.changeBankAccounts", "POST", "/suppliers/{id}/change-bank-accounts", self._pay_to),
            *self.suppliers.reading("suppliers", "/suppliers"),
        )

    def pending(self) -> int:
        return len(self._outbox)

    def control(self, settings: dict[str, Any]) -> None:
        """No faults of its own."""

    async def close(self) -> None:
        await self._outbox.close()

    def _create(self, inbound: Inbound) -> Result:
        body = require(inbound, "legal_entity", "legal_name")
        self.suppliers.ensure_new(body)
        for number, one in enumerate(body.get("tax_ids", [])):
            if self.suppliers.find(tax_id=one["value"]):
                at = ((f"/tax_ids/{number}/value", "belongs to another supplier"),)
                raise Refusal(409, "duplicate-supplier", "a supplier with this tax id exists", at)
        document = self.suppliers.add(body, status={"lifecycle": "pending", **dict.fromkeys(OPEN, "blocked")})
        return self.suppliers.result(document, 201)

    def _activate(self, inbound: Inbound) -> Result:
        document = self.suppliers.get(inbound.parameters["id"])
        allow(document, "lifecycle", "pending")
        require(inbound, "decided_by")
        self.suppliers.move(document, lifecycle="active", **OPEN)
        shared = {name: document[name] for name in SHARED if name in document}
        key = f"supplier-{document['id']}"
        self._outbox.owe(Call("POST", PROCUREMENT_SUPPLIERS, shared, key=key, trace=inbound.trace))
        self._outbox.owe(tell(self._name, SUPPLIER_EVENTS, "supplier.activated", self._news(document), inbound.trace))
        return self.suppliers.result(document)

    def _pay_to(self, inbound: Inbound) -> Result:
        document = self.suppliers.get(inbound.parameters["id"])
        allow(document, "lifecycle", "active")
        body = require(inbound, "change_reference", "acted_by", "bank_accounts")
        document.update({name: body[name] for name in ("change_reference", "bank_accounts")})
        self.suppliers.move(document)
        return self.suppliers.result(document)

    def _news(self, document: Document) -> Document:
        return {name: document[name] for name in ("id", "legal_entity", "status", "legal_name")}
