"""A quota per consumer, and where wished per operation and legal entity, after the idempotency claim: replays are free.

Source: see `policies.quota`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import msgspec
from msgspec import Meta

from policies.decision import Decision
from policies.policy import Facts, Need, Phase, Surroundings
from policies.quota import Quota
from policies.request import Request


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(pattern="^[a-z0-9-]{1,32}$", description="name of the quota in headers")] = "operation"
    limit: Annotated[int, Meta(ge=1, description="calls per window")] = 6_000
    window_s: Annotated[int, Meta(ge=1, le=86_400, description="length of the window in seconds")] = 60
    burst: Annotated[int, Meta(ge=0, description="calls let through at once; 0: as many as the limit")] = 0
    by: Annotated[
        tuple[Literal["consumer", "operation", "entity"], ...], Meta(description="what has a bucket of its own")
    ] = ("consumer", "operation")


class RateLimit:
    id: ClassVar[str] = "rate-limit"
    version: ClassVar[str] = "1.0.0"
    phase: ClassVar[Phase] = "late"
    after: ClassVar[tuple[str, ...]] = ()
    config_type: ClassVar[type[msgspec.Struct]] = Config
    asks_once: ClassVar[bool] = True

    def __init__(self, quota: Quota, by: tuple[str, ...], operation: str) -> None:
        self._quota = quota
        self._by_consumer = "consumer" in by
        self._by_entity = "entity" in by
        self._operation = operation if "operation" in by else ""

    @classmethod
    def compile(cls, config: Config, around: Surroundings) -> Self | None:
        quota = Quota(around.envelope, config.name, config.limit, config.window_s, config.burst or config.limit)
        version = around.version
        return cls(quota, config.by, f"{version.contract.contract}/{version.major}/{around.operation.id}")

    def needs(self, request: Request, facts: Facts) -> tuple[Need, ...]:
        consumer = request.consumer.consumer if self._by_consumer and request.consumer else ""
        entity = request.entity if self._by_entity else ""
        return self._quota.needs(consumer, self._operation, entity)

    def decide(self, request: Request, facts: Facts) -> Decision:
        return self._quota.judge(facts[self.needs(request, facts)[0]])
