"""Two versions compared, as people read it: each change with its rule in words, its proof, and both sides. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from catalog.canonical import Canonicals, CanonicalSchema
from catalog.compatibility import Policy
from catalog.compatibility.contract import RULES, compare_contracts, shifted
from catalog.compatibility.contract.change import Change
from catalog.compatibility.contract.normal import normal_pair
from catalog.compatibility.contract.rule import BREAKS, ORDER, Bump, Direction, Severity
from catalog.compatibility.embedding import self_contained, self_contained_schema
from catalog.compatibility.fragment import Fragment, bounded, fragment
from catalog.compatibility.governing import schema_reasons
from catalog.compatibility.release import Reason, declared_bump
from catalog.compatibility.rule import BY_ID
from catalog.contract import ContractVersion

Verdict = Literal["compatible", "incompatible", "unknown"]
MOST_CHANGES = 500  # that are kept of one comparison


class ChangeView(msgspec.Struct, frozen=True):
    """One change. With `has_witness`, `witness` is a value that `accepted_by` takes and `refused_by` refuses."""

    rule: str
    title: str
    explanation: str
    operation: str  # "" for a schema, and for the document as a whole
    location: str  # JSON pointer, references followed, parameters by place and name
    direction: Direction | None
    severity: Severity
    message: str
    fingerprint: str  # what a waiver names
    is_undecided: bool  # breaking only because the opposite could not be proved
    has_witness: bool
    witness: Any
    accepted_by: str  # a version; "" without a witness
    refused_by: str
    fragment: Fragment


class ComparisonView(msgspec.Struct, frozen=True):
    """`changes` are the heaviest first, from `offset` on; `total` counts all, `counts` them by severity."""

    kind: Literal["contract", "schema"]
    name: str
    title: str
    old: str
    new: str
    verdict: Verdict
    bump: Bump  # the least that the changes ask for, as semver shifts it for 0.y.z
    declared: Bump  # by the two numbers
    policy: Policy
    compatibility: str  # what the contract owes the version before; "backward" for a schema
    total: int
    counts: dict[str, int]
    offset: int
    changes: list[ChangeView]


def contract_comparison(old: ContractVersion, new: ContractVersion, canonicals: Canonicals) -> ComparisonView:
    """Of two versions of one contract, with all changes. Raises: Invalid when they are of different kinds."""
    policy = new.contract.policy
    before, after = (self_contained(each.document, canonicals) for each in (old, new))
    found = compare_contracts(before, after, policy=policy).changes if before != after else ()
    documents = normal_pair(before, after, {})
    told = [_contract_change(change, (old.version, new.version), documents) for change in found[:MOST_CHANGES]]
    name, title = new.contract.contract, new.contract.title
    numbers = (old.version, new.version)
    return _view("contract", name, title, numbers, policy, new.contract.compatibility, found, told)


def schema_comparison(
    old: CanonicalSchema, new: CanonicalSchema, canonicals: Canonicals, policy: Policy, title: str
) -> ComparisonView:
    """Of two versions of one canonical schema, with all changes."""
    found = schema_reasons(canonicals, policy, old, new)
    ordered = sorted(found, key=lambda each: (-ORDER.index(each.severity), each.location, each.rule))
    documents = tuple(self_contained_schema(each, canonicals) for each in (old, new))
    told = [_schema_change(each, new.version, documents) for each in ordered[:MOST_CHANGES]]
    return _view("schema", new.object, title, (old.version, new.version), policy, "backward", ordered, told)


def page(view: ComparisonView, offset: int, limit: int) -> ComparisonView:
    """The same with `limit` of its changes."""
    return msgspec.structs.replace(view, offset=offset, changes=view.changes[offset : offset + limit])


def _view(
    kind: Literal["contract", "schema"],
    name: str,
    title: str,
    numbers: tuple[str, str],
    policy: Policy,
    compatibility: str,
    found: Sequence[Change | Reason],
    told: list[ChangeView],
) -> ComparisonView:
    old, new = numbers
    heaviest: Bump = max((each.severity for each in found), key=ORDER.index, default="none")
    counts: Counter[str] = Counter(each.severity for each in found)
    bump = shifted(heaviest, new)
    declared = declared_bump(old, new)
    return ComparisonView(
        kind, name, title, old, new, verdict_of(found), bump, declared, policy, compatibility, len(found),
        dict(counts), 0, told,
    )  # fmt: skip


def verdict_of(found: Iterable[Change | Reason]) -> Verdict:
    """ "unknown" when nothing but undecided changes stand in the way."""
    breaks = [each for each in found if each.severity == BREAKS]
    if not breaks:
        return "compatible"
    return "unknown" if all(each.is_undecided for each in breaks) else "incompatible"


def _contract_change(
    change: Change, numbers: tuple[str, str], documents: tuple[dict[str, Any], dict[str, Any]]
) -> ChangeView:
    rule = RULES[change.rule]
    is_proved = change.severity == BREAKS and not change.is_undecided and change.witness is not None
    taker, refuser = numbers[::-1] if change.direction == "response" else numbers
    return ChangeView(
        change.rule,
        rule.title,
        rule.explanation,
        change.operation,
        change.location,
        change.direction,
        change.severity,
        change.message,
        change.fingerprint,
        change.is_undecided,
        is_proved,
        bounded(change.witness) if is_proved else None,
        taker if is_proved else "",
        refuser if is_proved else "",
        fragment(*documents, change.location),
    )


def _schema_change(reason: Reason, new: str, documents: tuple[dict[str, Any], ...]) -> ChangeView:
    rule = BY_ID.get(reason.rule)
    is_proved = reason.severity == BREAKS and not reason.is_undecided
    return ChangeView(
        reason.rule,
        rule.title if rule else "words changed",
        rule.explanation if rule else "Titles and descriptions bind nobody.",
        "",
        reason.location,
        None,
        reason.severity,
        reason.message,
        reason.fingerprint,
        reason.is_undecided,
        is_proved,
        bounded(reason.witness) if is_proved else None,
        reason.against if is_proved else "",
        new if is_proved else "",
        fragment(documents[0], documents[1], reason.location),
    )
