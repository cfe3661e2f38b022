"""Clients that order under load as a careful integration does: an Idempotency-Key on every order, retried until an
answer is final. What each client was told is kept, apart from anything the gateway writes."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle

import httpx

RETRIED = {409, 502, 503, 504}
FINAL_AFTER_S = 60


@dataclass
class Order:
    """One order as its client saw it."""

    reference: str
    key: str
    statuses: list[int] = field(default_factory=list)  # 0: no answer
    exchanges: list[str] = field(default_factory=list)  # exchange ids of all answers
    order_id: str = ""
    is_final: bool = False


class Load:
    """`clients` threads that order one after another until `stop()`, which waits for the orders under way. Attempts go
    to `urls` in turn, so that a retry may meet another gateway than the first attempt."""

    def __init__(self, urls: Sequence[str], key: str, clients: int, pause_s: float = 0.0) -> None:
        self.urls = cycle(urls)
        self.key = key
        self.pause_s = pause_s
        self.orders: list[Order] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def start(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> list[Order]:
        self._stop.set()
        for thread in self._threads:
            thread.join(FINAL_AFTER_S + 30)
            assert not thread.is_alive()
        return self.orders

    def statuses(self) -> Counter[int]:
        return Counter(status for order in list(self.orders) for status in order.statuses)

    def _run(self) -> None:
        while not self._stop.is_set():
            with httpx.Client(timeout=10) as client:
                for _ in range(20):  # a connection is kept for a few orders
                    self._finish(client, self._next())
                    if self._stop.wait(self.pause_s):
                        return

    def _next(self) -> Order:
        order = Order(reference=f"R-{uuid.uuid4().hex[:16]}", key=str(uuid.uuid4()))
        with self._lock:
            self.orders.append(order)
        return order

    def _finish(self, client: httpx.Client, order: Order) -> None:
        deadline = time.monotonic() + FINAL_AFTER_S
        while time.monotonic() < deadline and not order.is_final:
            self._attempt(client, order)
            if not order.is_final:
                time.sleep(0.1)

    def _attempt(self, client: httpx.Client, order: Order) -> None:
        body = {"reference": order.reference, "total": {"amount": "19.00", "currency": "USD"}}
        headers = {"x-api-key": self.key, "idempotency-key": order.key}
        try:
            answer = client.post(f"{next(self.urls)}/shop/v1/orders", json=body, headers=headers)
        except httpx.HTTPError:
            order.statuses.append(0)
            return
        order.statuses.append(answer.status_code)
        order.exchanges.append(answer.headers["waybill-exchange"])
        order.is_final = answer.status_code not in RETRIED
        if answer.status_code == 201:
            order.order_id = answer.json()["id"]
