"""One transaction after the other, told from beginning to end: what follows from what, when, and for how much."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from catalog.record import Amount
from controlplane.simulation.history.clock import OfficeClock
from controlplane.simulation.history.profile import EntityProfile, at
from controlplane.simulation.history.scribe import Scribe, Told
from controlplane.simulation.money import text
from controlplane.simulation.transaction import payment_of

SECOND = timedelta(seconds=1)


class Desk(NamedTuple):
    """Who calls for a legal entity."""

    requester: str
    approver: str
    buyer: str
    intake: str


class Teller:
    """Tells the transactions of one legal entity; `progress` is how much of the history is over when one begins."""

    def __init__(
        self, entity: str, currency: str, desk: Desk, profile: EntityProfile, clock: OfficeClock, scribe: Scribe
    ) -> None:
        self.entity = entity
        self._currency = currency
        self._desk = desk
        self._profile = profile
        self._clock = clock
        self._scribe = scribe

    def order(self, rng: random.Random, number: str, begun: datetime, progress: float, late_share: float) -> None:
        """Requisition, order, receipts, invoice, payment. `late_share` is of its receipts."""
        supplier, amount = f"SUP-H{rng.randrange(24):04d}", self._money(rng, 5.6, 1.25)
        desk, purchase, requisition = self._desk, f"PO-H{number}", f"REQ-H{number}"
        check_ms = at(self._profile.validation_ms, progress) * rng.lognormvariate(0, 0.5)
        validate = Told("procurement.requisitions/requisitions.validate", desk.requester, amount=amount)
        done = self._tell(begun, replace(validate, upstream_ms=check_ms))
        about = {"supplier": supplier}
        axes = {"lifecycle": "pending_approval", "ordering": "none"}
        created = Told("procurement.requisitions/requisitions.create", desk.requester, requisition, about, amount, axes)
        done = self._tell(done + SECOND, created)
        if rng.random() < 0.03:
            return  # never approved
        done = self._clock.later(done, rng.lognormvariate(1.1, 0.9))
        axes = {"lifecycle": "approved", "ordering": "none"}
        approve = Told("procurement.requisitions/requisitions.approve", desk.approver, requisition, {}, amount, axes)
        done = self._clock.later(self._tell(done, approve), rng.lognormvariate(1.6, 0.8))
        done = self._purchase(rng, done, purchase, {**about, "requisition": requisition}, amount)
        if rng.random() < 0.02:
            return  # never delivered
        done = self._deliver(rng, done, number, amount, late_share)
        billed = self._clock.days_later(done, rng.lognormvariate(0.4, 0.8))
        is_exception = rng.random() < at(self._profile.exception_share, progress)
        self._bill(rng, billed, f"INV-H{number}", {**about, "purchase_order": purchase}, amount, is_exception, progress)

    def expense(self, rng: random.Random, number: str, begun: datetime, progress: float) -> None:
        """An invoice without an order."""
        about, amount = {"supplier": f"SUP-H{rng.randrange(24):04d}"}, self._money(rng, 6.3, 1.1)
        self._bill(rng, begun, f"INV-H{number}", about, amount, False, progress)

    def repeat(self, number: str, begun: datetime) -> None:
        """An invoice that came before, under another id: the system refuses it."""
        call = Told("payables.invoices/invoices.submit", self._desk.intake, f"INV-H{number}-B", status=409)
        self._tell(begun, call)

    def withdrawal(self, rng: random.Random, begun: datetime, items: list[str]) -> None:
        position = f"{self.entity}.{rng.choice(items)}"
        call = Told("inventory.positions/inventoryPositions.adjust", "ward-stock", position)
        self._tell(begun, replace(call, axes={"stock": "usable"}))

    def onboarding(self, rng: random.Random, number: str, begun: datetime) -> None:
        """A supplier is entered, activated days later, and told to procurement."""
        name = f"SUP-HN{number}"
        closed = {"lifecycle": "pending", "purchasing": "blocked", "invoicing": "blocked", "payment": "blocked"}
        opened = {"lifecycle": "active", "purchasing": "open", "invoicing": "open", "payment": "open"}
        done = self._tell(begun, Told("masterdata.suppliers/suppliers.create", "supplier-portal", name, axes=closed))
        done = self._clock.days_later(done, rng.lognormvariate(1.0, 0.6))
        activate = Told("masterdata.suppliers/suppliers.activate", "supplier-desk", name, axes=opened)
        done = self._tell(done, activate)
        news = Told("masterdata.supplier-events/supplierEvents.publish", "supplier-master", name, axes=opened)
        self._tell(done, replace(news, event="supplier.activated"))
        told = Told("procurement.suppliers/suppliers.create", "supplier-master", name, axes={"lifecycle": "active"})
        self._tell(done, told)

    def close(self, period: str, begun: datetime) -> None:
        axes = {"purchasing": "closed", "inventory": "closed", "payables": "closed", "gl": "closing"}
        self._tell(begun, Told("finance.periods/periods.close", "close-desk", f"{self.entity}.{period}", axes=axes))

    def _purchase(
        self, rng: random.Random, begun: datetime, purchase: str, about: dict[str, str], amount: Amount
    ) -> datetime:
        """Created, approved, issued, posted to the ledger, acknowledged; when the supplier had it."""
        buyer, trace = self._desk.buyer, self._scribe.trace()
        contract = "procurement.purchase-orders/purchaseOrders"
        axes = {"lifecycle": "pending_approval", "ack": "none", "receipt": "none", "billing": "none"}
        done = self._tell(begun, Told(f"{contract}.create", buyer, purchase, about, amount, axes))
        done = self._clock.later(done, rng.lognormvariate(0.2, 0.9))
        axes = {**axes, "lifecycle": "approved"}
        done = self._tell(done, Told(f"{contract}.approve", buyer, purchase, {}, amount, axes))
        axes = {**axes, "lifecycle": "issued", "ack": "pending"}
        issued = self._tell(done + SECOND * 5, Told(f"{contract}.issue", buyer, purchase, {}, amount, axes), trace)
        posted = Told("finance.purchase-orders/purchaseOrders.post", "procurement", purchase, about, amount, axes)
        self._tell(issued + SECOND * rng.expovariate(1 / 0.8), posted, trace)
        done = self._clock.later(issued, rng.lognormvariate(1.8, 0.7))
        axes = {**axes, "ack": "accepted"}
        return self._tell(done, Told(f"{contract}.acknowledge", buyer, purchase, {}, amount, axes))

    def _deliver(
        self, rng: random.Random, ordered: datetime, number: str, amount: Amount, late_share: float
    ) -> datetime:
        """One receipt or two, each told to ledger and stock; when the last one came."""
        parts = [Decimal(amount.amount)]
        if rng.random() < 0.35:
            first = (parts[0] * rng.randrange(30, 80) / 100).quantize(Decimal("0.01"))
            parts = [first, parts[0] - first]
        done = ordered
        for part, worth in enumerate(parts, start=1):
            done = self._clock.days_later(done, 1.0 + rng.gammavariate(2.0, 1.7))
            self._receive(rng, done, f"GR-H{number}-{part}", f"PO-H{number}", self._amount(worth), late_share)
        return done

    def _receive(
        self, rng: random.Random, begun: datetime, receipt: str, purchase: str, worth: Amount, late_share: float
    ) -> None:
        trace, about = self._scribe.trace(), {"purchase_order": purchase}
        posted = Told("receiving.receipts/receipts.post", "dock", receipt, about, worth, {"lifecycle": "received"})
        done = self._tell(begun, posted, trace)
        if rng.random() < late_share:
            if rng.random() < 0.08:
                return  # never reached the ledger
            lag_s = rng.lognormvariate(5.5, 1.2) + 15
        else:
            lag_s = min(9.0, rng.lognormvariate(0.2, 0.6))
        accepted = Told("finance.receipts/receipts.post", "receiving", receipt, about, worth)
        self._tell(done + SECOND * lag_s, replace(accepted, axes={"lifecycle": "accepted"}), trace)

    def _bill(
        self,
        rng: random.Random,
        begun: datetime,
        invoice: str,
        about: dict[str, str],
        amount: Amount,
        is_exception: bool,
        progress: float,
    ) -> None:
        """Received, matched or held, approved, posted, paid."""
        axes = {"doc": "received", "approval": "pending", "match": "not_run", "payment": "unpaid"}
        submit = Told("payables.invoices/invoices.submit", self._desk.intake, invoice, about, amount, axes)
        trace = self._scribe.trace()
        done = self._tell(begun, submit, trace)
        is_matched = "purchase_order" in about and not is_exception
        if "purchase_order" in about:
            name, match = ("exception_raised", "exception") if is_exception else ("matched", "matched")
            axes = {**axes, "doc": "under_query" if is_exception else "in_process", "match": match}
            news = Told("payables.invoice-events/invoiceEvents.publish", "payables", invoice, about, amount, axes)
            done = self._tell(done + SECOND * rng.uniform(0.3, 3.0), replace(news, event=f"invoice.{name}"), trace)
        if not is_matched:
            if is_exception and rng.random() < 0.18:
                return  # nobody has resolved it yet
            done = self._clock.later(done, rng.lognormvariate(3.2 if is_exception else 2.6, 0.9))
            axes = {**axes, "doc": "approved", "approval": "approved"}
            axes["match"] = "released" if is_exception else axes["match"]
            approve = Told("payables.invoices/invoices.approve", "treasury", invoice, {}, amount, axes)
            done = self._tell(done, approve)
        self._settle(rng, done, begun, invoice, about, amount, {**axes, "approval": "approved"}, progress)

    def _settle(
        self,
        rng: random.Random,
        approved: datetime,
        received: datetime,
        invoice: str,
        about: dict[str, str],
        amount: Amount,
        axes: dict[str, str],
        progress: float,
    ) -> None:
        wait_h = at(self._profile.posting_hours, progress) * rng.lognormvariate(0.0, 0.6)
        post = Told("finance.invoices/invoices.post", "payables", invoice, about, amount)
        posted = approved + SECOND + timedelta(hours=wait_h)
        done = self._tell(posted, replace(post, axes={"doc": "posted", "approval": "approved", "payment": "unpaid"}))
        look = Told("payables.invoices/invoices.get", "treasury", invoice, axes={**axes, "doc": "posted"})
        self._tell(done + timedelta(minutes=rng.uniform(5, 90)), look)
        due = max(done, received + timedelta(days=rng.gauss(27, 5)))  # net 30, paid in runs before it
        self._pay(rng, self._clock.later(due, 0.5), invoice, about["supplier"], amount)

    def _pay(self, rng: random.Random, begun: datetime, invoice: str, supplier: str, amount: Amount) -> None:
        payment, contract = payment_of(invoice), "finance.payments/payments"
        about = {"invoice": invoice, "supplier": supplier}
        release = Told(f"{contract}.release", "payables", payment, about, amount, {"lifecycle": "submitted"})
        done = self._tell(begun, release)
        is_slow = rng.random() < self._profile.slow_bank_share
        done = self._clock.later(done, rng.uniform(75, 130) if is_slow else rng.uniform(4, 22))
        advance = Told(f"{contract}.advance", "payables", payment, {}, amount, {"lifecycle": "in_progress"})
        done = self._tell(done, advance)
        lag_s = rng.uniform(20, 900) if rng.random() < self._profile.slow_bank_share else rng.uniform(0.2, 4.0)
        confirm = Told(f"{contract}.confirm", "payables", payment, {}, amount, {"lifecycle": "settled"})
        self._tell(done + SECOND * lag_s, confirm)

    def _tell(self, moment: datetime, told: Told, trace: str = "") -> datetime:
        return self._scribe.tell(moment, self.entity, told, trace)

    def _money(self, rng: random.Random, location: float, scale: float) -> Amount:
        """Lognormal, at most a quarter of a million."""
        return self._amount(Decimal(str(round(min(250_000.0, rng.lognormvariate(location, scale) + 20), 2))))

    def _amount(self, worth: Decimal) -> Amount:
        return Amount(text(worth), self._currency)
