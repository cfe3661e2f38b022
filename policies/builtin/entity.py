"""A consumer acts only for the legal entities that it was given, and for the members of a centre it was given."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar, Self

import msgspec

from catalog.network import may_act
from policies.decision import ALLOW, Decision, reject
from policies.policy import Facts, Phase, Surroundings
from policies.request import Request

_FORBIDDEN = reject(403, "entity-forbidden", "The consumer may not act for this legal entity.")


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class EntityAuthorization:
    id: ClassVar[str] = "entity"
    version: ClassVar[str] = "1.1.0"
    phase: ClassVar[Phase] = "entity"
    after: ClassVar[tuple[str, ...]] = ()
    config_type: ClassVar[type[msgspec.Struct]] = Config

    def __init__(self, known: Collection[str], representing: Mapping[str, frozenset[str]]) -> None:
        self._known = known
        self._representing = representing

    @classmethod
    def compile(cls, config: Config, around: Surroundings) -> Self | None:
        return cls(around.entities, around.representing)

    def decide(self, request: Request, facts: Facts) -> Decision:
        consumer = request.consumer
        if consumer is None or request.entity not in self._known:
            return _FORBIDDEN
        return ALLOW if may_act(consumer, request.entity, self._representing) else _FORBIDDEN
