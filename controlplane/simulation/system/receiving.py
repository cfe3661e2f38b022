"""The receiving system of all docks: takes goods receipts and forwards each to the ERP of its legal entity."""

from __future__ import annotations

from typing import Any

from controlplane.simulation.caller import Call
from controlplane.simulation.system.backend import Inbound, Refusal, Result, Route
from controlplane.simulation.system.outbox import Outbox
from controlplane.simulation.system.record import Shelf, moment, require

ERP_RECEIPTS = "/finance/v1/receipts"


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
        return self.receipts.result(document, 201)
