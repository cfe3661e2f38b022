"""The chain of one operation: envelopes and policies compiled to ordered steps, phase by phase (design §4.2).

Order is declared (`phase`, `after`) and checked when the chain is compiled; there are no priorities. A policy that does
not apply to the operation leaves no step behind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from catalog.envelope import Envelope, PolicyBlob
from catalog.errors import Invalid, Problem
from policies.builtin import BUILTIN
from policies.kind import UNSHADOWABLE
from policies.policy import PHASES, Phase, Surroundings
from policies.request import Request

#: phases in which consumer or legal entity are not known yet, so that an envelope cannot match on them
_BEFORE_CONSUMER: tuple[Phase, ...] = ("identity",)
_BEFORE_ENTITY: tuple[Phase, ...] = ("identity", "head", "body")


class Step:
    """One policy at work in one operation."""

    __slots__ = (
        "_consumers",
        "_entities",
        "asks_once",
        "decide",
        "is_conditional",
        "is_shadow",
        "label",
        "name",
        "needs",
        "on_error",
        "policy_id",
    )

    def __init__(self, envelope: Envelope, policy: Any) -> None:
        self.name = envelope.name
        self.policy_id: str = envelope.policy
        self.label = f"{envelope.policy}#{policy.phase}"
        self.is_shadow = envelope.mode == "shadow"
        self.on_error = envelope.on_error
        self.decide: Callable[..., Any] = policy.decide
        self.needs: Callable[..., Any] | None = getattr(policy, "needs", None)  # None: it decides without facts
        self.asks_once: bool = getattr(policy, "asks_once", False)
        self._consumers = tuple(envelope.match.consumers)
        self._entities = tuple(envelope.match.entities)
        self.is_conditional = bool(self._consumers or self._entities)

    def applies(self, request: Request) -> bool:
        """Whether the envelope matches this call; what it says of contracts and operations was settled before."""
        if self._entities and not matches(self._entities, request.entity):
            return False
        consumer = request.consumer.consumer if request.consumer else ""
        return not self._consumers or matches(self._consumers, consumer)


class Chain(msgspec.Struct, frozen=True):
    """Steps by phase, in order."""

    identity: tuple[Step, ...]
    head: tuple[Step, ...]
    body: tuple[Step, ...]
    entity: tuple[Step, ...]
    claim: tuple[Step, ...]
    late: tuple[Step, ...]
    back: tuple[Step, ...]

    def labels(self) -> list[str]:
        """`policy#phase`, in order."""
        return [step.label for phase in PHASES for step in getattr(self, phase)]


class Compiler:
    """Compiles chains for the operations of one snapshot. Raises `Invalid` naming everything that is wrong."""

    def __init__(self, blobs: Sequence[PolicyBlob], kinds: Mapping[str, Any] = BUILTIN) -> None:
        self._kinds = kinds
        self._order = order(kinds)
        self._envelopes = sorted(
            (blob for blob in blobs if blob.envelope.enabled),
            key=lambda blob: (self._order.get(blob.envelope.policy, 0), blob.envelope.name),
        )
        self._configs = self._checked()
        self._identities: dict[str, Any] = {}  # who calls does not depend on the operation: compiled once

    def chain(self, around: Surroundings, only: Collection[str] | None = None) -> Chain:
        """The chain of the operation of `around`; `only` of these policies where any are named."""
        steps: dict[str, list[Step]] = {phase: [] for phase in PHASES}
        for blob in self._envelopes:
            envelope = blob.envelope
            kind = self._kinds[envelope.policy]
            if not _matches_operation(envelope, around) or (only is not None and envelope.policy not in only):
                continue
            policy = self._compiled(blob, kind, around)
            if policy is not None:
                steps[kind.phase].append(Step(envelope, policy))
        for phase in ("identity", "entity", "claim"):
            ids = [step.policy_id for step in steps[phase]]
            if len(ids) != len(set(ids)):
                raise _refused(f"two envelopes of one {phase} policy apply to {around.operation.id}")
        return Chain(**{phase: tuple(found) for phase, found in steps.items()})

    def _compiled(self, blob: PolicyBlob, kind: Any, around: Surroundings) -> Any:
        name = blob.envelope.name
        if kind.phase == "identity" and name in self._identities:
            return self._identities[name]
        files = {path: text.encode() for path, text in blob.files.items()}
        policy = kind.compile(self._configs[name], msgspec.structs.replace(around, files=files, envelope=name))
        if kind.phase == "identity":
            self._identities[name] = policy
        return policy

    def _checked(self) -> dict[str, Any]:
        configs: dict[str, Any] = {}
        problems: list[Problem] = []
        for blob in self._envelopes:
            envelope = blob.envelope
            kind = self._kinds.get(envelope.policy)
            if kind is None:
                problems.append(Problem(f"policy {envelope.name}: no policy {envelope.policy!r}", rule="policy"))
                continue
            problems += _envelope_problems(envelope, kind)
            try:
                configs[envelope.name] = msgspec.convert(envelope.config, kind.config_type)
            except msgspec.ValidationError as error:
                problems.append(Problem(f"policy {envelope.name}: {error}", rule="policy"))
        if problems:
            raise Invalid("policies refused", problems)
        return configs


def order(kinds: Mapping[str, Any]) -> dict[str, int]:
    """Policy id -> place, from `phase` and `after`. Raises `Invalid` for unknown names, other phases and cycles."""
    places: dict[str, int] = {}
    for phase in PHASES:
        waiting = {name: kind for name, kind in kinds.items() if kind.phase == phase}
        for name, kind in waiting.items():
            if unknown := set(kind.after) - waiting.keys():
                raise _refused(f"{name} is to run after {', '.join(sorted(unknown))}, which its phase does not have")
        while waiting:
            ready = next((name for name, kind in waiting.items() if not waiting.keys() & set(kind.after)), None)
            if ready is None:
                raise _refused(f"these wait for each other: {', '.join(sorted(waiting))}")
            places[ready] = len(places)
            del waiting[ready]
    if lost := kinds.keys() - places.keys():
        raise _refused(f"no such phase: {', '.join(sorted(lost))}")
    return places


def matches(patterns: Sequence[str], name: str) -> bool:
    """Whether a pattern names `name`; `*` may stand at either end."""
    return any(_matches(pattern, name) for pattern in patterns)


def _matches(pattern: str, name: str) -> bool:
    start, end = pattern.startswith("*"), pattern.endswith("*")
    core = pattern.strip("*")
    if start and end:
        return core in name
    if start:
        return name.endswith(core)
    return name.startswith(core) if end else name == pattern


def _matches_operation(envelope: Envelope, around: Surroundings) -> bool:
    match, contract = envelope.match, around.version.contract
    layer = around.operation.extension.layer or contract.layer
    tested = ((match.contracts, contract.contract), (match.operations, around.operation.id), (match.layers, layer))
    return all(not patterns or matches(patterns, name) for patterns, name in tested)


def _envelope_problems(envelope: Envelope, kind: Any) -> list[Problem]:
    found = []
    if envelope.mode == "shadow" and envelope.policy in UNSHADOWABLE:
        found.append(f"{envelope.policy} cannot run in shadow")
    if envelope.match.consumers and kind.phase in _BEFORE_CONSUMER:
        found.append(f"{envelope.policy} runs before the consumer is known and cannot match on it")
    if envelope.match.entities and kind.phase in _BEFORE_ENTITY:
        found.append(f"{envelope.policy} runs before the legal entity is known and cannot match on it")
    return [Problem(f"policy {envelope.name}: {message}", rule="policy") for message in found]


def _refused(message: str) -> Invalid:
    return Invalid("policies refused", [Problem(message, rule="policy")])


__all__ = ["Chain", "Compiler", "Step", "matches", "order"]
