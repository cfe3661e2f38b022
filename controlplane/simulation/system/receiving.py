"""The receiving system of all docks: takes goods receipts and forwards each to the ERP of its legal entity and, line by
line, to inventory."""

from __future__ import annotations

from typing import Any

from controlplane.simulation.caller import Call
from controlplane.simulation.system.backend import Inbound, Refusal, Result, Route
from controlplane.simulation.system.outbox import Outbox
from controlplane.simulation.system.record import Document, Shelf, moment, require

ERP_RECEIPTS = "/finance/v1/receipts"
POSITIONS = "/inventory/v1/positions"


class Receiving:
    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._lost: set[str] = set()
        self.receipts = Shelf("receipt", "GR-{:06d}")
        self.routes: tuple[Route, ...] = (
            Route("receipts.post", "POST", "/receipts", self._post),
            *self.receipts.reading("receipts", "/receipts"),
        )

    def pending(self) -> int:
        return len(self._outbox)

    def control(self, settings: dict[str, Any]) -> None:
        """`lose`: ids of receipts that will never be forwarded, as by a broken interface table."""
        self._lost |= set(settings.get("lose", ()))

    async def close(self) -> None:
        await self._outbox.close()

    def _post(self, inbound: Inbound) -> Result:
        body = require(inbound, "id", "legal_entity", "purchase_order_id", "lines")
        for number, line in enumerate(body["lines"]):
            if not line.get("po_line"):
                at = ((f"/lines/{number}/po_line", "is missing"),)
                raise Refusal(422, "invalid", "a line names no order line", at)
        document = self.receipts.add(body, status={"lifecycle": "received"})
        if document["id"] not in self._lost:
            key, owed = f"receipt-{document['id']}", {"posting_date": moment()[:10], **body}
            self._outbox.owe(Call("POST", ERP_RECEIPTS, owed, key=key, trace=inbound.trace))
        for line in document["lines"]:
            self._stock(document, line, inbound.trace)
        return self.receipts.result(document, 201)

    def _stock(self, receipt: Document, line: Document, trace: str) -> None:
        """Tell inventory what lies there now, line by line."""
        item, entity = line.get("item", {}).get("buyer_id"), receipt["legal_entity"]
        if item is None:
            return
        reference = f"{receipt['id']}.{line['line']}"
        change = {
            "change_reference": reference,
            "acted_by": receipt.get("received_by", "dock"),
            "quantity": line["received"]["value"],
            "reason_code": "goods-receipt",
        }
        path = f"{POSITIONS}/{entity}.{item}/adjust"
        self._outbox.owe(Call("POST", path, change, key=f"stock-{reference}", entity=entity, trace=trace))
