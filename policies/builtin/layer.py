"""An experience that calls a system past the processes between them is flagged: the call goes on and is on record.

Source: the three layers of API-led design (experience, process, system): each calls the one below it. What a contract
is bound to is checked when it is published; who calls it shows only at run time.
"""

from __future__ import annotations

from typing import ClassVar, Self

import msgspec

from policies.decision import ALLOW, Decision
from policies.policy import Facts, Phase, Surroundings
from policies.request import Request

_BYPASS = Decision("flag", code="layer-bypass", detail="An experience calls a system directly.")


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Layer:
    id: ClassVar[str] = "layer"
    version: ClassVar[str] = "1.0.0"
    phase: ClassVar[Phase] = "head"
    after: ClassVar[tuple[str, ...]] = ("scope",)
    config_type: ClassVar[type[msgspec.Struct]] = Config

    @classmethod
    def compile(cls, config: Config, around: Surroundings) -> Self | None:
        layer = around.operation.extension.layer or around.version.contract.layer
        is_called = any(blob.consumer.layer == "experience" for blob in around.consumers.values())
        return cls() if layer == "system" and is_called else None

    def decide(self, request: Request, facts: Facts) -> Decision:
        consumer = request.consumer
        return _BYPASS if consumer is not None and consumer.layer == "experience" else ALLOW
