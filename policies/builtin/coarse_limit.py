"""A first limit per consumer over all its calls, taken before a body is read.

Source: see `policies.quota`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import msgspec
from msgspec import Meta

from policies.decision import Decision
from policies.policy import Facts, Need, Phase, Surroundings
from policies.quota import Quota
from policies.request import Request


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(pattern="^[a-z0-9-]{1,32}$", description="name of the quota in headers")] = "coarse"
    limit: Annotated[int, Meta(ge=1, description="calls per window")] = 60_000
    window_s: Annotated[int, Meta(ge=1, le=86_400, description="length of the window in seconds")] = 60
    burst: Annotated[int, Meta(ge=0, description="calls let through at once; 0: as many as the limit")] = 0


class CoarseLimit:
    id: ClassVar[str] = "coarse-limit"
    version: ClassVar[str] = "1.0.0"
    phase: ClassVar[Phase] = "head"
    after: ClassVar[tuple[str, ...]] = ("scope",)
    config_type: ClassVar[type[msgspec.Struct]] = Config
    asks_once: ClassVar[bool] = True

    def __init__(self, quota: Quota) -> None:
        self._quota = quota

    @classmethod
    def compile(cls, config: Config, around: Surroundings) -> Self | None:
        return cls(Quota(around.envelope, config.name, config.limit, config.window_s, config.burst or config.limit))

    def needs(self, request: Request, facts: Facts) -> tuple[Need, ...]:
        return self._quota.needs(request.consumer.consumer if request.consumer else "")

    def decide(self, request: Request, facts: Facts) -> Decision:
        return self._quota.judge(facts[self.needs(request, facts)[0]])
