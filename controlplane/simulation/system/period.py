"""Accounting periods of a ledger: months that open and close one after the other; a further one is always ahead."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime
from typing import Any

from controlplane.simulation.system.backend import Inbound, Result, Route
from controlplane.simulation.system.record import Document, Shelf, allow, require

LEDGER = "MAIN"
SUBLEDGERS = ("purchasing", "inventory", "payables")  # what closes with procure-to-pay


def period_document(entity: str, ahead: int) -> Document:
    """The period `ahead` months after the one that is open when a run begins: the month before this."""
    today = datetime.now(UTC)
    month = today.year * 12 + today.month - 2 + ahead
    year, number = month // 12, month % 12 + 1
    return {
        "id": f"{entity}.{year}-{number:02d}",
        "legal_entity": entity,
        "ledger": LEDGER,
        "year": year,
        "period_number": number,
        "starts_on": f"{year}-{number:02d}-01",
        "ends_on": f"{year}-{number:02d}-{monthrange(year, number)[1]}",
    }


class Periods:
    def __init__(self, entity: str, source: dict[str, Any]) -> None:
        self._entity = entity
        self._source = source
        self.shelf = Shelf("period", "P-{:04d}")
        for state in ("open", "future"):
            self._add(state)
        self.routes: tuple[Route, ...] = (
            Route("periods.open", "POST", "/periods/{id}/open", self._open),
            Route("periods.close", "POST", "/periods/{id}/close", self._close),
            *self.shelf.reading("periods", "/periods"),
        )

    def _add(self, state: str) -> None:
        document = period_document(self._entity, len(self.shelf.find()))
        self.shelf.add({**document, "source": self._source}, status=dict.fromkeys((*SUBLEDGERS, "gl"), state))

    def _open(self, inbound: Inbound) -> Result:
        document = self._change(inbound, "future", "open")
        self._add("future")
        return self.shelf.result(document)

    def _close(self, inbound: Inbound) -> Result:
        return self.shelf.result(self._change(inbound, "open", "closed"))

    def _change(self, inbound: Inbound, before: str, after: str) -> Document:
        document = self.shelf.get(inbound.parameters["id"])
        body = require(inbound, "change_reference", "acted_by", "subledgers")
        for name in body["subledgers"]:
            allow(document, name, before)
        document["change_reference"] = body["change_reference"]
        self.shelf.move(document, **dict.fromkeys(body["subledgers"], after))
        return document
