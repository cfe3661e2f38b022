"""Streams as gateways write them: hash-chained lines of exchanges, for tests of everything behind the ingest."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from catalog.record import Amount, Entry, Exchange, ObjectLink, ObjectRef
from catalog.slo import HttpSource, LifecycleSource, SloSpec
from controlplane.identity.principal import GatewayIdentity
from controlplane.ingest.service import IngestService

T0_US = 1_800_000_000_000_000  # 2027-01-15T08:00:00Z
S = 1_000_000
MINUTE = 60 * S
DAY_S = 86_400

_EXCHANGES = itertools.count(1)  # ids are unique over all `Calls` of a run


class Stream:
    """One gateway process life; `sent` counts what an ingest has taken."""

    def __init__(self, name: str = "north/0/1") -> None:
        self.name = name
        self.lines: list[bytes] = []
        self.sent = 0
        self._previous = ""

    @property
    def gateway(self) -> GatewayIdentity:
        return GatewayIdentity(self.name.split("/", 1)[0], "default")

    def write(self, body: Any, at_us: int, kind: str = "exchange") -> bytes:
        """Append an entry committed at `at_us`; its line."""
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        entry = Entry(len(self.lines) + 1, kind, at_us, self._previous, msgspec.Raw(raw))  # type: ignore[arg-type]
        text = msgspec.json.encode(entry)
        self._previous = hashlib.sha256(text).hexdigest()
        self.lines.append(text + b"\n")
        return text

    def log(self, *exchanges: Exchange) -> None:
        """Append exchanges, each committed when it was answered."""
        for told in exchanges:
            self.write(told, told.started_us + told.duration_us)

    def send(self, service: IngestService, count: int | None = None) -> int:
        """Ship the next `count` entries (default: all that are left) as one batch."""
        lines = self.lines[self.sent :][:count]
        if lines:
            first = self.sent + 1
            service.ingest(self.gateway, self.name, first, first + len(lines) - 1, b"".join(lines))
            self.sent += len(lines)
        return len(lines)


class Calls:
    """Makes exchanges with counted ids; time moves on a second with each."""

    def __init__(self, at_us: int = T0_US, entity: str = "mercy") -> None:
        self.now_us = at_us
        self.entity = entity
        self._count = 0

    def ref(self, object_type: str, value: str, assigner: str | None = None) -> ObjectRef:
        return ObjectRef(object_type, assigner or self.entity, value)

    def make(
        self,
        operation: str,
        event: str = "",
        subject: ObjectRef | None = None,
        amount: str | None = None,
        flows: Sequence[tuple[str, ObjectRef]] = (),
        references: Sequence[tuple[str, ObjectRef]] = (),
        at_us: int | None = None,
        **more: Any,
    ) -> Exchange:
        """A carried-out POST unless told otherwise; `operation` is "<contract>/<operationId>"."""
        self._count += 1
        self.now_us = at_us if at_us is not None else self.now_us + S
        contract, name = operation.split("/", 1)
        links = [ObjectLink(target, relation, "flow") for relation, target in flows]
        links += [ObjectLink(target, relation, "reference") for relation, target in references]
        given: dict[str, Any] = {
            "exchange_id": f"{next(_EXCHANGES):032x}",
            "trace_id": f"{self._count:032x}",
            "span_id": f"{self._count:016x}",
            "started_us": self.now_us,
            "duration_us": 20_000,
            "upstream_us": 15_000,
            "snapshot": "1:0123456789ab",
            "method": "POST",
            "status": 201,
            "executed": "yes",
            "fault": "none",
            "contract": contract,
            "version": "1.0.0",
            "operation": name,
            "consumer": "procurement",
            "legal_entity": self.entity,
            "system": "erp",
            "upstream_status": 201,
            "event": event,
            "object": subject,
            "links": tuple(links),
            "amount": Amount(amount, "USD") if amount is not None else None,
        }
        return Exchange(**{**given, **more})

    def refused(self, operation: str, subject: ObjectRef | None, policy: str, code: str, **more: Any) -> Exchange:
        """A call that the gateway refused before the system saw it."""
        given = {"status": 422, "executed": "no", "fault": "request", "refused_by": policy, "code": code}
        return self.make(operation, "", subject, upstream_status=0, upstream_us=0, **{**given, **more})


def procure_to_pay(calls: Calls, number: int = 1) -> list[Exchange]:
    """Requisition → order → two receipts → invoice → payment, in order."""
    ref = calls.ref
    requisition, order = ref("requisition", f"REQ-{number}"), ref("purchase_order", f"PO-{number}")
    invoice, payment = ref("invoice", f"INV-{number}"), ref("payment", f"PAY-{number}")
    supplier = ref("supplier", "SUP-1")
    made = calls.make
    steps = [
        made("procurement.requisitions/requisitions.create", "requisition.created", requisition, "300.00"),
        made(
            "procurement.purchase-orders/purchase-orders.create",
            "purchase_order.created",
            order,
            "300.00",
            flows=[("fulfils", requisition)],
            references=[("supplied_by", supplier)],
            aliases=(ref("purchase_order", f"45{number:05d}", "erp"),),
        ),
    ]
    for part in (1, 2):
        receipt = ref("receipt", f"RC-{number}-{part}")
        to_order = [("fulfils", order)]
        steps.append(made("receiving.receipts/receipts.post", "receipt.posted", receipt, "150.00", to_order))
        steps.append(made("finance.receipts/receipts.post", "receipt.accepted", receipt, "150.00", to_order))
    steps += [
        made("payables.invoices/invoices.submit", "invoice.received", invoice, "300.00", [("bills", order)]),
        made("finance.invoices/invoices.post", "invoice.posted", invoice, "300.00"),
        made("finance.payments/payments.release", "payment.released", payment, "300.00", [("settles", invoice)]),
    ]
    return steps


def validation_slo(target: str = "0.99", window: str = "28d") -> SloSpec:
    source = HttpSource(("procurement.requisitions/requisitions.validate",), 1_000)
    return SloSpec(
        "validation", "Requisition validation", "procurement.requisitions", target, window, _s(window), source
    )


def receipt_slo(deadline_s: int = 900, target: str = "0.99", window: str = "28d", sha256: str = "") -> SloSpec:
    source = LifecycleSource("receipt", "receipt.posted", "receipt.accepted", deadline_s)
    return SloSpec(
        "receipt-reaches-erp", "Receipt reaches the ERP", "receiving", target, window, _s(window), source, sha256=sha256
    )


def total(amounts: Iterable[Any]) -> Decimal:
    return sum((Decimal(item["amount"]) for item in amounts), Decimal())


def _s(window: str) -> int:
    return int(window[:-1]) * {"h": 3600, "d": DAY_S}[window[-1]]
