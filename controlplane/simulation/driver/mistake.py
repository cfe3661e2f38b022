"""Calls that are wrong on the client's side, each to be refused for another reason."""

from __future__ import annotations

import hashlib

from controlplane.simulation import document
from controlplane.simulation.caller import Call
from controlplane.simulation.driver.client import CLINIC, DESKS, DOCK, SUPPLIERS, Identity
from controlplane.simulation.driver.path import MASTERDATA, PAYABLES, PROCUREMENT
from controlplane.simulation.transaction import Mistake, Slip


def wrong(slip: Slip, supplier: str) -> tuple[Identity, Call]:
    """The call, and who makes it; `supplier` is the id of one."""
    path, body, desks = f"{PROCUREMENT}/requisitions", _small(slip), DESKS[slip.entity]
    priced_in_binary = {**body, "totals": {**body["totals"], "gross": {"amount": 12.5, "currency": "USD"}}}
    elsewhere = {**body, "legal_entity": "sankt-marien"}
    calls: dict[Mistake, tuple[Identity, Call]] = {
        "shape": (desks.requester, Call("POST", path, _nested(), key=slip.id, expect=(400,))),
        "schema": (desks.requester, Call("POST", path, priced_in_binary, key=slip.id, expect=(422,))),
        "entity": (CLINIC, Call("POST", path, elsewhere, key=slip.id, expect=(403,))),
        "scope": (DOCK, Call("POST", f"{PAYABLES}/invoices", body, key=slip.id, expect=(403,))),
        "key-missing": (desks.requester, Call("POST", path, body, expect=(400,))),
        "unknown-object": (desks.buyer, _unknown(slip)),
        "bank-account": (SUPPLIERS, _diverted(slip, supplier)),
    }
    return calls[slip.mistake]


def _unknown(slip: Slip) -> Call:
    return Call("GET", f"{PROCUREMENT}/purchase-orders/PO-{slip.id}", entity=slip.entity, expect=(404,))


def _diverted(slip: Slip, supplier: str) -> Call:
    """The portal writes bank accounts straight into the master; only accounts payable may."""
    account = {"hash": hashlib.sha256(slip.id.encode()).hexdigest(), "last4": "6666"}
    body = {"change_reference": slip.id, "acted_by": "supplier.portal", "bank_accounts": [account]}
    path = f"{MASTERDATA}/suppliers/{supplier}/change-bank-accounts"
    return Call("POST", path, body, key=slip.id, entity=slip.entity, expect=(403,))


def _small(slip: Slip) -> document.Document:
    currency = document.CURRENCIES[slip.entity]
    net = {"amount": "12.50", "currency": currency}
    line = {"line": "1", "description": "Toner", "quantity": {"value": "1", "unit": "EA"}, "net": net}
    return {
        "legal_entity": slip.entity,
        "external_reference": slip.id,
        "requester": "ward.clerk",
        "lines": [line],
        "totals": {"net": net, "tax": {"amount": "0.00", "currency": currency}, "gross": net},
    }


def _nested(depth: int = 200) -> document.Document:
    """Deeper than any business document."""
    body: document.Document = {}
    for _ in range(depth):
        body = {"extensions": body}
    return body
