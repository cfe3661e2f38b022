"""Stock of all entities: positions move with receipts and with what wards take; what runs low is requisitioned."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import yaml

from controlplane.simulation.caller import Call
from controlplane.simulation.money import money, totals
from controlplane.simulation.plan import ENTITIES
from controlplane.simulation.system.backend import Inbound, Refusal, Result, Route
from controlplane.simulation.system.outbox import Outbox
from controlplane.simulation.system.record import Document, Shelf, moment, require
from controlplane.simulation.workspace import DATA

REQUISITIONS = "/procurement/v1/requisitions"


class Inventory:
    """Positions are there from the start: one for each stocked item and legal entity."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.positions = Shelf("inventory_position", "POS-{:06d}")
        stock = yaml.safe_load((DATA / "stock.yaml").read_text())
        for entity, currency, _ in ENTITIES:
            for item in stock["items"]:
                self._lay_down(entity, currency, stock["facilities"][entity], item)
        self.routes: tuple[Route, ...] = (
            Route("inventoryPositions.adjust", "POST", "/positions/{id}/adjust", self._adjust),
            *self.positions.reading("inventoryPositions", "/positions"),
        )

    def pending(self) -> int:
        return len(self._outbox)

    def control(self, settings: dict[str, Any]) -> None:
        """No faults of its own."""

    async def close(self) -> None:
        await self._outbox.close()

    def _lay_down(self, entity: str, currency: str, facility: str, item: Document) -> None:
        given = {
            "id": f"{entity}.{item['item']}",
            "legal_entity": entity,
            "item_id": item["item"],
            "description": item["description"],
            "facility": facility,
            "unit": item["unit"],
            "on_hand": str(item["par"]),
            "reserved": "0",
            "available": str(item["par"]),
            "on_order": "0",
            "par_level": str(item["par"]),
            "reorder_point": str(item["reorder_at"]),
            "ownership": "own",
            "extensions": {"cost": {"amount": item["cost"], "currency": currency}},
        }
        self.positions.add(given, status={"stock": "usable"})

    def _adjust(self, inbound: Inbound) -> Result:
        document = self.positions.get(inbound.parameters["id"])
        body = require(inbound, "change_reference", "acted_by", "quantity", "reason_code")
        change, on_hand = Decimal(body["quantity"]), Decimal(document["on_hand"])
        if on_hand + change < 0:
            at = (("/quantity", "is more than what lies there"),)
            raise Refusal(422, "out-of-stock", "there is not so much on hand", at)
        left = on_hand + change
        document.update(on_hand=str(left), available=str(left), change_reference=body["change_reference"])
        if change > 0:
            document["on_order"] = str(max(Decimal(0), Decimal(document["on_order"]) - change))
        self.positions.move(document)
        self._reorder(document, inbound.trace)
        return self.positions.result(document)

    def _reorder(self, document: Document, trace: str) -> None:
        """Once what lies there and what is on its way fall below the reorder point."""
        there = Decimal(document["on_hand"]) + Decimal(document["on_order"])
        if there >= Decimal(document["reorder_point"]):
            return
        quantity = Decimal(document["par_level"]) - there
        document["on_order"] = str(Decimal(document["on_order"]) + quantity)
        body = _requisition(document, quantity)
        self._outbox.owe(Call("POST", REQUISITIONS, body, key=body["external_reference"], trace=trace))


def _requisition(position: Document, quantity: Decimal) -> Document:
    cost = position["extensions"]["cost"]
    net = Decimal(cost["amount"]) * quantity
    line = {
        "line": "1",
        "description": position["description"],
        "item": {"buyer_id": position["item_id"]},
        "quantity": {"value": str(quantity), "unit": position["unit"]},
        "price": cost,
        "net": money(net, cost["currency"]),
    }
    return {
        "legal_entity": position["legal_entity"],
        "external_reference": f"reorder.{position['id']}.{position['change_reference']}"[:80],
        "requester": "inventory.reorder",
        "justification": f"below the reorder point since {moment()[:10]}",
        "lines": [line],
        "totals": totals([net], cost["currency"]),
    }
