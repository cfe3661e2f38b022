"""A consumer may call the contracts it was granted, and each operation with a scope that the contract asks for.

Source: OpenAPI 3.1.1 §4.8.30 (alternatives of security requirements); scopes are granted per contract.
"""

from __future__ import annotations

from typing import ClassVar, Self

import msgspec

from policies.decision import ALLOW, Decision, reject
from policies.policy import Facts, Phase, Surroundings
from policies.request import Request


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Scope:
    id: ClassVar[str] = "scope"
    version: ClassVar[str] = "1.0.0"
    phase: ClassVar[Phase] = "head"
    after: ClassVar[tuple[str, ...]] = ()
    config_type: ClassVar[type[msgspec.Struct]] = Config

    def __init__(self, contract: str, alternatives: tuple[frozenset[str], ...]) -> None:
        self._contract = contract
        self._alternatives = alternatives
        asked = " or ".join(" and ".join(sorted(scopes)) for scopes in alternatives)
        self._missing = reject(403, "scope-missing", f"The call needs a scope that the consumer lacks: {asked}.")
        self._not_granted = reject(403, "scope-missing", "The consumer was not granted this contract.")

    @classmethod
    def compile(cls, config: Config, around: Surroundings) -> Self | None:
        return cls(around.version.contract.contract, tuple(frozenset(scopes) for scopes in around.operation.scopes))

    def decide(self, request: Request, facts: Facts) -> Decision:
        consumer = request.consumer
        if consumer is None or not (self._contract in consumer.contracts or "*" in consumer.contracts):
            return self._not_granted
        if not self._alternatives:
            return ALLOW
        for scopes in self._alternatives:
            if scopes <= request.scopes:
                return ALLOW
        return self._missing
