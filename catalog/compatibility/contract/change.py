"""What a comparison of two contracts says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from catalog.compatibility.contract.rule import BREAKS, ORDER, Bump, Direction, Severity
from catalog.pointer import join
from catalog.snapshot import canonical_json, sha256_hex
from catalog.version import version_key

Verdict = Literal["compatible", "incompatible", "unknown"]


class Change(msgspec.Struct, frozen=True):
    """One difference. `location` is a pointer into the document with references followed, parameters by place and
    name; `witness` a value at that location (or at the schema it lies in) that one side takes and the other refuses."""

    rule: str
    operation: str  # "GET /orders/{id}", "webhook orderShipped POST", "receive invoicePosted"; "" = the document
    location: str
    direction: Direction | None  # of the data: request = the consumer sends it; None where there is no direction
    severity: Severity
    message: str
    fingerprint: str  # of rule, location, and both sides; the same whatever the words and the order of keys
    witness: Any = None
    is_undecided: bool = False  # breaking only because the opposite could not be proved


class ContractComparison(msgspec.Struct, frozen=True):
    """`verdict` is "unknown" when nothing but undecided changes stand in the way."""

    verdict: Verdict
    bump: Bump  # the least that the changes ask for
    changes: tuple[Change, ...]


def comparison(changes: Iterable[Change]) -> ContractComparison:
    """The whole of some changes."""
    found = tuple(changes)
    breaks = [change for change in found if change.severity == BREAKS]
    verdict: Verdict = "compatible" if not breaks else "incompatible"
    if breaks and all(change.is_undecided for change in breaks):
        verdict = "unknown"
    return ContractComparison(verdict, minimum_bump(found), found)


def minimum_bump(changes: Iterable[Change]) -> Bump:
    """The heaviest of the changes."""
    return max((change.severity for change in changes), key=ORDER.index, default="none")


def shifted(bump: Bump, version: str) -> Bump:
    """What a bump means to a version `0.y.z`, whose minor number is what breaks (semver.org 2.0.0 §4): major → minor,
    minor → patch. From 1.0.0 on it stays. Raises ValueError when `version` is none."""
    if version_key(version)[0] > 0:
        return bump
    moved: dict[Bump, Bump] = {"major": "minor", "minor": "patch"}
    return moved.get(bump, bump)


def fingerprint(rule: str, location: str, old_sha256: str, new_sha256: str) -> str:
    """What a waiver names."""
    return sha256_hex(canonical_json([rule, location, old_sha256, new_sha256]))


def at(location: str, tokens: Iterable[str | int]) -> str:
    return join(location, *tokens)
