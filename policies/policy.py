"""What a policy is: pure, synchronous, compiled per operation when the snapshot loads (design §4.2-3).

One policy, one file, in this order: docstring with its source; frozen `Config`; the class; `decide()`. The envelope
(enabled, mode, match, on_error) is the host's and never seen by the policy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self

import msgspec

from catalog.contract import ContractVersion, Operation
from catalog.envelope import Envelope, Match
from catalog.errors import Invalid, Problem
from catalog.network import Consumer, ConsumerBlob, Entity, SystemOfRecord
from catalog.schema import Validators
from policies.decision import Decision
from policies.keyset import Issuer, KeySource
from policies.request import Request, Response

#: identity: who calls. head: before the body is read. body: with the document. entity: once the legal entity is known.
#: claim: looks up the idempotency claim. late: everything else that can fail without the system. back: on its answer.
Phase = Literal["identity", "head", "body", "entity", "claim", "late", "back"]

PHASES: tuple[Phase, ...] = ("identity", "head", "body", "entity", "claim", "late", "back")


class Need(NamedTuple):
    """A fact a policy asks for. The runner gathers it; equal needs are gathered once.

    claim: key (consumer, entity, operation, idempotency key); the fact is what is known of an earlier call
    (exchange_id, fingerprint, state, answer, is_checked) or None. quota: key (bucket, emission_interval_s, burst_s);
    one call is taken from the bucket; the fact is (seconds to wait, 0 when allowed; seconds until it is full again).
    """

    kind: Literal["claim", "quota"]
    key: tuple[Any, ...]


Facts = Mapping[Need, Any]


def no_key_source(issuer: Issuer, ca: bytes) -> KeySource:
    """Of a host that fetches no keys. Raises: Invalid."""
    raise Invalid("policy refused", [Problem(f"keys of {issuer.issuer} cannot be fetched here", rule="jwks")])


class Surroundings(msgspec.Struct, frozen=True):
    """What a policy may look at when it is compiled for an operation."""

    version: ContractVersion
    operation: Operation
    entities: dict[str, Entity]
    consumers: dict[str, ConsumerBlob]
    pepper: bytes  # key of the API keys' HMAC; the group's secret
    files: Mapping[str, bytes]  # files a policy's config names (JWKS), read by the host
    validators: Validators  # shared by content over the whole snapshot
    envelope: str = ""  # name of the policy's envelope, unique in a workspace
    base_paths: Mapping[str, str] = {}  # "name@version" -> base path at the gateway, of every published version
    representing: Mapping[str, frozenset[str]] = {}  # entity -> those that may act for it (`network.representatives`)
    bound: Mapping[str, str] = {}  # legal entity, or "*" -> system that calls of the operation go to
    records: tuple[SystemOfRecord, ...] = ()
    key_source: Callable[[Issuer, bytes], KeySource] = no_key_source  # live keys of an issuer; PEM of its server's CA


class Policy(Protocol):
    """Structural type of a compiled policy; built-ins subclass nothing."""

    id: ClassVar[str]
    version: ClassVar[str]
    phase: ClassVar[Phase]
    after: ClassVar[tuple[str, ...]]  # ids that must run before this one within its phase
    config_type: ClassVar[type[msgspec.Struct]]

    @classmethod
    def compile(cls, config: Any, around: Surroundings) -> Self | None:
        """None when there is nothing to do for this operation: a policy that does not apply costs nothing."""
        ...

    def decide(self, request: Request, facts: Facts) -> Decision: ...


class Asking(Policy, Protocol):
    """A policy that decides by facts."""

    asks_once: ClassVar[bool]  # what it needs does not depend on facts

    def needs(self, request: Request, facts: Facts) -> tuple[Need, ...]:
        """Facts wanted before `decide`; asked again with what was gathered, at most 3 rounds, unless it `asks_once`."""
        ...


class BackPolicy(Protocol):
    """A policy of phase `back`; otherwise like `Policy`. After the system has acted it can only withhold the answer."""

    id: ClassVar[str]
    version: ClassVar[str]
    phase: ClassVar[Phase]
    after: ClassVar[tuple[str, ...]]
    config_type: ClassVar[type[msgspec.Struct]]

    @classmethod
    def compile(cls, config: Any, around: Surroundings) -> Self | None: ...

    def decide(self, request: Request, response: Response) -> Decision: ...


__all__ = [
    "PHASES",
    "Asking",
    "BackPolicy",
    "Consumer",
    "Envelope",
    "Facts",
    "Match",
    "Need",
    "Phase",
    "Policy",
    "Surroundings",
]
