"""The documents that clients send, built from the plan in the canonical shapes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from controlplane.simulation.money import money, totals
from controlplane.simulation.plan import BOUGHT, ENTITIES
from controlplane.simulation.transaction import BankChange, Delivery, Expense, Item, Order, Withdrawal

CURRENCIES = {name: currency for name, currency, _ in ENTITIES}
DEARER = Decimal("1.15")  # beyond every tolerance

Document = dict[str, Any]


def supplier(entity: str, number: int) -> Document:
    told = BOUGHT["suppliers"][entity]
    return {
        "legal_entity": entity,
        "external_reference": f"onboarding-{entity}-{number}",
        "legal_name": told["names"][number],
        "tax_ids": [{"scheme": told["scheme"], "value": f"{entity}-{10_000 + number}"}],
        "payment_terms": {"net_days": 30},
    }


def requisition(order: Order, supplier_id: str) -> Document:
    lines = _lines(order, lambda item: Decimal(item.price))
    return {
        "legal_entity": order.entity,
        "external_reference": order.id,
        "requester": "ward.clerk",
        "need_by": _day(7),
        "supplier": {"id": supplier_id},
        "lines": lines,
        "totals": _totals(lines, order.entity),
    }


def purchase_order(order: Order, supplier_id: str, requisition_id: str) -> Document:
    lines = _lines(order, lambda item: Decimal(item.price))
    for line in lines:
        line["receipt_required"] = True
    return {
        "legal_entity": order.entity,
        "external_reference": f"{order.id}-order",
        "requisition_id": requisition_id,
        "supplier": {"id": supplier_id},
        "buyer": "buyer.desk",
        "match_type": "three_way",
        "terms": {"net_days": 30},
        "lines": lines,
        "totals": _totals(lines, order.entity),
    }


def receipt(order: Order, delivery: Delivery, order_id: str) -> Document:
    currency = CURRENCIES[order.entity]
    parts = [
        (number, item, quantity)
        for number, (item, quantity) in enumerate(zip(order.lines, delivery.quantities, strict=True), 1)
    ]
    worth = sum((Decimal(item.price) * quantity for _, item, quantity in parts), Decimal(0))
    return {
        "id": delivery.id,
        "legal_entity": order.entity,
        "external_reference": f"dock-{delivery.id}",
        "purchase_order_id": order_id,
        "received_at": _moment(),
        "received_by": "dock.one",
        "delivery_note": f"DN-{delivery.id}",
        "value": money(worth, currency),
        "lines": [
            {
                "line": str(number),
                "po_line": str(number),
                "item": {"buyer_id": item.item},
                "received": {"value": str(quantity), "unit": item.unit},
                "accepted": str(quantity),
            }
            for number, item, quantity in parts
        ],
    }


def order_invoice(order: Order, supplier_id: str, order_id: str, suffix: str = "") -> Document:
    """The bill of an order: as ordered, dearer, or for more than was ordered."""
    factor = DEARER if order.bill.variance == "price" else Decimal(1)
    more = 1 if order.bill.variance == "quantity" else 0
    lines = _lines(order, lambda item: Decimal(item.price) * factor, more)
    for number, line in enumerate(lines, start=1):
        line["po_line"] = str(number)
    head = _invoice(order, supplier_id, suffix)
    return {**head, "purchase_order_id": order_id, "lines": lines, "totals": _due(_totals(lines, order.entity))}


def expense_invoice(expense: Expense, supplier_id: str, suffix: str = "") -> Document:
    """An invoice without an order: one line, charged to a cost centre by the buyer's reference."""
    net = money(Decimal(expense.amount), CURRENCIES[expense.entity])
    line = {
        "line": "1",
        "description": expense.description,
        "net": net,
        "accounting": [{"gl_account": "640100", "cost_center": "CC-7100"}],
    }
    head = _invoice(expense, supplier_id, suffix)
    due = _due(totals([Decimal(expense.amount)], CURRENCIES[expense.entity]))
    return {**head, "buyer_reference": "CC-7100", "lines": [line], "totals": due}


def withdrawal(taken: Withdrawal) -> Document:
    """Stock that a ward takes, as a negative adjustment."""
    return {
        "change_reference": taken.id,
        "acted_by": "ward.clerk",
        "acted_at": _moment(),
        "quantity": str(-taken.quantity),
        "reason_code": "ward-issue",
    }


def bank_change(change: BankChange) -> Document:
    account = {"hash": change.account_sha256, "last4": change.last4, "verified_at": _moment()}
    return {
        "change_reference": change.id,
        "acted_by": "ap.verification",
        "bank_accounts": [account],
        "reason_code": "call-back-verified",
    }


def period_action(reference: str) -> Document:
    """Opens or closes what belongs to procure-to-pay."""
    return {
        "change_reference": reference,
        "acted_by": "close.lead",
        "subledgers": ["purchasing", "inventory", "payables"],
    }


def decision(by: str) -> Document:
    return {"decided_by": by, "decided_at": _moment()}


def _invoice(of: Order | Expense, supplier_id: str, suffix: str) -> Document:
    return {
        "id": f"{of.bill.id}{suffix}",
        "legal_entity": of.entity,
        "external_reference": f"scan-{of.bill.id}{suffix}",
        "number_raw": of.bill.number,
        "type": "380",
        "supplier": {"id": supplier_id},
        "invoice_date": _day(0),
        "received_at": _moment(),
        "due_date": _day(30),
    }


def _lines(order: Order, price: Any, more: int = 0) -> list[Document]:
    currency = CURRENCIES[order.entity]
    lines = []
    for number, item in enumerate(order.lines, start=1):
        each, quantity = price(item), item.quantity + more
        lines.append(_line(number, item, quantity, each, currency))
    return lines


def _line(number: int, item: Item, quantity: int, each: Decimal, currency: str) -> Document:
    return {
        "line": str(number),
        "description": item.description,
        "item": {"buyer_id": item.item},
        "quantity": {"value": str(quantity), "unit": item.unit},
        "price": {"amount": str(each), "currency": currency},
        "net": money(each * quantity, currency),
    }


def _totals(lines: list[Document], entity: str) -> Document:
    return totals((Decimal(line["net"]["amount"]) for line in lines), CURRENCIES[entity])


def _due(sums: Document) -> Document:
    return {**sums, "due": sums["gross"]}


def _day(ahead: int) -> str:
    return (datetime.now(UTC) + timedelta(days=ahead)).date().isoformat()


def _moment() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
