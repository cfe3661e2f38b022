"""What a policy is: pure, synchronous, compiled per operation when the snapshot loads (design §4.2-3).

One policy, one file, in this order: docstring with its source; frozen `Config`; the class; `decide()`. The envelope
(enabled, mode, match, on_error) is the host's and never seen by the policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self

import msgspec

from catalog.contract import ContractVersion, Operation
from catalog.envelope import Envelope, Match
from catalog.network import Consumer, ConsumerBlob, Entity
from policies.decision import Decision
from policies.request import Request, Response

#: head: before the body is read. body: with the document. claim: after entity authorization, looks up the
#: idempotency claim. late: after the claim. back: on the system's answer.
Phase = Literal["head", "body", "claim", "late", "back"]


class Need(NamedTuple):
    """A fact a policy asks for. The runner gathers it; equal needs are gathered once."""

    kind: Literal["claim", "quota"]
    key: tuple[Any, ...]


Facts = Mapping[Need, Any]


class Surroundings(msgspec.Struct, frozen=True):
    """What a policy may look at when it is compiled for an operation."""

    version: ContractVersion
    operation: Operation
    entities: dict[str, Entity]
    consumers: dict[str, ConsumerBlob]
    pepper: bytes  # key of the API keys' HMAC; the group's secret
    files: Mapping[str, bytes]  # files a policy's config names (JWKS), read by the host
    validators: Any  # catalog.schema.Validators, shared by hash over the whole snapshot


class Policy(Protocol):
    """Structural type of a compiled policy; built-ins subclass nothing."""

    id: ClassVar[str]
    version: ClassVar[str]
    phase: ClassVar[Phase]
    after: ClassVar[tuple[str, ...]]  # ids that must run before this one within its phase
    Config: ClassVar[type[msgspec.Struct]]

    @classmethod
    def compile(cls, config: Any, around: Surroundings) -> Self | None:
        """None when there is nothing to do for this operation: a policy that does not apply costs nothing."""
        ...

    def needs(self, request: Request, facts: Facts) -> tuple[Need, ...]:
        """Facts wanted before `decide`; asked again with what was gathered, at most 3 rounds."""
        ...

    def decide(self, request: Request, facts: Facts) -> Decision: ...


class BackPolicy(Protocol):
    """A policy of phase `back`."""

    def decide(self, request: Request, response: Response) -> Decision: ...


__all__ = ["BackPolicy", "Consumer", "Envelope", "Facts", "Match", "Need", "Phase", "Policy", "Surroundings"]
