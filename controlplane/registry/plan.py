"""Compares what would be in force with what is. Pure: no store, no clock.

A published version is immutable: its hash never changes, its state moves only along the life cycle's table, and it
leaves the workspace only as a draft or when it is retired (then its number stays taken for good).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from catalog.errors import Problem
from catalog.lifecycle import TRANSITIONS, State, is_allowed
from catalog.snapshot import sha256_hex

REMOVABLE: frozenset[State] = frozenset({"draft", "retired"})


class Item(msgspec.Struct, frozen=True):
    """One object of a workspace as canonical JSON."""

    kind: str  # contract | draft | schema | entity | system | binding | consumer | policy | slo | measure
    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        return sha256_hex(self.content)


class VersionFact(msgspec.Struct, frozen=True):
    """A version with the hash of its immutable content (life cycle and ownership outside)."""

    kind: str  # contract | schema
    name: str
    version: str
    sha256: str
    state: State

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.kind, self.name, self.version)


class Candidate(msgspec.Struct, frozen=True):
    """What a workspace would put in force."""

    workspace: str
    items: tuple[Item, ...]
    versions: tuple[VersionFact, ...]
    notes: tuple[Problem, ...] = ()  # what is declared and nobody enforces


class InForce(msgspec.Struct, frozen=True):
    """What is in force now."""

    generation: int
    items: dict[tuple[str, str], bytes]  # (kind, name) -> content
    versions: dict[tuple[str, str, str], VersionFact]  # every version ever applied
    present: frozenset[tuple[str, str, str]]  # those still in the workspace


class PlanItem(msgspec.Struct, frozen=True):
    kind: str
    name: str
    sha256: str
    detail: str = ""


class Plan(msgspec.Struct, frozen=True):
    """What an apply would do. With anything in `refused` it does nothing."""

    added: tuple[PlanItem, ...]
    changed: tuple[PlanItem, ...]
    removed: tuple[PlanItem, ...]
    refused: tuple[Problem, ...]
    generation: int  # the one in force when the plan was made

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.changed or self.removed)


def refused_plan(problems: Iterable[Problem], generation: int) -> Plan:
    """The plan of a workspace that cannot be compiled."""
    return Plan((), (), (), tuple(problems), generation)


def make_plan(now: InForce, wanted: Candidate) -> Plan:
    """What applying `wanted` would do."""
    new = {(item.kind, item.name): item for item in wanted.items}
    added = [PlanItem(i.kind, i.name, i.sha256) for key, i in new.items() if key not in now.items]
    changed = [
        PlanItem(i.kind, i.name, i.sha256, _difference(now.items[key], i.content))
        for key, i in new.items()
        if key in now.items and now.items[key] != i.content
    ]
    removed = [
        PlanItem(kind, name, sha256_hex(content))
        for (kind, name), content in now.items.items()
        if (kind, name) not in new
    ]
    return Plan(_sorted(added), _sorted(changed), _sorted(removed), tuple(_refusals(now, wanted)), now.generation)


def _refusals(now: InForce, wanted: Candidate) -> Iterable[Problem]:
    for fact in wanted.versions:
        old = now.versions.get(fact.key)
        if old is not None:
            yield from _breaches(old, fact)
    wanted_keys = {fact.key for fact in wanted.versions}
    for key in sorted(now.present - wanted_keys):
        old = now.versions[key]
        if key[0] == "contract" and old.state not in REMOVABLE:
            yield Problem(
                f"{old.name}@{old.version} is {old.state} and missing from the workspace",
                file=_file(old),
                remedy="keep it; deprecate and retire a version before removing it",
                rule="life-cycle",
            )


def _breaches(old: VersionFact, new: VersionFact) -> Iterable[Problem]:
    if old.state != "draft" and old.sha256 != new.sha256:
        yield Problem(
            f"{new.name}@{new.version} was published with another content "
            f"(sha256 {old.sha256[:12]}, now {new.sha256[:12]}); published versions are immutable",
            file=_file(new),
            remedy="restore the published files and put the change into a new version",
            rule="immutable-version",
        )
    if not is_allowed(old.state, new.state):
        allowed = ", ".join(sorted(TRANSITIONS[old.state])) or "nothing"
        yield Problem(
            f"{new.name}@{new.version} is {old.state} and cannot become {new.state}",
            file=_file(new),
            pointer=f"/versions/{new.version}/state",
            remedy=f"from {old.state} it may become: {allowed}",
            rule="life-cycle",
        )


def _file(fact: VersionFact) -> str:
    if fact.kind == "schema":
        return f"schemas/{fact.name}/{fact.version}.json"
    domain, _, name = fact.name.partition(".")
    return f"contracts/{domain}/{name}/contract.yaml"


def _difference(old: bytes, new: bytes) -> str:
    """Names of the top-level members that differ; the life cycle's step in words."""
    before, after = json.loads(old), json.loads(new)
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return ""
    step = _life_cycle_step(before, after)
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return ", ".join([step] if step and names == ["contract"] else names)


def _life_cycle_step(before: dict[str, Any], after: dict[str, Any]) -> str:
    old, new = _state(before), _state(after)
    return f"{old} → {new}" if old and new and old != new else ""


def _state(document: dict[str, Any]) -> str:
    contract = document.get("contract")
    if not isinstance(contract, dict):
        return ""
    states = [str(version.get("state", "")) for version in contract.get("versions", {}).values()]
    return states[0] if len(states) == 1 else ""


def _sorted(items: list[PlanItem]) -> tuple[PlanItem, ...]:
    return tuple(sorted(items, key=lambda item: (item.kind, item.name)))
