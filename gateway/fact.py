"""The facts that policies ask for, from the group's state; equal needs of one call are gathered once."""

from __future__ import annotations

from typing import Any

from gateway.state.store import ClaimKey, Store
from policies.chain import Step
from policies.policy import Need
from policies.request import Request

_MOST_ROUNDS = 3  # receipts follow from the order, but not for ever


class Gatherer:
    """Gathers facts for one step of one call."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def gather(self, step: Step, request: Request, needs: tuple[Need, ...]) -> dict[Need, Any]:
        """Facts for `needs` and what `step` asks for next. Raises Unavailable; LookupError after too many rounds."""
        facts: dict[Need, Any] = {}
        for _ in range(_MOST_ROUNDS):
            for need in needs:
                if need not in facts:
                    facts[need] = await self._fact(need, request.started_s)
            needs = step.needs(request, facts)
            if all(need in facts for need in needs):
                return facts
        raise LookupError(f"{step.name} asked for facts more than {_MOST_ROUNDS} times")

    async def _fact(self, need: Need, now_s: float) -> Any:
        if need.kind == "claim":
            return await self._store.claim(ClaimKey(*need.key))
        bucket, emission_interval_s, burst_s = need.key
        return await self._store.take(bucket, emission_interval_s, burst_s, now_s)
