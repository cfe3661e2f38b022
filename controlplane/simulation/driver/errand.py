"""Transactions of a call or a few: stock taken, bank accounts changed, a period closed, and calls that are wrong."""

from __future__ import annotations

from controlplane.simulation import document
from controlplane.simulation.caller import Call
from controlplane.simulation.driver.client import BANK, CLOSE, WARD, Clients
from controlplane.simulation.driver.mistake import wrong
from controlplane.simulation.driver.path import FINANCE, INVENTORY, MASTERDATA
from controlplane.simulation.transaction import BankChange, Close, Slip, Transaction, Withdrawal

LISTED = ("purchase-orders", "receipts", "invoices", "payments")
PAGE = 100
OUT_OF_STOCK = (200, 422)  # wards take what is there


class Errands:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    async def run(self, transaction: Transaction, suppliers: dict[tuple[str, int], str]) -> None:
        """`suppliers` are those that are known by now, by (entity, number)."""
        match transaction:
            case Withdrawal():
                await self._withdraw(transaction)
            case BankChange():
                await self._pay_to(transaction, suppliers)
            case Close():
                await self._close(transaction)
            case Slip():
                caller, call = wrong(transaction, suppliers.get((transaction.entity, 0), "SUP-00000"))
                await self._clients[caller].call(call)

    async def _withdraw(self, taken: Withdrawal) -> None:
        path = f"{INVENTORY}/positions/{taken.entity}.{taken.item}/adjust"
        body = document.withdrawal(taken)
        call = Call("POST", path, body, key=taken.id, entity=taken.entity, expect=OUT_OF_STOCK)
        await self._clients[WARD].call(call)

    async def _pay_to(self, change: BankChange, suppliers: dict[tuple[str, int], str]) -> None:
        name = suppliers.get((change.entity, change.supplier))
        if name is None:
            return
        path = f"{MASTERDATA}/suppliers/{name}/change-bank-accounts"
        call = Call("POST", path, document.bank_change(change), key=change.id, entity=change.entity)
        await self._clients[BANK].call(call)

    async def _close(self, close: Close) -> None:
        """Everything is listed as often as asked; then the next period opens and the one that was open closes."""
        desk, entity = self._clients[CLOSE], close.entity
        for _ in range(close.sweeps):
            for listed in LISTED:
                target = f"{FINANCE}/{listed}?legal_entity={entity}&limit={PAGE}"
                await desk.call(Call("GET", target, patience_s=8.0))
        found = await desk.call(Call("GET", f"{FINANCE}/periods?legal_entity={entity}&limit={PAGE}"))
        if not found.is_ok:
            return
        steps = {"open": "future", "close": "open"}
        for verb, state in steps.items():
            name = next(one["id"] for one in found.body["items"] if one["status"]["purchasing"] == state)
            body = document.period_action(f"{close.id}-{verb}")
            path = f"{FINANCE}/periods/{name}/{verb}"
            if not (await desk.call(Call("POST", path, body, key=f"{close.id}-{verb}", entity=entity))).is_ok:
                return
