"""The facts that policies ask for, from the group's state; equal needs of one call are gathered once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.state.store import ClaimKey, Store
from policies.policy import Need
from policies.request import Request

_MOST_ROUNDS = 3  # receipts follow from the order, but not for ever


class Gatherer:
    """Gathers facts for one step of one call."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def gather(
        self, ask: Callable[..., tuple[Need, ...]], request: Request, asks_once: bool = False
    ) -> dict[Need, Any]:
        """Everything that `ask` (a step's `needs`) wants; it is asked again with what was gathered unless it
        `asks_once`. Raises Unavailable; LookupError after too many rounds."""
        facts: dict[Need, Any] = {}
        rounds = 0
        missing = ask(request, facts)
        while missing:
            if rounds == _MOST_ROUNDS:
                raise LookupError(f"facts were asked for more than {_MOST_ROUNDS} times")
            for need in missing:
                if need not in facts:
                    facts[need] = await self._fact(need, request.started_s)
            if asks_once:
                break
            rounds += 1
            missing = tuple([need for need in ask(request, facts) if need not in facts])
        return facts

    async def _fact(self, need: Need, now_s: float) -> Any:
        if need.kind == "claim":
            return await self._store.claim(ClaimKey(*need.key))
        bucket, emission_interval_s, burst_s = need.key
        return await self._store.take(bucket, emission_interval_s, burst_s, now_s)
